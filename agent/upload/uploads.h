/* Uploads of recordings to the policy's archive: which there are, whose turn it is, what became of them. They
 * outlive the agent. docs/upload.md. Loop thread only. */
#ifndef DH_UPLOAD_UPLOADS_H
#define DH_UPLOAD_UPLOADS_H

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"

struct dh_recording;
struct dh_upload;

/* After the recordings: read what is kept, and go on with it. */
void dh_uploads_create(struct dh_ctl *ctl);
void dh_uploads_stop(struct dh_ctl *ctl);
bool dh_uploads_are_idle(struct dh_ctl *ctl);
void dh_uploads_destroy(struct dh_ctl *ctl);

/* Whether the policy wants finished recordings in an archive. */
bool dh_uploads_are_wanted(const struct dh_ctl *ctl);
/* File n (from 0) of a recording that goes on is finished: it goes there at once, and stays here until the recording is
 * over. */
void dh_uploads_segment_over(struct dh_recording *r, int n);
/* A recording is finished and about to be saved: it goes to the archive if there is one. */
void dh_uploads_recording_over(struct dh_recording *r);
/* It is deleted: its uploads end, and what the archive has of unfinished ones is given up. */
void dh_uploads_recording_deleted(struct dh_ctl *ctl, const char *recording);
/* Of files directly in this folder that were deleted here because the archive has them. */
int64_t dh_uploads_deleted_bytes(struct dh_ctl *ctl, const char *folder_path);
void dh_uploads_policy_changed(struct dh_ctl *ctl);

/* Upload a finished recording, or go on with it. Errors: DH_ESTATE it is not finished, or the policy names no archive. */
int dh_uploads_start(struct dh_recording *r, struct dh_err *e);
/* Try now, from the beginning after a failure. Errors: DH_ESTATE it is done. */
int dh_upload_retry(struct dh_upload *u, struct dh_err *e);
/* Errors: DH_ESTATE it is over. */
int dh_upload_cancel(struct dh_upload *u, struct dh_err *e);

#define DH_UPLOADS_LISTED_MAX 500 /* of an answer that must not outgrow a message */

/* Which uploads an answer is to have. */
struct dh_uploads_wanted {
	const char *origin, *recording; /* NULL: all */
	bool only_unfinished;
	int64_t skip, limit; /* so many of them are passed over; at most so many are given, 0: all */
};

/* As upload.list replies: oldest first. *left: how many there are behind those; may be NULL. */
cJSON *dh_uploads_to_json(struct dh_ctl *ctl, const struct dh_uploads_wanted *w, int64_t *left);
extern const struct dh_param dh_upload_params[]; /* what each is */

/* The upload named by param "upload" if it belongs to this origin. Errors: DH_ENOENT. */
int dh_call_upload(struct dh_call *call, struct dh_upload **out);

#endif
