/* The recording: an MP4 that grows by fragments of 0.3 s and is playable at every moment, and becomes an ordinary
 * seekable file in place when it ends. Times are exact; the layout of the bytes is in mp4_file.h. It
 * does not choose names or folders: the file comes as an open descriptor. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/sink.h"
#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_stsd.h"
#include "common/alloc.h"
#include "common/clock.h"

#define FRAGMENT_US 300000 /* media in a fragment */
#define FLUSH_US 400000    /* oldest unwritten picture: on disk 0.5 s after capture, with 0.1 s for the disk */
#define VIDEO_TIMESCALE 90000
#define SECONDS_1904_TO_1970 2082844800

struct mp4 {
	struct dh_mp4_file file;
	struct dh_mp4_index index;
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX];
	bool has_begun; /* the first sample is in; start_us holds */
	int64_t start_us;    /* agent clock at file time 0 */
	int64_t fragment_us; /* pts of the first sample not yet written; INT64_MAX: none */
	int64_t newest_us;   /* end of the newest sample */
	int video, audio;    /* track numbers, -1: none */
};

static int64_t to_ticks(const struct mp4 *m, const struct dh_mp4_track *t, int64_t pts_us)
{
	int64_t us = pts_us - m->start_us;
	int64_t whole = us / 1000000, rest = us % 1000000;
	return whole * t->timescale + (rest * t->timescale + 500000) / 1000000;
}

static int add_track(struct mp4 *m, const struct dh_stream *s, struct dh_err *e)
{
	int number = m->index.track_count;
	struct dh_mp4_track *t = &m->index.tracks[number];
	t->is_video = s->kind == DH_MEDIA_VIDEO;
	t->id = (uint32_t)number + 1;
	t->timescale = t->is_video ? VIDEO_TIMESCALE : (uint32_t)s->rate_hz;
	t->width_px = s->width_px;
	t->height_px = s->height_px;
	int err = dh_mp4_put_stsd(&t->stsd, s, e);
	if (err)
		return err;
	*(t->is_video ? &m->video : &m->audio) = number;
	m->index.track_count++;
	return DH_OK;
}

static void free_all(struct mp4 *m)
{
	dh_mp4_index_finish(&m->index);
	dh_mp4_buf_finish(&m->file.scratch);
	for (int i = 0; i < DH_MP4_TRACKS_MAX; i++)
		dh_mp4_buf_finish(&m->runs[i].data);
	close(m->file.fd);
}

static int mp4_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	m->file.fd = s->fd;
	m->video = m->audio = -1;
	m->fragment_us = INT64_MAX;
	m->index.created_s = dh_wall_us() / 1000000 + SECONDS_1904_TO_1970;
	int err = s->stream_count ? DH_OK : dh_fail(e, DH_EINVAL, "a recording needs a stream");
	for (int i = 0; !err && i < s->stream_count; i++)
		err = add_track(m, &s->streams[i], e);
	if (!err)
		err = dh_mp4_file_begin(&m->file, &m->index, e);
	if (err) {
		free_all(m);
		return err;
	}
	atomic_store(&s->bytes, (long long)m->file.end);
	s->wake_us = INT64_MAX;
	return DH_OK;
}

/* The last picture stands until until_us. */
static void stretch_last_picture(struct mp4 *m, int64_t until_us)
{
	struct dh_mp4_track *t = m->video < 0 ? NULL : &m->index.tracks[m->video];
	if (!t || !t->sample_count)
		return;
	struct dh_mp4_sample *last = &t->samples[t->sample_count - 1];
	int64_t duration = to_ticks(m, t, until_us) - last->dts;
	if (duration > last->duration && duration <= UINT32_MAX)
		last->duration = (uint32_t)duration;
}

static void update_facts(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	int64_t longest = 0;
	for (int i = 0; i < m->index.track_count; i++) {
		int64_t end = dh_mp4_track_end_us(&m->index.tracks[i]);
		longest = end > longest ? end : longest;
	}
	atomic_store(&s->duration_us, longest);
	atomic_store(&s->bytes, (long long)m->file.end);
}

