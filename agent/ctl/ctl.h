/* The control plane: who may do what, sessions, recordings, events. One per agent; loop thread only. */
#ifndef DH_CTL_CTL_H
#define DH_CTL_CTL_H

#include "agent/ctl/client.h"
#include "agent/ctl/grants.h"
#include "agent/ctl/paths.h"
#include "agent/ctl/policy.h"
#include "agent/ctl/throttle.h"
#include "common/list.h"
#include "common/log.h"
#include "common/loop.h"

#define DH_PAGE_CLIENTS_MAX 16 /* SR-20 */
#define DH_PROTOCOL_VERSION 1

struct dh_devices;
struct dh_quality_watch;
struct dh_recordings;
struct dh_rtc;
struct dh_stats;
struct dh_uploads;
struct dh_watch;

struct dh_ctl_config {
	bool is_fake;        /* pattern and tone; nothing real is opened */
	const char *dev_dir; /* where device nodes appear; NULL: /dev (tests give another) */
};

struct dh_ctl {
	struct dh_log log;
	struct dh_loop *loop;
	struct dh_ctl_config config;
	struct dh_paths paths;
	struct dh_policy policy;
	struct dh_grants grants;
	struct dh_throttle throttle;
	struct dh_list clients;  /* struct dh_client */
	struct dh_list sessions; /* struct dh_session */
	struct dh_list previews; /* struct dh_preview */
	struct dh_list rooms;    /* struct dh_room */
	struct dh_list pushes;   /* struct dh_push */
	struct dh_list verifies; /* checks of recordings under way */
	uv_timer_t *push_timer;  /* while there is one */
	struct dh_list rtc_entries; /* struct dh_rtc_entry */
	struct dh_rtc *rtc;      /* NULL until somebody wants it */
	int page_clients;
	int64_t started_us, event_seq;
	int64_t refused_count;   /* connections and commands refused so far */
	struct dh_bucket denial_logs;
	struct dh_err last_denial; /* for status and doctor (SR-30) */
	int port;                /* of the WebSocket, 0 when off */
	int job_count;             /* work on uv workers */
	bool is_stopping, has_stopped;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct dh_devices *devices;
	struct dh_recordings *recordings;
	struct dh_uploads *uploads;
	struct dh_stats *stats;
	struct dh_quality_watch *quality;
	struct dh_watch *watch;
};

/* Read places, policy and grants (a wrong policy file is logged and leaves pages without any scope), index and
 * mend interrupted recordings in the background. Errors: no home, no state directory. */
int dh_ctl_create(struct dh_ctl **out, struct dh_loop *loop, const struct dh_ctl_config *config, struct dh_err *e);

/* Finish all recordings and close all sessions, then stopped(arg). Clients get DH_CLOSE_SHUTDOWN. */
void dh_ctl_stop(struct dh_ctl *ctl, void (*stopped)(void *arg), void *arg);

/* While stopping: whether all that was waited for is gone; then stopped() is posted. Called by those who end. */
void dh_ctl_check_stopped(struct dh_ctl *ctl);

/* After stopped(), when all clients are destroyed. What hangs on the loop is closed: run it once more. */
void dh_ctl_destroy(struct dh_ctl *ctl);

/* For transports: where to listen, and what they learnt. */
bool dh_ctl_has_websocket(const struct dh_ctl *ctl); /* the policy may turn it off */
void dh_ctl_set_port(struct dh_ctl *ctl, int port);

/* What this origin (normalised; DH_ORIGIN_CLI has all) may do now. Looked up at each call (SR-14). */
uint32_t dh_ctl_scopes(struct dh_ctl *ctl, const char *origin);

/* Policy or grants changed: read them again, close the clients and sessions that lost what they stand on. */
void dh_ctl_reload(struct dh_ctl *ctl);

/* A sentence for status: who was refused and why. */
void dh_ctl_note_denial(struct dh_ctl *ctl, const struct dh_err *e);

/* Fill out with bytes from the system's generator, as hex (2 * bytes + 1 chars). */
void dh_random_hex(char *out, size_t bytes);
/* Compare two secrets in a time that does not depend on where they differ. */
bool dh_secret_is_equal(const char *a, const char *b);

#endif
