/* One session's road of pictures and sound: sources -> filters -> compositor -> encoders -> outputs.
 * All functions are called on the loop thread and never wait; the work happens on one thread per
 * source, one compose, one mixer, one per encoder and one per output. Callbacks come on the loop thread. */
#ifndef DH_MEDIA_PIPELINE_H
#define DH_MEDIA_PIPELINE_H

#include "agent/media/compositor.h"
#include "agent/media/encoder.h"
#include "agent/media/filter.h"
#include "agent/media/monitor.h"
#include "agent/media/output.h"
#include "agent/media/quality.h"
#include "agent/media/source_runner.h"
#include "common/loop.h"

struct dh_pipeline;

struct dh_pipeline_events {
	/* A source changed state. LOST carries why and is followed by LIVE when the device is back. The
	 * first failed open of a source is LOST too: the core keeps trying while the source stands. */
	void (*source)(void *arg, int source, enum dh_source_state state, const struct dh_err *why);
	/* An output changed state; facts are current. DONE or FAILED is the last call for this output;
	 * after FAILED what was written so far is playable. */
	void (*output)(void *arg, int output, enum dh_output_state state, const struct dh_output_facts *facts,
		       const struct dh_err *why);
	/* Sound levels, ten a second while enabled: RMS and peak in dBFS * 10 (-1000 = silence), per
	 * microphone/system source and of the mix (source 0). */
	void (*levels)(void *arg, int source, int rms_db10, int peak_db10);
	/* A file of an output that writes several began or is finished. */
	void (*segment)(void *arg, int output, const struct dh_sink_segment *segment);
	/* An output to a server says how it is doing, while it runs. May be NULL. */
	void (*link)(void *arg, int output, const struct dh_sink_link *now);
};

struct dh_pipeline_config {
	char name[32];               /* for logs */
	int width_px, height_px, fps; /* canvas: even, 16..4096; fps 1..60 */
	char template_name[32];
	struct dh_overlay overlay;
	char video_encoder[32];      /* "x264" */
	const cJSON *video_args;     /* encoder's params or NULL; borrowed for the call */
	const char *speaker_driver;  /* plays remote members; NULL: nobody does, and microphones are left as they are */
};

int dh_pipeline_create(struct dh_pipeline **out, struct dh_loop *loop, const struct dh_pipeline_config *c,
		       const struct dh_pipeline_events *ev, void *arg, struct dh_err *e);

/* Stop all outputs cleanly, then all threads; done(arg) once everything is gone. No event comes
 * after done. */
void dh_pipeline_destroy(struct dh_pipeline *p, void (*done)(void *arg), void *arg);

/* Layout and overlay, from the next picture on; outputs run on without a gap. Errors: DH_ENOENT. */
int dh_pipeline_set_template(struct dh_pipeline *p, const char *name, struct dh_err *e);
void dh_pipeline_set_overlay(struct dh_pipeline *p, const struct dh_overlay *o);

struct dh_source_spec {
	enum dh_role role;
	const char *driver;
	const char *device;    /* KEY, "" for the default */
	const cJSON *options;  /* driver's params or NULL; borrowed for the call */
	int width_px, height_px, fps; /* wishes; 0: from the canvas */
	const char *label;     /* caption in the picture, or NULL */
	bool mirror;
};

/* Start a source; the number (> 0) stays its own. Opening happens on its thread: event source LIVE or LOST. */
int dh_pipeline_source_add(struct dh_pipeline *p, const struct dh_source_spec *spec, int *source, struct dh_err *e);
void dh_pipeline_source_remove(struct dh_pipeline *p, int source); /* event CLOSED follows */
/* Words in the place of a source's picture, NULL: the picture again. They stay the caller's for the source's life. */
void dh_pipeline_source_set_placard(struct dh_pipeline *p, int source, const char *placard);
/* Sound sources: gain in dB*10, muted. */
int dh_pipeline_source_set_audio(struct dh_pipeline *p, int source, int gain_db10, bool muted, struct dh_err *e);
/* The speaker and what is done to microphones in calls. Get: NULL in a pipeline without speaker. Errors of set: as
 * dh_monitor_set(), DH_ENOTSUP without speaker. */
const struct dh_monitor_settings *dh_pipeline_monitor(const struct dh_pipeline *p);
int dh_pipeline_set_monitor(struct dh_pipeline *p, const struct dh_monitor_settings *s, struct dh_err *e);
/* Settings of a filter ("beauty", "mirror") on one video source, or on all of a role with source 0. */
int dh_pipeline_set_filter(struct dh_pipeline *p, int source, enum dh_role role, const char *filter,
			   const cJSON *settings, struct dh_err *e);

struct dh_source_stats {
	enum dh_source_state state;
	enum dh_role role;
	int width_px, height_px; /* of the newest frame */
	int64_t frames, dropped; /* dropped: by the device, plus overwritten before compose took them */
};
int dh_pipeline_source_stats(struct dh_pipeline *p, int source, struct dh_source_stats *out);
/* What its pictures and sounds were like since the last call, as the device gave them: for dh_quality_look(). */
int dh_pipeline_source_quality(struct dh_pipeline *p, int source, struct dh_quality_facts *out);

/* Add an output; encoders start with the first one and stop with the last. The sink starts at a key frame. fd is
 * owned by the output; on an error it is closed. */
int dh_pipeline_output_add(struct dh_pipeline *p, const char *sink_driver, const cJSON *args, int fd, int *output,
			   struct dh_err *e);
void dh_pipeline_output_pause(struct dh_pipeline *p, int output, bool paused); /* time in pause is cut out */
void dh_pipeline_output_stop(struct dh_pipeline *p, int output);               /* event DONE or FAILED follows */
void dh_pipeline_output_note(struct dh_pipeline *p, int output, const struct dh_note *n); /* as dh_output_note() */
int dh_pipeline_output_facts(struct dh_pipeline *p, int output, struct dh_output_facts *out);

/* A reference to the newest picture of a track, taken on the compose thread: source 0 is the composed
 * program. frame NULL with why on failure (DH_ENODEV: no picture yet). fn owns the frame. */
void dh_pipeline_snapshot(struct dh_pipeline *p, int source,
			  void (*fn)(void *arg, struct dh_frame *take, const struct dh_err *why), void *arg);

void dh_pipeline_enable_levels(struct dh_pipeline *p, bool on);

struct dh_pipeline_stats {
	int64_t composed, compose_dropped; /* pictures made; pictures the video encoder's queue refused */
	int64_t encoded, encoded_bytes;    /* video packets */
	int64_t encode_us;                 /* time spent in the video encoder, sum */
	int64_t compose_us;                /* time spent in filters and compositor, sum */
};
void dh_pipeline_stats(struct dh_pipeline *p, struct dh_pipeline_stats *out);

#endif
