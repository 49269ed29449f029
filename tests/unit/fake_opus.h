/* An Opus decoder that plays a sine by the sample numbers written in its packets, so that a test sees each seam. */
#ifndef DH_TEST_FAKE_OPUS_H
#define DH_TEST_FAKE_OPUS_H

#include <stddef.h>
#include <stdint.h>

#define FAKE_OPUS_LEVEL 0.5

extern double fake_opus_hz;     /* of the sine; 0: silence */
extern int fake_opus_concealed; /* samples asked for without a packet */

/* A packet of 20 ms that begins with sample number at; told: it carries what the one before was. Returns its bytes. */
size_t fake_opus_packet(uint8_t *out, int64_t at, int has_fec);

#endif
