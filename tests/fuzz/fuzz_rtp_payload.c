/* libFuzzer: payloads of H.264 and VP8 from a stranger, and samples of ours with lengths that lie. The first byte chooses;
 * then each packet is: flags, size, bytes. What comes out whole must be sound, and go there and back unchanged. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/rtp_h264.h"
#include "agent/rtc/rtp_vp8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A sample that was put together can be taken apart; what arrives then is a whole sample again. */
static void h264_again(const uint8_t *sample, size_t size, int mode, size_t max)
{
	struct dh_rtp_h264_unpack u = {0};
	struct dh_rtp_h264_pack p;
	struct dh_rtp_frame f;
	uint8_t out[1500];
	bool is_last = false;
	uint16_t seq = 0;
	size_t n;
	if (dh_rtp_h264_pack(&p, sample, size, NULL, 0, mode, max))
		return;
	while ((n = dh_rtp_h264_pack_next(&p, out, &is_last)) > 0) {
		if (n > max)
			abort();
		if (dh_rtp_h264_unpack_push(&u, seq++, 1, is_last, out, n, &f) > 0 && (!is_last || f.size > size))
			abort();
	}
	if (!is_last)
		abort();
	dh_rtp_h264_unpack_finish(&u);
}

static void check_h264(const struct dh_rtp_frame *f)
{
	uint8_t *copy = malloc(f->size);
	memcpy(copy, f->data, f->size);
	if (dh_rtp_h264_to_annex_b(copy, f->size))
		abort();
	free(copy);
	h264_again(f->data, f->size, 1, 100);
}

static void packets(const uint8_t *bytes, size_t size, bool is_vp8)
{
	struct dh_rtp_h264_unpack h = {0};
	struct dh_rtp_vp8_unpack v = {0};
	struct dh_rtp_frame f;
	uint16_t seq = 0;
	uint32_t timestamp = 0;
	for (size_t at = 0; at + 2 <= size;) {
		uint8_t flags = bytes[at];
		size_t n = bytes[at + 1];
		at += 2;
		n = n > size - at ? size - at : n;
		seq = (uint16_t)(seq + (flags >> 4 & 3));
		timestamp += flags >> 1 & 3;
		for (int got = 2, turns = 0; got == 2; turns++) {
			if (turns == 2)
				abort(); /* one packet ends one picture */
			got = is_vp8 ? dh_rtp_vp8_unpack_push(&v, seq, timestamp, flags & 1, bytes + at, n, &f)
				     : dh_rtp_h264_unpack_push(&h, seq, timestamp, flags & 1, bytes + at, n, &f);
			if (got > 0 && (!f.size || f.size > 5 * size))
				abort();
			if (got > 0 && !is_vp8)
				check_h264(&f);
		}
		at += n;
		seq++;
	}
	dh_rtp_h264_unpack_finish(&h);
	dh_rtp_vp8_unpack_finish(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return 0;
	uint8_t kind = bytes[0] & 3;
	if (kind == 2) {
		h264_again(bytes + 1, size - 1, bytes[0] >> 2 & 1, 64 + bytes[0]);
	} else if (kind == 3) {
		struct dh_rtp_h264_pack p;
		static const uint8_t idr[] = {0, 0, 0, 2, 0x65, 0x88};
		uint8_t out[70000];
		bool is_last;
		if (!dh_rtp_h264_pack(&p, idr, sizeof(idr), bytes + 1, size - 1, 1, 200))
			while (dh_rtp_h264_pack_next(&p, out, &is_last))
				;
	} else {
		packets(bytes + 1, size - 1, kind);
	}
	return 0;
}
