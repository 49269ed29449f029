/* Between the files of the writer sink. */
#ifndef DH_SINKS_SINK_WRITER_PRIV_H
#define DH_SINKS_SINK_WRITER_PRIV_H

#include <pthread.h>
#include <sys/types.h>

#include "agent/media/sink.h"
#include "agent/writer/kept.h"
#include "agent/writer/message.h"
#include "agent/writer/ring.h"

#define PROXY_DEATHS_MAX 3 /* so many within a minute are no accident */

struct proxy {
	/* -- immutable after open */
	cJSON *args; /* NULL: none */
	char *key_dir, *path;
	int dir;         /* of all files; -1: not known, the recording cannot go on in another */
	char first[128]; /* name of the first */
	/* -- sink thread */
	pid_t pid;
	int socket;
	struct dh_ring ring;
	bool has_put, is_woken; /* into it; because it fills, and it has not emptied since */
	bool is_ended; /* the process: */
	int status;    /* as waitpid() has it, -1: it hangs */
	pthread_t listener;
	int file;         /* the one being written, for when the writer dies; shares the writer's lock */
	char *sidecar;    /* its copy of the chain; NULL: none */
	bool is_finished; /* it is, by us, and counted */
	bool is_whole;    /* the dead writer had finished all of the recording */
	bool is_lost;     /* nothing goes on */
	struct dh_kept kept;
	int64_t begin_us, begin_duration_us; /* when this writer began, by the output's clock (0: not yet), and how long the
					      * recording was then */
	int number;          /* of the file it began with, 0: the recording is one file still */
	char name[128];
	bool waits_for_key;
	int64_t missing_us;  /* what is missing then begins here */
	struct dh_note stop; /* kind 0: nobody asked */
	struct dh_writer_clock clock;
	int64_t died_us[PROXY_DEATHS_MAX]; /* the newest first */
	char why[160];                     /* what the last one died of */
	/* -- listener; the sink thread once that is over */
	struct dh_sink_segment segment; /* the newest told of; number 0: the recording is one file */
	struct dh_sink_segment before;  /* sums of those that are over; name and head of the last of them */
	/* -- protected by lock */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	bool is_opened, is_failed, is_closed, is_gone;
	bool has_answered; /* reported since this was cleared */
	struct dh_err said; /* is_failed; is_closed: code 0 when all went well */
	int64_t heard_us, notes_in_file;
};

/* -- sink_writer.c */
int proxy_start(struct dh_sink *s, struct dh_err *e); /* the process and its listener; it waits for its first message */
/* Let it begin with args as the mp4 sink takes them. Errors: DH_ECLOSED it died; what the sink says. */
int proxy_ask_to_open(struct dh_sink *s, const cJSON *args, struct dh_err *e);
void proxy_end_process(struct proxy *w);
int proxy_lost(struct proxy *w, struct dh_err *e); /* the error for its end */
void proxy_count(struct proxy *w); /* the file of w->segment is over */
/* Errors: DH_ECLOSED, DH_ETIMEDOUT: nothing more can go this way. */
int proxy_send_packet(struct proxy *w, const struct dh_packet *p, struct dh_err *e);
int proxy_send_note(struct proxy *w, const struct dh_note *n, struct dh_err *e);
int proxy_send_clock(struct proxy *w, struct dh_err *e);

/* -- sink_writer_next.c */
/* The writer is gone: finish its file, start another, and go on in a next file. Errors: as proxy_lost(), when it died too
 * often or nothing can follow; DH_ENOSPC, DH_EIO, ... of the disk. */
int proxy_go_on(struct dh_sink *s, struct dh_err *e);
/* It waited for a key frame, which was sent now: tell how much is missing. Errors as proxy_send_note(). */
int proxy_resume(struct dh_sink *s, int64_t pts_us, struct dh_err *e);
/* Finish what a dead writer left, as the last file. */
void proxy_finish_file(struct dh_sink *s);

#endif
