/* The codecs of live tracks, there and back: pictures stay legible, rates are followed, key frames come when asked for
 * and not else, FEC repairs, and what is damaged is refused or survives. */
#include <math.h>
#include <stdlib.h>

#include "agent/decoders/opus_decoder.h"
#include "agent/decoders/video_decoder.h"
#include "agent/sources/pattern_code.h"
#include "live_codec.h"
#include "tst.h"

#define W 640
#define H 360

static struct dh_encoder enc;
static const struct dh_stream pictures_stream = {.kind = DH_MEDIA_VIDEO, .width_px = W, .height_px = H, .fps = 30};
static const struct dh_stream sound_stream = {.kind = DH_MEDIA_AUDIO, .rate_hz = 48000, .channels = 2};

/* A picture with grain that moves and its number painted in. */
static struct dh_frame *picture(int number)
{
	struct dh_frame *f = dh_frame_new_video(W, H);
	uint32_t random = 5;
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			random = random * 1664525u + 1013904223u;
			f->plane[0][y * f->stride[0] + (x + number * 3) % W] = (uint8_t)(90 + x / 8 + (random >> 28));
		}
	for (int p = 1; p < 3; p++)
		for (int y = 0; y < H / 2; y++)
			memset(f->plane[p] + y * f->stride[p], 120 + p * 8, W / 2);
	f->pts_us = number * 33333LL;
	dh_pattern_paint(f, &(struct dh_pattern_mark){(uint32_t)number, f->pts_us});
	return f;
}

static double psnr(const struct dh_frame *a, const struct dh_frame *b)
{
	double sum = 0;
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			int d = a->plane[0][y * a->stride[0] + x] - b->plane[0][y * b->stride[0] + x];
			sum += d * d;
		}
	return sum > 0 ? 10 * log10(255.0 * 255 * W * H / sum) : 99;
}

static void there_and_back(const char *name, enum dh_codec codec, const char *json)
{
	struct dh_video_decoder *d = NULL;
	struct dh_err e;
	double worst = 99;
	int keys = 0, shown = 0, legible = 0;
	if (!live_codec_open(&enc, name, pictures_stream, json))
		return;
	TST_EQ(dh_video_decoder_create(&d, codec, &e), DH_OK);
	for (int i = 0; i < 60; i++) {
		struct dh_frame *in = picture(i), *out = NULL;
		struct dh_packet *p = NULL;
		TST_EQ(enc.driver->encode(&enc, in, i == 30, &p), DH_OK); /* one in, one out */
		keys += p->is_key;
		TST_EQ(p->is_key, i == 0 || i == 30);
		struct dh_packet *wire = live_codec_on_wire(&enc, p);
		if (dh_video_decoder_decode(d, wire, NULL, &out) == 1) {
			struct dh_pattern_mark mark = {0};
			double q = psnr(in, out);
			worst = q < worst ? q : worst;
			shown++;
			legible += !dh_pattern_read(out, NULL, &mark) && mark.number == (uint32_t)i;
			TST_EQ(out->pts_us, in->pts_us);
			dh_frame_unref(out);
		}
		dh_packet_unref(wire);
		dh_packet_unref(p);
		dh_frame_unref(in);
	}
	fprintf(stdout, "# %s: worst picture %.1f dB\n", name, worst);
	TST_EQ(keys, 2);
	TST_EQ(shown, 60);
	TST_EQ(legible, 60);
	TST_CHECK(worst > 28);
	dh_video_decoder_destroy(d);
	live_codec_close(&enc);
}

static void pictures(void)
{
	there_and_back("x264", DH_CODEC_H264,
		       "{\"profile\":\"baseline\",\"bitrate_kbps\":2500,\"buffer_ms\":300,\"key_interval_ms\":600000}");
	there_and_back("openh264", DH_CODEC_H264, "{\"bitrate_kbps\":2500,\"buffer_ms\":300,\"key_interval_ms\":600000}");
	there_and_back("vp8", DH_CODEC_VP8, "{\"bitrate_kbps\":2500,\"key_interval_ms\":600000}");
}

