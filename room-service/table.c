/* Hash table; see table.h. */
#include "room-service/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define SLOTS_FIRST 64

static uint32_t hash_of(const struct dh_table *t, uint32_t app_id, const char *name)
{
	uint32_t h = 2166136261u ^ t->seed ^ app_id * 2654435761u; /* FNV-1a, 32 bit, seeded */
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	h ^= h >> 16;
	h = (h * 0x85ebca6bu) ^ t->seed; /* a step of MurmurHash3's finaliser */
	return h ^ h >> 13;
}

static struct dh_table_node **slot(const struct dh_table *t, uint32_t hash)
{
	return &t->slots[hash & (t->slot_count - 1)];
}

void dh_table_init(struct dh_table *t, uint32_t seed)
{
	*t = (struct dh_table){dh_alloc(SLOTS_FIRST * sizeof(*t->slots)), SLOTS_FIRST, 0, seed};
}

void dh_table_finish(struct dh_table *t)
{
	free(t->slots);
}

struct dh_table_node *dh_table_find(const struct dh_table *t, uint32_t app_id, const char *name)
{
	uint32_t hash = hash_of(t, app_id, name);
	for (struct dh_table_node *n = *slot(t, hash); n; n = n->next)
		if (n->hash == hash && n->app_id == app_id && !strcmp(n->name, name))
			return n;
	return NULL;
}

static void grow(struct dh_table *t)
{
	struct dh_table bigger = {dh_alloc(t->slot_count * 2 * sizeof(*t->slots)), t->slot_count * 2, t->count, t->seed};
	for (size_t i = 0; i < t->slot_count; i++) {
		for (struct dh_table_node *n = t->slots[i], *next; n; n = next) {
			next = n->next;
			n->next = *slot(&bigger, n->hash);
			*slot(&bigger, n->hash) = n;
		}
	}
	free(t->slots);
	*t = bigger;
}

void dh_table_add(struct dh_table *t, struct dh_table_node *node, uint32_t app_id, const char *name)
{
	if (t->count >= t->slot_count)
		grow(t);
	node->name = name;
	node->app_id = app_id;
	node->hash = hash_of(t, app_id, name);
	node->next = *slot(t, node->hash);
	*slot(t, node->hash) = node;
	t->count++;
}

void dh_table_remove(struct dh_table *t, struct dh_table_node *node)
{
	struct dh_table_node **at = slot(t, node->hash);
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	t->count--;
}
