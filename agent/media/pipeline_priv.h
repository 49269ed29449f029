/* The inside of a pipeline, shared by the pipeline*.c files only. */
#ifndef DH_MEDIA_PIPELINE_PRIV_H
#define DH_MEDIA_PIPELINE_PRIV_H

#include "agent/media/compose.h"
#include "agent/media/encode.h"
#include "agent/media/mixer.h"
#include "agent/media/monitor.h"
#include "agent/media/pipeline.h"
#include "agent/media/quality_probe.h"

enum encoder_state { ENCODER_NONE, ENCODER_OPENING, ENCODER_OPEN, ENCODER_STOPPING };

struct dh_pipeline_encoder {
	struct dh_pipeline *pipeline;
	enum encoder_state state;
	struct dh_encode *encode;
	struct dh_stream stream; /* when OPEN */
	bool is_spent;           /* drained: takes no more frames, must be started anew */
	struct dh_encode *feed;  /* -- protected by feed_lock: where pictures or chunks go */
};

struct dh_pipeline_source {
	struct dh_list node;
	struct dh_pipeline *pipeline;
	struct dh_source_runner *runner;
	int id;
	enum dh_role role;
	enum dh_source_state state;
	int want_width_px, want_height_px;
	const char *placard; /* instead of its picture while it is live, or NULL */
	struct dh_compose_input *input;     /* NULL: no picture */
	struct dh_mixer_input *mixer_input; /* NULL: no sound */
	struct dh_mixer_input *local_input; /* NULL: no sound, or a remote member's */
	struct dh_mixer_input *heard_input; /* a remote member's, for the speaker; else NULL */
	struct dh_monitor_voice *voice;     /* a microphone's; else NULL */
	struct dh_quality_probe probe;
};

struct dh_pipeline_output {
	struct dh_list node;
	struct dh_pipeline *pipeline;
	struct dh_output *output;
	int id;
	bool needs_video, needs_audio;
	bool has_begun, is_stopping, has_ended, is_detached;
	bool is_aborted; /* an encoder it needs cannot be opened */
	bool drains;     /* the last one with pictures: take what the encoder holds back */
};

struct dh_pipeline { /* -- loop thread, but for feed */
	struct dh_loop *loop;
	struct dh_log log;
	char name[32];
	struct dh_pipeline_events ev;
	void *arg;
	int width_px, height_px, fps;
	char video_encoder[32];
	cJSON *video_args;
	struct dh_compose *compose;
	struct dh_mixer *mixer, *local_mixer; /* everything; all but remote members */
	struct dh_monitor *monitor; /* NULL: remote members are not played here */
	pthread_mutex_t feed_lock;
	struct dh_pipeline_encoder video, audio;
	struct dh_list local_sounds, program_sounds; /* struct dh_live_encode, under feed_lock */
	pthread_mutex_t live_lock; /* which encode a live listener is in */
	struct dh_list sources, outputs, lives;
	int last_id;
	bool is_closing, is_stopping_sources, is_stopping_compose;
	void (*destroyed)(void *arg);
	void *destroyed_arg;
};

/* Do whatever has become possible: start or stop encoders, begin outputs, go on closing. */
void dh_pipeline_advance(struct dh_pipeline *p);

/* -- pipeline_source.c */
struct dh_pipeline_source *dh_pipeline_find_source(struct dh_pipeline *p, int id); /* NULL: none */
bool dh_pipeline_has(const struct dh_pipeline *p, bool video); /* a source of pictures (or of sound) */

/* -- live.c: source 0: all of them */
void dh_pipeline_end_lives(struct dh_pipeline *p, int source, const struct dh_err *why);

/* -- live_sound.c */
struct dh_live_encode;
void dh_pipeline_add_sound(struct dh_pipeline *p, struct dh_live_encode *c);
void dh_pipeline_remove_sound(struct dh_pipeline *p, struct dh_live_encode *c);
void dh_pipeline_feed_sound(struct dh_pipeline *p, bool is_local, struct dh_frame *f); /* mixer threads; f is borrowed */
void dh_pipeline_run_mixers(struct dh_pipeline *p);

/* -- pipeline_output.c */
bool dh_pipeline_wants(const struct dh_pipeline *p, bool video); /* an output that needs the encoder */
bool dh_pipeline_is_feeding(const struct dh_pipeline *p, bool video); /* an output that the encoder still feeds */
void dh_pipeline_begin_waiting(struct dh_pipeline *p);
void dh_pipeline_fail_waiting(struct dh_pipeline *p, bool video, const struct dh_err *why);
void dh_pipeline_stop_outputs(struct dh_pipeline *p);

#endif
