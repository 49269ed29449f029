/* Between the files of recordings. */
#ifndef DH_CTL_RECORDING_PRIV_H
#define DH_CTL_RECORDING_PRIV_H

#include "agent/ctl/recording.h"

/* recording.c: each second while it runs. */
void dh_recording_tick(struct dh_recording *r);

/* recording_evidence.c: the mp4 sink's params: claims, key, sidecar. The caller deletes them. */
cJSON *dh_recording_sink_args(const struct dh_recording *r);

/* recording_push.c */
int dh_recording_start_push(struct dh_recording *r, struct dh_err *e); /* of push_url, which is gone then */
void dh_recording_end_push(struct dh_recording *r, const char *reason);
void dh_recording_pause_push(struct dh_recording *r, bool paused);
void dh_recording_add_push(cJSON *to, const struct dh_recording *r);

/* recording_index.c: the one-second timer runs while a recording does. */
void dh_recordings_update_timer(struct dh_ctl *ctl);

#endif
