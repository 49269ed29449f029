/* What decoders make of damaged pictures: once damage is noticed no picture counts as good before a key frame, and that one
 * and all after it come out as if nothing had been, bit by bit. Damage that the format cannot show is not noticed, but it
 * ends with the next key frame too. */
#include <stdlib.h>

#include "agent/decoders/video_decoder.h"
#include "live_codec.h"
#include "tst.h"

#ifndef SEEDS
#define SEEDS 100
#endif
#define GROUP 6 /* a key frame and five others */
#define PICTURES (2 * GROUP)

enum damage {
	DAMAGE_FLIP, /* some bytes differ */
	DAMAGE_CUT,  /* the end is missing */
	DAMAGE_LOST, /* all of it */
	DAMAGES,
};

static const struct {
	const char *name, *settings;
	enum dh_codec codec;
} encoders[] = {
	{"x264", "{\"profile\":\"baseline\",\"bitrate_kbps\":800}", DH_CODEC_H264},
	{"openh264", "{\"bitrate_kbps\":800}", DH_CODEC_H264},
	{"vp8", "{\"bitrate_kbps\":0}", DH_CODEC_VP8},
};

struct clip {
	enum dh_codec codec;
	struct dh_packet *wire[PICTURES];
	uint32_t sum[PICTURES]; /* of what comes out when nothing is damaged */
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint32_t sum_of(const struct dh_frame *f)
{
	uint32_t sum = 2166136261u; /* FNV-1a */
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? f->height_px / 2 : f->height_px); y++)
			for (int x = 0; x < (p ? f->width_px / 2 : f->width_px); x++)
				sum = (sum ^ f->plane[p][y * f->stride[p] + x]) * 16777619u;
	return sum;
}

/* Returns what the decoder says; *sum of the picture when it is 1. */
static int decode(struct dh_video_decoder *d, struct dh_packet *p, uint32_t *sum)
{
	struct dh_frame *f = NULL;
	int got = dh_video_decoder_decode(d, p, NULL, &f);
	TST_EQ(f != NULL, got == 1);
	if (got == 1) {
		*sum = sum_of(f);
		TST_EQ(f->pts_us, p->pts_us);
	}
	dh_frame_unref(f);
	return got;
}

static bool make_clip(struct clip *c, int encoder)
{
	struct dh_encoder enc;
	struct live_scene scene;
	struct dh_video_decoder *d = NULL;
	struct dh_err e;
	struct dh_stream s = {.kind = DH_MEDIA_VIDEO, .width_px = 192, .height_px = 112, .fps = 30};
	if (!live_codec_open(&enc, encoders[encoder].name, s, encoders[encoder].settings))
		return false;
	c->codec = encoders[encoder].codec;
	live_scene_init(&scene, 1);
	TST_EQ(dh_video_decoder_create(&d, c->codec, &e), DH_OK);
	for (int i = 0; i < PICTURES; i++) {
		struct dh_frame *f = live_scene_picture(&scene, LIVE_MOTION_PAN, i, s.width_px, s.height_px);
		struct dh_packet *p = NULL;
		TST_EQ(enc.driver->encode(&enc, f, i % GROUP == 0, &p), DH_OK);
		TST_EQ(p->is_key, i % GROUP == 0);
		c->wire[i] = live_codec_on_wire(&enc, p);
		TST_EQ(decode(d, c->wire[i], &c->sum[i]), 1);
		dh_packet_unref(p);
		dh_frame_unref(f);
	}
	dh_video_decoder_destroy(d);
	live_scene_finish(&scene);
	live_codec_close(&enc);
	return true;
}

static void free_clip(struct clip *c)
{
	for (int i = 0; i < PICTURES; i++)
		dh_packet_unref(c->wire[i]);
}

