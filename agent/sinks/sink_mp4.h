/* Between the files of the mp4 sink. */
#ifndef DH_SINKS_SINK_MP4_H
#define DH_SINKS_SINK_MP4_H

#include "agent/media/sink.h"
#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_sync.h"

#define DH_MP4_EARLY_MAX 64 /* sound packets that wait for the first picture: more than a second */
#define DH_MP4_RECENT 4     /* sound packets kept to lead the next segment's decoder in: two would do */

/* A recording in several files, cut at key frames. */
struct mp4_segments {
	int number;           /* of the file being written, from 1; 0: the recording is one file */
	int64_t limit_us, limit_bytes; /* when the next begins; 0: not by this */
	int dir;              /* of all files; -1: none */
	char first[128], name[128], previous[128]; /* files: the first, this one, the one before */
	uint8_t previous_head[DH_HASH_BYTES];
	int64_t start_us;     /* where this file begins; 0: with the first packet */
	int64_t lead_in_us;   /* of its pictures, or its sound if it has none: decoded, not shown */
	bool has_failed;      /* no further file can be made: this one goes on */
	int64_t asked_us;     /* when a key frame was asked for; 0: not yet */
	/* The cut: the next file begins with the key frame at cut_us, but sound from before it may still come, and belongs
	 * to this one. Until it has, what is from the cut on waits. */
	int64_t cut_us;       /* INT64_MAX: none */
	struct dh_packet **held;
	size_t held_count, held_capacity;
	struct dh_packet *recent[DH_MP4_RECENT]; /* the newest sound */
	int recent_count;
	int64_t bytes, duration_us, video_frames, audio_frames; /* of all files before this one */
};

struct mp4 {
	/* -- the file being written */
	struct dh_mp4_file file;
	struct dh_mp4_sync *sync;
	int sidecar;        /* -1: none */
	struct dh_mp4_index index;
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX];
	bool has_begun;     /* the first sample is in; start_us holds */
	bool is_finished;   /* nothing can be added */
	int64_t start_us;   /* agent clock at file time 0 */
	int64_t pending_us; /* pts of the first sample not yet written; INT64_MAX: none */
	int video, audio;   /* track numbers, -1: none */
	int frame_samples, priming_samples;
	uint32_t picture_ticks; /* how long a picture lasts when nothing is known yet */
	struct dh_packet *early[DH_MP4_EARLY_MAX]; /* sound from before the first picture */
	int early_count;
	/* -- the whole recording */
	struct dh_agent_key *key;
	cJSON *claims;
	bool has_sidecar;
	struct dh_note stop; /* for the last link; kind 0: nobody asked */
	struct mp4_segments segments;
};

/* -- sink_mp4.c */
int mp4_write_sample(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e);
int mp4_begin_file(struct dh_sink *s, int fd, struct dh_err *e); /* owns fd, also on failure */
/* Write what is pending, last (its reason) into the last link, and the tables. end_us: agent clock. */
int mp4_finish_file(struct dh_sink *s, int64_t end_us, const struct dh_note *last, struct dh_err *e);
void mp4_release_file(struct mp4 *m);
void mp4_keep_early(struct mp4 *m, const struct dh_packet *p);
int64_t mp4_to_ticks(const struct mp4 *m, const struct dh_mp4_track *t, int64_t pts_us);
int64_t mp4_duration_us(const struct mp4 *m); /* of the file being written */

/* -- sink_mp4_evidence.c */
void mp4_open_key(struct dh_sink *s, const struct dh_args *a);
void mp4_open_sidecar(struct dh_sink *s, int dir, const char *path); /* relative to dir */
void mp4_put_claims(struct dh_sink *s);
void mp4_link_written(struct dh_sink *s);
int mp4_note(struct dh_sink *s, const struct dh_note *n, struct dh_err *e);
void mp4_note_gap(struct mp4 *m, int64_t missing_ms);
extern const struct dh_param mp4_claim_params[];

/* -- sink_mp4_segments.c */
extern const struct dh_param mp4_after_params[];
int mp4_segments_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e);
void mp4_segments_release(struct mp4 *m);
/* Take a packet in its turn: cut, hold it back, or write it. */
int mp4_segments_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e);
/* Cut if the cut has waited long enough for sound; cut at once if it waits at all. */
int mp4_segments_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e);
int mp4_segments_cut_now(struct dh_sink *s, struct dh_err *e);
int64_t mp4_segments_wake_us(const struct mp4 *m); /* when idle must be called */
/* It ends: what waits still belongs to this file. */
int mp4_segments_flush(struct dh_sink *s, struct dh_err *e);
void mp4_segments_tell(struct dh_sink *s, bool is_over);

#endif
