/* Pushes: a session's program to an RTMP server, as long as it is wanted. They belong to a session and end with it; one
 * that belongs to a recording ends with that. docs/push.md. Loop thread only. */
#ifndef DH_CTL_PUSH_H
#define DH_CTL_PUSH_H

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"
#include "agent/media/pipeline.h"
#include "common/rtmp_url.h"

struct dh_session;

struct dh_push {
	struct dh_list node; /* in ctl->pushes */
	struct dh_ctl *ctl;
	struct dh_log log;
	char id[33], origin[256], session_id[24];
	char recording_id[33]; /* it was started by recording.start; else "" */
	char request_id[72];
	int64_t created_us;
	struct dh_session *session; /* NULL: its pipeline is gone */
	int output;                 /* in the session's pipeline */
	struct dh_rtmp_url url;     /* holds secrets; only url.shown leaves */
	struct dh_sink_link link;
	struct dh_output_facts facts;
	int64_t bitrate_bps, measured_bytes, measured_us;
	bool is_stopping;
	char reason[64];          /* why it is stopping */
	struct dh_list stoppers;  /* struct dh_call.wait */
};

struct dh_push_order {
	const char *origin, *url, *recording, *request_id; /* the last two may be NULL */
};

/* Whether this address may be pushed to. Errors: DH_EINVAL malformed; DH_EPERM no policy lists it, noted as a denial. */
int dh_push_check(struct dh_ctl *ctl, const char *url, struct dh_rtmp_url *out, struct dh_err *e);
/* Begin; what happens is told by the event push.state. Errors: as dh_push_check(), and those of an output. */
int dh_push_start(struct dh_session *s, const struct dh_push_order *o, struct dh_push **out, struct dh_err *e);
/* End it; its last push.state carries reason. */
void dh_push_end(struct dh_push *p, const char *reason);
/* The same; call (of push.stop) is finished when it is over. */
int dh_push_stop(struct dh_push *p, struct dh_call *call);
void dh_push_pause(struct dh_push *p, bool paused);

/* The push of a recording, NULL when there is none (any more). */
struct dh_push *dh_push_of_recording(struct dh_ctl *ctl, const char *recording);
/* The one that this origin started by the same request_id a moment ago. */
struct dh_push *dh_push_of_request(struct dh_ctl *ctl, const char *origin, const char *request_id);
/* Tell that a push could not begin: state failed, under the id "". */
void dh_push_tell_failed(struct dh_session *s, const char *recording, const struct dh_err *why);

cJSON *dh_push_to_json(struct dh_push *p); /* as event push.state */
cJSON *dh_pushes_to_json(struct dh_ctl *ctl, const char *origin); /* NULL: all, each with its origin */
extern const struct dh_param dh_push_params[];

/* From the session. */
void dh_push_output_changed(struct dh_session *s, int output, enum dh_output_state state,
			    const struct dh_output_facts *facts, const struct dh_err *why);
void dh_push_link_changed(struct dh_session *s, int output, const struct dh_sink_link *now);
void dh_pushes_session_gone(struct dh_session *s);

/* Policy or grants changed: those that may not go on end. */
void dh_pushes_check_grants(struct dh_ctl *ctl);

#endif
