/* The whole pipeline with real parts: every frame is accounted for, live changes leave no gap, nothing is left. */
#include "road.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit/tst.h"
#include "agent/sources/pattern_code.h"

/* What went in came out, or a counter owns up to it. */
static void counts_every_picture(void)
{
	struct road r;
	road_open(&r, 320, 240, 30, "1v1", "x264", NULL);
	int camera = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, camera, 5000));
	int out = road_output(&r, "null", NULL);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	road_run_ms(&r, 2000);
	struct dh_source_stats in;
	struct dh_pipeline_stats all;
	dh_pipeline_source_stats(r.pipeline, camera, &in);
	dh_pipeline_stats(r.pipeline, &all);
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_EQ(r.output_state[out], DH_OUTPUT_DONE);
	/* 2 s at 30 fps; before the output ran pictures were not wanted */
	TST_CHECK(all.composed + all.compose_dropped + in.dropped >= 57);
	TST_CHECK(all.composed <= in.frames + 2);
	TST_CHECK(all.encoded >= all.composed - all.compose_dropped - 2);
	TST_CHECK(r.facts[out].video_frames >= all.encoded - 2);
	road_close(&r);
}

static void stops_without_output_or_source(void)
{
	struct road r;
	road_open(&r, 64, 64, 5, "grid", "x264", NULL);
	struct dh_err e;
	int id;
	TST_EQ(dh_pipeline_output_add(r.pipeline, "null", NULL, -1, &id, &e), DH_ESTATE);
	TST_EQ(dh_pipeline_set_template(r.pipeline, "circus", &e), DH_EINVAL);
	struct dh_source_spec spec = {.role = DH_ROLE_CAMERA, .driver = "nope"};
	TST_EQ(dh_pipeline_source_add(r.pipeline, &spec, &id, &e), DH_ENOENT);
	road_close(&r);
}

/* An output that is stopped while its encoders still open has nothing to show: that is no DONE. */
static void stopped_before_it_began(void)
{
	struct road r;
	road_open(&r, 320, 240, 30, "1v1", "x264", NULL);
	road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	int out = road_output(&r, "null", NULL);
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_EQ(r.output_state[out], DH_OUTPUT_FAILED);
	TST_CHECK(r.output_why[out][0]);
	road_close(&r);
}

static void changes_while_running(void)
{
	struct road r;
	road_open(&r, 320, 180, 30, "desk", "x264", NULL);
	int screen = road_source(&r, DH_ROLE_SCREEN, "pattern", "screen", NULL);
	int camera = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	road_source(&r, DH_ROLE_MICROPHONE, "tone", "microphone", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, camera, 5000));
	dh_pipeline_enable_levels(r.pipeline, true);
	int out = road_output(&r, "null", NULL);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	static const char *const templates[] = {"1v1", "1v2", "1v3", "1v4", "grid", "portrait", "desk"};
	struct dh_err e;
	for (int i = 0; i < 7; i++) {
		TST_EQ(dh_pipeline_set_template(r.pipeline, templates[i], &e), DH_OK);
		struct dh_overlay overlay = {.clock = i % 2, .text = "C-17", .watermark = "copy"};
		dh_pipeline_set_overlay(r.pipeline, &overlay);
		road_run_ms(&r, 100);
	}
	dh_pipeline_source_remove(r.pipeline, camera);
	TST_CHECK(road_wait(&r, road_source_is_closed, camera, 2000));
	int again = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, again, 2000));
	road_run_ms(&r, 300);
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_EQ(r.output_state[out], DH_OUTPUT_DONE);
	TST_EQ(r.facts[out].dropped, 0);
	TST_CHECK(r.facts[out].video_frames >= 25 && r.facts[out].audio_frames >= 35);
	TST_CHECK(r.level_count > 5 && r.loudest_db10 > -300);
	TST_EQ(r.source_state[screen], DH_SOURCE_LIVE);
	road_close(&r);
}