/* Kilobits of a second of pictures at a rate, after half a second to get there. */
static double second_at(int *number, int64_t bps)
{
	double bits = 0;
	TST_EQ(enc.driver->set_bitrate(&enc, bps), DH_OK);
	for (int i = 0; i < 45; i++) {
		struct dh_frame *in = picture((*number)++);
		struct dh_packet *p = NULL;
		TST_EQ(enc.driver->encode(&enc, in, false, &p), DH_OK);
		bits += i >= 15 ? 8.0 * (double)p->size : 0;
		dh_packet_unref(p);
		dh_frame_unref(in);
	}
	return bits / 1000;
}

static void rates(void)
{
	static const char *const names[] = {"x264", "openh264", "vp8"};
	for (int i = 0; i < 3; i++) {
		int number = 0;
		static const char *const json[] = {
			"{\"profile\":\"baseline\",\"bitrate_kbps\":1500,\"buffer_ms\":300,\"key_interval_ms\":600000}",
			"{\"bitrate_kbps\":1500,\"buffer_ms\":300,\"key_interval_ms\":600000}",
			"{\"bitrate_kbps\":1500,\"key_interval_ms\":600000}"};
		if (!live_codec_open(&enc, names[i], pictures_stream, json[i]))
			continue;
		double high = second_at(&number, 1500000), low = second_at(&number, 150000);
		double again = second_at(&number, 1200000);
		fprintf(stdout, "# %s: %.0f, %.0f, %.0f kbit in a second at 1500, 150, 1200\n", names[i], high, low, again);
		/* x264 stops at a quality that needs no more: it may stay below */
		TST_CHECK(high < 1800 && low < 230 && low > 60 && again < 1450 && again > 1.2 * low);
		TST_EQ(enc.driver->set_bitrate(&enc, 0), DH_EINVAL);
		live_codec_close(&enc);
	}
}

