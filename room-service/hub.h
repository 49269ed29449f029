/* The hub: all that the service holds in memory: rooms, users, connections; and the one timer for what ends by itself.
 * Loop thread only. */
#ifndef DH_ROOMS_HUB_H
#define DH_ROOMS_HUB_H

#include "common/log.h"
#include "common/loop.h"
#include "room-service/ice.h"
#include "room-service/throttle.h"
#include "room-service/room.h"
#include "room-service/secrets.h"

#define DH_TOKEN_TTL_MS (3600 * 1000LL)
#define DH_RETRY_MS 2000 /* what service.draining says */

struct dh_client;

struct dh_metrics {
	uint64_t connections, messages, refusals, logins, failed_logins, chat_lines, events, resumed, not_resumed,
		slow_readers, http_requests;
};

/* Somebody who is logged in, or whose 30 s run. */
struct dh_user {
	struct dh_table_node node; /* of hub->users, by user id */
	char *user_id, *user_name;
	struct dh_client *client; /* or NULL */
	struct dh_member *member; /* or NULL */
};

struct dh_hub {
	struct dh_log log;
	struct dh_loop *loop;
	struct dh_store *store;
	const struct dh_secrets *secrets;
	const struct dh_ice *ice;
	struct dh_table rooms, users;
	struct dh_list clients;   /* logged in */
	struct dh_list strangers; /* not yet; the oldest first */
	struct dh_list away;      /* members; the first to be lost first */
	int client_count, stranger_count, member_count;
	int64_t begin_us;
	uv_timer_t tick; /* each second while anybody is connected or away */
	bool is_draining;
	struct dh_throttle throttle;
	struct dh_metrics metrics;
};

/* store, secrets and ice are borrowed. */
void dh_hub_create(struct dh_hub **out, struct dh_loop *loop, struct dh_store *store, const struct dh_secrets *secrets,
		   const struct dh_ice *ice);
/* No client may be left, and the loop must run once more for its timer. */
void dh_hub_destroy(struct dh_hub *hub);

void dh_hub_watch(struct dh_hub *hub); /* something will end by itself: the tick runs from now on */

/* The user of an id, made if there is none; dh_hub_forget() drops one with neither connection nor member. */
struct dh_user *dh_hub_user(struct dh_hub *hub, uint32_t app_id, const char *user_id);
void dh_hub_forget(struct dh_hub *hub, struct dh_user *user);
void dh_user_rename(struct dh_user *user, const char *user_name);

/* Tell everybody that the service ends, and refuse what is new. */
void dh_hub_drain(struct dh_hub *hub);

#endif
