/* What is kept of a recording for the next writer: it always reaches back to a key frame, and it is bounded. */
#include "agent/writer/kept.h"
#include "tst.h"

#define PICTURE_US 33333
#define SOUND_US 21333

static void add(struct dh_kept *k, enum dh_media_kind kind, int64_t pts_us, bool is_key, size_t size)
{
	struct dh_packet *p = dh_packet_new(kind, size);
	p->pts_us = pts_us;
	p->is_key = is_key;
	dh_kept_add(k, p);
	dh_packet_unref(p);
}

/* A key frame each second from 1 s on, and sound. */
static void fill(struct dh_kept *k, int pictures)
{
	int64_t sound_us = 1000000;
	k->has_video = true;
	for (int i = 0; i < pictures; i++) {
		int64_t at_us = 1000000 + (int64_t)i * PICTURE_US;
		for (; sound_us <= at_us; sound_us += SOUND_US)
			add(k, DH_MEDIA_AUDIO, sound_us, true, 100);
		add(k, DH_MEDIA_VIDEO, at_us, i % 30 == 0, 1000);
	}
}

static int64_t key(int n)
{
	return 1000000 + (int64_t)n * 30 * PICTURE_US;
}

static void begins_at_a_key_frame(void)
{
	struct dh_kept k = {0};
	TST_EQ(dh_kept_begin(&k, 5), 0); /* nothing is here: count */
	fill(&k, 100);
	TST_EQ(k.packets[dh_kept_begin(&k, key(2) + 500000)]->pts_us, key(2));
	TST_EQ(k.packets[dh_kept_begin(&k, key(2) - 11)]->pts_us, key(2)); /* its time, rounded by a file's ticks */
	TST_EQ(k.packets[dh_kept_begin(&k, key(2) - 2000)]->pts_us, key(1));
	TST_EQ(k.packets[dh_kept_begin(&k, 5)]->pts_us, key(0)); /* the first after it, when none is before */
	TST_EQ(dh_kept_first(&k, DH_MEDIA_VIDEO, key(1) + 1), key(1) + PICTURE_US);
	TST_EQ(dh_kept_first(&k, DH_MEDIA_AUDIO, 0), 1000000);
	TST_EQ(dh_kept_first(&k, DH_MEDIA_VIDEO, key(9)), INT64_MAX);
	TST_EQ(dh_kept_picture_at(&k, key(1) + PICTURE_US + PICTURE_US / 2), key(1) + PICTURE_US);
	TST_EQ(dh_kept_picture_at(&k, key(1) + PICTURE_US - 1), key(1) + PICTURE_US);
	TST_EQ(dh_kept_picture_at(&k, key(9)), key(9)); /* the last one is on for long */
	TST_EQ(dh_kept_picture_at(&k, 0), 0);
	dh_kept_finish(&k);
	TST_EQ(dh_packet_live_count(), 0);
}

static void trims_to_a_key_frame(void)
{
	struct dh_kept k = {0};
	fill(&k, 100);
	size_t all = k.count;
	dh_kept_trim(&k, 999999); /* before the first */
	TST_EQ(k.count, all);
	dh_kept_trim(&k, key(2) + 3);
	TST_EQ(k.packets[0]->pts_us, key(2));
	TST_CHECK(k.packets[0]->is_key);
	TST_EQ(k.packets[k.count - 1]->pts_us, 1000000 + (int64_t)99 * PICTURE_US);
	dh_kept_finish(&k);
}

static void is_bounded(void)
{
	struct dh_kept k = {0};
	fill(&k, 2000);
	TST_CHECK(k.count <= DH_KEPT_PACKETS_MAX && k.count > DH_KEPT_PACKETS_MAX / 2);
	TST_CHECK(k.packets[0]->kind == DH_MEDIA_VIDEO && k.packets[0]->is_key);
	for (int i = 0; i < 1000; i++) /* no key frame comes any more */
		add(&k, DH_MEDIA_VIDEO, 99000000 + i, false, 1000);
	TST_CHECK(k.count <= DH_KEPT_PACKETS_MAX);
	TST_EQ(dh_kept_begin(&k, 99500000), k.count); /* nothing can be shown of that */
	dh_kept_finish(&k);
	k = (struct dh_kept){.has_video = true};
	for (int i = 0; i < 100; i++)
		add(&k, DH_MEDIA_VIDEO, i * PICTURE_US, i % 2 == 0, 1 << 20);
	TST_CHECK(k.bytes <= DH_KEPT_BYTES_MAX && k.bytes > DH_KEPT_BYTES_MAX / 2);
	dh_kept_finish(&k);
	TST_EQ(dh_packet_live_count(), 0);
}

static void sound_alone(void)
{
	struct dh_kept k = {0};
	for (int i = 0; i < 100; i++)
		add(&k, DH_MEDIA_AUDIO, (int64_t)i * SOUND_US, true, 100);
	TST_EQ(k.packets[dh_kept_begin(&k, 50 * SOUND_US)]->pts_us, 48 * SOUND_US); /* two lead the decoder in */
	dh_kept_trim(&k, 50 * SOUND_US);
	TST_EQ(k.packets[0]->pts_us, 50 * SOUND_US);
	TST_EQ(dh_kept_begin(&k, 51 * SOUND_US), 0);
	dh_kept_finish(&k);
}

static void notes(void)
{
	struct dh_kept k = {0};
	struct dh_note n = {.kind = DH_NOTE_MARKER};
	for (n.media_us = 0; n.media_us < 5; n.media_us++)
		dh_kept_note(&k, &n);
	dh_kept_notes_written(&k, 3);
	TST_EQ(k.note_count, 2);
	TST_EQ(k.notes[0].media_us, 3);
	dh_kept_notes_written(&k, 3);
	TST_EQ(k.note_count, 2);
	for (n.media_us = 5; n.media_us < 100; n.media_us++)
		dh_kept_note(&k, &n);
	TST_EQ(k.note_count, DH_KEPT_NOTES_MAX);
	TST_EQ(k.notes[DH_KEPT_NOTES_MAX - 1].media_us, 99);
	dh_kept_notes_written(&k, 98);
	TST_EQ(k.note_count, 2);
	TST_EQ(k.notes[0].media_us, 98);
	dh_kept_finish(&k);
}

TST_MAIN({"begins at a key frame", begins_at_a_key_frame}, {"trims to a key frame", trims_to_a_key_frame},
	 {"is bounded", is_bounded}, {"sound alone", sound_alone}, {"notes", notes})