/* Write what has gathered as one fragment; the last picture's end is known up to until_us. */
static int flush(struct dh_sink *s, int64_t until_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	bool has_picture = m->video >= 0 && m->runs[m->video].count;
	int err = DH_OK;
	stretch_last_picture(m, until_us);
	if (m->fragment_us != INT64_MAX)
		err = dh_mp4_file_fragment(&m->file, &m->index, m->runs, e);
	if (!err && !has_picture && m->video >= 0)
		err = dh_mp4_file_extend(&m->file, &m->index, m->video, e);
	m->fragment_us = INT64_MAX;
	update_facts(s);
	return err;
}

static void add_sample(struct mp4 *m, int number, const struct dh_packet *p)
{
	struct dh_mp4_track *t = &m->index.tracks[number];
	struct dh_mp4_sample *last = t->sample_count ? &t->samples[t->sample_count - 1] : NULL;
	int64_t dts = to_ticks(m, t, p->pts_us);
	if (dts < 0)
		dts = 0;
	if (last) {
		int64_t follows = last->dts + last->duration;
		/* sound: the clock's rounding is no gap; a gap is kept by the sample before it */
		if (!t->is_video && dts - follows < t->timescale / 1000 && follows - dts < t->timescale)
			dts = follows;
		if (dts <= last->dts)
			dts = last->dts + 1;
		last->duration = (uint32_t)(dts - last->dts);
	}
	struct dh_mp4_sample *sample = dh_mp4_add_sample(t);
	sample->dts = dts;
	sample->size = (uint32_t)p->size;
	sample->is_key = p->is_key || !t->is_video;
	sample->duration = t->is_video ? 1 : (uint32_t)((p->duration_us * t->timescale + 500000) / 1000000);
	dh_mp4_put(&m->runs[number].data, p->data, p->size);
	m->runs[number].count++;
}

/* Before the first picture there is no file time; sound from before it is not kept. */
static bool is_early(struct mp4 *m, const struct dh_packet *p)
{
	bool begins = p->kind == DH_MEDIA_VIDEO ? p->is_key : m->video < 0;
	if (!m->has_begun && begins) {
		m->has_begun = true;
		m->start_us = p->pts_us;
	}
	return !m->has_begun || p->pts_us + p->duration_us / 2 < m->start_us;
}

static int mp4_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	int number = p->kind == DH_MEDIA_VIDEO ? m->video : m->audio;
	if (number < 0 || is_early(m, p))
		return DH_OK;
	int err = DH_OK;
	bool may_cut = number == m->video || m->video < 0;
	if (may_cut && m->fragment_us != INT64_MAX && p->pts_us - m->fragment_us >= FRAGMENT_US)
		err = flush(s, p->pts_us, e);
	if (err)
		return err;
	add_sample(m, number, p);
	if (m->fragment_us > p->pts_us)
		m->fragment_us = p->pts_us;
	if (p->pts_us + p->duration_us > m->newest_us)
		m->newest_us = p->pts_us + p->duration_us;
	s->wake_us = m->fragment_us + FLUSH_US;
	atomic_fetch_add(p->kind == DH_MEDIA_VIDEO ? &s->video_frames : &s->audio_frames, 1);
	return DH_OK;
}

static int mp4_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	int err = flush(s, now_us, e);
	/* a still picture keeps growing on disk, so that a crash costs no more of it than of a moving one */
	s->wake_us = m->video >= 0 ? now_us + FLUSH_US : INT64_MAX;
	return err;
}

static int mp4_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	int err = DH_OK;
	if (m->has_begun) {
		err = flush(s, end_us > m->newest_us ? end_us : m->newest_us, e);
		if (!err)
			err = dh_mp4_file_finish(&m->file, &m->index, e);
		update_facts(s);
	} else {
		err = dh_fail(e, DH_ENODEV, "no picture and no sound came, so the recording is empty");
	}
	free_all(m);
	return err;
}

const struct dh_sink_driver dh_sink_mp4 = {
	.base = {.name = "mp4", .doc = "A crash-safe MP4 file of H.264 and AAC.", .priv_size = sizeof(struct mp4)},
	.open = mp4_open,
	.write = mp4_write,
	.idle = mp4_idle,
	.close = mp4_close,
};
