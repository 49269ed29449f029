/* A pipeline under test with its loop: events are kept, and road_wait() runs the loop until something is true. */
#ifndef DH_TEST_ROAD_H
#define DH_TEST_ROAD_H

#include "agent/media/pipeline.h"
#include "common/clock.h"

struct road {
	struct dh_loop loop;
	struct dh_pipeline *pipeline;
	/* -- what the events said last */
	enum dh_source_state source_state[32];
	char source_why[32][240];
	enum dh_output_state output_state[32];
	struct dh_output_facts facts[32];
	char output_why[32][240];
	int level_count, loudest_db10;
	bool is_gone;
	/* -- snapshot */
	struct dh_frame *picture;
	bool has_answer;
};

/* Begin with a canvas and a template; video encoder e.g. "x264", args as JSON text or NULL. */
void road_open(struct road *r, int width_px, int height_px, int fps, const char *template_name, const char *encoder,
	       const char *encoder_args);
/* Destroy the pipeline, check that no frame or packet is alive, end the loop. */
void road_close(struct road *r);

/* Add a source; options as JSON text or NULL. Returns its number. */
int road_source(struct road *r, enum dh_role role, const char *driver, const char *device, const char *options);
/* Add an output; path NULL for sinks without a file. Returns its number. */
int road_output(struct road *r, const char *sink, const char *path);

/* Run the loop until is_true(r, n) or timeout_ms. Returns whether it came true. */
bool road_wait(struct road *r, bool (*is_true)(struct road *r, int n), int n, int timeout_ms);
void road_run_ms(struct road *r, int ms); /* let media time pass */

bool road_source_is_live(struct road *r, int source);
bool road_source_is_lost(struct road *r, int source);
bool road_source_is_closed(struct road *r, int source);
bool road_output_is_running(struct road *r, int output);
bool road_output_is_paused(struct road *r, int output);
bool road_output_has_ended(struct road *r, int output);

/* Newest picture of a source, or of the program (0); NULL when there is none. Caller unrefs. */
struct dh_frame *road_snapshot(struct road *r, int source);

#endif
