/* Between the files of recordings. */
#ifndef DH_CTL_RECORDING_PRIV_H
#define DH_CTL_RECORDING_PRIV_H

#include "agent/ctl/recording.h"

/* recording.c: each second while it runs. */
void dh_recording_tick(struct dh_recording *r);
cJSON *dh_recording_event(const struct dh_recording *r); /* params every event about it has: recording, session */
struct dh_recording *dh_recording_by_output(struct dh_session *s, int output);

/* recording_evidence.c: a pause begins or ends, for the chain and recording.get. */
void dh_recording_note_pause(struct dh_recording *r, bool paused, const char *who);

/* recording_segments.c: what is known of a file, for recording.get and the index. */
void dh_recording_put_segment(struct dh_recording *r, const struct dh_sink_segment *g);
int dh_recording_file_count(const struct dh_recording *r); /* at least 1 */
void dh_recording_file_path(const struct dh_recording *r, int n, char *out, size_t size); /* n from 0 */

/* recording_vtt.c: its markers as a file of their own. */
#define DH_VTT_NAME_MAX 128
void dh_recording_finish_vtt(struct dh_recording *r); /* it is over: the next save writes them too, if there are any */
char *dh_recording_vtt_text(const struct dh_recording *r); /* free() it */
/* path: of the first file. Any thread; both block. Errors: DH_EEXIST another's file has the name, DH_ENOSPC, DH_EIO, ... */
int dh_recording_vtt_write(const char *path, const char *id, const char *text, struct dh_err *e);
void dh_recording_vtt_remove(const char *path, const char *id);

/* recording_evidence.c: the mp4 sink's params: claims, key, sidecar. The caller deletes them. */
cJSON *dh_recording_sink_args(const struct dh_recording *r);

/* recording_delete.c: nothing came before it ended: its file goes, recording.get tells why. */
void dh_recording_drop_empty(struct dh_recording *r);

/* recording_push.c */
int dh_recording_start_push(struct dh_recording *r, struct dh_err *e); /* of push_url, which is gone then */
void dh_recording_end_push(struct dh_recording *r, const char *reason);
void dh_recording_pause_push(struct dh_recording *r, bool paused);
void dh_recording_add_push(cJSON *to, const struct dh_recording *r);

/* recording_disk.c: whether it may begin on the disk d. Errors: DH_ENOSPC. */
int dh_recording_check_room(struct dh_recording *r, const struct dh_disk *d, struct dh_err *e);
void dh_recording_check_disk(struct dh_recording *r); /* each second while it runs */
/* why an output ended, or what the disk has to say instead. NULL: nothing went wrong. */
const struct dh_err *dh_recording_why_failed(struct dh_recording *r, const struct dh_err *why);

/* recording_index.c: the one-second timer runs while a recording does. */
void dh_recordings_update_timer(struct dh_ctl *ctl);

#endif
