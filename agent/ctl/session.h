/* Sessions: a page's sources, layout and outputs. They belong to an origin and outlive the page. Loop thread only. */
#ifndef DH_CTL_SESSION_H
#define DH_CTL_SESSION_H

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"
#include "agent/media/pipeline.h"

#define DH_SESSIONS_MAX 8
#define DH_SESSION_SOURCES_MAX 16

struct dh_session_identity {
	const char *id, *resume;
};

enum dh_orphan_policy { DH_ORPHAN_NONE, DH_ORPHAN_KEEP, DH_ORPHAN_STOP_AFTER, DH_ORPHAN_STOP };

/* How fast a counter goes, for agent.stats; see stats.c. */
struct dh_pace {
	int64_t at_us, count;
	double per_s;
};

struct dh_session_source {
	int source;          /* number towards clients, its own for ever; 0: free slot */
	int pipeline_source; /* number in the pipeline; another one after a change of device */
	enum dh_role role;
	char label[64];
	char device[160]; /* "DRIVER:KEY" */
	char driver[32];
	enum dh_source_state state;
	bool was_lost, is_muted, is_mirror;
	bool is_shared_screen; /* a remote member's: it may stand still */
	int gain_db10;
	struct dh_err why; /* while lost */
	struct dh_quality quality;
	struct dh_pace pace; /* of its pictures */
};

struct dh_session {
	struct dh_list node; /* in ctl->sessions */
	struct dh_ctl *ctl;
	struct dh_log log;
	char id[24], origin[256], resume[33];
	struct dh_client *controller; /* NULL: orphan */
	enum dh_orphan_policy orphan_policy;
	int orphan_s;
	uv_timer_t *orphan_timer; /* while it runs down */
	struct dh_pipeline *pipeline;
	char template_name[32];
	int width_px, height_px, fps;
	struct dh_overlay overlay;
	unsigned quality_off; /* kinds nobody wants to hear of: bits 1 << DH_QUALITY_... */
	struct dh_session_source sources[DH_SESSION_SOURCES_MAX];
	int last_source;
	int64_t opened_us;
	struct dh_pace encoded_pace; /* of the recordings' encode, in bytes */
	bool is_closing;
	char close_reason[64];
	struct dh_list closers; /* calls of session.close that wait */
};

/* Make one from checked params of session.open, controlled by call's client. Drivers are loaded. as: who it was before the
 * agent was restarted, NULL: a new one. */
int dh_session_open(struct dh_call *call, const struct dh_session_identity *as, struct dh_session **out);

/* Apply params of session.update that are there: template, overlay, quality. */
int dh_session_configure(struct dh_session *s, const struct dh_args *a, struct dh_err *e);

/* Recordings finish, devices close, then it is freed; event session.changed says why. */
void dh_session_close(struct dh_session *s, const char *reason);

/* A source as session.open and source.add take it. */
extern const struct dh_param dh_source_params_table[];
extern const struct dh_param dh_overlay_params[]; /* clock, text, watermark */
/* Whether devices must be listed before this source (JSON, checked) can be found: default system sound. */
bool dh_source_needs_list(struct dh_ctl *ctl, const cJSON *source);

/* Add or change a source by checked params of dh_source_params_table (update: role is not read). is_cli: any driver.
 * Errors: DH_EINVAL, DH_EPERM, DH_ELIMIT, DH_ENOENT. */
int dh_session_add_source(struct dh_session *s, const struct dh_args *a, bool is_cli, int *source, struct dh_err *e);
int dh_session_update_source(struct dh_session *s, struct dh_session_source *src, const struct dh_args *a, bool is_cli,
			     struct dh_err *e);
struct dh_session_source *dh_session_source(struct dh_session *s, int source);
/* The session and the source that a call names. Errors: as dh_call_session(), DH_ENOENT no such source; in call->err. */
int dh_call_source(struct dh_call *call, struct dh_session **session, struct dh_session_source **source);
/* A remote member's stream (key: of driver "remote"), camera or screen; label: a name for the picture. Errors: DH_ELIMIT,
 * DH_ENODEV. */
int dh_session_add_remote(struct dh_session *s, const char *key, const char *label, bool is_screen, int *source,
			  struct dh_err *e);
void dh_session_remove_source(struct dh_session *s, struct dh_session_source *src);

/* client takes the session over (session.attach). */
void dh_session_attach(struct dh_session *s, struct dh_client *client);

/* Its controller is gone: what orphan_policy says. */
void dh_session_orphan(struct dh_session *s);

struct dh_session *dh_session_find(struct dh_ctl *ctl, const char *id);
cJSON *dh_session_to_json(const struct dh_session *s);
cJSON *dh_sessions_to_json(struct dh_ctl *ctl, const char *origin); /* NULL: all */
void dh_session_changed(struct dh_session *s); /* emit session.changed */

/* "camera" for DH_ROLE_CAMERA and back. */
const char *dh_role_name(enum dh_role role);
enum dh_role dh_role_from_name(const char *name);
uint32_t dh_role_scope(enum dh_role role);

/* Scopes that all sources in a params array need. */
uint32_t dh_sources_scopes(const cJSON *sources);

/* All sessions that stand on scopes their origin lost, or on no origin's grant, are closed. */
void dh_sessions_check_grants(struct dh_ctl *ctl);

#endif
