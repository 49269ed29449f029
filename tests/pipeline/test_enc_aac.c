/* AAC: what goes in at a time comes out of a decoder at that time; parameters, durations, drain. */
#include <libavcodec/avcodec.h>
#include <stdlib.h>

#include "agent/media/drivers.gen.h"
#include "agent/media/mixer.h"
#include "common/alloc.h"
#include "tests/sound_meter.h"
#include "tests/unit/tst.h"

extern const struct dh_encoder_driver dh_enc_aac;

#define START_US 7000000123LL

struct coder {
	struct dh_encoder enc;
	AVCodecContext *decoder;
	int64_t first_us, next_us, bytes; /* pts of the first packet; where the next should begin */
	int packets;
	float sound[200 * DH_MIX_CHUNK]; /* decoded, left */
	int count;
};

static int coder_open(struct coder *c, const char *json, struct dh_err *e)
{
	memset(c, 0, sizeof(*c));
	cJSON *options = json ? cJSON_Parse(json) : NULL;
	struct dh_args args = {dh_enc_aac.base.params, options};
	c->enc.driver = &dh_enc_aac;
	c->enc.priv = dh_alloc(dh_enc_aac.base.priv_size);
	c->enc.stream = (struct dh_stream){.kind = DH_MEDIA_AUDIO, .rate_hz = DH_MIX_RATE_HZ, .channels = DH_MIX_CHANNELS,
					   .frame_samples = DH_MIX_CHUNK};
	int err = dh_args_check(args.params, options, e);
	if (!err)
		err = dh_enc_aac.open(&c->enc, &args, e);
	cJSON_Delete(options);
	if (err) {
		free(c->enc.priv);
		return err;
	}
	c->decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
	c->decoder->extradata = av_mallocz((size_t)c->enc.stream.extradata_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
	c->decoder->extradata_size = c->enc.stream.extradata_bytes;
	memcpy(c->decoder->extradata, c->enc.stream.extradata, (size_t)c->decoder->extradata_size);
	TST_EQ(avcodec_open2(c->decoder, NULL, NULL), 0);
	return DH_OK;
}

static void coder_close(struct coder *c)
{
	dh_enc_aac.close(&c->enc);
	free(c->enc.priv);
	avcodec_free_context(&c->decoder);
	TST_EQ(dh_packet_live_count(), 0);
}

static void decode(struct coder *c, struct dh_packet *p)
{
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	packet->data = p->data;
	packet->size = (int)p->size;
	TST_EQ(avcodec_send_packet(c->decoder, packet), 0);
	while (!avcodec_receive_frame(c->decoder, frame)) {
		TST_EQ(frame->sample_rate, DH_MIX_RATE_HZ);
		TST_EQ(frame->ch_layout.nb_channels, 2);
		memcpy(c->sound + c->count, frame->extended_data[0], sizeof(float) * (size_t)frame->nb_samples);
		c->count += frame->nb_samples;
	}
	av_frame_free(&frame);
	av_packet_free(&packet);
}

/* Encode one chunk (NULL: what is left), check its packets' times and decode them. */
static void feed(struct coder *c, struct dh_frame *f)
{
	struct dh_packet *p = NULL;
	while (dh_enc_aac.encode(&c->enc, f, false, &p) == DH_OK) {
		if (!c->packets++)
			c->first_us = c->next_us = p->pts_us;
		TST_EQ(p->pts_us, c->next_us);
		TST_EQ(p->dts_us, p->pts_us);
		TST_CHECK(p->duration_us == 21333 || p->duration_us == 21334);
		TST_CHECK(p->is_key && p->kind == DH_MEDIA_AUDIO);
		c->next_us = p->pts_us + p->duration_us;
		c->bytes += (int64_t)p->size;
		decode(c, p);
		dh_packet_unref(p);
		if (f)
			break;
	}
}

static struct dh_frame *chunk(int n, double hz)
{
	struct dh_frame *f = dh_frame_new_audio(DH_MIX_CHUNK, 2, DH_MIX_RATE_HZ);
	f->pts_us = START_US + (n * 64000LL + 1) / 3;
	for (int i = 0; i < 2 * DH_MIX_CHUNK; i++)
		f->samples[i] = 0.5f * (float)sin(2 * M_PI * fmod(hz * (n * DH_MIX_CHUNK + i / 2) / DH_MIX_RATE_HZ, 1));
	return f;
}

static void keeps_time(void)
{
	static struct coder c;
	struct dh_err e = {0};
	TST_EQ(coder_open(&c, NULL, &e), DH_OK);
	const struct dh_stream *s = &c.enc.stream;
	TST_EQ(s->codec, DH_CODEC_AAC);
	TST_EQ(s->priming_samples, 1024);
	TST_EQ(s->frame_samples, 1024);
	/* ISO/IEC 14496-3, 1.6.2.1: object type 2 (LC), rate index 3 (48 kHz), 2 channels */
	TST_CHECK(s->extradata_bytes >= 2 && s->extradata[0] == 0x11 && s->extradata[1] == 0x90);
	for (int n = 0; n < 140; n++) {
		struct dh_frame *f = chunk(n, 997);
		feed(&c, f);
		dh_frame_unref(f);
	}
	feed(&c, NULL);
	TST_EQ(c.packets, 141);
	TST_EQ(c.first_us, START_US - 21333);
	TST_EQ(c.next_us, START_US + (140 * 64000 + 1) / 3);
	TST_EQ(c.count, 141 * 1024);
	/* past the priming, decoded sample k is the sample k that went in */
	const float *heard = c.sound + s->priming_samples;
	struct sound_fit fit = sound_fit(heard + 4800, 96000, 1, 997, DH_MIX_RATE_HZ);
	double lag = remainder(atan2(fit.cosine, fit.sine) - 2 * M_PI * fmod(997 * 0.1, 1), 2 * M_PI) / (2 * M_PI * 997);
	fprintf(stdout, "# lag %.2f us, level %.3f dB, rest %.1f dB\n", lag * 1e6, 20 * log10(fit.peak / 0.5),
		sound_distortion_db(&fit));
	TST_CHECK(fabs(lag) < 2e-6);
	TST_CHECK(fabs(20 * log10(fit.peak / 0.5)) < 0.1);
	TST_CHECK(sound_distortion_db(&fit) < -40);
	double kbps = (double)c.bytes * 8 / (141 * 1024.0 / 48);
	TST_CHECK(kbps > 20 && kbps < 135);
	coder_close(&c);
	TST_EQ(dh_frame_live_count(), 0);
}

/* After the drain, and where chunks are missing, the times are those of the chunks. */
static void goes_on_after_a_drain(void)
{
	static struct coder c;
	struct dh_err e = {0};
	TST_EQ(coder_open(&c, "{\"bitrate_kbps\":64,\"coder\":\"fast\"}", &e), DH_OK);
	for (int n = 0; n < 40; n++) {
		struct dh_frame *f = chunk(n, 440);
		feed(&c, f);
		dh_frame_unref(f);
		if (n == 19) {
			feed(&c, NULL);
			c.next_us -= 21333; /* the new start brings its own priming */
		} else if (n == 29) {
			n += 10;
			feed(&c, NULL);
			c.next_us = START_US + (40 * 64000LL + 1) / 3 - 21333;
			f = chunk(40, 440);
			feed(&c, f);
			dh_frame_unref(f);
		}
	}
	TST_CHECK(c.packets > 30);
	struct dh_frame *f = dh_frame_new_audio(100, 2, DH_MIX_RATE_HZ);
	struct dh_packet *p = NULL;
	TST_EQ(dh_enc_aac.encode(&c.enc, f, false, &p), DH_EINVAL);
	dh_frame_unref(f);
	coder_close(&c);
	TST_EQ(coder_open(&c, "{\"bitrate_kbps\":8}", &e), DH_EINVAL);
	TST_STR(e.text, "bitrate_kbps is 8, must be 32 to 320 kbit/s");
}

TST_MAIN({"keeps time", keeps_time}, {"goes on after a drain", goes_on_after_a_drain})
