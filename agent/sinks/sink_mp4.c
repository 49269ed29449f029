/* The recording: an MP4 that grows by fragments of 0.3 s, is playable at every moment, and becomes an ordinary
 * seekable file in place when it ends. This file decides what belongs to the recording and when it is written; the
 * bytes are mp4_file.c's. It does not choose names or folders: the file comes as an open descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/sinks/mp4_stsd.h"
#include "agent/sinks/sink_mp4.h"
#include "agent/sinks/sink_writer.h"
#include "common/clock.h"

#define FRAGMENT_US 300000     /* media in a fragment; the next picture cuts it */
#define SOUND_CUT_US 350000    /* sound cuts it when no picture does */
#define FLUSH_US 400000        /* oldest unwritten sample: on disk 0.5 s after capture, with 0.1 s for the disk */
#define FRAGMENT_BYTES (16u << 20)
#define VIDEO_TIMESCALE 90000
#define SECONDS_1904_TO_1970 2082844800

const struct dh_param dh_mp4_params[] = {
	{"claims", DH_ARR, .items = DH_OBJ, .fields = mp4_claim_params, .max = 64,
	 .doc = "what the evidence chain begins with"},
	{"key_dir", DH_STR, .max = 511, .doc = "where the key is that signs the chain; nobody signs when absent"},
	{"sidecar", DH_STR, .max = 1100, .doc = "a new file that gets a copy of each link"},
	{"path", DH_STR, .max = 1100, .doc = "of the file; further segments are made beside it"},
	{"segment_s", DH_INT, "s", 0, 86400, 0, .doc = "begin another file at a key frame after so long; 0: never"},
	{"segment_mb", DH_INT, "MiB", 0, 1 << 20, 0, .doc = "and after so many bytes; 0: never"},
	{"after", DH_OBJ, .fields = mp4_after_params, .doc = "go on as a later file of a recording whose writer died"},
	{0},
};

static struct dh_mp4_track *video_track(struct mp4 *m)
{
	return m->video < 0 ? NULL : &m->index.tracks[m->video];
}

/* Agent clock to media time. */
int64_t mp4_to_ticks(const struct mp4 *m, const struct dh_mp4_track *t, int64_t pts_us)
{
	int64_t us = pts_us - m->start_us;
	int64_t whole = us / 1000000, rest = us % 1000000; /* rest bears the sign of us */
	int64_t half = rest < 0 ? -500000 : 500000;
	return t->origin + whole * t->timescale + (rest * t->timescale + half) / 1000000;
}

static int add_track(struct mp4 *m, const struct dh_stream *s, struct dh_err *e)
{
	int number = m->index.track_count;
	struct dh_mp4_track *t = &m->index.tracks[number];
	t->is_video = s->kind == DH_MEDIA_VIDEO;
	if (*(t->is_video ? &m->video : &m->audio) >= 0)
		return dh_fail(e, DH_EINVAL, "a recording has one video and one audio stream at most");
	t->id = (uint32_t)number + 1;
	t->timescale = t->is_video ? VIDEO_TIMESCALE : (uint32_t)s->rate_hz;
	t->width_px = s->width_px;
	t->height_px = s->height_px;
	int err = dh_mp4_put_stsd(&t->stsd, s, e);
	if (err)
		return err;
	if (t->is_video) {
		m->picture_ticks = VIDEO_TIMESCALE / (uint32_t)(s->fps > 0 ? s->fps : 30);
		/* rounded up: the first picture is not before 0 */
		t->origin = (m->segments.lead_in_us * VIDEO_TIMESCALE + 999999) / 1000000;
	} else {
		m->frame_samples = s->frame_samples > 0 ? s->frame_samples : 1024;
		m->priming_samples = s->priming_samples;
		/* the decoder's lead-in: priming, and one packet so that the first one shown is whole */
		t->origin = m->priming_samples + m->frame_samples;
	}
	*(t->is_video ? &m->video : &m->audio) = number;
	m->index.track_count++;
	return DH_OK;
}

