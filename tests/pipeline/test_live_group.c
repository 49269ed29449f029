/* Several listeners of one live track: the same packets for all, one whose road is full troubles no other, a smaller encode
 * that fails, an encode that ends with its last listener. */
#include "../unit/tst.h"
#include "live_stage.h"

static void listen_all(struct road *r, int camera, int count, int64_t bps)
{
	struct dh_live_request q = {.kind = DH_LIVE_SOURCE, .source = camera, .codec = DH_CODEC_H264, .start_bps = bps};
	for (int i = 0; i < count; i++)
		ear_listen(r, i, &q);
	for (int i = 0; i < count; i++)
		TST_CHECK(road_wait(r, ear_has_20, i, 10000));
}

static bool all_are_closed(struct road *r, int n)
{
	return stage_x264.opens == stage_x264.closes;
}

/* The session goes on when nobody listens any more; the encodes do not. */
static void stop_all(struct road *r, int count)
{
	for (int i = 0; i < count; i++)
		ear_stop(r, i);
	TST_CHECK(road_wait(r, all_are_closed, 0, 10000));
	road_close(r);
}

static const struct heard *heard_at(const struct ear *e, int64_t pts_us)
{
	for (int i = 0; i < e->packets; i++)
		if (e->log[i].pts_us == pts_us)
			return &e->log[i];
	return NULL;
}

/* Packets of b that a heard too, byte for byte; those of b that it did not: *others. */
static int shared_by(const struct ear *a, const struct ear *b, int *others)
{
	int same = 0;
	*others = 0;
	for (int i = 0; i < b->packets; i++) {
		const struct heard *h = heard_at(a, b->log[i].pts_us);
		bool is_same = h && h->packet == b->log[i].packet && h->hash == b->log[i].hash;
		same += is_same;
		*others += !is_same;
	}
	return same;
}

static void the_same_packets(void)
{
	struct road r;
	int others;
	listen_all(&r, stage_open(&r, NULL), 3, 0);
	dh_live_want_key(ears[1].listener);
	road_run_ms(&r, 1200);
	ear_stop(&r, 2); /* of whom all is heard by the two that stay */
	TST_CHECK(shared_by(&ears[0], &ears[2], &others) >= 20);
	TST_EQ(others, 0);
	TST_CHECK(shared_by(&ears[1], &ears[2], &others) >= 20);
	TST_EQ(others, 0);
	TST_EQ(stage_x264.opens, 1);
	stop_all(&r, 2);
}

/* Whose road is full for longer than half a second asks for nothing and gets nothing, then begins with one key frame. */
static void one_whose_road_is_full(void)
{
	struct road r;
	int others;
	listen_all(&r, stage_open(&r, NULL), 2, 0);
	road_run_ms(&r, 1100); /* key frames on demand are a second apart */
	int keys = ears[0].keys, packets = ears[0].packets;
	dh_live_set_rate(ears[1].listener, 0, true);
	road_run_ms(&r, 1000);
	int left_at = ears[1].packets;
	dh_live_want_key(ears[1].listener);
	TST_CHECK(ear_hears_more(&r, 0, packets + 40, 10000));
	TST_EQ(ears[1].packets, left_at);
	TST_EQ(ears[0].keys, keys);
	dh_live_set_rate(ears[1].listener, 0, false);
	TST_CHECK(ear_hears_more(&r, 1, left_at, 10000));
	TST_CHECK(ears[1].log[left_at].is_key);
	TST_CHECK(ear_hears_more(&r, 1, left_at + 30, 10000));
	TST_EQ(ears[0].keys, keys + 1);
	TST_EQ(ears[0].broken + ears[1].broken, 0);
	ear_stop(&r, 1);
	TST_CHECK(shared_by(&ears[0], &ears[1], &others) >= 20);
	TST_EQ(others, 0);
	stop_all(&r, 1);
}

static bool has_skipped(struct road *r, int count)
{
	struct dh_live_stats s;
	dh_live_get_stats(ears[0].listener, &s);
	return s.skipped >= count;
}

