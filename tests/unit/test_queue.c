/* Slots and queues: bounds, drop rules, drop counters, live counts. */
#include "agent/media/queue.h"

#include "common/clock.h"
#include "common/err.h"
#include "tst.h"

static struct dh_packet *packet(enum dh_media_kind kind, bool is_key)
{
	struct dh_packet *p = dh_packet_new(kind, 10);
	p->is_key = is_key;
	return p;
}

static void slot_keeps_newest(void)
{
	struct dh_slot s;
	dh_slot_init(&s, NULL);
	struct dh_frame *a = dh_frame_new_video(16, 16), *b = dh_frame_new_video(16, 16);
	dh_slot_put(&s, a);
	dh_slot_put(&s, b);
	TST_EQ(s.dropped, 1);
	struct dh_frame *got = dh_slot_take(&s);
	TST_CHECK(got == b);
	TST_CHECK(!dh_slot_take(&s));
	dh_frame_unref(got);
	dh_slot_finish(&s);
	TST_EQ(dh_frame_live_count(), 0);
}

static void packets_drop_to_key(void)
{
	struct dh_queue *q = dh_queue_create(DH_DROP_TO_KEY, 2, 0, NULL);
	TST_EQ(dh_queue_push_packet(q, packet(DH_MEDIA_VIDEO, true)), DH_OK);
	TST_EQ(dh_queue_push_packet(q, packet(DH_MEDIA_VIDEO, false)), DH_OK);
	TST_EQ(dh_queue_push_packet(q, packet(DH_MEDIA_VIDEO, false)), DH_EBUSY);
	TST_EQ(dh_queue_push_packet(q, packet(DH_MEDIA_AUDIO, true)), DH_OK);
	dh_packet_unref(dh_queue_pop_packet(q));
	dh_packet_unref(dh_queue_pop_packet(q));
	TST_EQ(dh_queue_push_packet(q, packet(DH_MEDIA_VIDEO, false)), DH_EBUSY);
	TST_CHECK(dh_queue_wants_key(q));
	TST_CHECK(dh_queue_push_packet(q, packet(DH_MEDIA_VIDEO, true)) == DH_OK);
	TST_EQ(dh_queue_dropped(q), 2);
	dh_queue_destroy(q);
	TST_EQ(dh_packet_live_count(), 0);
}

static void pool_reuses(void)
{
	struct dh_frame_pool *p = dh_frame_pool_create(2);
	struct dh_frame *a = dh_frame_pool_get(p, 64, 32);
	uint8_t *mem = a->plane[0];
	dh_frame_unref(a);
	a = dh_frame_pool_get(p, 64, 32);
	TST_CHECK(a->plane[0] == mem);
	TST_EQ(dh_frame_live_count(), 1);
	dh_frame_pool_destroy(p);
	dh_frame_unref(a); /* outlives the pool */
	TST_EQ(dh_frame_live_count(), 0);
}

static void wake_times_out(void)
{
	struct dh_wake w;
	dh_wake_init(&w);
	TST_CHECK(!dh_wake_wait(&w, dh_now_us() + 1000));
	dh_wake_set(&w);
	TST_CHECK(dh_wake_wait(&w, INT64_MAX));
	dh_wake_finish(&w);
}

TST_MAIN({"slot keeps newest", slot_keeps_newest}, {"packets drop to key", packets_drop_to_key},
	 {"pool reuses", pool_reuses}, {"wake times out", wake_times_out})
