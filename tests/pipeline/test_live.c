/* Live tracks with real encoders: one encode for all who listen, key frames for who joins, a smaller encode for the slow,
 * recordings untouched, nothing left at the end. */
#include "agent/media/live.h"

#include "../unit/tst.h"
#include "live_stage.h"

static void listen_to(struct road *r, int n, enum dh_live_kind kind, int source, enum dh_codec codec, int64_t bps)
{
	struct dh_live_request q = {.kind = kind, .source = source, .codec = codec, .start_bps = bps};
	ear_listen(r, n, &q);
}

static void one_encode_for_all(void)
{
	struct road r;
	struct dh_live_stats a, b;
	int camera = stage_open(&r, NULL);
	listen_to(&r, 0, DH_LIVE_SOURCE, camera, DH_CODEC_H264, 0);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	TST_EQ(ears[0].keys, 1);
	listen_to(&r, 1, DH_LIVE_SOURCE, camera, DH_CODEC_H264, 0);
	TST_CHECK(road_wait(&r, ear_has_20, 1, 5000));
	dh_live_get_stats(ears[0].listener, &a);
	dh_live_get_stats(ears[1].listener, &b);
	TST_EQ(a.listeners, 2);
	TST_EQ(b.listeners, 2);
	ear_stop(&r, 1);
	TST_EQ(ears[0].keys, 2); /* the joining one made a key frame for both */
	TST_EQ(ears[0].broken + ears[1].broken, 0);
	ear_stop(&r, 0);
	struct dh_pipeline_stats all;
	dh_pipeline_stats(r.pipeline, &all);
	TST_EQ(all.composed, 0); /* nobody wanted the program */
	road_close(&r);
}

static void codecs_and_the_program(void)
{
	struct road r;
	stage_open(&r, NULL);
	listen_to(&r, 0, DH_LIVE_PROGRAM, 0, DH_CODEC_H264, 0);
	listen_to(&r, 1, DH_LIVE_PROGRAM, 0, DH_CODEC_VP8, 0);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	TST_CHECK(road_wait(&r, ear_has_20, 1, 5000));
	TST_EQ(ears[0].width_px, 640);
	TST_EQ(ears[0].broken + ears[1].broken, 0);
	ear_stop(&r, 0);
	ear_stop(&r, 1);
	road_close(&r);
}

static void sound_of_both_kinds(void)
{
	struct road r;
	road_open(&r, 64, 64, 5, "1v1", "x264", NULL);
	road_source(&r, DH_ROLE_MICROPHONE, "tone", "microphone", NULL);
	listen_to(&r, 0, DH_LIVE_LOCAL_SOUND, 0, DH_CODEC_OPUS, 0);
	listen_to(&r, 1, DH_LIVE_PROGRAM_SOUND, 0, DH_CODEC_OPUS, 0);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	TST_CHECK(road_wait(&r, ear_has_20, 1, 5000));
	ear_stop(&r, 0);
	ear_stop(&r, 1);
	road_close(&r);
}

static bool is_small(struct road *r, int n)
{
	return ears[n].width_px > 0 && ears[n].width_px < 640;
}

static bool is_large(struct road *r, int n)
{
	return ears[n].width_px == 640;
}

static bool has_full_target(struct road *r, int n)
{
	struct dh_live_stats s;
	dh_live_get_stats(ears[n].listener, &s);
	return s.target_bps == 2000000 && s.listeners == 2;
}

static void the_slow_get_their_own(void)
{
	struct road r;
	struct dh_live_stats s;
	int camera = stage_open(&r, NULL);
	for (int i = 0; i < 3; i++)
		listen_to(&r, i, DH_LIVE_SOURCE, camera, DH_CODEC_H264, 2000000);
	TST_CHECK(road_wait(&r, ear_has_20, 2, 5000));
	dh_live_set_rate(ears[2].listener, 100000, false);
	TST_CHECK(road_wait(&r, is_small, 2, 8000));
	TST_EQ(ears[0].width_px, 640);
	TST_CHECK(road_wait(&r, has_full_target, 0, 2000));
	dh_live_get_stats(ears[2].listener, &s);
	TST_EQ(s.listeners, 1);
	TST_EQ(s.target_bps, 100000);
	dh_live_set_rate(ears[2].listener, 2000000, false);
	TST_CHECK(road_wait(&r, is_large, 2, 12000));
	TST_EQ(ears[0].broken + ears[1].broken + ears[2].broken, 0);
	for (int i = 0; i < 3; i++)
		ear_stop(&r, i);
	road_close(&r);
}

