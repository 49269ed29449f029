/* What a recording's writer was sent and may not have put into the file yet: should it die, the next one begins with it.
 * Reaches back to a key frame, so that the pictures can be decoded. Sink thread. */
#ifndef DH_WRITER_KEPT_H
#define DH_WRITER_KEPT_H

#include "agent/media/note.h"
#include "agent/media/packet.h"

#define DH_KEPT_PACKETS_MAX 900 /* as the output's queue holds */
#define DH_KEPT_BYTES_MAX (64u << 20)
#define DH_KEPT_NOTES_MAX 64

struct dh_kept { /* zero it to begin */
	bool has_video; /* set it: without, every packet is one to begin with */
	struct dh_packet **packets; /* in the order they were sent */
	size_t count, capacity, bytes;
	struct dh_note *notes; /* in the order they were sent */
	int note_count;
	int64_t notes_in_file; /* of this writer, no longer here */
};

void dh_kept_finish(struct dh_kept *k);
/* A packet; borrowed. With too much of it, what lies before the second key frame goes. */
void dh_kept_add(struct dh_kept *k, const struct dh_packet *p);
/* All up to safe_us is in the file: drop what lies before the last key frame of that time. */
void dh_kept_trim(struct dh_kept *k, int64_t safe_us);

/* Where to begin so that everything from at_us on can be shown: the last key frame up to then, or the first one after it;
 * without pictures two packets before the first of that time, which lead the decoder in. count: nowhere. */
size_t dh_kept_begin(const struct dh_kept *k, int64_t at_us);
/* Time of the first packet of a kind that is from from_us or later; INT64_MAX: none. */
int64_t dh_kept_first(const struct dh_kept *k, enum dh_media_kind kind, int64_t from_us);
/* Time of the picture that is on at at_us; at_us: none is kept, or it is on for longer than so long: */
#define DH_KEPT_PICTURE_US 200000
int64_t dh_kept_picture_at(const struct dh_kept *k, int64_t at_us);

/* A note, until the writer is known to have written it. With too many, the oldest goes. */
void dh_kept_note(struct dh_kept *k, const struct dh_note *n);
void dh_kept_notes_written(struct dh_kept *k, int64_t in_file); /* as many as this writer has written so far */

#endif
