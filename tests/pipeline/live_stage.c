/* See live_stage.h. */
#include "live_stage.h"

#include "../unit/tst_check.h"
#include "agent/media/driver_load.h"
#include "agent/media/drivers.gen.h"

/* -- listeners -- */

struct ear ears[EARS];

static int64_t hash_of(const struct dh_packet *p)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */
	for (size_t i = 0; i < p->size; i++)
		h = (h ^ p->data[i]) * 1099511628211u;
	return (int64_t)h;
}

static void on_packet(void *user, struct dh_packet *p, const struct dh_stream *stream)
{
	struct ear *e = user;
	int n = atomic_load(&e->packets);
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	e->broken += (!n && !p->is_key) || (is_video && p->pts_us <= e->last_pts_us);
	if (n < (int)(sizeof(e->log) / sizeof(e->log[0])))
		e->log[n] = (struct heard){p->pts_us, dh_now_us(), hash_of(p), p, (int)p->size, p->is_key};
	atomic_store(&e->last_pts_us, p->pts_us);
	atomic_fetch_add(&e->keys, p->is_key);
	atomic_fetch_add(&e->bytes, (long long)p->size);
	atomic_store(&e->width_px, stream->width_px);
	atomic_fetch_add(&e->packets, 1);
}

static void on_ended(void *user, const struct dh_err *why)
{
	struct ear *e = user;
	e->has_ended = true;
	e->why = why->code;
}

const struct dh_live_ops ear_ops = {on_packet, on_ended};

void ear_listen(struct road *r, int n, const struct dh_live_request *q)
{
	struct dh_err why = {0};
	memset(&ears[n], 0, sizeof(ears[n]));
	TST_EQ(dh_live_add(&ears[n].listener, r->pipeline, q, &ear_ops, &ears[n], &why), DH_OK);
}

void ear_gone(void *arg)
{
	struct ear *e = arg;
	e->is_gone = true;
}

static bool is_gone(struct road *r, int n)
{
	return ears[n].is_gone;
}

void ear_stop(struct road *r, int n)
{
	dh_live_remove(ears[n].listener, ear_gone, &ears[n]);
	TST_CHECK(road_wait(r, is_gone, n, 5000));
}

bool ear_has_20(struct road *r, int n)
{
	return ears[n].packets >= 20;
}

bool ear_has_ended(struct road *r, int n)
{
	return ears[n].has_ended;
}

static int wanted_packets, wanted_keys;

static bool hears_more(struct road *r, int n)
{
	return ears[n].packets > wanted_packets && ears[n].keys > wanted_keys;
}

bool ear_hears_more(struct road *r, int n, int packets, int timeout_ms)
{
	wanted_packets = packets;
	wanted_keys = -1;
	return road_wait(r, hears_more, n, timeout_ms);
}

bool ear_hears_keys(struct road *r, int n, int keys, int timeout_ms)
{
	wanted_packets = -1;
	wanted_keys = keys;
	return road_wait(r, hears_more, n, timeout_ms);
}

/* -- the source that is told -- */

static struct {
	struct dh_wake wake;
	atomic_int wanted; /* number of the picture to show; 0: none */
} hand;

static int hand_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	return DH_OK;
}

static int hand_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	dh_wake_wait(&hand.wake, dh_now_us() + timeout_us);
	int number = atomic_exchange(&hand.wanted, 0);
	struct dh_frame *f = number ? dh_source_get_frame(s, 640, 360) : NULL;
	if (!f)
		return DH_AGAIN;
	uint32_t random = (uint32_t)number;
	dh_frame_fill(f, 128, 128, 128);
	for (int y = 0; y < 360; y++)
		for (int x = 0; x < 640; x++) {
			random = random * 1664525u + 1013904223u; /* Numerical Recipes */
			f->plane[0][y * f->stride[0] + x] = (uint8_t)(112 + (random >> 27));
		}
	f->pts_us = dh_now_us();
	dh_source_push(s, f);
	return DH_OK;
}

static void hand_close(struct dh_source *s)
{
}

static const struct dh_source_driver src_hand = {
	.base = {.name = "hand", .doc = "Shows a picture when told."},
	.is_fake = true,
	.open = hand_open,
	.read = hand_read,
	.close = hand_close,
};

void stage_show(int number)
{
	atomic_store(&hand.wanted, number);
	dh_wake_set(&hand.wake);
}

/* -- the encoder that is watched -- */

extern const struct dh_encoder_driver dh_enc_x264;
struct stage_encoders stage_x264;

static int watched_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	if (enc->stream.width_px < stage_x264.refuse_below) {
		stage_x264.refused++;
		return dh_fail(e, DH_EFAIL, "refused by the test");
	}
	int err = dh_enc_x264.open(enc, a, e);
	stage_x264.opens += !err;
	return err;
}

static int watched_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	if (stage_x264.failures_left > 0) {
		stage_x264.failures_left--;
		return DH_EFAIL;
	}
	return dh_enc_x264.encode(enc, in, want_key, out);
}

static void watched_close(struct dh_encoder *enc)
{
	stage_x264.closes++;
	dh_enc_x264.close(enc);
}

/* The built-in tables, with the two above in front. */
const struct dh_driver_tables *dh_driver_tables_load(struct dh_err *e)
{
	static struct dh_driver_tables tables;
	static const struct dh_source_driver *sources[64] = {&src_hand};
	static const struct dh_encoder_driver *encoders[64];
	static struct dh_encoder_driver x264;
	tables = dh_driver_tables;
	x264 = dh_enc_x264;
	x264.open = watched_open;
	x264.encode = watched_encode;
	x264.close = watched_close;
	encoders[0] = &x264;
	for (int i = 0; i < 62 && tables.sources[i]; i++)
		sources[i + 1] = tables.sources[i];
	for (int i = 0; i < 62 && tables.encoders[i]; i++)
		encoders[i + 1] = tables.encoders[i];
	tables.sources = sources;
	tables.encoders = encoders;
	dh_wake_init(&hand.wake);
	return &tables;
}

/* -- the road -- */

static int open_with(struct road *r, const char *driver, const char *options)
{
	memset(&stage_x264, 0, sizeof(stage_x264));
	road_open(r, 640, 360, 30, "1v1", "x264", NULL);
	int camera = road_source(r, DH_ROLE_CAMERA, driver, "camera", options);
	TST_CHECK(road_wait(r, road_source_is_live, camera, 5000));
	return camera;
}

int stage_open(struct road *r, const char *options)
{
	return open_with(r, "pattern", options);
}

int stage_open_hand(struct road *r)
{
	return open_with(r, "hand", NULL);
}
