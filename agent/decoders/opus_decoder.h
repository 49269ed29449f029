/* Opus to sound: 48 kHz stereo floats, interleaved. One thread per object. Source: RFC 6716. */
#ifndef DH_DECODERS_OPUS_DECODER_H
#define DH_DECODERS_OPUS_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DH_OPUS_RATE_HZ 48000
#define DH_OPUS_CHANNELS 2
#define DH_OPUS_PACKET_SAMPLES_MAX 5760 /* RFC 6716, 2.1.4: 120 ms */

struct dh_opus_decoder;

/* Errors: DH_ENOMEM, DH_ENOTSUP built without Opus. */
int dh_opus_decoder_create(struct dh_opus_decoder **out, struct dh_err *e);
void dh_opus_decoder_destroy(struct dh_opus_decoder *d); /* NULL is fine */

/* Samples per channel in a packet, or DH_EPROTO.  Source: RFC 6716, 3.1. */
int dh_opus_packet_samples(const uint8_t *packet, size_t bytes);

/* out has room for max samples per channel. Return samples per channel written. Errors: DH_EPROTO, DH_ELIMIT max. */
int dh_opus_decoder_decode(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int max);
/* The packet before this one was lost: what in-band FEC of this one tells of it (samples: of the lost one), or
 * concealment where there is none.  Source: RFC 6716, 2.1.7. */
int dh_opus_decoder_fec(struct dh_opus_decoder *d, const uint8_t *packet, size_t bytes, float *out, int samples);
/* Nothing is known: samples of concealment. */
int dh_opus_decoder_conceal(struct dh_opus_decoder *d, float *out, int samples);

#endif
