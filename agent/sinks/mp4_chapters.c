/* See mp4_chapters.h. No standard has the box; as FFmpeg reads it: version 1, four bytes reserved, the count in one byte,
 * and for each the time in units of 100 ns (8 bytes), the length of its title (1), the title. */
#include "agent/sinks/mp4_chapters.h"

#include "common/utf8.h"

#define TIME_US_MAX (INT64_C(1) << 48)

void dh_mp4_add_chapter(struct dh_mp4_index *x, int64_t at_us, const char *text)
{
	char title[DH_MP4_CHAPTER_TITLE_MAX + 1];
	if (x->chapter_count == DH_MP4_CHAPTERS_MAX)
		return;
	at_us = at_us < x->chapter_us ? x->chapter_us : at_us;
	at_us = at_us > TIME_US_MAX ? TIME_US_MAX : at_us;
	size_t n = dh_utf8_line(title, sizeof(title), text);
	dh_mp4_put64(&x->chapters, (uint64_t)at_us * 10);
	dh_mp4_put8(&x->chapters, (uint8_t)n);
	dh_mp4_put(&x->chapters, title, n);
	x->chapter_us = at_us;
	x->chapter_count++;
}

/* A length that was told may have been of a still picture, which another one then cut short. */
static void settle_times(uint8_t *p, int count, const struct dh_mp4_index *x)
{
	int64_t end_us = 0;
	for (int i = 0; i < x->track_count; i++) {
		int64_t us = dh_mp4_track_end_us(&x->tracks[i]);
		end_us = us > end_us ? us : end_us;
	}
	for (; count > 0; count--, p += 9 + p[8])
		if (dh_mp4_get64(p) > (uint64_t)end_us * 10)
			dh_mp4_set64(p, (uint64_t)end_us * 10);
}

void dh_mp4_put_chapters(struct dh_mp4_buf *b, const struct dh_mp4_index *x)
{
	if (!x->chapter_count)
		return;
	size_t udta = dh_mp4_begin(b, "udta"), chpl = dh_mp4_begin_full(b, "chpl", 1, 0);
	dh_mp4_put32(b, 0);
	dh_mp4_put8(b, (uint8_t)x->chapter_count);
	dh_mp4_put(b, x->chapters.data, x->chapters.size);
	settle_times(b->data + b->size - x->chapters.size, x->chapter_count, x);
	dh_mp4_end(b, chpl);
	dh_mp4_end(b, udta);
}
