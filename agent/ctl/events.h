/* Events: one table of all of them; queued per client, bounded. Loop thread only. */
#ifndef DH_CTL_EVENTS_H
#define DH_CTL_EVENTS_H

#include "agent/ctl/ctl.h"
#include "common/param.h"

enum dh_event_flags {
	DH_EVENT_STATE = 1,       /* for a slow reader only the newest of the same key is kept */
	DH_EVENT_HIGH_VOLUME = 2, /* only for those who subscribed to it by name */
};

struct dh_event {
	const char *name; /* group.happened */
	const char *doc;
	const struct dh_param *params; /* besides seq and ts_us */
	unsigned flags;
	uint32_t scope;                /* needed to see it, 0: any granted client */
	const char *key_param;         /* DH_EVENT_STATE: what tells two of them apart; NULL: nothing */
};

/* Ends with a NULL name. */
extern const struct dh_event dh_events[];

/* Tell everybody concerned: clients with this origin (NULL: any), a grant for the event's scope and a subscription;
 * the command line sees all. params: object without seq and ts_us, is taken; NULL for none. */
void dh_emit(struct dh_ctl *ctl, const char *event, const char *origin, cJSON *take_params);

/* Tell one client, which wants it. */
void dh_emit_to(struct dh_client *c, const char *event, cJSON *take_params);
bool dh_event_is_wanted_by(struct dh_client *c, const char *event);

/* Whether anybody is subscribed to a high-volume event (of this origin; NULL: any). */
bool dh_event_is_wanted(struct dh_ctl *ctl, const char *event, const char *origin);

#endif
