/* libFuzzer: an RTP packet from a stranger. Whatever is accepted lies inside, survives being written again, and can be
 * sent as a retransmission and back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct dh_rtp_ext_map one = {{0, 4, 3, 2, 13, 1}}, two = {{0, 4, 3, 2, 200, 1}};
	struct dh_rtp_header h, again;
	const uint8_t *payload, *payload2;
	size_t n, n2;
	if (!size)
		return 0;
	const struct dh_rtp_ext_map *map = bytes[0] & 1 ? &one : &two;
	bytes++, size--;
	if (dh_rtp_parse(bytes, size, map, &h, &payload, &n))
		return 0;
	if (payload < bytes || payload + n > bytes + size)
		abort();
	if (!dh_rtp_is_rtp(bytes, size))
		abort();
	uint8_t out[DH_RTP_HEADER_MAX];
	int head = dh_rtp_write(out, sizeof(out), &h, map);
	if (head < 0 || dh_rtp_parse(out, (size_t)head, map, &again, &payload2, &n2) || n2 ||
	    memcmp(&h, &again, sizeof(h)))
		abort();
	uint8_t *copy = malloc(size), *rtx = malloc(size + 2);
	memcpy(copy, bytes, size);
	if (dh_rtp_set_twcc(copy, size, map, 0x5aa5) == 0 &&
	    (dh_rtp_parse(copy, size, map, &again, &payload2, &n2) || !again.has_twcc))
		abort();
	int wrapped = dh_rtp_rtx_wrap(rtx, size + 2, bytes, size, 97, 5, 6);
	if (wrapped > DH_RTP_PACKET_MAX)
		wrapped = 0; /* two bytes too many for the other side */
	else if (wrapped < 0 || dh_rtp_parse(rtx, (size_t)wrapped, map, &again, &payload2, &n2) ||
		 dh_rtp_rtx_unwrap(&again, &payload2, &n2, h.payload_type, h.ssrc) || n2 != n ||
		 memcmp(payload, payload2, n) || memcmp(&h, &again, sizeof(h)))
		abort();
	free(copy);
	free(rtx);
	return 0;
}
