/* See mp4_file.h. */
#include "agent/sinks/mp4_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int dh_mp4_write_at(int fd, const void *data, size_t size, uint64_t at, struct dh_err *e)
{
	const uint8_t *p = data;
	while (size) {
		ssize_t n = pwrite(fd, p, size, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n < 0 ? dh_err_from_errno(errno) : DH_ENOSPC;
			dh_fail(e, err, "the recording cannot be written: %s",
				n < 0 ? strerror(errno) : "nothing was taken");
			if (err == DH_ENOSPC)
				dh_hint(e, "Free space on the disk, or choose another folder; what was recorded is kept.");
			return err;
		}
		p += n;
		at += (uint64_t)n;
		size -= (size_t)n;
	}
	return DH_OK;
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
	f->moov_at = b->size;
	dh_mp4_put_moov(b, x, true);
	int err = dh_mp4_write_at(f->fd, b->data, b->size, 0, e);
	if (!err) {
		f->end = b->size;
		f->sequence = 1;
	}
	return err;
}

/* One track's part of a moof. Returns where its trun's data offset stands. */
static size_t put_traf(struct dh_mp4_buf *b, const struct dh_mp4_track *t, uint32_t count, size_t *last_duration)
{
	const struct dh_mp4_sample *s = &t->samples[t->sample_count - count];
	size_t traf = dh_mp4_begin(b, "traf");
	size_t box = dh_mp4_begin_full(b, "tfhd", 0, 0x020000); /* default base is moof */
	dh_mp4_put32(b, t->id);
	dh_mp4_end(b, box);
	box = dh_mp4_begin_full(b, "tfdt", 1, 0);
	dh_mp4_put64(b, (uint64_t)s->dts);
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

/* moof and the header of mdat; data_bytes: of all runs. */
static void build_moof(struct dh_mp4_file *f, const struct dh_mp4_index *x, const struct dh_mp4_run *runs,
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
	for (int i = 0; i < x->track_count; i++)
		if (runs[i].count) {
			dh_mp4_set32(b->data + offset_at[i], offset);
			offset += (uint32_t)runs[i].data.size;
		}
	dh_mp4_put32(b, (uint32_t)data_bytes + 8);
	dh_mp4_put_type(b, "mdat");
}

/* A free box over everything first, then the body, then the true header: 8 bytes in one write commit it. */
static int commit(struct dh_mp4_file *f, size_t size, struct dh_err *e)
{
	struct dh_mp4_buf *b = &f->scratch;
	uint8_t cover[8];
	dh_mp4_set32(cover, (uint32_t)size);
	memcpy(cover + 4, "free", 4);
	int err = dh_mp4_write_at(f->fd, cover, sizeof(cover), f->end, e);
	if (!err)
		err = dh_mp4_write_at(f->fd, b->data + 8, size - 8, f->end + 8, e);
	if (!err)
		err = dh_mp4_write_at(f->fd, b->data, 8, f->end, e);
	if (err && ftruncate(f->fd, (off_t)f->end) < 0)
		return err; /* the cover stays: still a valid box, or one that a reader skips at the end */
	return err;
}

int dh_mp4_file_fragment(struct dh_mp4_file *f, struct dh_mp4_index *x, struct dh_mp4_run runs[DH_MP4_TRACKS_MAX],
			 struct dh_err *e)
{
	size_t data_bytes = 0, last_duration[DH_MP4_TRACKS_MAX] = {0};
	for (int i = 0; i < x->track_count; i++)
		data_bytes += runs[i].data.size;
	build_moof(f, x, runs, data_bytes, last_duration);
	size_t head = f->scratch.size;
	for (int i = 0; i < x->track_count; i++)
		dh_mp4_put(&f->scratch, runs[i].data.data, runs[i].data.size);
	int err = commit(f, f->scratch.size, e);
	if (err)
		return err;
	uint64_t at = f->end + head;
	for (int i = 0; i < x->track_count; i++) {
		if (!runs[i].count)
			continue;
		dh_mp4_add_chunk(&x->tracks[i], at, runs[i].count);
		f->last_duration_at[i] = f->end + last_duration[i];
		at += runs[i].data.size;
		runs[i].count = 0;
		runs[i].data.size = 0;
	}
	f->end += f->scratch.size;
	f->sequence++;
	return DH_OK;
}

int dh_mp4_file_extend(struct dh_mp4_file *f, const struct dh_mp4_index *x, int track, struct dh_err *e)
{
	const struct dh_mp4_track *t = &x->tracks[track];
	if (!f->last_duration_at[track])
		return DH_OK;
	uint8_t value[4];
	dh_mp4_set32(value, t->samples[t->sample_count - 1].duration);
	return dh_mp4_write_at(f->fd, value, sizeof(value), f->last_duration_at[track], e);
}

int dh_mp4_file_finish(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e)
{
	struct dh_mp4_buf *b = &f->scratch;
	b->size = 0;
	dh_mp4_put_moov(b, x, false);
	int err = commit(f, b->size, e);
	if (err)
		return err;
	uint64_t media_end = f->end;
	f->end += b->size;
	uint8_t head[DH_MP4_RESERVED_BYTES];
	dh_mp4_set32(head, 1); /* the size follows in 64 bits */
	memcpy(head + 4, "mdat", 4);
	dh_mp4_set64(head + 8, media_end - DH_MP4_RESERVED_AT);
	if (ftruncate(f->fd, (off_t)f->end) < 0 || fdatasync(f->fd) < 0)
		return dh_fail(e, dh_err_from_errno(errno), "the recording cannot be synced: %s", strerror(errno));
	err = dh_mp4_write_at(f->fd, head, sizeof(head), DH_MP4_RESERVED_AT, e);
	if (!err && fdatasync(f->fd) < 0)
		err = dh_fail(e, dh_err_from_errno(errno), "the recording cannot be synced: %s", strerror(errno));
	return err;
}
