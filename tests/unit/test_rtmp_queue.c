/* The push's queue: what goes when a network is too slow, what is counted, the times of a connection. */
#include "agent/sinks/rtmp_queue.h"

#include "tst.h"

static struct dh_wake wake;
static struct dh_rtmp_queue q;

static void begin(bool has_video)
{
	dh_wake_init(&wake);
	dh_rtmp_queue_init(&q, has_video, &wake);
}

static void end(void)
{
	dh_rtmp_queue_finish(&q);
	dh_wake_finish(&wake);
	TST_EQ(dh_packet_live_count(), 0);
}

static bool put(enum dh_media_kind kind, int64_t at_us, bool is_key, size_t size)
{
	struct dh_packet *p = dh_packet_new(kind, size);
	p->pts_us = p->dts_us = at_us;
	p->is_key = is_key;
	bool wants_key = dh_rtmp_queue_put(&q, p);
	dh_packet_unref(p);
	return wants_key;
}

/* Its time, or -1: empty. */
static int64_t take(void)
{
	struct dh_packet *p = dh_rtmp_queue_take(&q);
	int64_t at_us = p ? p->dts_us : -1;
	dh_packet_unref(p);
	return at_us;
}

static void begins_with_a_key_frame(void)
{
	begin(true);
	put(DH_MEDIA_VIDEO, 1, true, 10); /* nobody takes yet */
	dh_rtmp_queue_open(&q);
	put(DH_MEDIA_AUDIO, 2, false, 10);
	put(DH_MEDIA_VIDEO, 3, false, 10);
	TST_EQ(take(), -1);
	TST_EQ(dh_rtmp_queue_dropped(&q), 0); /* nothing was promised yet */
	put(DH_MEDIA_VIDEO, 4, true, 10);
	put(DH_MEDIA_AUDIO, 5, false, 10);
	TST_EQ(take(), 4);
	TST_EQ(take(), 5);
	TST_EQ(take(), -1);
	end();
}

static void a_lost_connection_is_counted(void)
{
	begin(true);
	dh_rtmp_queue_open(&q);
	put(DH_MEDIA_VIDEO, 1, true, 10);
	put(DH_MEDIA_VIDEO, 2, false, 10);
	dh_rtmp_queue_shut(&q);
	TST_EQ(dh_rtmp_queue_dropped(&q), 2);
	TST_CHECK(!put(DH_MEDIA_VIDEO, 3, true, 10));
	dh_rtmp_queue_open(&q);
	put(DH_MEDIA_VIDEO, 4, false, 10);
	TST_EQ(dh_rtmp_queue_dropped(&q), 4);
	put(DH_MEDIA_VIDEO, 5, true, 10);
	TST_EQ(take(), 5);
	end();
}

/* 30 pictures and 47 chunks of sound a second, a key frame each 2 s, and nobody takes. */
static void too_slow_keeps_from_the_newest_key_frame(void)
{
	begin(true);
	dh_rtmp_queue_open(&q);
	int64_t most_us = 0, given = 0;
	int wanted = 0;
	for (int64_t ms = 0; ms < 20000; ms += 1) {
		if (ms % 33 == 0)
			wanted += put(DH_MEDIA_VIDEO, ms * 1000, ms % 1980 == 0, 4000);
		if (ms % 21 == 0)
			wanted += put(DH_MEDIA_AUDIO, ms * 1000, false, 300);
		given += (ms % 33 == 0) + (ms % 21 == 0);
		int64_t span_us = q.count ? q.ring[(q.head + q.count - 1) % DH_RTMP_PACKETS_MAX]->dts_us -
					    q.ring[q.head]->dts_us : 0;
		most_us = span_us > most_us ? span_us : most_us;
		TST_CHECK(!q.count || (q.ring[q.head]->kind == DH_MEDIA_VIDEO && q.ring[q.head]->is_key));
	}
	TST_EQ(wanted, 0); /* there was always one: no extra key frames in the recording */
	TST_CHECK(most_us <= DH_RTMP_SPAN_US && most_us > DH_RTMP_SPAN_US - 50000);
	TST_EQ(dh_rtmp_queue_dropped(&q) + q.count, given);
	TST_CHECK(q.bytes <= DH_RTMP_BYTES_MAX);
	end();
}

