/* The whole pipeline with real parts: every frame is accounted for, live changes leave no gap, nothing is left. */
#include "road.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit/tst.h"
#include "agent/sources/pattern_code.h"

static struct dh_output_facts facts_of(struct road *r, int out)
{
	struct dh_output_facts now;
	dh_pipeline_output_facts(r->pipeline, out, &now);
	return now;
}

static int64_t awaited_pictures, awaited_sound;

static bool has_awaited(struct road *r, int out)
{
	struct dh_output_facts now = facts_of(r, out);
	return now.video_frames >= awaited_pictures && now.audio_frames >= awaited_sound;
}

/* Media go on until the output has so many pictures and packets of sound, however slow the machine is. */
static bool output_reaches(struct road *r, int out, int64_t pictures, int64_t sound)
{
	awaited_pictures = pictures;
	awaited_sound = sound;
	return road_wait(r, has_awaited, out, 10000);
}

static bool tells_levels(struct road *r, int count)
{
	return r->level_count >= count;
}

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
	TST_CHECK(output_reaches(&r, out, 25, 35) && road_wait(&r, tells_levels, 6, 5000));
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_EQ(r.output_state[out], DH_OUTPUT_DONE);
	TST_EQ(r.facts[out].dropped, 0);
	TST_CHECK(r.loudest_db10 > -300);
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
		TST_CHECK(output_reaches(&r, a, 2, 0));
		dh_pipeline_output_stop(r.pipeline, a);
		TST_CHECK(road_wait(&r, road_output_has_ended, a, 5000));
		int64_t frames = facts_of(&r, b).video_frames;
		TST_CHECK(output_reaches(&r, b, frames + 2, 0));
		dh_pipeline_output_stop(r.pipeline, b);
		TST_CHECK(road_wait(&r, road_output_has_ended, b, 5000));
		TST_CHECK(r.facts[a].video_frames >= 2 && r.facts[b].video_frames >= frames + 2);
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
	TST_CHECK(output_reaches(&r, out, 5, 0));
	dh_pipeline_output_pause(r.pipeline, out, true);
	TST_CHECK(road_wait(&r, road_output_is_paused, out, 5000));
	int64_t at_pause = facts_of(&r, out).video_frames;
	road_run_ms(&r, 400);
	TST_CHECK(facts_of(&r, out).video_frames <= at_pause + 1);
	dh_pipeline_output_pause(r.pipeline, out, false);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	TST_CHECK(output_reaches(&r, out, at_pause + 4, 0));
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
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
	const int64_t start_us = dh_now_us();
	int out = road_output(&r, "null", NULL);
	TST_CHECK(output_reaches(&r, out, 2, 0)); /* first picture at once, then one a second */
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_CHECK(r.facts[out].video_frames <= (dh_now_us() - start_us) / 1000000 + 3);
	road_close(&r);
}

TST_MAIN({"counts every picture", counts_every_picture}, {"stops without output or source", stops_without_output_or_source},
	 {"stopped before it began", stopped_before_it_began},
	 {"changes while running", changes_while_running}, {"records twice and in parallel", records_twice_and_in_parallel},
	 {"pause cuts time out", pause_cuts_time_out}, {"snapshot shows the pattern", snapshot_shows_the_pattern},
	 {"lost source keeps recording", lost_source_keeps_recording})
