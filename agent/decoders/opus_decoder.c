/* See opus_decoder.h. */
#include "agent/decoders/opus_decoder.h"

#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

struct dh_opus_decoder {
	OpusDecoder *h;
};

int dh_opus_decoder_create(struct dh_opus_decoder **out, struct dh_err *e)
{
	int err;
	OpusDecoder *h = opus_decoder_create(DH_OPUS_RATE_HZ, DH_OPUS_CHANNELS, &err);
	if (!h)
		return dh_fail(e, DH_ENOMEM, "libopus: %s", opus_strerror(err));
	struct dh_opus_decoder *d = dh_alloc(sizeof(*d));
	d->h = h;
	*out = d;
	return DH_OK;
}

void dh_opus_decoder_destroy(struct dh_opus_decoder *d)
{
	if (!d)
		return;
	opus_decoder_destroy(d->h);
	free(d);
}

int dh_opus_packet_samples(const uint8_t *packet, size_t bytes)
{
	int n = bytes > 0 && bytes < 65536 ? opus_packet_get_nb_samples(packet, (opus_int32)bytes, DH_OPUS_RATE_HZ) : -1;
	return n > 0 ? n : DH_EPROTO;
}

static int decode(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int samples, bool is_fec)
{
	int n = opus_decode_float(d->h, packet, (opus_int32)bytes, out, samples, is_fec);
	return n > 0 ? n : n == OPUS_BUFFER_TOO_SMALL ? DH_ELIMIT : DH_EPROTO;
}

int dh_opus_decoder_decode(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int max)
{
	int n = dh_opus_packet_samples(packet, bytes);
	if (n < 0 || n > max)
		return n < 0 ? n : DH_ELIMIT;
	return decode(d, packet, bytes, out, max, false);
}

int dh_opus_decoder_fec(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int samples)
{
	int n = dh_opus_packet_samples(packet, bytes);
	return n < 0 ? n : decode(d, packet, bytes, out, samples, true);
}

int dh_opus_decoder_conceal(struct dh_opus_decoder *d, float *out, int samples)
{
	return decode(d, NULL, 0, out, samples, false);
}
