/* See rtp_ext.h. */
#include "agent/rtc/rtp_ext.h"

#include "agent/rtc/bytes.h"
#include "common/err.h"

#include <string.h>

#define PROFILE_ONE_BYTE 0xbede /* RFC 8285, 4.2 */
#define PROFILE_TWO_BYTE 0x1000 /* RFC 8285, 4.3: the low four bits are the application's */

static const char *const uris[DH_RTP_EXT_COUNT] = {
	[DH_RTP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
	[DH_RTP_EXT_TWCC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	[DH_RTP_EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	[DH_RTP_EXT_ABS_CAPTURE_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
	[DH_RTP_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	[DH_RTP_EXT_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
};

enum dh_rtp_ext dh_rtp_ext_from_uri(const char *uri)
{
	for (int i = 1; i < DH_RTP_EXT_COUNT; i++)
		if (!strcmp(uri, uris[i]))
			return (enum dh_rtp_ext)i;
	return DH_RTP_EXT_NONE;
}

const char *dh_rtp_ext_uri(enum dh_rtp_ext ext)
{
	return (int)ext > 0 && (int)ext < DH_RTP_EXT_COUNT ? uris[ext] : NULL;
}

int dh_rtp_ext_next(const uint8_t *data, const struct dh_rtp_layout *l, size_t *at, struct dh_rtp_ext_item *item)
{
	size_t end = l->ext + l->ext_bytes;
	bool is_two_byte = (l->profile & 0xfff0) == PROFILE_TWO_BYTE;
	if (!is_two_byte && l->profile != PROFILE_ONE_BYTE)
		return 0; /* some other profile's data: not ours to read */
	while (*at < end && !data[*at])
		++*at; /* padding between elements */
	if (*at >= end)
		return 0;
	if (is_two_byte) {
		if (end - *at < 2)
			return DH_EPROTO;
		*item = (struct dh_rtp_ext_item){data[*at], *at + 2, data[*at + 1]};
	} else {
		if (data[*at] >> 4 == 15 || data[*at] >> 4 == 0)
			return 0; /* RFC 8285, 4.2: 15, and 0 with a length, end all */
		*item = (struct dh_rtp_ext_item){data[*at] >> 4, *at + 1, (size_t)(data[*at] & 15) + 1};
	}
	if (item->bytes > end - item->at)
		return DH_EPROTO;
	*at = item->at + item->bytes;
	return 1;
}

static void read_mid(struct dh_rtp_header *h, const uint8_t *value, size_t bytes)
{
	if (!bytes || bytes > DH_RTP_MID_MAX)
		return;
	for (size_t i = 0; i < bytes; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return;
	memset(h->mid, 0, sizeof(h->mid)); /* a second one replaces the first wholly */
	memcpy(h->mid, value, bytes);
}

void dh_rtp_ext_read(struct dh_rtp_header *h, const struct dh_rtp_ext_map *map, uint8_t id, const uint8_t *value,
		     size_t bytes)
{
	if (!id)
		return;
	if (id == map->id[DH_RTP_EXT_MID]) {
		read_mid(h, value, bytes);
	} else if (id == map->id[DH_RTP_EXT_TWCC] && bytes == 2) {
		h->has_twcc = true;
		h->twcc = dh_get16(value);
	} else if (id == map->id[DH_RTP_EXT_ABS_SEND_TIME] && bytes == 3) {
		h->has_abs_send_time = true;
		h->abs_send_time = dh_get24(value);
	} else if (id == map->id[DH_RTP_EXT_ABS_CAPTURE_TIME] && (bytes == 8 || bytes == 16)) {
		h->has_capture_time = true;
		h->capture_time = dh_get64(value);
		h->has_capture_offset = bytes == 16;
		h->capture_offset = bytes == 16 ? (int64_t)dh_get64(value + 8) : 0;
	} else if (id == map->id[DH_RTP_EXT_AUDIO_LEVEL] && bytes == 1) {
		h->has_audio_level = true;
		h->is_voice = value[0] >> 7;
		h->audio_level = value[0] & 127;
	} else if (id == map->id[DH_RTP_EXT_PLAYOUT_DELAY] && bytes == 3) {
		uint32_t both = dh_get24(value); /* twelve bits each, in steps of 10 ms */
		h->has_playout_delay = true;
		h->playout_min_ms = (uint16_t)((both >> 12) * 10);
		h->playout_max_ms = (uint16_t)((both & 4095) * 10);
	}
}

/* An element to be written; bytes 0: absent. */
struct element {
	uint8_t id, bytes, value[16];
};

static int collect(struct element *e, const struct dh_rtp_header *h, const struct dh_rtp_ext_map *map)
{
	int n = 0;
	size_t mid = strnlen(h->mid, sizeof(h->mid));
	if (mid > DH_RTP_MID_MAX || h->audio_level > 127 || h->abs_send_time > 0xffffff ||
	    h->playout_min_ms > h->playout_max_ms || h->playout_max_ms > 40950)
		return DH_EINVAL;
	if (mid && map->id[DH_RTP_EXT_MID]) {
		e[n] = (struct element){map->id[DH_RTP_EXT_MID], (uint8_t)mid, {0}};
		memcpy(e[n++].value, h->mid, mid);
	}
	if (h->has_twcc && map->id[DH_RTP_EXT_TWCC]) {
		e[n] = (struct element){map->id[DH_RTP_EXT_TWCC], 2, {0}};
		dh_put16(e[n++].value, h->twcc);
	}
	if (h->has_abs_send_time && map->id[DH_RTP_EXT_ABS_SEND_TIME]) {
		e[n] = (struct element){map->id[DH_RTP_EXT_ABS_SEND_TIME], 3, {0}};
		dh_put24(e[n++].value, h->abs_send_time);
	}
	if (h->has_capture_time && map->id[DH_RTP_EXT_ABS_CAPTURE_TIME]) {
		e[n] = (struct element){map->id[DH_RTP_EXT_ABS_CAPTURE_TIME], h->has_capture_offset ? 16 : 8, {0}};
		dh_put64(e[n].value, h->capture_time);
		dh_put64(e[n++].value + 8, (uint64_t)h->capture_offset);
	}
	if (h->has_audio_level && map->id[DH_RTP_EXT_AUDIO_LEVEL]) {
		e[n] = (struct element){map->id[DH_RTP_EXT_AUDIO_LEVEL], 1, {0}};
		e[n++].value[0] = (uint8_t)(h->is_voice << 7 | h->audio_level);
	}
	if (h->has_playout_delay && map->id[DH_RTP_EXT_PLAYOUT_DELAY]) {
		e[n] = (struct element){map->id[DH_RTP_EXT_PLAYOUT_DELAY], 3, {0}};
		dh_put24(e[n++].value, (uint32_t)(h->playout_min_ms / 10) << 12 | h->playout_max_ms / 10);
	}
	return n;
}

int dh_rtp_ext_write(uint8_t *out, size_t room, const struct dh_rtp_header *h, const struct dh_rtp_ext_map *map)
{
	struct element e[DH_RTP_EXT_COUNT];
	int n = collect(e, h, map);
	size_t head = 1, total = 0, at = 4;
	if (n <= 0)
		return n;
	for (int i = 0; i < DH_RTP_EXT_COUNT; i++) /* of all that were agreed: not one form now and the other then */
		if (map->id[i] > 14)
			head = 2;
	for (int i = 0; i < n; i++)
		total += head + e[i].bytes;
	total = (total + 3) & ~(size_t)3;
	if (total + 4 > room)
		return DH_ELIMIT;
	memset(out, 0, total + 4);
	dh_put16(out, head == 2 ? PROFILE_TWO_BYTE : PROFILE_ONE_BYTE);
	dh_put16(out + 2, (uint16_t)(total / 4));
	for (int i = 0; i < n; i++) {
		if (head == 2) {
			out[at++] = e[i].id;
			out[at++] = e[i].bytes;
		} else {
			out[at++] = (uint8_t)(e[i].id << 4 | (e[i].bytes - 1));
		}
		memcpy(out + at, e[i].value, e[i].bytes);
		at += e[i].bytes;
	}
	return (int)total + 4;
}

/* The value of one extension in a packet: its place, or a negative code. */
static int find(const uint8_t *packet, size_t size, uint8_t id, size_t bytes)
{
	struct dh_rtp_layout l;
	struct dh_rtp_ext_item item;
	int err = dh_rtp_layout(packet, size, &l);
	if (err)
		return err;
	size_t at = l.ext;
	while ((err = dh_rtp_ext_next(packet, &l, &at, &item)) == 1)
		if (id && item.id == id && item.bytes == bytes)
			return (int)item.at;
	return err ? err : DH_ENOENT;
}

int dh_rtp_set_twcc(uint8_t *packet, size_t size, const struct dh_rtp_ext_map *map, uint16_t twcc)
{
	int at = find(packet, size, map->id[DH_RTP_EXT_TWCC], 2);
	if (at < 0)
		return at;
	dh_put16(packet + at, twcc);
	return DH_OK;
}

int dh_rtp_set_abs_send_time(uint8_t *packet, size_t size, const struct dh_rtp_ext_map *map, uint32_t time)
{
	int at = find(packet, size, map->id[DH_RTP_EXT_ABS_SEND_TIME], 3);
	if (at < 0)
		return at;
	dh_put24(packet + at, time);
	return DH_OK;
}
