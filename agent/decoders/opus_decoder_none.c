/* A build without libopus; see opus_decoder.h. */
#include "agent/decoders/opus_decoder.h"

int dh_opus_decoder_create(struct dh_opus_decoder **out, struct dh_err *e)
{
	return dh_fail(e, DH_ENOTSUP, "this build has no Opus");
}

void dh_opus_decoder_destroy(struct dh_opus_decoder *d)
{
}

int dh_opus_packet_samples(const uint8_t *packet, size_t bytes)
{
	return DH_EPROTO;
}

int dh_opus_decoder_decode(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int max)
{
	return DH_ENOTSUP;
}

int dh_opus_decoder_fec(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int samples)
{
	return DH_ENOTSUP;
}

int dh_opus_decoder_conceal(struct dh_opus_decoder *d, float *out, int samples)
{
	return DH_ENOTSUP;
}
