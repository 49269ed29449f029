/* See rtp_frame.h. */
#include "agent/rtc/rtp_frame.h"

#include <stdlib.h>
#include <string.h>

void dh_rtp_assembly_finish(struct dh_rtp_assembly *a)
{
	free(a->data);
	memset(a, 0, sizeof(*a));
}

void dh_rtp_assembly_break(struct dh_rtp_assembly *a)
{
	a->is_broken = true;
}

bool dh_rtp_assembly_is_late(const struct dh_rtp_assembly *a, uint16_t seq)
{
	return a->has_seq && (int16_t)(uint16_t)(seq - a->next_seq) < 0;
}

void dh_rtp_assembly_packet(struct dh_rtp_assembly *a, uint16_t seq)
{
	if (!a->has_seq || seq != a->next_seq) {
		a->has_loss = true;
		a->is_broken = true; /* of the open picture, if any */
	}
	a->has_seq = true;
	a->next_seq = (uint16_t)(seq + 1);
}

int dh_rtp_assembly_turn(struct dh_rtp_assembly *a, uint16_t seq, uint32_t timestamp, struct dh_rtp_frame *out)
{
	if (!a->is_open || a->timestamp == timestamp)
		return 0;
	if (seq != a->next_seq)
		a->is_broken = true; /* its end may be in the hole */
	return dh_rtp_assembly_end(a, out);
}

void dh_rtp_assembly_open(struct dh_rtp_assembly *a, uint32_t timestamp)
{
	a->is_open = true;
	a->is_broken = a->is_key = false;
	a->size = 0;
	a->timestamp = timestamp;
}

uint8_t *dh_rtp_assembly_add(struct dh_rtp_assembly *a, size_t n)
{
	if (n > DH_RTP_FRAME_MAX - a->size) {
		a->is_broken = true;
		return NULL;
	}
	if (n > a->room - a->size) {
		size_t room = a->room ? a->room : 16384;
		while (room < a->size + n)
			room *= 2;
		uint8_t *more = realloc(a->data, room);
		if (!more) {
			a->is_broken = true;
			return NULL;
		}
		a->data = more;
		a->room = room;
	}
	a->size += n;
	return a->data + a->size - n;
}

int dh_rtp_assembly_end(struct dh_rtp_assembly *a, struct dh_rtp_frame *out)
{
	if (!a->is_open)
		return 0;
	a->is_open = false;
	if (a->is_broken || !a->size) {
		a->has_loss = true;
		a->broken++;
		return 0;
	}
	*out = (struct dh_rtp_frame){a->data, a->size, a->timestamp, a->is_key, a->has_loss};
	a->has_loss = false;
	a->frames++;
	return 1;
}