static void damaged_pictures(void)
{
	struct dh_video_decoder *d = NULL;
	struct dh_err e;
	uint32_t random = 3;
	TST_EQ(dh_video_decoder_create(&d, DH_CODEC_AAC, &e), DH_ENOTSUP);
	TST_EQ(dh_video_decoder_create(&d, DH_CODEC_H264, &e), DH_OK);
	if (!live_codec_open(&enc, "x264", pictures_stream,
			  "{\"profile\":\"baseline\",\"bitrate_kbps\":1500}"))
		return;
	int refused = 0;
	for (int i = 0; i < 100; i++) {
		struct dh_frame *in = picture(i), *out = NULL;
		struct dh_packet *p = NULL;
		TST_EQ(enc.driver->encode(&enc, in, true, &p), DH_OK);
		struct dh_packet *wire = live_codec_on_wire(&enc, p);
		random = random * 1664525u + 1013904223u;
		if (i % 2)
			wire->size = random % wire->size;
		else
			wire->data[random % wire->size] ^= 0x55;
		int got = dh_video_decoder_decode(d, wire, NULL, &out);
		refused += got < 0;
		if (got == 1)
			dh_frame_unref(out);
		dh_packet_unref(wire);
		dh_packet_unref(p);
		dh_frame_unref(in);
	}
	TST_CHECK(refused > 50);
	live_codec_close(&enc);
	dh_video_decoder_destroy(d);
	TST_EQ(dh_frame_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

/* -- sound -- */

static struct dh_frame *voice(int number, bool is_silent)
{
	struct dh_frame *f = dh_frame_new_audio(960, 2, 48000);
	for (int i = 0; i < 960; i++) {
		double t = (number * 960 + i) / 48000.0, beat = 0.6 + 0.4 * sin(2 * M_PI * 3 * t);
		double v = is_silent ? 0 : beat * (0.2 * sin(2 * M_PI * 180 * t) + 0.1 * sin(2 * M_PI * 560 * t));
		f->samples[2 * i] = f->samples[2 * i + 1] = (float)v;
	}
	f->pts_us = number * 20000LL;
	return f;
}

#define PACKETS 100

static double energy_of_difference(const float *a, const float *b, int samples)
{
	double sum = 0;
	for (int i = 0; i < samples * 2; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

/* The energy by which the lost packet, every tenth, differs from what would have come; 0 none, 1 concealed, 2 by FEC. */
static double lose(struct dh_packet *const *packets, const float *whole, int how)
{
	struct dh_opus_decoder *d = NULL;
	struct dh_err e;
	float out[2 * 960];
	double error = 0;
	TST_EQ(dh_opus_decoder_create(&d, &e), DH_OK);
	for (int i = 0; i < PACKETS - 1; i++) {
		if (i % 10 == 9 && how == 1)
			TST_EQ(dh_opus_decoder_conceal(d, out, 960), 960);
		else if (i % 10 == 9)
			TST_EQ(dh_opus_decoder_fec(d, packets[i + 1]->data, packets[i + 1]->size, out, 960), 960);
		else
			TST_EQ(dh_opus_decoder_decode(d, packets[i]->data, packets[i]->size, out, 960), 960);
		if (i % 10 == 9)
			error += energy_of_difference(out, whole + i * 2 * 960, 960);
	}
	dh_opus_decoder_destroy(d);
	return error;
}

static void sound(void)
{
	static float whole[PACKETS * 2 * 960];
	struct dh_packet *packets[PACKETS] = {0};
	struct dh_opus_decoder *d = NULL;
	struct dh_err e;
	if (!live_codec_open(&enc, "opus", sound_stream, "{}"))
		return;
	TST_EQ(enc.driver->set_loss(&enc, 20), DH_OK);
	TST_EQ(dh_opus_decoder_create(&d, &e), DH_OK);
	for (int i = 0; i < PACKETS; i++) {
		struct dh_frame *f = voice(i, false);
		TST_EQ(enc.driver->encode(&enc, f, false, &packets[i]), DH_OK);
		TST_EQ(dh_opus_packet_samples(packets[i]->data, packets[i]->size), 960);
		TST_EQ(dh_opus_decoder_decode(d, packets[i]->data, packets[i]->size, whole + i * 2 * 960, 960), 960);
		dh_frame_unref(f);
	}
	double concealed = lose(packets, whole, 1), repaired = lose(packets, whole, 2);
	fprintf(stdout, "# what is lost differs by %.3f concealed, %.3f repaired\n", concealed, repaired);
	TST_CHECK(repaired < concealed / 2);
	float out[2 * 960];
	TST_EQ(dh_opus_decoder_decode(d, packets[0]->data, packets[0]->size, out, 480), DH_ELIMIT);
	TST_EQ(dh_opus_decoder_decode(d, packets[0]->data, 0, out, 960), DH_EPROTO);
	TST_EQ(enc.driver->set_bitrate(&enc, 1LL << 33), DH_EINVAL);
	for (int i = 0; i < PACKETS; i++)
		dh_packet_unref(packets[i]);
	dh_opus_decoder_destroy(d);
	live_codec_close(&enc);
}

static void silence(void)
{
	int sent = 0;
	if (!live_codec_open(&enc, "opus", sound_stream, "{\"dtx\":true}"))
		return;
	for (int i = 0; i < PACKETS; i++) {
		struct dh_frame *f = voice(i, true);
		struct dh_packet *p = NULL;
		sent += !enc.driver->encode(&enc, f, false, &p);
		dh_packet_unref(p);
		dh_frame_unref(f);
	}
	TST_CHECK(sent < PACKETS / 3);
	live_codec_close(&enc);
}

TST_MAIN({"pictures there and back", pictures}, {"rates are followed", rates}, {"damaged pictures", damaged_pictures},
	 {"sound, and what is lost of it", sound}, {"silence is not sent", silence})
