/* Inboxes: order, bounds, what is dropped, keys; two threads for ThreadSanitizer. */
#include "agent/rtc/inbox.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/clock.h"
#include "common/err.h"
#include "tst.h"

static atomic_int keys_wanted;

static void on_need_key(void *user)
{
	atomic_fetch_add(&keys_wanted, 1);
}

static const struct dh_inbox_ops ops = {on_need_key};

static void put(struct dh_inbox *in, enum dh_media_kind kind, bool is_key, uint32_t timestamp)
{
	struct dh_packet *p = dh_packet_new(kind, 10);
	p->is_key = is_key;
	enum dh_codec codec = kind == DH_MEDIA_VIDEO ? DH_CODEC_H264 : DH_CODEC_OPUS;
	dh_inbox_put(in, p, codec, timestamp, (uint16_t)timestamp, timestamp);
}

/* Timestamp of the next item; -1: nothing now; else the error. */
static int64_t next(struct dh_inbox *in)
{
	struct dh_inbox_item it;
	int got = dh_inbox_take(in, &it, 0);
	if (got != 1)
		return got ? got : -1;
	dh_packet_unref(it.packet);
	return it.timestamp;
}

static void order_and_reader(void)
{
	struct dh_inbox *in = dh_inbox_create(&ops, NULL), *reader = dh_inbox_open(dh_inbox_key(in));
	TST_CHECK(reader == in);
	TST_CHECK(!dh_inbox_open(dh_inbox_key(in))); /* one reader */
	TST_CHECK(!dh_inbox_open("nobody"));
	put(in, DH_MEDIA_VIDEO, false, 1); /* a reader begins with a key frame */
	put(in, DH_MEDIA_VIDEO, true, 2);
	put(in, DH_MEDIA_AUDIO, true, 3);
	put(in, DH_MEDIA_VIDEO, false, 4);
	TST_EQ(next(reader), 2);
	TST_EQ(next(reader), 3);
	TST_EQ(next(reader), 4);
	TST_EQ(next(reader), -1);
	dh_inbox_close(in);
	TST_EQ(next(reader), DH_ENODEV);
	dh_inbox_leave(reader);
	TST_EQ(dh_packet_live_count(), 0);
}

static void bounds(void)
{
	struct dh_inbox *in = dh_inbox_create(&ops, NULL), *reader = dh_inbox_open(dh_inbox_key(in));
	atomic_store(&keys_wanted, 0);
	for (uint32_t i = 0; i <= DH_INBOX_PICTURES; i++)
		put(in, DH_MEDIA_VIDEO, i == 0, i);
	TST_EQ(keys_wanted, 1); /* all went, a key frame is asked for */
	put(in, DH_MEDIA_VIDEO, false, 900);
	TST_EQ(next(reader), -1);
	put(in, DH_MEDIA_VIDEO, true, 901);
	TST_EQ(next(reader), 901);
	for (uint32_t i = 0; i < DH_INBOX_SOUNDS + 50; i++)
		put(in, DH_MEDIA_AUDIO, true, i);
	TST_EQ(next(reader), 50); /* the oldest went */
	dh_inbox_leave(reader);
	dh_inbox_close(in);
	TST_EQ(dh_packet_live_count(), 0);
}

static void *read_to_the_end(void *arg)
{
	struct dh_inbox_item it;
	struct dh_inbox *in = arg;
	int got, count = 0;
	while ((got = dh_inbox_take(in, &it, dh_now_us() + 1000000)) >= 0) {
		if (got)
			dh_packet_unref(it.packet);
		count += got;
		if (count % 50 == 0)
			dh_inbox_need_key(in);
	}
	TST_EQ(got, DH_ENODEV);
	dh_inbox_leave(in);
	return NULL;
}

static void two_threads(void)
{
	for (int round = 0; round < 20; round++) {
		struct dh_inbox *in = dh_inbox_create(&ops, NULL), *reader = dh_inbox_open(dh_inbox_key(in));
		pthread_t t;
		pthread_create(&t, NULL, read_to_the_end, reader);
		for (uint32_t i = 0; i < 500; i++) {
			put(in, i % 2 ? DH_MEDIA_VIDEO : DH_MEDIA_AUDIO, i % 30 == 1, i);
			dh_inbox_set_sync(in, DH_MEDIA_VIDEO, &(struct dh_inbox_sync){true, i, i});
		}
		dh_inbox_close(in);
		pthread_join(t, NULL);
	}
	TST_EQ(dh_packet_live_count(), 0);
}

TST_MAIN({"order, one reader", order_and_reader}, {"bounds and what is dropped", bounds}, {"two threads", two_threads})
