/* See kept.h. */
#include "agent/writer/kept.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define SAME_US 1000     /* a time that went through the ticks of a file and back */
#define SOUND_LEAD_IN 2

static bool is_begin(const struct dh_kept *k, const struct dh_packet *p)
{
	return k->has_video ? p->kind == DH_MEDIA_VIDEO && p->is_key : p->kind == DH_MEDIA_AUDIO;
}

static void drop(struct dh_kept *k, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		k->bytes -= k->packets[i]->size;
		dh_packet_unref(k->packets[i]);
	}
	k->count -= n;
	if (k->count)
		memmove(k->packets, k->packets + n, sizeof(*k->packets) * k->count);
}

void dh_kept_finish(struct dh_kept *k)
{
	drop(k, k->count);
	free(k->packets);
	free(k->notes);
	*k = (struct dh_kept){0};
}

/* The first packet from `from` on that a file can begin with. */
static size_t next_begin(const struct dh_kept *k, size_t from)
{
	while (from < k->count && !is_begin(k, k->packets[from]))
		from++;
	return from;
}

void dh_kept_add(struct dh_kept *k, const struct dh_packet *p)
{
	while (k->count && (k->count >= DH_KEPT_PACKETS_MAX || k->bytes + p->size > DH_KEPT_BYTES_MAX))
		drop(k, next_begin(k, 1));
	if (k->count == k->capacity) {
		k->capacity = k->capacity ? k->capacity * 2 : 64;
		k->packets = dh_realloc(k->packets, sizeof(*k->packets) * k->capacity);
	}
	k->packets[k->count++] = dh_packet_ref((struct dh_packet *)(uintptr_t)p);
	k->bytes += p->size;
}

/* The last packet to begin with that is not later than at_us; count: none. */
static size_t last_begin(const struct dh_kept *k, int64_t at_us)
{
	size_t found = k->count;
	for (size_t i = next_begin(k, 0); i < k->count && k->packets[i]->pts_us <= at_us; i = next_begin(k, i + 1))
		found = i;
	return found;
}

void dh_kept_trim(struct dh_kept *k, int64_t safe_us)
{
	size_t n = last_begin(k, safe_us);
	if (n < k->count)
		drop(k, n);
}

size_t dh_kept_begin(const struct dh_kept *k, int64_t at_us)
{
	size_t found = last_begin(k, at_us + SAME_US);
	if (found == k->count)
		return next_begin(k, 0);
	for (int i = 0; !k->has_video && found && i < SOUND_LEAD_IN; i++)
		found--;
	return found;
}

int64_t dh_kept_first(const struct dh_kept *k, enum dh_media_kind kind, int64_t from_us)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->packets[i]->kind == kind && k->packets[i]->pts_us >= from_us)
			return k->packets[i]->pts_us;
	return INT64_MAX;
}

int64_t dh_kept_picture_at(const struct dh_kept *k, int64_t at_us)
{
	int64_t found_us = INT64_MIN;
	for (size_t i = 0; i < k->count; i++)
		if (k->packets[i]->kind == DH_MEDIA_VIDEO && k->packets[i]->pts_us <= at_us + SAME_US)
			found_us = k->packets[i]->pts_us;
	return found_us >= at_us - DH_KEPT_PICTURE_US ? found_us : at_us;
}

static void drop_notes(struct dh_kept *k, int n)
{
	k->note_count -= n;
	if (k->note_count)
		memmove(k->notes, k->notes + n, sizeof(*k->notes) * (size_t)k->note_count);
}

void dh_kept_note(struct dh_kept *k, const struct dh_note *n)
{
	if (!k->notes)
		k->notes = dh_alloc(sizeof(*k->notes) * DH_KEPT_NOTES_MAX);
	if (k->note_count == DH_KEPT_NOTES_MAX) {
		drop_notes(k, 1);
		k->notes_in_file++;
	}
	k->notes[k->note_count++] = *n;
}

void dh_kept_notes_written(struct dh_kept *k, int64_t in_file)
{
	int64_t n = in_file - k->notes_in_file;
	if (n <= 0)
		return;
	drop_notes(k, n < k->note_count ? (int)n : k->note_count);
	k->notes_in_file = in_file;
}
