/* Every H.264 encoder of this build: no delay, AVC samples that add up, key frames by time and on demand,
 * a bit rate that follows, odd sizes refused. */
#include "agent/media/drivers.gen.h"
#include "agent/media/encoder.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "tst.h"

static int open_encoder(struct dh_encoder *enc, const struct dh_encoder_driver *d, int width_px, const char *json,
			struct dh_err *e)
{
	*enc = (struct dh_encoder){.driver = d,
				   .stream = {.kind = DH_MEDIA_VIDEO, .width_px = width_px, .height_px = 180, .fps = 30}};
	enc->priv = dh_alloc(d->base.priv_size + 1);
	cJSON *args = cJSON_Parse(json);
	int err = dh_args_check(d->base.params, args, e);
	if (!err)
		err = d->open(enc, &(struct dh_args){d->base.params, args}, e);
	cJSON_Delete(args);
	if (err)
		free(enc->priv);
	return err;
}

static void close_encoder(struct dh_encoder *enc)
{
	enc->driver->close(enc);
	free(enc->priv);
}

/* A picture of moving noise: never the same twice. */
static struct dh_frame *picture(int n, int64_t pts_us)
{
	struct dh_frame *f = dh_frame_new_video(320, 180);
	dh_frame_fill(f, 80, 100, 150);
	uint32_t seed = (uint32_t)n * 2654435761u + 1;
	for (int y = 0; y < 180; y++)
		for (int x = 0; x < 320; x++) {
			seed = seed * 1664525 + 1013904223;
			f->plane[0][y * f->stride[0] + x] = (uint8_t)(((x + 3 * n) ^ y) / 2 + (int)(seed >> 28));
		}
	f->pts_us = pts_us;
	return f;
}

static struct dh_packet *encode(struct dh_encoder *enc, int n, int64_t pts_us, bool want_key)
{
	struct dh_frame *f = picture(n, pts_us);
	struct dh_packet *p = NULL;
	TST_EQ(enc->driver->encode(enc, f, want_key, &p), DH_OK); /* each picture comes out at once */
	dh_frame_unref(f);
	return p;
}

/* NAL units of an AVC sample: the lengths must cover it exactly. Returns whether one is an IDR slice. */
static bool check_sample(const struct dh_packet *p)
{
	size_t at = 0;
	bool has_idr = false;
	while (at + 5 <= p->size) {
		const uint8_t *d = p->data + at;
		int type = d[4] & 31;
		TST_CHECK(type == 1 || type == 5 || type == 6);
		has_idr |= type == 5;
		at += 4 + ((size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3]);
	}
	TST_EQ(at, p->size);
	return has_idr;
}

static void check_avcc(const struct dh_stream *s)
{
	TST_EQ(s->codec, DH_CODEC_H264);
	TST_CHECK(s->extradata_bytes > 20);
	TST_EQ(s->extradata[0], 1);
	TST_EQ(s->extradata[4], 0xff); /* 4-byte lengths */
	TST_EQ(s->extradata[8] & 31, 7);
}

static void keys_by_time(const struct dh_encoder_driver *d)
{
	struct dh_encoder enc;
	struct dh_err e = {0};
	TST_EQ(open_encoder(&enc, d, 320, "{}", &e), DH_OK);
	check_avcc(&enc.stream);
	/* one picture a second: a key frame each 2 s all the same; one on demand starts the time anew */
	static const bool expect[] = {1, 0, 1, 0, 1, 1, 0, 1, 0, 1};
	for (int i = 0; i < 10; i++) {
		struct dh_packet *p = encode(&enc, i, 1000000000LL + i * 1000000, i == 5);
		TST_EQ(p->is_key, expect[i]);
		TST_EQ(check_sample(p), expect[i]);
		TST_EQ(p->pts_us, 1000000000LL + i * 1000000);
		TST_EQ(p->dts_us, p->pts_us);
		dh_packet_unref(p);
	}
	/* the same time twice must not stop it */
	struct dh_packet *p = encode(&enc, 10, 1000000000LL + 9 * 1000000, false);
	TST_EQ(p->pts_us, 1000000000LL + 9 * 1000000 + 1);
	dh_packet_unref(p);
	TST_EQ(d->encode(&enc, NULL, false, &p), DH_AGAIN);
	close_encoder(&enc);
}

static void keys_when_still(const struct dh_encoder_driver *d)
{
	struct dh_encoder enc;
	struct dh_err e;
	TST_EQ(open_encoder(&enc, d, 320, "{\"still_key_interval_ms\":10000}", &e), DH_OK);
	int keys = 0;
	int64_t t = 0;
	for (int i = 0; i < 20; i++, t += 1000000) { /* still: 20 s */
		struct dh_packet *p = encode(&enc, i, t, false);
		keys += p->is_key;
		dh_packet_unref(p);
	}
	TST_EQ(keys, 2);
	for (int i = 0; i < 150; i++, t += 33333) { /* moving: 5 s */
		struct dh_packet *p = encode(&enc, i, t, false);
		keys += p->is_key;
		dh_packet_unref(p);
	}
	TST_CHECK(keys >= 4 && keys <= 6);
	close_encoder(&enc);
}

