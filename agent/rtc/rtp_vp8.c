/* See rtp_vp8.h. */
#include "agent/rtc/rtp_vp8.h"

#include "agent/rtc/bytes.h"
#include "common/err.h"

#include <string.h>

enum { /* RFC 7741, 4.2 */
	BIT_X = 0x80,
	BIT_N = 0x20,
	BIT_S = 0x10,
	PARTITION = 0x07,
	EXT_I = 0x80,
	EXT_L = 0x40,
	EXT_T = 0x20,
	EXT_K = 0x10,
	BIT_M = 0x80,
	BIT_Y = 0x20
};

/* The fields that bit X announces, from p[1] on. Returns the descriptor's bytes; may be more than bytes: malformed. */
static size_t parse_extended(const uint8_t *p, size_t bytes, struct dh_rtp_vp8_info *info)
{
	size_t at = 2;
	if (bytes < 2)
		return at;
	if (p[1] & EXT_I) {
		bool is_long = at < bytes && p[at] & BIT_M;
		info->has_picture_id = true;
		if (at + is_long < bytes)
			info->picture_id = is_long ? dh_get16(p + at) & 0x7fff : p[at];
		at += 1 + (size_t)is_long;
	}
	if (p[1] & EXT_L) {
		info->has_tl0 = true;
		if (at < bytes)
			info->tl0 = p[at];
		at++;
	}
	if (p[1] & (EXT_T | EXT_K)) {
		if (at < bytes) {
			info->has_tid = p[1] & EXT_T;
			info->has_key_index = p[1] & EXT_K;
			info->tid = info->has_tid ? p[at] >> 6 : 0;
			info->is_sync = info->has_tid && p[at] & BIT_Y;
			info->key_index = info->has_key_index ? p[at] & 31 : 0;
		}
		at++;
	}
	return at;
}

int dh_rtp_vp8_parse(const uint8_t *payload, size_t bytes, struct dh_rtp_vp8_info *info, bool *is_start)
{
	struct dh_rtp_vp8_info out = {0};
	if (!bytes)
		return DH_EPROTO;
	size_t at = payload[0] & BIT_X ? parse_extended(payload, bytes, &out) : 1;
	if (at >= bytes)
		return DH_EPROTO;
	out.is_droppable = payload[0] & BIT_N;
	*is_start = payload[0] & BIT_S && !(payload[0] & PARTITION);
	*info = out;
	return (int)at;
}

int dh_rtp_vp8_pack(struct dh_rtp_vp8_pack *p, const uint8_t *picture, size_t size, const struct dh_rtp_vp8_info *info,
		    size_t max_bytes)
{
	uint8_t *d = p->descriptor;
	size_t at = 2;
	if (!size || max_bytes < DH_RTP_VP8_PAYLOAD_MIN)
		return DH_EINVAL;
	if (info->picture_id > 0x7fff || info->tid > 3 || info->key_index > 31)
		return DH_EINVAL;
	memset(p, 0, sizeof(*p));
	p->at = picture;
	p->left = size;
	p->max_bytes = max_bytes;
	d[0] = info->is_droppable ? BIT_N : 0;
	if (info->has_picture_id) {
		d[1] |= EXT_I;
		dh_put16(d + at, (uint16_t)(BIT_M << 8 | info->picture_id));
		at += 2;
	}
	if (info->has_tl0) {
		d[1] |= EXT_L;
		d[at++] = info->tl0;
	}
	if (info->has_tid || info->has_key_index) {
		d[1] |= (uint8_t)((info->has_tid ? EXT_T : 0) | (info->has_key_index ? EXT_K : 0));
		d[at++] = (uint8_t)((info->has_tid ? info->tid << 6 | (info->is_sync ? BIT_Y : 0) : 0) |
				    (info->has_key_index ? info->key_index : 0));
	}
	if (d[1])
		d[0] |= BIT_X;
	p->descriptor_bytes = d[1] ? at : 1;
	return DH_OK;
}

size_t dh_rtp_vp8_pack_next(struct dh_rtp_vp8_pack *p, uint8_t *out, bool *is_last)
{
	if (!p->left)
		return 0;
	size_t room = p->max_bytes - p->descriptor_bytes, packets = (p->left + room - 1) / room;
	size_t n = (p->left + packets - 1) / packets; /* all about equally large */
	memcpy(out, p->descriptor, p->descriptor_bytes);
	if (!p->has_begun)
		out[0] |= BIT_S; /* RFC 7741, 4.2: partitions that are not told apart all count as 0, so S once */
	p->has_begun = true;
	memcpy(out + p->descriptor_bytes, p->at, n);
	p->at += n;
	p->left -= n;
	*is_last = !p->left;
	return p->descriptor_bytes + n;
}

void dh_rtp_vp8_unpack_finish(struct dh_rtp_vp8_unpack *u)
{
	dh_rtp_assembly_finish(&u->a);
}

int dh_rtp_vp8_unpack_push(struct dh_rtp_vp8_unpack *u, uint16_t seq, uint32_t timestamp, bool is_marked,
			   const uint8_t *payload, size_t bytes, struct dh_rtp_frame *out)
{
	struct dh_rtp_assembly *a = &u->a;
	struct dh_rtp_vp8_info info;
	bool is_start = false;
	if (dh_rtp_assembly_is_late(a, seq))
		return 0;
	if (!bytes) { /* padding only: a probe, of no picture */
		dh_rtp_assembly_packet(a, seq);
		return 0;
	}
	if (dh_rtp_assembly_turn(a, seq, timestamp, out))
		return 2;
	dh_rtp_assembly_packet(a, seq);
	bool is_new = !a->is_open;
	if (is_new)
		dh_rtp_assembly_open(a, timestamp);
	int head = dh_rtp_vp8_parse(payload, bytes, &info, &is_start);
	if (head < 0 || is_start != is_new)
		dh_rtp_assembly_break(a);
	if (head < 0)
		a->malformed++;
	if (is_new && head > 0) {
		u->info = info;
		a->is_key = !(payload[head] & 1); /* RFC 7741, 4.3: P */
	}
	uint8_t *to = a->is_broken ? NULL : dh_rtp_assembly_add(a, bytes - (size_t)head);
	if (to)
		memcpy(to, payload + head, bytes - (size_t)head);
	int got = is_marked ? dh_rtp_assembly_end(a, out) : 0;
	return head < 0 ? head : got;
}
