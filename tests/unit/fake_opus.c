/* See fake_opus.h. */
#include "fake_opus.h"

#include "agent/decoders/opus_decoder.h"
#include "common/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 960, TOC = 1 << 3, FEC = 0x40 }; /* SILK, 20 ms, mono, one frame; its LBRR flag */

struct dh_opus_decoder {
	int64_t at;
	double hz;
};

double fake_opus_hz = 440;
int fake_opus_concealed;

size_t fake_opus_packet(uint8_t *out, int64_t at, int has_fec)
{
	out[0] = TOC;
	out[1] = has_fec ? FEC : 0;
	memcpy(out + 2, &at, sizeof(at));
	return 2 + sizeof(at);
}

int dh_opus_decoder_create(struct dh_opus_decoder **out, struct dh_err *e)
{
	*out = dh_alloc(sizeof(**out));
	return DH_OK;
}

void dh_opus_decoder_destroy(struct dh_opus_decoder *d)
{
	free(d);
}

int dh_opus_packet_samples(const uint8_t *packet, size_t bytes)
{
	return packet[0] == TOC ? SAMPLES : DH_EPROTO;
}

static int play(struct dh_opus_decoder *d, int64_t at, float *out, int samples)
{
	for (int i = 0; i < samples; i++)
		out[2 * i] = out[2 * i + 1] =
			(float)(FAKE_OPUS_LEVEL * sin(2 * M_PI * fmod(d->hz * (double)(at + i) / DH_OPUS_RATE_HZ, 1)));
	d->at = at + samples;
	return samples;
}

int dh_opus_decoder_decode(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int max)
{
	int64_t at = d->at;
	if (bytes > 2) {
		d->hz = fake_opus_hz;
		memcpy(&at, packet + 2, sizeof(at));
		return play(d, at, out, SAMPLES);
	}
	play(d, at, out, SAMPLES); /* a pause begins: the sine fades */
	for (int i = 0; i < 2 * SAMPLES; i++)
		out[i] *= 1 - (float)(i / 2) / SAMPLES;
	d->hz = 0;
	return SAMPLES;
}

int dh_opus_decoder_fec(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int samples)
{
	int64_t at;
	memcpy(&at, packet + 2, sizeof(at));
	return play(d, at - samples, out, samples);
}

int dh_opus_decoder_conceal(struct dh_opus_decoder *d, float *out, int samples)
{
	fake_opus_concealed += samples;
	return play(d, d->at, out, samples);
}
