/* See mp4_file.h. */
#include "agent/sinks/mp4_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECES_MAX (DH_MP4_TRACKS_MAX + 4) /* boxes, data of each track, padding, link, tail */

static const uint8_t tail_header[8] = "\0\0\0\0free"; /* size 0: up to the end of the file; ISO/IEC 14496-12, 4.2 */

void dh_mp4_file_release(struct dh_mp4_file *f)
{
	dh_mp4_buf_finish(&f->scratch);
	dh_chain_finish(&f->chain);
}

static int io_error(const char *verb, int err_no, struct dh_err *e)
{
	int err = dh_err_from_errno(err_no);
	dh_fail(e, err, "the recording cannot be %s: %s", verb, strerror(err_no));
	if (err == DH_ENOSPC)
		dh_hint(e, "Free space on the disk, or choose another folder; what was recorded is kept and playable.");
	else
		dh_hint(e, "Check the disk; record to another one. What it took until then is kept and playable.");
	return err;
}

/* Drop the first n bytes from the pieces. Returns the first piece not yet empty. */
static int skip_written(struct iovec *pieces, int first, int count, size_t n)
{
	while (first < count && n >= pieces[first].iov_len)
		n -= pieces[first++].iov_len;
	if (first < count) {
		pieces[first].iov_base = (uint8_t *)pieces[first].iov_base + n;
		pieces[first].iov_len -= n;
	}
	return first;
}

