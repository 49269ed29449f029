/* The agent's WebRTC engine and a register of its connections, for rtc.stats. Loop thread only. */
#ifndef DH_CTL_RTC_H
#define DH_CTL_RTC_H

#include "agent/ctl/ctl.h"
#include "agent/rtc/rtc_api.h"

/* One connection; lives inside its owner. The strings are copied into what rtc.stats shows. */
struct dh_rtc_entry {
	struct dh_list node;
	struct dh_peer *peer;
	const char *kind; /* "preview", "member": also the name of the field that says which */
	const char *preview;
	const char *room; /* a member's */
	int64_t member;
	const char *session, *origin;
};

/* The functions of WebRTC and, in *out, the engine: made at the first call. NULL on failure, with e filled: DH_ENOTSUP a
 * build without WebRTC; DH_EFAIL, DH_ENOMEM. */
const struct dh_rtc_api *dh_ctl_rtc(struct dh_ctl *ctl, struct dh_rtc **out, struct dh_err *e);

/* Whether packets of a codec can be made here; drivers are loaded. */
bool dh_rtc_can_encode(enum dh_codec codec);
/* What pictures can be sent as, best first, NONE ends: for struct dh_peer_config. */
void dh_rtc_video_codecs(enum dh_codec out[2]);

/* From the peer's birth until it is about to be closed. */
void dh_rtc_register(struct dh_ctl *ctl, struct dh_rtc_entry *entry);
void dh_rtc_unregister(struct dh_rtc_entry *entry);

/* Statistics of all connections of an origin (NULL: all) as an array of objects, which fn owns. Comes later, on the loop,
 * and before the close of any connection that it asked is done. */
void dh_rtc_stats(struct dh_ctl *ctl, const char *origin, void (*fn)(void *arg, cJSON *take), void *arg);

/* Event rtc.stats to each client that wants it. peers: what dh_rtc_stats() gave of all; borrowed. */
void dh_rtc_emit_stats(struct dh_ctl *ctl, const cJSON *peers);

/* When no connection is left. */
void dh_ctl_rtc_destroy(struct dh_ctl *ctl);

#endif
