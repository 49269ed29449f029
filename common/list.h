/* Intrusive doubly linked list: the node lives inside the object. Not thread-safe. */
#ifndef DH_COMMON_LIST_H
#define DH_COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct dh_list {
	struct dh_list *prev, *next;
};

static inline void dh_list_init(struct dh_list *l)
{
	l->prev = l->next = l;
}

static inline bool dh_list_is_empty(const struct dh_list *l)
{
	return l->next == l;
}

/* Add node at the end of list. */
static inline void dh_list_add(struct dh_list *list, struct dh_list *node)
{
	node->prev = list->prev;
	node->next = list;
	list->prev->next = node;
	list->prev = node;
}

/* Take node out of its list; harmless on a node that is in none but was initialised. */
static inline void dh_list_del(struct dh_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	dh_list_init(node);
}

/* Move everything from one list to the (initialised, empty) other. */
static inline void dh_list_move(struct dh_list *from, struct dh_list *to)
{
	if (dh_list_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	dh_list_init(from);
}

#define dh_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define dh_list_for_each(pos, list) for (struct dh_list *pos = (list)->next; pos != (list); pos = pos->next)
/* pos may be deleted in the body */
#define dh_list_for_each_safe(pos, list)                                                         \
	for (struct dh_list *pos = (list)->next, *pos##_next = pos->next; pos != (list);         \
	     pos = pos##_next, pos##_next = pos->next)

#endif