/* pwritev all of it; the pieces are used up. */
static int write_pieces(int fd, struct iovec *pieces, int count, uint64_t at, struct dh_err *e)
{
	int first = skip_written(pieces, 0, count, 0);
	while (first < count) {
		ssize_t n = pwritev(fd, pieces + first, count - first, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return io_error("written", n < 0 ? errno : ENOSPC, e);
		at += (uint64_t)n;
		first = skip_written(pieces, first, count, (size_t)n);
	}
	return DH_OK;
}

static int write_at(int fd, const void *data, size_t size, uint64_t at, struct dh_err *e)
{
	struct iovec piece = {(void *)(uintptr_t)data, size};
	return write_pieces(fd, &piece, 1, at, e);
}

static size_t size_of(const struct iovec *pieces, int count)
{
	size_t size = 0;
	for (int i = 0; i < count; i++)
		size += pieces[i].iov_len;
	return size;
}

/* Put boxes behind the committed end: everything but the first 8 bytes, then these. pieces begin with the first box's
 * own first piece; with has_tail their size is a multiple of 8, and pieces[count] is free for the next tail. */
static int commit(struct dh_mp4_file *f, struct iovec *pieces, int count, bool has_tail, struct dh_err *e)
{
	uint8_t header[8];
	size_t size = size_of(pieces, count);
	memcpy(header, pieces[0].iov_base, 8);
	skip_written(pieces, 0, count, 8);
	if (has_tail)
		pieces[count++] = (struct iovec){(void *)(uintptr_t)tail_header, sizeof(tail_header)};
	int err = write_pieces(f->fd, pieces, count, f->end + 8, e);
	if (!err)
		err = write_at(f->fd, header, 8, f->end, e);
	if (!err) {
		f->end += size;
		return DH_OK;
	}
	if (ftruncate(f->fd, (off_t)f->end + 8) < 0)
		return err; /* the tail still covers what was written */
	return err;
}

/* ---- the chain ---- */

/* What a link says of the file so far; covers: what it covers, as it is hashed. */
static void seal(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_link *l, const struct iovec *covers,
		 int count)
{
	for (int i = 0; i < x->track_count; i++)
		*(x->tracks[i].is_video ? &l->video_samples : &l->audio_samples) = x->tracks[i].sample_count;
	l->length = size_of(covers, count);
	dh_sha256(covers, count, l->region);
	dh_chain_seal(&f->chain, l);
}

/* The duration that the last sample before the newest `count` came to have. */
static uint32_t settled(const struct dh_mp4_track *t, uint32_t count)
{
	return t->sample_count > count ? t->samples[t->sample_count - count - 1].duration : 0;
}

int dh_mp4_file_note(struct dh_mp4_file *f, const struct dh_mp4_index *x, int64_t at_us, struct dh_err *e)
{
	struct dh_link l = {.kind = DH_LINK_NOTE, .media_us = at_us < 0 ? 0 : at_us};
	for (int i = 0; at_us < 0 && i < x->track_count; i++) {
		int64_t end_us = dh_mp4_track_end_us(&x->tracks[i]);
		l.media_us = end_us > l.media_us ? end_us : l.media_us;
	}
	seal(f, x, &l, NULL, 0);
	struct iovec pieces[2] = {{f->chain.box.data, f->chain.box.size}};
	int err = commit(f, pieces, 1, true, e);
	if (!err)
		dh_chain_advance(&f->chain, &l);
	return err;
}

int dh_mp4_file_begin(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e)
{
	struct dh_mp4_buf *b = &f->scratch;
	b->size = 0;
	size_t box = dh_mp4_begin(b, "ftyp");
	dh_mp4_put_type(b, "isom");
	dh_mp4_put32(b, 512);
	dh_mp4_put(b, "isomiso6avc1mp41", 16);
	dh_mp4_end(b, box);
	box = dh_mp4_begin(b, "free");
	dh_mp4_put_zeros(b, DH_MP4_RESERVED_BYTES - 8);
	dh_mp4_end(b, box);
	dh_mp4_put_moov(b, x, true);
	if (b->size % 8) {
		box = dh_mp4_begin(b, "free");
		dh_mp4_put_zeros(b, 8 - b->size % 8);
		dh_mp4_end(b, box);
	}
	struct dh_link l = {.kind = DH_LINK_HEAD};
	seal(f, x, &l, &(struct iovec){b->data, b->size}, 1);
	dh_mp4_put(b, f->chain.box.data, f->chain.box.size);
	size_t end = b->size;
	dh_mp4_put(b, tail_header, sizeof(tail_header));
	int err = write_at(f->fd, b->data, b->size, 0, e);
	if (err)
		return err;
	dh_chain_advance(&f->chain, &l);
	f->end = end;
	f->sequence = 1;
	return DH_OK;
}

/* One track's part of a moof. Returns where its trun's data offset stands; *last_duration: its last sample's. */
static size_t put_traf(struct dh_mp4_buf *b, const struct dh_mp4_track *t, uint32_t count, size_t *last_duration)
{
	const struct dh_mp4_sample *s = &t->samples[t->sample_count - count];
	int64_t dts = t->last_dts;
	for (uint32_t i = 0; i + 1 < count; i++)
		dts -= s[i].duration;
	size_t traf = dh_mp4_begin(b, "traf");
	size_t box = dh_mp4_begin_full(b, "tfhd", 0, 0x020000); /* default base is moof */
	dh_mp4_put32(b, t->id);
	dh_mp4_end(b, box);
	box = dh_mp4_begin_full(b, "tfdt", 1, 0);
	dh_mp4_put64(b, (uint64_t)dts);
	dh_mp4_end(b, box);
	/* data offset, and per sample duration, size, flags */
	box = dh_mp4_begin_full(b, "trun", 0, 0x000701);
	dh_mp4_put32(b, count);
	size_t offset_at = b->size;
	dh_mp4_put32(b, 0);
	for (uint32_t i = 0; i < count; i++) {
		*last_duration = b->size;
		dh_mp4_put32(b, s[i].duration);
		dh_mp4_put32(b, s[i].size);
		dh_mp4_put32(b, s[i].is_key ? 0x02000000 : 0x01010000);
	}
	dh_mp4_end(b, box);
	dh_mp4_end(b, traf);
	return offset_at;
}

/* moof and the header of mdat in scratch; data_bytes: of all runs. Returns how many bytes of padding end the mdat, so that
 * the next header never straddles a page. */
static size_t build_moof(struct dh_mp4_file *f, const struct dh_mp4_index *x, const struct dh_mp4_run *runs,
			 size_t data_bytes, size_t last_duration[DH_MP4_TRACKS_MAX])
{
	struct dh_mp4_buf *b = &f->scratch;
	size_t offset_at[DH_MP4_TRACKS_MAX] = {0};
	b->size = 0;
	size_t moof = dh_mp4_begin(b, "moof"), box = dh_mp4_begin_full(b, "mfhd", 0, 0);
	dh_mp4_put32(b, f->sequence);
	dh_mp4_end(b, box);
	for (int i = 0; i < x->track_count; i++)
		if (runs[i].count)
			offset_at[i] = put_traf(b, &x->tracks[i], runs[i].count, &last_duration[i]);
	dh_mp4_end(b, moof);
	uint32_t offset = (uint32_t)b->size + 8;
	size_t padding = (8 - (b->size + 8 + data_bytes) % 8) % 8;
	for (int i = 0; i < x->track_count; i++)
		if (runs[i].count) {
			dh_mp4_set32(b->data + offset_at[i], offset);
			offset += (uint32_t)runs[i].data.size;
		}
	dh_mp4_put32(b, (uint32_t)(8 + data_bytes + padding));
	dh_mp4_put_type(b, "mdat");
	return padding;
}

int dh_mp4_file_extend(struct dh_mp4_file *f, const struct dh_mp4_index *x,
		       const struct dh_mp4_run *runs, struct dh_err *e)
{
	for (int i = 0; i < x->track_count; i++) {
		const struct dh_mp4_track *t = &x->tracks[i];
		if (!f->last_duration_at[i])
			continue;
		uint32_t duration = t->samples[t->sample_count - runs[i].count - 1].duration;
		if (duration == f->last_duration[i])
			continue;
		uint8_t value[4];
		dh_mp4_set32(value, duration);
		int err = write_at(f->fd, value, sizeof(value), f->last_duration_at[i], e);
		if (err)
			return err;
		f->last_duration[i] = duration;
	}
	return DH_OK;
}

static void note_committed(struct dh_mp4_file *f, struct dh_mp4_index *x, struct dh_mp4_run *runs, uint64_t moof_at,
			   const size_t last_duration[DH_MP4_TRACKS_MAX])
{
	uint64_t at = moof_at + f->scratch.size;
	for (int i = 0; i < x->track_count; i++) {
		struct dh_mp4_track *t = &x->tracks[i];
		if (!runs[i].count)
			continue;
		dh_mp4_add_chunk(t, at, runs[i].count);
		at += runs[i].data.size;
		f->last_duration_at[i] = moof_at + last_duration[i];
		f->last_duration[i] = t->samples[t->sample_count - 1].duration;
		runs[i].count = 0;
		runs[i].data.size = 0;
	}
	f->sequence++;
}

/* Where in the file's time a run begins. */
static int64_t run_begin_us(const struct dh_mp4_track *t, uint32_t count)
{
	int64_t dts = t->last_dts;
	for (uint32_t i = 2; i <= count; i++)
		dts -= t->samples[t->sample_count - i].duration;
	int64_t shown = dts > t->origin ? dts - t->origin : 0;
	return shown / t->timescale * 1000000 + shown % t->timescale * 1000000 / t->timescale;
}

/* The fragment's link. The last durations, which may still be corrected in place, are hashed as zeros; the link of the
 * next fragment says what they came to be. */
static void seal_fragment(struct dh_mp4_file *f, const struct dh_mp4_index *x, const struct dh_mp4_run *runs,
			  const size_t last_duration[DH_MP4_TRACKS_MAX], const struct iovec *pieces, int count,
			  struct dh_link *l)
{
	*l = (struct dh_link){.kind = DH_LINK_FRAGMENT, .media_us = INT64_MAX};
	for (int i = 0; i < x->track_count; i++) {
		if (!runs[i].count)
			continue;
		int64_t begin_us = run_begin_us(&x->tracks[i], runs[i].count);
		l->media_us = begin_us < l->media_us ? begin_us : l->media_us;
		l->masked_at[i] = (uint32_t)last_duration[i];
		l->settled[i] = settled(&x->tracks[i], runs[i].count);
		dh_mp4_set32(f->scratch.data + last_duration[i], 0);
	}
	seal(f, x, l, pieces, count);
	for (int i = 0; i < x->track_count; i++)
		if (runs[i].count)
			dh_mp4_set32(f->scratch.data + last_duration[i],
				     x->tracks[i].samples[x->tracks[i].sample_count - 1].duration);
}

int dh_mp4_file_fragment(struct dh_mp4_file *f, struct dh_mp4_index *x, struct dh_mp4_run *runs,
			 struct dh_err *e)
{
	static const uint8_t zeros[8];
	int err = dh_mp4_file_extend(f, x, runs, e);
	if (err)
		return err;
	size_t data_bytes = 0, last_duration[DH_MP4_TRACKS_MAX] = {0};
	for (int i = 0; i < x->track_count; i++)
		data_bytes += runs[i].data.size;
	size_t padding = build_moof(f, x, runs, data_bytes, last_duration);
	struct iovec pieces[PIECES_MAX] = {{f->scratch.data, f->scratch.size}};
	int count = 1;
	for (int i = 0; i < x->track_count; i++)
		pieces[count++] = (struct iovec){runs[i].data.data, runs[i].data.size};
	pieces[count++] = (struct iovec){(void *)(uintptr_t)zeros, padding};
	struct dh_link l;
	seal_fragment(f, x, runs, last_duration, pieces, count, &l);
	pieces[count++] = (struct iovec){f->chain.box.data, f->chain.box.size};
	uint64_t moof_at = f->end;
	err = commit(f, pieces, count, true, e);
	if (err)
		return err;
	dh_chain_advance(&f->chain, &l);
	note_committed(f, x, runs, moof_at, last_duration);
	return DH_OK;
}

int dh_mp4_file_cut(struct dh_mp4_file *f, struct dh_err *e)
{
	int err = write_at(f->fd, tail_header, sizeof(tail_header), f->end, e);
	if (!err && ftruncate(f->fd, (off_t)f->end + 8) < 0)
		err = io_error("cut", errno, e);
	return err;
}

static int sync_data(int fd, struct dh_err *e)
{
	return fdatasync(fd) < 0 ? io_error("synced", errno, e) : DH_OK;
}

/* Who signs, as a claim of the link that is signed: a signature by another key is then no longer the same file. */
static void announce_signer(struct dh_mp4_file *f)
{
	struct dh_note n = {.kind = DH_NOTE_CLAIM, .who = "agent"};
	snprintf(n.text, sizeof(n.text), "signer=%s", dh_agent_key_public(f->key));
	dh_chain_note(&f->chain, &n);
}

/* The last link over the moov, and its signature, behind it in b. */
static int put_end(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_mp4_buf *b, struct dh_link *l,
		   struct dh_err *e)
{
	*l = (struct dh_link){.kind = DH_LINK_END};
	for (int i = 0; i < x->track_count; i++) {
		int64_t end_us = dh_mp4_track_end_us(&x->tracks[i]);
		l->media_us = end_us > l->media_us ? end_us : l->media_us;
		l->settled[i] = settled(&x->tracks[i], 0);
	}
	if (f->key)
		announce_signer(f);
	seal(f, x, l, &(struct iovec){b->data, b->size}, 1);
	dh_mp4_put(b, f->chain.box.data, f->chain.box.size);
	int err = f->key ? dh_chain_put_signature(b, f->key, l->head) : DH_OK;
	return err ? dh_fail(e, err, "the recording cannot be signed") : DH_OK;
}

int dh_mp4_file_finish(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e)
{
	static const struct dh_mp4_run none[DH_MP4_TRACKS_MAX];
	struct dh_mp4_buf *b = &f->scratch;
	struct dh_link l;
	int err = dh_mp4_file_extend(f, x, none, e);
	if (err)
		return err;
	b->size = 0;
	dh_mp4_put_moov(b, x, false);
	uint64_t media_end = f->end;
	err = f->has_no_chain ? DH_OK : put_end(f, x, b, &l, e);
	if (err)
		return err;
	struct iovec pieces[PIECES_MAX] = {{b->data, b->size}};
	err = commit(f, pieces, 1, false, e);
	if (err)
		return err;
	if (!f->has_no_chain)
		dh_chain_advance(&f->chain, &l);
	if (ftruncate(f->fd, (off_t)f->end) < 0)
		return io_error("finished", errno, e);
	err = sync_data(f->fd, e); /* the moov must be on disk before the head says that it is */
	if (err)
		return err;
	uint8_t head[DH_MP4_RESERVED_BYTES];
	dh_mp4_set32(head, 1); /* the size follows in 64 bits */
	memcpy(head + 4, "mdat", 4);
	dh_mp4_set64(head + 8, media_end - DH_MP4_RESERVED_AT);
	err = write_at(f->fd, head, sizeof(head), DH_MP4_RESERVED_AT, e);
	return err ? err : sync_data(f->fd, e);
}