void mp4_release_file(struct mp4 *m)
{
	dh_mp4_sync_stop(m->sync);
	m->sync = NULL;
	if (m->file.fd >= 0)
		close(m->file.fd);
	if (m->sidecar >= 0)
		close(m->sidecar);
	dh_mp4_index_finish(&m->index);
	dh_mp4_file_release(&m->file);
	for (int i = 0; i < DH_MP4_TRACKS_MAX; i++)
		dh_mp4_buf_finish(&m->runs[i].data);
	for (int i = 0; i < m->early_count; i++)
		dh_packet_unref(m->early[i]);
	memset(m->runs, 0, sizeof(m->runs));
	m->file = (struct dh_mp4_file){.fd = -1};
	m->sidecar = m->video = m->audio = -1;
	m->early_count = 0;
	m->pending_us = INT64_MAX;
	m->has_begun = m->is_finished = false;
}

static void free_all(struct mp4 *m)
{
	mp4_release_file(m);
	mp4_segments_release(m);
	dh_agent_key_close(m->key);
	cJSON_Delete(m->claims);
}

int mp4_begin_file(struct dh_sink *s, int fd, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	m->file.fd = fd;
	m->index.created_s = dh_wall_us() / 1000000 + SECONDS_1904_TO_1970;
	/* nobody may take a recording that is still being written for an interrupted one */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return dh_fail(e, DH_EBUSY, "the file is being written by another recording");
	int err = DH_OK;
	for (int i = 0; !err && i < s->stream_count; i++)
		err = add_track(m, &s->streams[i], e);
	if (err)
		return err;
	if (m->segments.number > 1 && m->has_sidecar) {
		char path[sizeof(m->segments.name) + 8];
		snprintf(path, sizeof(path), "%s.chain", m->segments.name);
		mp4_open_sidecar(s, m->segments.dir, path);
	}
	mp4_put_claims(s);
	err = dh_mp4_file_begin(&m->file, &m->index, e);
	if (err)
		return err;
	mp4_link_written(s);
	m->sync = dh_mp4_sync_start(fd);
	return dh_mp4_sync_ask(m->sync, m->file.end, e);
}

static int mp4_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	m->file.fd = -1;
	m->sidecar = -1;
	mp4_release_file(m); /* nothing is open yet: as after a segment */
	const char *sidecar = a->json ? dh_arg_str(a, "sidecar") : NULL;
	m->claims = a->json ? cJSON_Duplicate(dh_arg_json(a, "claims"), true) : NULL;
	int err = s->stream_count ? DH_OK : dh_fail(e, DH_EINVAL, "a recording needs a stream");
	if (!err)
		err = mp4_segments_open(s, a, e);
	if (err) {
		close(s->fd);
		free_all(m);
		return err;
	}
	mp4_open_key(s, a);
	m->has_sidecar = sidecar != NULL;
	if (sidecar && m->segments.number <= 1)
		mp4_open_sidecar(s, AT_FDCWD, sidecar);
	err = mp4_begin_file(s, s->fd, e);
	if (err) {
		free_all(m);
		return err;
	}
	mp4_segments_tell(s, false);
	s->wake_us = INT64_MAX;
	return DH_OK;
}

int64_t mp4_duration_us(const struct mp4 *m)
{
	int64_t longest = 0;
	for (int i = 0; i < m->index.track_count; i++) {
		int64_t end = dh_mp4_track_end_us(&m->index.tracks[i]);
		longest = end > longest ? end : longest;
	}
	return longest;
}

static void update_facts(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	atomic_store(&s->duration_us, m->segments.duration_us + mp4_duration_us(m));
	atomic_store(&s->bytes, m->segments.bytes + (long long)m->file.end);
}

/* When the driver must be called again though no packet comes. */
static void set_wake(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	s->wake_us = m->pending_us == INT64_MAX ? INT64_MAX : m->pending_us + FLUSH_US;
	struct dh_mp4_track *t = video_track(m);
	int64_t cut_us = mp4_segments_wake_us(m), grow_us = INT64_MAX;
	/* a still picture keeps growing on disk, so that a crash costs no more of it than of a moving one */
	if (m->has_begun && t && !m->runs[m->video].count)
		grow_us = m->start_us + dh_mp4_track_end_us(t) + FRAGMENT_US;
	s->wake_us = grow_us < s->wake_us ? grow_us : s->wake_us;
	s->wake_us = cut_us < s->wake_us ? cut_us : s->wake_us;
}