static int64_t bytes_of(struct dh_encoder *enc, int from, int count)
{
	int64_t bytes = 0;
	for (int i = from; i < from + count; i++) {
		struct dh_packet *p = encode(enc, i, (int64_t)i * 33333, false);
		bytes += (int64_t)p->size;
		dh_packet_unref(p);
	}
	return bytes;
}

static void bitrate_follows(const struct dh_encoder_driver *d)
{
	struct dh_encoder enc;
	struct dh_err e;
	TST_EQ(open_encoder(&enc, d, 320, "{\"bitrate_kbps\":1000}", &e), DH_OK);
	int64_t high = bytes_of(&enc, 0, 150);
	TST_EQ(d->set_bitrate(&enc, 300000), DH_OK);
	bytes_of(&enc, 150, 60); /* settle */
	int64_t low = bytes_of(&enc, 210, 150);
	TST_CHECK(high > 300000 && high < 900000); /* 5 s: 625 kB */
	TST_CHECK(low < 260000);                   /* 5 s: 187 kB */
	TST_CHECK(d->set_bitrate(&enc, 0) == DH_EINVAL);
	close_encoder(&enc);
	TST_EQ(open_encoder(&enc, d, 320, "{}", &e), DH_OK);
	TST_EQ(d->set_bitrate(&enc, 300000), DH_ENOTSUP);
	close_encoder(&enc);
}

/* For receivers of H.264 in single units: no slice is larger than a packet, key frames neither. */
static void slices_are_small(const struct dh_encoder_driver *d)
{
	struct dh_encoder enc;
	struct dh_err e = {0};
	size_t largest = 0;
	int slices = 0, pictures = 0;
	TST_EQ(open_encoder(&enc, d, 320, "{\"slice_bytes\":1000}", &e), DH_OK);
	TST_STR(e.text, "");
	for (int i = 0; i < 60; i++) {
		struct dh_packet *p = encode(&enc, i, i * 33333, i == 30);
		TST_CHECK(p && check_sample(p) == p->is_key);
		for (size_t at = 0; p && at + 4 < p->size; slices++) {
			const uint8_t *s = p->data + at;
			size_t bytes = (size_t)s[0] << 24 | (size_t)s[1] << 16 | (size_t)s[2] << 8 | s[3];
			largest = bytes > largest ? bytes : largest;
			at += 4 + bytes;
		}
		pictures += p != NULL;
		dh_packet_unref(p);
	}
	close_encoder(&enc);
	TST_EQ(pictures, 60);
	TST_CHECK(largest > 500 && largest <= 1000);
	TST_CHECK(slices > 3 * pictures);
}

static void refuses(const struct dh_encoder_driver *d)
{
	struct dh_encoder enc;
	struct dh_err e;
	TST_EQ(open_encoder(&enc, d, 321, "{}", &e), DH_EINVAL);
	TST_CHECK(strstr(e.text, "321x180"));
	TST_EQ(open_encoder(&enc, d, 320, "{\"preset\":\"placebo\"}", &e), DH_EINVAL);
	TST_EQ(open_encoder(&enc, d, 640, "{}", &e), DH_OK);
	struct dh_frame *f = picture(0, 0);
	struct dh_packet *p = NULL;
	TST_EQ(d->encode(&enc, f, false, &p), DH_EINVAL); /* not the size it was opened for */
	dh_frame_unref(f);
	close_encoder(&enc);
}

static void each(void (*fn)(const struct dh_encoder_driver *d))
{
	for (int i = 0; dh_driver_tables.encoders[i]; i++)
		if (dh_driver_tables.encoders[i]->codec == DH_CODEC_H264)
			fn(dh_driver_tables.encoders[i]);
	TST_EQ(dh_frame_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

static void test_keys_by_time(void)
{
	each(keys_by_time);
}

static void test_keys_when_still(void)
{
	each(keys_when_still);
}

static void test_bitrate(void)
{
	each(bitrate_follows);
}

static void test_slices(void)
{
	each(slices_are_small);
}

static void test_refuses(void)
{
	each(refuses);
}

static void test_raw(void)
{
	const struct dh_encoder_driver *d = NULL;
	for (int i = 0; dh_driver_tables.encoders[i]; i++)
		if (dh_driver_tables.encoders[i]->codec == DH_CODEC_RAW)
			d = dh_driver_tables.encoders[i];
	TST_CHECK(d);
	struct dh_encoder enc;
	struct dh_err e;
	TST_EQ(open_encoder(&enc, d, 320, "{}", &e), DH_OK);
	struct dh_packet *p = encode(&enc, 7, 42, false);
	struct dh_frame *f = picture(7, 42);
	TST_EQ(p->size, 320 * 180 * 3 / 2);
	TST_EQ(p->pts_us, 42);
	TST_CHECK(p->is_key);
	TST_EQ(p->data[320 * 100 + 17], f->plane[0][f->stride[0] * 100 + 17]);
	TST_EQ(p->data[320 * 180], 100);
	TST_EQ(p->data[p->size - 1], 150);
	dh_frame_unref(f);
	dh_packet_unref(p);
	close_encoder(&enc);
}

TST_MAIN({"key frames by time and on demand", test_keys_by_time}, {"fewer key frames when still", test_keys_when_still},
	 {"bit rate follows", test_bitrate}, {"slices are small when they must be", test_slices},
	 {"refuses what it cannot do", test_refuses}, {"raw", test_raw})
