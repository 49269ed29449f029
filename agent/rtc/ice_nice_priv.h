/* The inside of ICE by libnice, shared by the ice_nice*.c files, which alone know GLib and libnice. Rtc thread. */
#ifndef DH_RTC_ICE_NICE_PRIV_H
#define DH_RTC_ICE_NICE_PRIV_H

#include <nice/agent.h>

#include "agent/rtc/ice.h"
#include "agent/rtc/ice_loop.h"
#include "agent/rtc/ice_names.h"
#include "agent/rtc/ice_servers.h"
#include "agent/rtc/own_watch.h"
#include "common/log.h"

#define DH_ICE_COMPONENT 1

struct dh_ice_road { /* between two restarts */
	struct dh_ice *ice;
	NiceAgent *agent;
	guint stream;
	gchar *ufrag, *password;
	GSList *own; /* this machine's addresses when they were gathered, as text */
	enum dh_ice_state state;
	bool is_controlling, is_gathering, waits_for_servers, is_gathered, has_remote, is_remote_done;
	int relay_count, relay_looks; /* addresses that TURN servers gave us */
	int remote_count; /* with those whose name is not known yet */
};

struct dh_ice {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	const struct dh_ice_ops *ops;
	void *user;
	bool is_loopback_only, is_relay_only, is_closed;
	struct dh_ice_road *road, *old; /* the one that all is about; NULL or the one before */
	int roads;               /* with those that are closing */
	struct dh_ice_servers *servers;
	struct dh_rtc_timer relay_timer, old_timer;
	struct dh_ice_names names;
	struct dh_own_watch *watch;
};

/* -- ice_nice_road.c */
/* NULL: libnice makes no stream. */
struct dh_ice_road *dh_ice_road_open(struct dh_ice *ice, bool is_controlling);
/* Soon; then, when it was the last of a closed dh_ice, that is freed. */
void dh_ice_road_close(struct dh_ice_road *r);
void dh_ice_free(struct dh_ice *ice); /* without roads */
void dh_ice_road_close_old(void *ice); /* also a timer's */
int dh_ice_road_gather(struct dh_ice_road *r, struct dh_err *e); /* Errors: DH_EIO no address */
void dh_ice_road_set_state(struct dh_ice_road *r, enum dh_ice_state state);
/* The road that packets take now, and its pair. NULL: none yet. */
struct dh_ice_road *dh_ice_road_in_use(const struct dh_ice *ice, NiceCandidate **local, NiceCandidate **remote);
/* Whether packets cannot leave by that one any more: its address here is gone, or one that a relayed road may need. */
bool dh_ice_road_is_gone(const struct dh_ice *ice);

/* -- ice_nice_loop.c */
GMainContext *dh_ice_loop_context(struct dh_ice_loop *l);

#endif