/* Nobody can take pictures: none is made, and the next one continues for all. */
static void all_roads_are_full(void)
{
	struct road r;
	listen_all(&r, stage_open(&r, NULL), 2, 0);
	int keys = ears[0].keys;
	for (int i = 0; i < 2; i++)
		dh_live_set_rate(ears[i].listener, 0, true);
	TST_CHECK(road_wait(&r, has_skipped, 1, 10000)); /* one thread encodes: what was under way has arrived */
	int packets = ears[0].packets;
	TST_CHECK(road_wait(&r, has_skipped, 10, 10000));
	TST_EQ(ears[0].packets, packets);
	for (int i = 0; i < 2; i++)
		dh_live_set_rate(ears[i].listener, 0, false);
	TST_CHECK(ear_hears_more(&r, 0, packets + 10, 10000));
	TST_EQ(ears[0].keys, keys);
	stop_all(&r, 2);
}

static bool has_moved(struct road *r, int n)
{
	return ears[n].width_px < 640;
}

static bool was_refused(struct road *r, int n)
{
	return stage_x264.refused >= n;
}

static bool has_low_rate(struct road *r, int n)
{
	struct dh_live_stats s;
	dh_live_get_stats(ears[n].listener, &s);
	return s.listeners == 3 && s.target_bps == 100000;
}

/* Its listeners come back to the one that works; it is not tried again. */
static void a_smaller_encode_that_fails(void)
{
	struct road r;
	int camera = stage_open(&r, NULL);
	stage_x264.refuse_below = 640;
	listen_all(&r, camera, 3, 2000000);
	dh_live_set_rate(ears[2].listener, 100000, false);
	TST_CHECK(road_wait(&r, was_refused, 1, 15000));
	stage_x264.refuse_below = 0; /* the big one has to become small now */
	TST_CHECK(road_wait(&r, has_low_rate, 2, 10000));
	TST_CHECK(road_wait(&r, has_moved, 0, 10000));
	road_run_ms(&r, 1500);
	TST_CHECK(ear_hears_more(&r, 2, ears[2].packets + 20, 10000));
	TST_EQ(stage_x264.refused, 1);
	for (int i = 0; i < 3; i++)
		TST_CHECK(!ears[i].has_ended && !ears[i].broken);
	stop_all(&r, 3);
}

static void an_encode_that_fails(void)
{
	struct road r;
	int camera = stage_open(&r, NULL);
	struct dh_live_request q = {.kind = DH_LIVE_SOURCE, .source = camera, .codec = DH_CODEC_H264};
	stage_x264.refuse_below = 641;
	ear_listen(&r, 0, &q);
	TST_CHECK(road_wait(&r, ear_has_ended, 0, 5000));
	TST_EQ(ears[0].why, DH_EFAIL);
	stage_x264.refuse_below = 0;
	ear_listen(&r, 1, &q); /* who comes next gets a fresh one */
	TST_CHECK(road_wait(&r, ear_has_20, 1, 5000));
	ear_stop(&r, 0);
	ear_stop(&r, 1);
	stop_all(&r, 0);
}

static void count_timer(uv_handle_t *h, void *arg)
{
	*(int *)arg += h->type == UV_TIMER && uv_is_active(h);
}

static int timers_of(struct road *r)
{
	int n = 0;
	uv_walk(&r->loop.uv, count_timer, &n);
	return n;
}

static void one_alone_is_not_watched(void)
{
	struct road r;
	struct dh_live_request q = {.kind = DH_LIVE_SOURCE, .source = stage_open(&r, NULL), .codec = DH_CODEC_H264};
	ear_listen(&r, 0, &q);
	int timers = timers_of(&r);
	ear_listen(&r, 1, &q);
	TST_EQ(timers_of(&r), timers + 1);
	TST_CHECK(road_wait(&r, ear_has_20, 1, 5000));
	ear_stop(&r, 1);
	TST_EQ(timers_of(&r), timers);
	stop_all(&r, 1);
}

TST_MAIN({"all hear the same packets", the_same_packets}, {"one whose road is full", one_whose_road_is_full},
	 {"all roads are full", all_roads_are_full}, {"a smaller encode that fails", a_smaller_encode_that_fails},
	 {"an encode that fails", an_encode_that_fails}, {"one alone is not watched", one_alone_is_not_watched})
