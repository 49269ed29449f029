/* The inside of a client, shared by client.c, dispatch.c and events.c. Loop thread only. */
#ifndef DH_CTL_CLIENT_PRIV_H
#define DH_CTL_CLIENT_PRIV_H

#include <uv.h>

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"

#define DH_HELLO_TIMEOUT_MS 3000 /* SR-21 */
#define DH_HELLO_BYTES_MAX 4096
#define DH_UNGRANTED_MAX 4       /* pages without a grant at one time */
#define DH_CALLS_MAX 64          /* unfinished at one time */
#define DH_MALFORMED_MAX 10      /* then close */
#define DH_REFUSALS_PER_S 10     /* requests over the rate that still get an answer; then close */
#define DH_REFUSALS_BURST 1000
#define DH_EVENT_QUEUE_BYTES (256 * 1024) /* above that events are held back or dropped */
#define DH_EVENTS_HELD_MAX 64
#define DH_PREFIXES_MAX 32

enum dh_client_state { DH_CLIENT_NONE, DH_CLIENT_NEW, DH_CLIENT_UNGRANTED, DH_CLIENT_READY };

struct dh_client {
	struct dh_list node; /* in ctl->clients */
	struct dh_ctl *ctl;
	struct dh_log log;
	struct dh_identity id; /* origin normalised */
	struct dh_origin origin; /* parsed; zero for local:cli */
	const struct dh_client_ops *ops;
	void *arg;
	enum dh_client_state state;
	bool is_cli, is_closing;
	uv_timer_t hello_timer;
	struct dh_bucket commands, refusals;
	int malformed;
	uint32_t scopes_told; /* what hello or the last grants.changed said */
	struct dh_list calls; /* struct dh_call.node */
	int call_count;
	/* -- events */
	cJSON *prefixes; /* array, or NULL: the default */
	bool is_only_prefixes;
	cJSON *held;     /* object: "event key" -> params of state events that wait for room */
	int64_t events_dropped;
};

/* dispatch.c: one parsed message, or what the parser said. */
void dh_dispatch(struct dh_client *c, cJSON *take_request);
void dh_dispatch_parse_error(struct dh_client *c, const struct dh_err *e);
/* The client is gone: its calls run on without it. */
void dh_dispatch_abandon(struct dh_client *c);

/* client.c */
void dh_client_send_json(struct dh_client *c, const cJSON *message);
void dh_client_send_text(struct dh_client *c, const char *text); /* NULL: no memory was left to make it */
void dh_client_close(struct dh_client *c, enum dh_close_code code);
void dh_client_granted(struct dh_client *c, bool is_granted); /* agent.hello was answered */

/* events.c: room again. */
void dh_events_flush(struct dh_client *c);

/* preview.c, session.c: the client left. */
void dh_previews_client_gone(struct dh_ctl *ctl, struct dh_client *c);
void dh_sessions_client_gone(struct dh_ctl *ctl, struct dh_client *c);

#endif
