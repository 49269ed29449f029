/* Whether a recording in several files is what Deskhand wrote: each file, that they belong together, and that none is
 * missing. Blocks; any thread. */
#ifndef DH_RECORD_VERIFY_SEQUENCE_H
#define DH_RECORD_VERIFY_SEQUENCE_H

#include "agent/record/verify.h"

#define DH_VERIFY_PARTS_MAX 1000

struct dh_verify_part {
	char name[DH_SEGMENT_NAME_MAX]; /* without its folder, cut where it is too long */
	bool is_empty;                  /* made, but nothing was written yet */
	struct dh_verify_report report;
};

struct dh_verify_sequence {
	struct dh_verify_part *parts; /* in the order of the recording */
	int count;
	bool is_followed;        /* by the names in the files, not given in any order */
	enum dh_verdict verdict; /* of the whole */
	enum dh_fault fault;
	int fault_segment;       /* its number, 0: none is meant */
	char fault_name[DH_SEGMENT_NAME_MAX];
	char text[400];
};

/* The file and, if it is the first of several, all that follow it in dir. It is opened by the caller, for its own errors. */
void dh_verify_follow(int dir, const char *name, int fd, const struct dh_verify_options *o, struct dh_verify_sequence *out);
/* These files, in any order; all of a recording must be there. Of several recordings each is judged by itself.
 * Errors: DH_ENOENT, DH_EPERM, DH_EIO one cannot be opened. */
int dh_verify_files(char *const *paths, int count, const struct dh_verify_options *o, struct dh_verify_sequence *out,
		    struct dh_err *e);
void dh_verify_sequence_finish(struct dh_verify_sequence *s);

/* As dh_verify_to_json() for one file; for several the sums, the fault's segment and name, and each file in segments. */
cJSON *dh_verify_sequence_to_json(const struct dh_verify_sequence *s);

#endif