static void without_a_key_frame_all_goes_and_one_is_asked_for(void)
{
	begin(true);
	dh_rtmp_queue_open(&q);
	put(DH_MEDIA_VIDEO, 0, true, 10);
	int wanted = 0;
	for (int i = 1; i <= 200; i++)
		wanted += put(DH_MEDIA_VIDEO, i * 33333, false, 10);
	TST_EQ(wanted, 1); /* once, not with each picture */
	TST_EQ(take(), -1);
	TST_EQ(dh_rtmp_queue_dropped(&q), 201);
	put(DH_MEDIA_VIDEO, 9000000, true, 10);
	TST_EQ(take(), 9000000);
	end();
}

static void bytes_and_packets_are_bounded(void)
{
	begin(true);
	dh_rtmp_queue_open(&q);
	put(DH_MEDIA_VIDEO, 0, true, 3 << 20);
	put(DH_MEDIA_VIDEO, 1, false, 3 << 20);
	TST_CHECK(put(DH_MEDIA_VIDEO, 2, false, 3 << 20)); /* over 8 MiB */
	TST_EQ(q.count, 0);
	put(DH_MEDIA_VIDEO, 3, true, 10);
	for (int i = 0; i < 3 * DH_RTMP_PACKETS_MAX; i++) {
		put(DH_MEDIA_AUDIO, 4 + i, false, 1);
		TST_CHECK(q.count <= DH_RTMP_PACKETS_MAX);
	}
	end();
	begin(false); /* sound alone: each packet may begin */
	dh_rtmp_queue_open(&q);
	for (int i = 0; i < 300; i++)
		TST_CHECK(!put(DH_MEDIA_AUDIO, i * 21333, false, 300));
	int64_t first = take();
	TST_CHECK(first > 0 && 299 * 21333 - first <= DH_RTMP_SPAN_US);
	end();
}

static void times_begin_at_0_and_never_step_back(void)
{
	struct dh_rtmp_times t = {0};
	struct dh_packet *v = dh_packet_new(DH_MEDIA_VIDEO, 1), *a = dh_packet_new(DH_MEDIA_AUDIO, 1);
	int64_t pts = -1, dts = -1;
	v->pts_us = v->dts_us = 5000000123;
	TST_CHECK(dh_rtmp_times_take(&t, v, &pts, &dts));
	TST_EQ(dts, 0);
	TST_EQ(pts, 0);
	a->pts_us = a->dts_us = 4999999999; /* sound from before the first picture */
	TST_CHECK(!dh_rtmp_times_take(&t, a, &pts, &dts));
	a->pts_us = a->dts_us = 5000021123;
	TST_CHECK(dh_rtmp_times_take(&t, a, &pts, &dts));
	TST_EQ(dts, 21);
	v->pts_us = 5000066123;
	v->dts_us = 5000033123;
	TST_CHECK(dh_rtmp_times_take(&t, v, &pts, &dts));
	TST_EQ(dts, 33);
	TST_EQ(pts, 66);
	v->pts_us = v->dts_us = 5000020123; /* an earlier one after it */
	TST_CHECK(dh_rtmp_times_take(&t, v, &pts, &dts));
	TST_EQ(dts, 33);
	TST_EQ(pts, 33);
	t = (struct dh_rtmp_times){0}; /* the next connection */
	v->pts_us = v->dts_us = 9000000000;
	TST_CHECK(dh_rtmp_times_take(&t, v, &pts, &dts));
	TST_EQ(dts, 0);
	v->dts_us = v->pts_us += 7 * 86400 * 1000000LL; /* a week later */
	TST_CHECK(dh_rtmp_times_take(&t, v, &pts, &dts));
	TST_EQ(dts, 7 * 86400 * 1000LL);
	dh_packet_unref(v);
	dh_packet_unref(a);
}

TST_MAIN({"a stream begins with a key frame", begins_with_a_key_frame},
	 {"what a lost connection costs is counted", a_lost_connection_is_counted},
	 {"too slow: all before the newest key frame goes", too_slow_keeps_from_the_newest_key_frame},
	 {"no key frame: all goes, one is asked for", without_a_key_frame_all_goes_and_one_is_asked_for},
	 {"bytes and packets are bounded", bytes_and_packets_are_bounded},
	 {"times begin at 0 and never step back", times_begin_at_0_and_never_step_back})
