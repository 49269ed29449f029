/* Payloads to H.264 samples: see rtp_h264.h. */
#include "agent/rtc/bytes.h"
#include "agent/rtc/rtp_h264.h"
#include "agent/rtc/rtp_h264_priv.h"
#include "common/err.h"

#include <string.h>

void dh_rtp_h264_unpack_finish(struct dh_rtp_h264_unpack *u)
{
	dh_rtp_assembly_finish(&u->a);
	memset(u, 0, sizeof(*u));
}

static int add_nal(struct dh_rtp_h264_unpack *u, const uint8_t *nal, size_t bytes)
{
	if (!bytes || !(nal[0] & 31) || (nal[0] & 31) > NAL_SINGLE_MAX)
		return DH_EPROTO;
	uint8_t *p = dh_rtp_assembly_add(&u->a, 4 + bytes);
	if (!p)
		return DH_OK; /* broken, as is noted */
	dh_put32(p, (uint32_t)bytes);
	memcpy(p + 4, nal, bytes);
	u->a.is_key |= (nal[0] & 31) == NAL_IDR;
	return DH_OK;
}

static int add_stap(struct dh_rtp_h264_unpack *u, const uint8_t *p, size_t left)
{
	if (left < 3)
		return DH_EPROTO;
	while (left) {
		if (left < 2 || dh_get16(p) > left - 2 || add_nal(u, p + 2, dh_get16(p)))
			return DH_EPROTO;
		left -= 2 + (size_t)dh_get16(p);
		p += 2 + dh_get16(p);
	}
	return DH_OK;
}

static int add_fragment(struct dh_rtp_h264_unpack *u, const uint8_t *p, size_t bytes)
{
	int type = bytes > 2 ? p[1] & 31 : 0;
	bool is_start = bytes > 2 && p[1] & FU_START;
	if (!type || type > NAL_SINGLE_MAX || is_start == u->in_fragment)
		return DH_EPROTO;
	if (is_start) {
		u->fragment_at = u->a.size;
		uint8_t *head = dh_rtp_assembly_add(&u->a, 5);
		if (!head)
			return DH_OK;
		head[4] = (uint8_t)((p[0] & 0xe0) | type);
		u->a.is_key |= type == NAL_IDR;
		u->in_fragment = true;
	}
	uint8_t *to = dh_rtp_assembly_add(&u->a, bytes - 2);
	if (!to) {
		u->in_fragment = false;
		return DH_OK;
	}
	memcpy(to, p + 2, bytes - 2);
	if (p[1] & FU_END) {
		dh_put32(u->a.data + u->fragment_at, (uint32_t)(u->a.size - u->fragment_at - 4));
		u->in_fragment = false;
	}
	return DH_OK;
}

/* Whether a picture can begin so. A slice must be the picture's first: its first field, first_mb_in_slice, is 0, which
 * ue(v) writes as a single 1 bit. Source: ITU-T H.264, 7.3.3, 9.1. */
static bool is_beginning(const uint8_t *p, size_t bytes)
{
	const uint8_t *slice = p + 1, *end = p + bytes;
	int type = p[0] & 31;
	if (type == NAL_STAP_A && bytes > 3) {
		type = p[3] & 31;
		slice = p + 4;
	} else if (type == NAL_FU_A) {
		if (bytes < 3 || !(p[1] & FU_START))
			return false;
		type = p[1] & 31;
		slice = p + 2;
	}
	if (type >= NAL_SLICE && type <= NAL_IDR)
		return slice < end && slice[0] & 0x80;
	return type > NAL_IDR;
}

static int add_payload(struct dh_rtp_h264_unpack *u, const uint8_t *p, size_t bytes)
{
	int type = p[0] & 31;
	if (u->a.is_broken)
		return DH_OK;
	if (type == NAL_FU_A)
		return add_fragment(u, p, bytes);
	if (u->in_fragment)
		return DH_EPROTO; /* the unit before never ended */
	return type == NAL_STAP_A ? add_stap(u, p + 1, bytes - 1) : add_nal(u, p, bytes);
}

static int end(struct dh_rtp_h264_unpack *u, struct dh_rtp_frame *out)
{
	if (u->in_fragment)
		dh_rtp_assembly_break(&u->a);
	u->in_fragment = false;
	return dh_rtp_assembly_end(&u->a, out);
}

int dh_rtp_h264_unpack_push(struct dh_rtp_h264_unpack *u, uint16_t seq, uint32_t timestamp, bool is_marked,
			    const uint8_t *payload, size_t bytes, struct dh_rtp_frame *out)
{
	struct dh_rtp_assembly *a = &u->a;
	if (dh_rtp_assembly_is_late(a, seq))
		return 0;
	if (!bytes) { /* padding only: a probe, of no picture */
		dh_rtp_assembly_packet(a, seq);
		return 0;
	}
	if (a->is_open && a->timestamp != timestamp && u->in_fragment) {
		dh_rtp_assembly_break(a);
		u->in_fragment = false;
	}
	if (dh_rtp_assembly_turn(a, seq, timestamp, out))
		return 2;
	dh_rtp_assembly_packet(a, seq);
	if (!a->is_open) {
		dh_rtp_assembly_open(a, timestamp);
		if (!is_beginning(payload, bytes))
			dh_rtp_assembly_break(a);
	}
	int err = add_payload(u, payload, bytes);
	if (err) {
		dh_rtp_assembly_break(a);
		a->malformed++;
	}
	int got = is_marked ? end(u, out) : 0;
	return err ? err : got;
}
