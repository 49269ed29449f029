/* Recordings: started, paused, marked and stopped by id; their index outlives the agent. Loop thread only. */
#ifndef DH_CTL_RECORDING_H
#define DH_CTL_RECORDING_H

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/disk.h"
#include "agent/media/pipeline.h"
#include "common/clock_watch.h"

#define DH_RECORDING_RUNNING_MAX 16
#define DH_RECORDING_MARKERS_MAX 1000
#define DH_REQUEST_ID_US (60LL * 1000000) /* SR-22 */

struct dh_session;

enum dh_recording_state {
	DH_RECORDING_NONE, DH_RECORDING_STARTING, DH_RECORDING_RUNNING, DH_RECORDING_PAUSED, DH_RECORDING_STOPPING,
	DH_RECORDING_DONE, DH_RECORDING_FAILED, DH_RECORDING_INTERRUPTED, /* the agent was killed; not mended yet */
};

struct dh_recording {
	struct dh_list node; /* in dh_recordings.list, oldest first */
	struct dh_ctl *ctl;
	struct dh_log log;
	char id[33], origin[256], session_id[24];
	struct dh_session *session; /* NULL once over */
	int output;                 /* in the session's pipeline, 0: none yet */
	enum dh_recording_state state;
	bool is_recovered, must_archive;
	bool is_push_only;          /* target push alone: output is the push's, there is no file */
	char *push_url;             /* secret; until the push begins */
	bool is_mending;            /* INTERRUPTED, and a worker looks at the file */
	char path[DH_PATH_MAX], folder[64], name[128], case_id[72], request_id[72];
	int64_t created_us;                        /* agent clock, 0 when read from the index */
	int64_t started_wall_ms, stopped_wall_ms;
	struct dh_output_facts facts;
	int64_t noted_dropped;                     /* of facts.dropped, what the chain says already */
	struct dh_disk disk;                       /* when measured last */
	struct dh_disk_rate disk_rate;
	bool is_measuring, is_disk_low;
	struct dh_clock_watch clock;               /* looked at each second */
	char reason[64];                           /* why it stopped */
	struct dh_err why;                         /* FAILED */
	int64_t segment_s, segment_mb;             /* when another file begins; 0: never */
	cJSON *markers, *segments, *pauses, *claims; /* arrays of objects; segments is empty for one file */
	int64_t paused_us;                         /* agent clock, when the pause began */
	struct dh_list starters, stoppers;         /* struct dh_call.wait */
	char vtt[128];                             /* of its markers, beside the first file; "": none */
	bool is_saving, must_save, must_free;      /* index writes, one at a time */
	bool must_write_vtt;                       /* with the next of them */
};

/* Read the index; mend what was interrupted, in the background. */
void dh_recordings_create(struct dh_ctl *ctl);
void dh_recordings_stop(struct dh_ctl *ctl);
bool dh_recordings_are_idle(struct dh_ctl *ctl); /* nothing of it hangs on the loop */
void dh_recordings_destroy(struct dh_ctl *ctl);

/* Begin one from the checked params of recording.start, or join the one with the same request_id; finishes call.
 * folder_path: NULL for a push alone. */
void dh_recording_start(struct dh_call *call, struct dh_session *s, const char *folder_path);
/* Finish the call when the file is finished. */
int dh_recording_stop(struct dh_recording *r, struct dh_call *call);
/* End it by ourselves: disk_full, quota_full, file_gone, session_closed, shutdown. */
void dh_recording_end(struct dh_recording *r, const char *reason);
/* who: the origin that asks; it goes into the evidence chain. */
int dh_recording_pause(struct dh_recording *r, bool paused, const char *who, struct dh_err *e);
int dh_recording_mark(struct dh_recording *r, const char *text, const char *step, const char *who, int64_t *t_ms,
		      struct dh_err *e);
/* A note in the evidence chain of r, and of all recordings of a session. */
void dh_recording_note(struct dh_recording *r, enum dh_note_kind kind, const char *who, const char *text);
void dh_recordings_note(struct dh_session *s, enum dh_note_kind kind, const char *text);
/* Whether a page may say them. Errors: DH_EINVAL. */
int dh_recording_claims_check(const cJSON *claims, struct dh_err *e);
extern const struct dh_param dh_recording_claim_params[]; /* name, value */
/* Remove file and index; finishes call. */
int dh_recording_delete(struct dh_recording *r, struct dh_call *call);

/* From the session. */
void dh_recording_output_changed(struct dh_session *s, int output, enum dh_output_state state,
				 const struct dh_output_facts *facts, const struct dh_err *why);
void dh_recording_segment(struct dh_session *s, int output, const struct dh_sink_segment *segment);
void dh_recordings_session_gone(struct dh_session *s);
cJSON *dh_session_recordings(const struct dh_session *s); /* ids of the unfinished ones */

bool dh_recording_is_over(const struct dh_recording *r);
const char *dh_recording_state_name(const struct dh_recording *r);
struct dh_list *dh_recordings_list(struct dh_ctl *ctl);
cJSON *dh_recording_to_json(const struct dh_recording *r, bool with_path);
/* chain {seq, head}: what a page keeps, to compare the file with later. */
void dh_recording_add_chain(cJSON *to, const struct dh_recording *r);
/* duration_ms, bytes, video_frames, dropped, chain. */
void dh_recording_add_facts(cJSON *to, const struct dh_recording *r);
/* disk_free_bytes, disk_minutes_left of one that is not over. */
void dh_recording_add_disk(cJSON *to, const struct dh_recording *r);
/* folder, disk_free_bytes, disk_minutes_left of each folder in which an origin (NULL: any) records now. */
cJSON *dh_recording_folders_to_json(struct dh_ctl *ctl, const char *origin);
/* Take the newest numbers of a running one. */
void dh_recording_refresh(struct dh_recording *r);
/* All of dh_recording_to_json() as the call's result. */
void dh_recording_reply(struct dh_call *call, const struct dh_recording *r);
extern const struct dh_param dh_recording_params[]; /* what that is */
extern const struct dh_param dh_chain_params[];     /* seq, head */
/* DH_ENOTSUP for a recording that is a push alone. */
int dh_recording_need_file(const struct dh_recording *r, struct dh_err *e);
/* As dh_call_recording(), and the caller controls its session and has the scope of its target. */
int dh_call_recording_control(struct dh_call *call, struct dh_recording **out);

/* recording_index.c */
struct dh_recording *dh_recording_create(struct dh_ctl *ctl);
void dh_recording_free(struct dh_recording *r);
void dh_recording_save(struct dh_recording *r); /* on a worker, newest wins */
char *dh_recording_index_text(const struct dh_recording *r);
void dh_recording_sidecar_path(const char *path, char *out, size_t size); /* PATH.chain */
void dh_recording_index_path(const struct dh_recording *r, char *out, size_t size);
void dh_recordings_load(struct dh_ctl *ctl);

#endif
