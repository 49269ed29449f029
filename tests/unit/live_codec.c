/* See live_codec.h. */
#include "live_codec.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "tst_check.h"

#define SIDE 2048 /* a power of two */

bool live_codec_open(struct dh_encoder *enc, const char *name, struct dh_stream stream, const char *json)
{
	struct dh_err e = {0};
	*enc = (struct dh_encoder){.driver = dh_encoder_driver_find(name, NULL), .stream = stream};
	if (!enc->driver)
		return false;
	cJSON *args = cJSON_Parse(json);
	TST_EQ(dh_args_check(enc->driver->base.params, args, &e), DH_OK);
	enc->priv = dh_alloc(enc->driver->base.priv_size);
	TST_EQ(enc->driver->open(enc, &(struct dh_args){enc->driver->base.params, args}, &e), DH_OK);
	cJSON_Delete(args);
	return true;
}

void live_codec_close(struct dh_encoder *enc)
{
	enc->driver->close(enc);
	free(enc->priv);
}

struct dh_packet *live_codec_on_wire(const struct dh_encoder *enc, struct dh_packet *p)
{
	const uint8_t *x = enc->stream.extradata;
	if (enc->stream.codec != DH_CODEC_H264 || !p->is_key)
		return dh_packet_ref(p);
	size_t sps = (size_t)(x[6] << 8 | x[7]), pps = (size_t)(x[9 + sps] << 8 | x[10 + sps]);
	struct dh_packet *out = dh_packet_new(DH_MEDIA_VIDEO, p->size + sps + pps + 8);
	uint8_t *at = out->data;
	at[0] = at[1] = 0;
	memcpy(at + 2, x + 6, sps + 2);
	at += sps + 4;
	at[0] = at[1] = 0;
	memcpy(at + 2, x + 9 + sps, pps + 2);
	memcpy(at + pps + 4, p->data, p->size);
	out->is_key = true;
	out->pts_us = p->pts_us;
	return out;
}

/* -- pictures -- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

void live_scene_init(struct live_scene *s, uint32_t seed)
{
	s->side_px = SIDE;
	s->grain = dh_alloc((size_t)SIDE * SIDE);
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++) /* edges of many sizes under fine noise */
			s->grain[y * SIDE + x] = (uint8_t)((((x * 5 / 7) ^ (y * 3)) & 63) + 64 + (next_random(&seed) & 63));
}

void live_scene_finish(struct live_scene *s)
{
	free(s->grain);
}

static void find_place(enum live_motion motion, int number, int *x, int *y)
{
	uint32_t random = (uint32_t)number * 2654435761u + 77;
	bool is_moving = motion == LIVE_MOTION_SHAKE || number / 15 % 2;
	*x = number * 7;
	*y = number * 3;
	if (motion == LIVE_MOTION_PAN)
		return;
	*x = is_moving ? (int)next_random(&random) : number / 15 * 333;
	*y = is_moving ? (int)next_random(&random) : number / 15 * 777;
}

struct dh_frame *live_scene_picture(const struct live_scene *s, enum live_motion motion, int number, int width_px,
				    int height_px)
{
	struct dh_frame *f = dh_frame_new_video(width_px, height_px);
	int left, top;
	find_place(motion, number, &left, &top);
	for (int y = 0; y < height_px; y++) {
		const uint8_t *row = s->grain + (size_t)((top + y) & (SIDE - 1)) * SIDE;
		int from = left & (SIDE - 1), first = SIDE - from < width_px ? SIDE - from : width_px;
		memcpy(f->plane[0] + y * f->stride[0], row + from, (size_t)first);
		memcpy(f->plane[0] + y * f->stride[0] + first, row, (size_t)(width_px - first));
	}
	for (int p = 1; p < 3; p++)
		for (int y = 0; y < height_px / 2; y++)
			memcpy(f->plane[p] + y * f->stride[p],
			       s->grain + (size_t)((top / 2 + y + p * 99) & (SIDE - 1)) * SIDE + (left / 2 & (SIDE / 2 - 1)),
			       (size_t)width_px / 2);
	f->pts_us = 1000000 + number * 33333LL;
	return f;
}