/* Put on disk what has gathered, and durations that have grown; the last picture stands until until_us. */
static int flush(struct dh_sink *s, int64_t until_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct dh_mp4_track *t = video_track(m);
	if (t)
		dh_mp4_stretch_last(t, mp4_to_ticks(m, t, until_us));
	bool is_fragment = m->pending_us != INT64_MAX;
	int err = is_fragment ? dh_mp4_file_fragment(&m->file, &m->index, m->runs, e)
			      : dh_mp4_file_extend(&m->file, &m->index, m->runs, e);
	if (err)
		return err;
	if (is_fragment)
		mp4_link_written(s);
	m->pending_us = INT64_MAX;
	update_facts(s);
	return dh_mp4_sync_ask(m->sync, m->file.end, e);
}

/* Media time for a sound packet: the clock's rounding is no gap. Negative: not to be kept. */
static int64_t sound_dts(struct mp4 *m, const struct dh_mp4_track *t, int64_t dts)
{
	if (!t->sample_count)
		return dts;
	int64_t expected = t->last_dts + m->frame_samples, off = dts - expected, limit = t->timescale / 100;
	if (off >= -limit && off <= limit)
		return expected;
	if (off > limit)
		mp4_note_gap(m, off * 1000 / t->timescale);
	return dts > t->last_dts ? dts : -1; /* a gap is kept by the sample before it; a step back is dropped */
}

static void add_sample(struct dh_sink *s, int number, const struct dh_packet *p)
{
	struct mp4 *m = s->priv;
	struct dh_mp4_track *t = &m->index.tracks[number];
	int64_t dts = mp4_to_ticks(m, t, p->pts_us);
	if (!t->is_video)
		dts = sound_dts(m, t, dts);
	else if (t->sample_count && dts <= t->last_dts)
		dts = t->last_dts + 1;
	if (dts < 0)
		return;
	if (t->sample_count && dts - t->last_dts > UINT32_MAX) /* half a day without a picture */
		dts = t->last_dts + UINT32_MAX;
	uint32_t duration = t->is_video ? m->picture_ticks : (uint32_t)m->frame_samples;
	dh_mp4_add_sample(t, dts, duration, (uint32_t)p->size, p->is_key || !t->is_video);
	dh_mp4_put(&m->runs[number].data, p->data, p->size);
	m->runs[number].count++;
	if (m->pending_us > p->pts_us)
		m->pending_us = p->pts_us;
	if (m->segments.number <= 1 || p->pts_us >= m->start_us) /* else the file before has counted it */
		atomic_fetch_add(t->is_video ? &s->video_frames : &s->audio_frames, 1);
}

/* Sound waits for the first picture: it may be ahead of it. */
void mp4_keep_early(struct mp4 *m, const struct dh_packet *p)
{
	if (m->early_count == DH_MP4_EARLY_MAX) {
		dh_packet_unref(m->early[0]);
		memmove(m->early, m->early + 1, sizeof(m->early[0]) * --m->early_count);
	}
	m->early[m->early_count++] = dh_packet_ref((struct dh_packet *)(uintptr_t)p);
}

/* The first picture is file time 0; without pictures the first sound that is to be heard. */
static void begin(struct dh_sink *s, const struct dh_packet *p)
{
	struct mp4 *m = s->priv;
	m->has_begun = true;
	m->start_us = p->pts_us + m->segments.lead_in_us;
	bool is_first = m->segments.number <= 1;
	if (m->video < 0 && is_first)
		m->start_us += (int64_t)m->priming_samples * 1000000 / m->index.tracks[m->audio].timescale;
	for (int i = 0; i < m->early_count; i++) {
		add_sample(s, m->audio, m->early[i]);
		dh_packet_unref(m->early[i]);
	}
	m->early_count = 0;
}

