/* Between the files of uploads. */
#ifndef DH_UPLOAD_UPLOADS_PRIV_H
#define DH_UPLOAD_UPLOADS_PRIV_H

#include "agent/upload/run.h"
#include "agent/upload/uploads.h"
#include "common/backoff.h"

#define DH_UPLOADS_AT_ONCE 2

enum dh_upload_wish { DH_UPLOAD_WISH_NONE, DH_UPLOAD_WISH_CANCEL, DH_UPLOAD_WISH_FORGET };

struct dh_upload {
	struct dh_list node; /* in dh_uploads.list, oldest first */
	struct dh_ctl *ctl;
	struct dh_log log;
	struct dh_upload_record record; /* the run's newest report while there is one */
	struct dh_upload_file file;     /* lent to the run */
	struct dh_upload_run *run;      /* NULL: the record is ours to write */
	enum dh_upload_wish wish;       /* carried out when no run and no job is on it */
	bool is_busy;                   /* a job is on its files */
	bool must_save, was_delete_tried;
	bool is_recording_over;         /* until then its files stay, whatever the archive has */
	int64_t sent_bytes;
	struct dh_backoff backoff;
	int64_t offset_before;          /* of the attempt under way */
	int64_t due_us;                 /* agent clock; INT64_MAX: when the policy changes */
	int64_t told_us;                /* event upload.progress */
};

struct dh_uploads {
	struct dh_list list;
	char dir[DH_PATH_MAX]; /* state_dir/uploads */
	struct dh_policy_archive archive; /* when the policy was looked at last */
	char ca_file[DH_PATH_MAX];
	uv_timer_t timer;
	bool is_timer_closed;
};

/* uploads.c: the one place that begins something on an upload that has no run: save, delete, forget. False: nothing is on
 * it, so it may have its turn. */
bool dh_upload_begin_work(struct dh_upload *u);
void dh_upload_advance(struct dh_upload *u); /* that, or else turns */
void dh_upload_save(struct dh_upload *u);
void dh_upload_wish_for(struct dh_upload *u, enum dh_upload_wish wanted);
void dh_uploads_pump(struct dh_ctl *ctl); /* whoever is due has its turn, soon */

/* uploads_list.c */
void dh_upload_drop(struct dh_upload *u);

/* uploads_json.c */
cJSON *dh_upload_to_json(const struct dh_upload *u, bool with_location);
void dh_upload_tell(struct dh_upload *u); /* event upload.progress */
void dh_upload_tell_over(struct dh_upload *u); /* upload.done, upload.failed */

#endif