/* 30 pictures a second go into the recording whatever the listener asks for, with its own key frames. */
static void a_recording_beside_it(void)
{
	struct road r;
	struct dh_pipeline_stats before, after;
	int camera = stage_open(&r, NULL);
	int out = road_output(&r, "null", NULL);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	listen_to(&r, 0, DH_LIVE_PROGRAM, 0, DH_CODEC_H264, 150000);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	dh_pipeline_stats(r.pipeline, &before);
	for (int i = 0; i < 20; i++) {
		dh_live_want_key(ears[0].listener);
		dh_live_set_rate(ears[0].listener, 100000 + i * 1000, i % 2);
		road_run_ms(&r, 100);
	}
	dh_pipeline_stats(r.pipeline, &after);
	TST_CHECK(after.encoded - before.encoded >= 55);
	TST_EQ(after.compose_dropped, before.compose_dropped);
	TST_CHECK(ears[0].keys >= 2 && ears[0].keys <= 4); /* at most one a second */
	ear_stop(&r, 0);
	TST_CHECK(camera > 0);
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 5000));
	TST_EQ(r.output_state[out], DH_OUTPUT_DONE);
	road_close(&r);
}

static void sources_go(void)
{
	struct road r;
	int camera = stage_open(&r, NULL);
	listen_to(&r, 0, DH_LIVE_SOURCE, camera, DH_CODEC_H264, 0);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	dh_pipeline_source_remove(r.pipeline, camera);
	TST_CHECK(road_wait(&r, ear_has_ended, 0, 5000));
	TST_EQ(ears[0].why, DH_ENODEV);
	ear_stop(&r, 0);
	struct dh_live_request q = {.kind = DH_LIVE_SOURCE, .source = camera, .codec = DH_CODEC_H264};
	struct dh_live_listener *l;
	struct dh_err why;
	TST_EQ(dh_live_add(&l, r.pipeline, &q, &ear_ops, &ears[0], &why), DH_ENOENT);
	q = (struct dh_live_request){.kind = DH_LIVE_PROGRAM, .codec = DH_CODEC_OPUS};
	TST_EQ(dh_live_add(&l, r.pipeline, &q, &ear_ops, &ears[0], &why), DH_ENOTSUP);
	road_close(&r);
}

static void on_ended_leave(void *user, const struct dh_err *why)
{
	struct ear *e = user;
	e->has_ended = true;
	dh_live_remove(e->listener, ear_gone, e);
}

static void the_session_closes(void)
{
	struct dh_live_ops leaving = {ear_ops.packet, on_ended_leave};
	struct road r;
	struct dh_err why;
	struct dh_live_request q = {.kind = DH_LIVE_PROGRAM, .codec = DH_CODEC_H264};
	stage_open(&r, NULL);
	memset(&ears[0], 0, sizeof(ears[0]));
	TST_EQ(dh_live_add(&ears[0].listener, r.pipeline, &q, &leaving, &ears[0], &why), DH_OK);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	road_close(&r);
	TST_CHECK(ears[0].has_ended && ears[0].is_gone);
}

TST_MAIN({"one encode for all who listen", one_encode_for_all}, {"two codecs, the program", codecs_and_the_program},
	 {"sound, local and all", sound_of_both_kinds}, {"the slow get an encode of their own", the_slow_get_their_own},
	 {"a recording beside it is not touched", a_recording_beside_it}, {"sources go", sources_go},
	 {"the session closes", the_session_closes})