static bool must_cut(const struct mp4 *m, const struct dh_packet *p, bool is_video)
{
	if (m->pending_us == INT64_MAX)
		return false;
	int64_t limit_us = is_video ? FRAGMENT_US : SOUND_CUT_US;
	size_t bytes = p->size;
	for (int i = 0; i < m->index.track_count; i++)
		bytes += m->runs[i].data.size;
	return p->pts_us - m->pending_us >= limit_us || bytes > FRAGMENT_BYTES;
}

int mp4_write_sample(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	int number = is_video ? m->video : m->audio;
	if (number < 0 || p->size > INT32_MAX)
		return DH_OK;
	bool is_first = !m->has_begun && (is_video ? p->is_key : m->video < 0);
	if (!m->has_begun && !is_first) {
		if (!is_video)
			mp4_keep_early(m, p);
		return DH_OK;
	}
	if (is_first)
		begin(s, p);
	int err = !is_first && must_cut(m, p, is_video) ? flush(s, p->pts_us, e) : DH_OK;
	if (err)
		return err;
	add_sample(s, number, p);
	return is_first ? flush(s, p->pts_us, e) : DH_OK; /* from here on the file is never empty */
}

static int mp4_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	int err = mp4_segments_write(s, p, e);
	set_wake(s);
	return err;
}

static int mp4_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e)
{
	const struct mp4 *m = s->priv;
	int err = mp4_segments_idle(s, now_us, e);
	if (!err)
		err = flush(s, now_us < m->segments.cut_us ? now_us : m->segments.cut_us, e);
	set_wake(s);
	if (s->wake_us <= now_us) /* a picture as old as its duration can say grows no more */
		s->wake_us = now_us + FRAGMENT_US;
	return err;
}

/* The disk is full or broken: finish with what is on it, if that much is possible. */
static void finish_without_rest(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	struct dh_mp4_facts facts;
	struct dh_err e = {0};
	int err = dh_mp4_recover(m->file.fd, m->key, "the disk failed or was full", &facts, &e);
	if (err) {
		DH_WARN(s, "the recording stays in fragments: %s", e.text);
		return;
	}
	atomic_store(&s->bytes, m->segments.bytes + facts.bytes);
	atomic_store(&s->duration_us, m->segments.duration_us + facts.duration_us);
	atomic_store(&s->video_frames, m->segments.video_frames + facts.video_frames);
	atomic_store(&s->audio_frames, m->segments.audio_frames + facts.audio_frames);
	if (facts.has_chain)
		dh_sink_set_chain(s, facts.chain_seq, facts.chain_head);
}

int mp4_finish_file(struct dh_sink *s, int64_t end_us, const struct dh_note *last, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	m->is_finished = true;
	int err = flush(s, end_us, e);
	dh_chain_note(&m->file.chain, last);
	dh_mp4_sync_stop(m->sync);
	m->sync = NULL;
	if (!err)
		err = dh_mp4_file_finish(&m->file, &m->index, e);
	if (err) {
		finish_without_rest(s);
		return err;
	}
	update_facts(s);
	mp4_link_written(s);
	return DH_OK;
}

static int mp4_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	int err = m->is_finished ? DH_OK : mp4_segments_flush(s, e);
	if (!m->stop.kind)
		m->stop = (struct dh_note){.kind = DH_NOTE_STOP, .who = "agent", .text = "closed"};
	if (m->has_begun && !m->is_finished) {
		int why = mp4_finish_file(s, end_us, &m->stop, e);
		err = err ? err : why;
	} else if (!m->has_begun && m->segments.number <= 1) {
		err = dh_fail(e, DH_ENODEV, "it was stopped before a picture or sound came: there is nothing to keep");
		dh_hint(e, "Wait for its first progress before stopping it; if none comes, look at the sources.");
	}
	mp4_segments_tell(s, true);
	free_all(m);
	return err;
}

const struct dh_sink_driver dh_sink_mp4 = {
	.base = {.name = "mp4", .doc = "A crash-safe MP4 file of H.264 and AAC.", .params = dh_mp4_params,
		 .priv_size = sizeof(struct mp4)},
	.open = mp4_open,
	.write = mp4_write,
	.idle = mp4_idle,
	.note = mp4_note,
	.close = mp4_close,
};