/* Outputs come and go; the second recording starts encoders anew. */
static void records_twice_and_in_parallel(void)
{
	struct road r;
	road_open(&r, 160, 120, 30, "1v1", "x264", NULL);
	int camera = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, camera, 5000));
	for (int round = 0; round < 3; round++) {
		int a = road_output(&r, "null", NULL), b = road_output(&r, "null", NULL);
		TST_CHECK(road_wait(&r, road_output_is_running, a, 5000));
		TST_CHECK(road_wait(&r, road_output_is_running, b, 5000));
		road_run_ms(&r, 150);
		dh_pipeline_output_stop(r.pipeline, a);
		TST_CHECK(road_wait(&r, road_output_has_ended, a, 5000));
		int64_t frames = r.facts[a].video_frames;
		road_run_ms(&r, 150);
		dh_pipeline_output_stop(r.pipeline, b);
		TST_CHECK(road_wait(&r, road_output_has_ended, b, 5000));
		TST_CHECK(frames >= 2 && r.facts[b].video_frames > frames);
	}
	int unfinished = road_output(&r, "null", NULL);
	(void)unfinished; /* destroyed while it starts */
	road_close(&r);
}

static void pause_cuts_time_out(void)
{
	struct road r;
	road_open(&r, 160, 120, 30, "1v1", "x264", NULL);
	int camera = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, camera, 5000));
	int out = road_output(&r, "null", NULL);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	road_run_ms(&r, 300);
	dh_pipeline_output_pause(r.pipeline, out, true);
	TST_CHECK(road_wait(&r, road_output_is_paused, out, 1000));
	struct dh_output_facts at_pause, later;
	dh_pipeline_output_facts(r.pipeline, out, &at_pause);
	road_run_ms(&r, 400);
	dh_pipeline_output_facts(r.pipeline, out, &later);
	TST_CHECK(later.video_frames <= at_pause.video_frames + 1);
	dh_pipeline_output_pause(r.pipeline, out, false);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 1000));
	road_run_ms(&r, 300);
	dh_pipeline_output_facts(r.pipeline, out, &later);
	TST_CHECK(later.video_frames > at_pause.video_frames + 3);
	road_close(&r);
}

static void snapshot_shows_the_pattern(void)
{
	struct road r;
	road_open(&r, 640, 360, 30, "1v1", "x264", NULL);
	int camera = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, camera, 5000));
	road_run_ms(&r, 200);
	struct dh_frame *f = road_snapshot(&r, camera);
	TST_CHECK(f && f->width_px == 640);
	dh_frame_unref(f);
	f = road_snapshot(&r, 0); /* the program, though nothing records */
	TST_CHECK(f && f->width_px == 640 && f->height_px == 360);
	dh_frame_unref(f);
	f = road_snapshot(&r, 77);
	TST_CHECK(!f);
	road_close(&r);
}

/* A camera that cannot be opened is LOST with its reason; the recording goes on with a placard. */
static void lost_source_keeps_recording(void)
{
	struct road r;
	road_open(&r, 160, 120, 10, "1v1", "x264", NULL);
	int bad = road_source(&r, DH_ROLE_CAMERA, "pattern", "no-such-device", NULL);
	TST_CHECK(road_wait(&r, road_source_is_lost, bad, 5000));
	TST_CHECK(strlen(r.source_why[bad]) > 10);
	int out = road_output(&r, "null", NULL);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	road_run_ms(&r, 1300); /* first picture at once, then one a second */
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_CHECK(r.facts[out].video_frames >= 2 && r.facts[out].video_frames <= 4);
	road_close(&r);
}

TST_MAIN({"counts every picture", counts_every_picture}, {"stops without output or source", stops_without_output_or_source},
	 {"stopped before it began", stopped_before_it_began},
	 {"changes while running", changes_while_running}, {"records twice and in parallel", records_twice_and_in_parallel},
	 {"pause cuts time out", pause_cuts_time_out}, {"snapshot shows the pattern", snapshot_shows_the_pattern},
	 {"lost source keeps recording", lost_source_keeps_recording})
