/* When a live encode makes pictures: the newest that was left out, key frames of what stands still, a rate that is kept. */
#include "../unit/tst.h"
#include "live_stage.h"

static void listen_to_hand(struct road *r, bool is_screen, int64_t bps)
{
	struct dh_live_request q = {.kind = DH_LIVE_SOURCE, .source = stage_open_hand(r), .codec = DH_CODEC_H264,
				    .is_screen = is_screen, .start_bps = bps};
	ear_listen(r, 0, &q);
	stage_show(1);
	TST_CHECK(ear_hears_more(r, 0, 0, 5000));
}

static void stop(struct road *r)
{
	ear_stop(r, 0);
	road_close(r);
}

static void what_stands_still(void)
{
	struct road r;
	listen_to_hand(&r, false, 0);
	road_run_ms(&r, 3300);
	TST_CHECK(ears[0].packets >= 3 && ears[0].packets <= 5); /* once a second again */
	TST_EQ(ears[0].keys, 1);
	int64_t asked_us = dh_now_us();
	for (int i = 0; i < 20; i++) {
		dh_live_want_key(ears[0].listener);
		road_run_ms(&r, 10);
	}
	TST_EQ(ears[0].keys, 2);
	int first = ears[0].packets;
	while (first > 0 && ears[0].log[first - 1].at_us > asked_us)
		first--;
	TST_CHECK(ears[0].log[first].is_key && ears[0].log[first].at_us - asked_us < 150000); /* at once */
	TST_CHECK(ear_hears_keys(&r, 0, 2, 1500)); /* the last wishes: a second later */
	road_run_ms(&r, 1500);
	TST_EQ(ears[0].keys, 3);
	stop(&r);
}

static void a_key_frame_that_fails(void)
{
	struct road r;
	listen_to_hand(&r, false, 0);
	road_run_ms(&r, 1100);
	stage_x264.failures_left = 1;
	dh_live_want_key(ears[0].listener);
	TST_CHECK(ear_hears_keys(&r, 0, 1, 2500)); /* the wish is still there */
	TST_EQ(stage_x264.failures_left, 0);
	stop(&r);
}

/* An encoder that makes nothing is asked now and then, not round and round. */
static void all_key_frames_fail(void)
{
	struct road r;
	listen_to_hand(&r, false, 0);
	road_run_ms(&r, 1100);
	stage_x264.failures_left = 1000;
	dh_live_want_key(ears[0].listener);
	road_run_ms(&r, 2500);
	TST_CHECK(stage_x264.failures_left >= 990);
	stop(&r);
}

/* Milliseconds from now until ear 0 hears another packet. */
static int wait_for_more(struct road *r, int packets)
{
	int64_t start_us = dh_now_us();
	TST_CHECK(ear_hears_more(r, 0, packets, 3000));
	return (int)((ears[0].log[packets].at_us - start_us) / 1000);
}

static void a_full_road_that_clears(void)
{
	struct road r;
	listen_to_hand(&r, false, 0);
	dh_live_set_rate(ears[0].listener, 0, true);
	stage_show(2);
	road_run_ms(&r, 200);
	int packets = ears[0].packets;
	TST_EQ(packets, 1);
	dh_live_set_rate(ears[0].listener, 0, false);
	int ms = wait_for_more(&r, packets);
	fprintf(stdout, "# %d ms from a free road to the picture that waited\n", ms);
	TST_CHECK(ms < 400); /* the next of once a second comes after 800 */
	TST_CHECK(ears[0].log[packets].bytes > 5000); /* another picture, not the first one again */
	stop(&r);
}

/* 5 pictures a second, and a screen that changes once more right after one of them. */
static void the_last_of_many_changes(void)
{
	struct road r;
	struct dh_live_stats s;
	listen_to_hand(&r, true, 20000);
	dh_live_get_stats(ears[0].listener, &s);
	TST_EQ(s.fps, 5);
	road_run_ms(&r, 300);
	for (int i = 2; i < 12; i++) {
		stage_show(i);
		road_run_ms(&r, 40);
	}
	int packets = ears[0].packets;
	int64_t last_us = dh_now_us(), run_ms = (last_us - ears[0].log[0].at_us) / 1000;
	TST_CHECK(packets >= 2 && packets <= 2 + run_ms / 180);
	if (last_us - ears[0].log[packets - 1].at_us > 150000) {
		stage_show(20); /* the one before had its place: this one has not */
		packets += ear_hears_more(&r, 0, packets, 1000);
	}
	stage_show(21);
	int ms = wait_for_more(&r, packets);
	fprintf(stdout, "# %d ms from the last change to its picture\n", ms);
	TST_CHECK(ms < 450);
	stop(&r);
}

/* A rate gives one picture little: what stands still becomes better by more of them, then there is peace again. */
static void a_still_picture_becomes_sharp(void)
{
	struct road r;
	listen_to_hand(&r, true, 300000);
	road_run_ms(&r, 1500);
	int first = ears[0].packets;
	stage_show(2);
	road_run_ms(&r, 1000);
	int more = ears[0].packets - first;
	road_run_ms(&r, 3000);
	int rest = ears[0].packets;
	road_run_ms(&r, 2100);
	fprintf(stdout, "# %d pictures in the second after a change, then %d in two\n", more, ears[0].packets - rest);
	TST_CHECK(more >= 4 && ears[0].packets - rest <= 3);
	TST_EQ(ears[0].keys, 1);
	dh_live_want_key(ears[0].listener); /* as bad as the first one was */
	TST_CHECK(ear_hears_keys(&r, 0, 1, 2000));
	rest = ears[0].packets;
	road_run_ms(&r, 1000);
	TST_CHECK(ears[0].packets - rest >= 4);
	TST_EQ(ears[0].keys, 2);
	stop(&r);
}

static double kbps_within(struct road *r, int ms)
{
	int64_t bytes = ears[0].bytes, start_us = dh_now_us();
	road_run_ms(r, ms);
	return (double)(ears[0].bytes - bytes) * 8000 / (double)(dh_now_us() - start_us);
}

static void a_rate_is_kept(void)
{
	struct road r;
	struct dh_live_request q = {.kind = DH_LIVE_SOURCE, .source = stage_open(&r, "{\"motion\":\"noise\"}"),
				    .codec = DH_CODEC_H264, .start_bps = 400000};
	ear_listen(&r, 0, &q);
	TST_CHECK(road_wait(&r, ear_has_20, 0, 5000));
	double slow = kbps_within(&r, 3000);
	dh_live_set_rate(ears[0].listener, 800000, false);
	road_run_ms(&r, 500);
	double fast = kbps_within(&r, 3000);
	fprintf(stdout, "# %.0f of 400 kbit/s, %.0f of 800\n", slow, fast);
	TST_CHECK(slow > 160 && slow < 440); /* less where the machine cannot make 30 pictures a second */
	TST_CHECK(fast > slow * 1.3 && fast < 880);
	TST_EQ(stage_x264.opens, 1);
	stop(&r);
}

TST_MAIN({"what stands still", what_stands_still}, {"a key frame that fails", a_key_frame_that_fails},
	 {"all key frames fail", all_key_frames_fail}, {"a full road that clears", a_full_road_that_clears},
	 {"the last of many changes", the_last_of_many_changes},
	 {"a still picture becomes sharp", a_still_picture_becomes_sharp}, {"a rate is kept", a_rate_is_kept})