static struct dh_packet *damaged(const struct dh_packet *p, enum damage how, uint32_t *random)
{
	size_t size = how == DAMAGE_CUT ? 1 + next_random(random) % (p->size - 1) : p->size;
	struct dh_packet *out = dh_packet_new(DH_MEDIA_VIDEO, size);
	memcpy(out->data, p->data, size);
	out->is_key = p->is_key;
	out->pts_us = p->pts_us;
	/* of a key frame half of the times what stands before its pictures: parameter sets, headers */
	size_t within = p->is_key && next_random(random) % 2 && size > 60 ? 60 : size;
	for (uint32_t n = how == DAMAGE_FLIP ? 1 + next_random(random) % 4 : 0; n; n--)
		out->data[next_random(random) % within] ^= (uint8_t)(1 + next_random(random) % 255);
	return out;
}

struct count {
	int noticed, spoiled; /* runs in which damage was noticed; pictures after the next key frame that differ */
	int after;            /* pictures that counted as good between notice and key frame */
};

static void run(const struct clip *c, enum damage how, uint32_t seed, struct count *n)
{
	struct dh_video_decoder *d = NULL;
	struct dh_err e;
	uint32_t random = seed * 2654435761u, sum = 0;
	int at = (int)(next_random(&random) % (how == DAMAGE_LOST ? GROUP - 1 : GROUP));
	bool has_noticed = false;
	TST_EQ(dh_video_decoder_create(&d, c->codec, &e), DH_OK);
	for (int i = 0; i < PICTURES; i++) {
		if (i == at && how == DAMAGE_LOST)
			continue;
		struct dh_packet *p = i == at ? damaged(c->wire[i], how, &random) : dh_packet_ref(c->wire[i]);
		int got = decode(d, p, &sum);
		n->after += has_noticed && i < GROUP && got == 1;
		has_noticed |= got < 0;
		n->spoiled += i >= GROUP && (got != 1 || sum != c->sum[i]);
		dh_packet_unref(p);
	}
	n->noticed += has_noticed;
	dh_video_decoder_destroy(d);
}

static void damages(void)
{
	static const char *const names[] = {"flipped", "cut", "lost"};
	for (int e = 0; e < (int)(sizeof(encoders) / sizeof(encoders[0])); e++) {
		struct clip c;
		if (!make_clip(&c, e))
			continue;
		for (enum damage how = 0; how < DAMAGES; how++) {
			struct count n = {0};
			for (uint32_t seed = 0; seed < SEEDS; seed++)
				run(&c, how, seed, &n);
			fprintf(stdout, "# %s, %s: %d of %d noticed, %d shown after that, %d spoiled after a key frame\n",
				encoders[e].name, names[how], n.noticed, SEEDS, n.after, n.spoiled);
			TST_EQ(n.after, 0);
			TST_EQ(n.spoiled, 0);
		}
		free_clip(&c);
	}
	TST_EQ(dh_frame_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

/* A sender may tell its parameter sets once: they stay, until damage or others come. What comes before a key frame is no
 * picture. */
static void sets_once(void)
{
	struct clip c;
	struct dh_video_decoder *d = NULL;
	struct dh_err e;
	uint32_t sum = 0;
	if (!make_clip(&c, 0))
		return;
	struct dh_packet *key = c.wire[GROUP], *bare = NULL;
	size_t at = 0;
	for (int sets = 0; sets < 2; sets++)
		at += 4 + ((size_t)key->data[at + 2] << 8 | key->data[at + 3]);
	bare = dh_packet_new(DH_MEDIA_VIDEO, key->size - at);
	memcpy(bare->data, key->data + at, bare->size);
	bare->is_key = true;
	bare->pts_us = key->pts_us;
	TST_EQ(dh_video_decoder_create(&d, c.codec, &e), DH_OK);
	TST_EQ(decode(d, c.wire[1], &sum), DH_EPROTO);
	for (int i = 0; i < PICTURES; i++) {
		TST_EQ(decode(d, i == GROUP ? bare : c.wire[i], &sum), 1);
		TST_EQ(sum, c.sum[i]);
	}
	dh_packet_unref(bare);
	dh_video_decoder_destroy(d);
	free_clip(&c);
}

TST_MAIN({"parameter sets once", sets_once}, {"damage ends with the next key frame", damages})
