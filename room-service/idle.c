/* Who was not heard for long; see idle.h. */
#include "room-service/idle.h"

void dh_idle_init(struct dh_idle *idle)
{
	dh_list_init(&idle->heard);
	dh_list_init(&idle->asked);
}

bool dh_idle_is_empty(const struct dh_idle *idle)
{
	return dh_list_is_empty(&idle->heard) && dh_list_is_empty(&idle->asked);
}

void dh_idle_heard(struct dh_idle *idle, struct dh_idle_node *n, int64_t now_us)
{
	n->heard_us = now_us;
	dh_list_del(&n->node);
	dh_list_add(&idle->heard, &n->node);
}

/* The first of a list, taken out of it, if it was silent that long. */
static struct dh_idle_node *take_silent(struct dh_list *list, int64_t before_us)
{
	if (dh_list_is_empty(list))
		return NULL;
	struct dh_idle_node *n = dh_container_of(list->next, struct dh_idle_node, node);
	if (n->heard_us > before_us)
		return NULL;
	dh_list_del(&n->node);
	return n;
}

struct dh_idle_node *dh_idle_next_to_ask(struct dh_idle *idle, int64_t now_us)
{
	struct dh_idle_node *n = take_silent(&idle->heard, now_us - DH_IDLE_ASK_US);
	if (n)
		dh_list_add(&idle->asked, &n->node);
	return n;
}

struct dh_idle_node *dh_idle_next_gone(struct dh_idle *idle, int64_t now_us)
{
	return take_silent(&idle->asked, now_us - DH_IDLE_GONE_US);
}
