/* Who was not heard for long: first asked by a ping, which keeps NATs and proxies open too, then given up. libwebsockets
 * could do it, but 4.1.6 keeps its times in one sorted list and walks through it for each pong: with 10,000 connections
 * that was half of what the service did. Each of the two lists here is in order by itself. Not thread-safe. */
#ifndef DH_ROOMS_IDLE_H
#define DH_ROOMS_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"

#define DH_IDLE_ASK_US (25 * 1000000LL)
#define DH_IDLE_GONE_US (40 * 1000000LL)
#define DH_IDLE_LOOK_MS 1000 /* how often to look */

struct dh_idle {
	struct dh_list heard, asked; /* struct dh_idle_node, the longest silent first */
};

struct dh_idle_node {
	struct dh_list node;
	int64_t heard_us;
};

void dh_idle_init(struct dh_idle *idle);
bool dh_idle_is_empty(const struct dh_idle *idle);

/* Something came from it; also how a new one (its node initialised) comes in. dh_list_del() its node when it goes. */
void dh_idle_heard(struct dh_idle *idle, struct dh_idle_node *n, int64_t now_us);

/* The next one to ask, which counts as asked then, and the next one to give up, which is forgotten; NULL: none yet. */
struct dh_idle_node *dh_idle_next_to_ask(struct dh_idle *idle, int64_t now_us);
struct dh_idle_node *dh_idle_next_gone(struct dh_idle *idle, int64_t now_us);

#endif
