/* The recording: an MP4 that grows by fragments of 0.3 s, is playable at every moment, and becomes an ordinary
 * seekable file in place when it ends. This file decides what belongs to the recording and when it is written; the
 * bytes are mp4_file.c's. It does not choose names or folders: the file comes as an open descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/media/sink.h"
#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_recover.h"
#include "agent/sinks/mp4_stsd.h"
#include "common/alloc.h"
#include "common/clock.h"

#define FRAGMENT_US 300000     /* media in a fragment; the next picture cuts it */
#define SOUND_CUT_US 350000    /* sound cuts it when no picture does */
#define FLUSH_US 400000        /* oldest unwritten sample: on disk 0.5 s after capture, with 0.1 s for the disk */
#define FRAGMENT_BYTES (16u << 20)
#define EARLY_MAX 64 /* sound packets that wait for the first picture: more than a second */
#define VIDEO_TIMESCALE 90000
#define SECONDS_1904_TO_1970 2082844800

static const struct dh_param claim_params[] = {
	{"who", DH_STR, .max = 255, .required = true, .doc = "agent, desk, or the origin of a page"},
	{"text", DH_STR, .max = 511, .required = true, .doc = "name=value"},
	{0},
};
static const struct dh_param params[] = {
	{"claims", DH_ARR, .items = DH_OBJ, .fields = claim_params, .max = 32, .doc = "what the evidence chain begins with"},
	{"key_dir", DH_STR, .max = 511, .doc = "where the key is that signs the chain; nobody signs when absent"},
	{"sidecar", DH_STR, .max = 1100, .doc = "a new file that gets a copy of each link"},
	{0},
};

struct mp4 {
	struct dh_mp4_file file;
	struct dh_agent_key *key;
	int sidecar;        /* -1: none */
	struct dh_note stop; /* for the last link; kind 0: nobody asked */
	struct dh_mp4_index index;
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX];
	bool has_begun;     /* the first sample is in; start_us holds */
	int64_t start_us;   /* agent clock at file time 0 */
	int64_t pending_us; /* pts of the first sample not yet written; INT64_MAX: none */
	int video, audio;   /* track numbers, -1: none */
	int frame_samples, priming_samples;
	uint32_t picture_ticks; /* how long a picture lasts when nothing is known yet */
	struct dh_packet *early[EARLY_MAX]; /* sound from before the first picture */
	int early_count;
};

static struct dh_mp4_track *video_track(struct mp4 *m)
{
	return m->video < 0 ? NULL : &m->index.tracks[m->video];
}

/* Agent clock to media time. */
static int64_t to_ticks(const struct mp4 *m, const struct dh_mp4_track *t, int64_t pts_us)
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

static void free_all(struct mp4 *m)
{
	dh_mp4_index_finish(&m->index);
	dh_mp4_file_release(&m->file);
	dh_agent_key_close(m->key);
	if (m->sidecar >= 0)
		close(m->sidecar);
	for (int i = 0; i < DH_MP4_TRACKS_MAX; i++)
		dh_mp4_buf_finish(&m->runs[i].data);
	for (int i = 0; i < m->early_count; i++)
		dh_packet_unref(m->early[i]);
	close(m->file.fd);
}

/* ---- evidence ---- */

/* A recording that cannot be signed is better than none; the verifier says so. */
static void open_evidence(struct dh_sink *s, const struct dh_args *a)
{
	struct mp4 *m = s->priv;
	struct dh_err e = {0};
	const char *key_dir = a->json ? dh_arg_str(a, "key_dir") : NULL;
	const char *sidecar = a->json ? dh_arg_str(a, "sidecar") : NULL;
	const cJSON *claims = a->json ? dh_arg_json(a, "claims") : NULL, *v;
	if (key_dir && dh_agent_key_open(&m->key, key_dir, &e))
		DH_WARN(s, "the recording will not be signed: %s", e.text);
	m->file.key = m->key;
	if (sidecar)
		m->sidecar = open(sidecar, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (sidecar && m->sidecar < 0)
		DH_WARN(s, "no copy of the evidence chain beside the recording: %s", strerror(errno));
	struct dh_note n = {.kind = DH_NOTE_CLAIM, .who = "agent"};
	if (m->key) {
		snprintf(n.text, sizeof(n.text), "agent_key=%s", dh_agent_key_public(m->key));
		dh_chain_note(&m->file.chain, &n);
	}
	cJSON_ArrayForEach(v, claims) {
		struct dh_args claim = {claim_params, v};
		dh_strcopy(n.who, sizeof(n.who), dh_arg_str(&claim, "who"));
		dh_strcopy(n.text, sizeof(n.text), dh_arg_str(&claim, "text"));
		dh_chain_note(&m->file.chain, &n);
	}
}

/* The newest link is in the file: tell the others, and copy it. */
static void link_written(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	const struct dh_mp4_buf *box = &m->file.chain.box;
	dh_sink_set_chain(s, m->file.chain.next_seq - 1, m->file.chain.head);
	atomic_store(&s->bytes, (long long)m->file.end);
	if (m->sidecar >= 0 && write(m->sidecar, box->data, box->size) != (ssize_t)box->size) {
		DH_WARN(s, "the copy of the evidence chain ends here: %s", strerror(errno));
		close(m->sidecar);
		m->sidecar = -1;
	}
}

/* Kept at once, by a link of its own: a pause may be long. */
static int mp4_note(struct dh_sink *s, const struct dh_note *n, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	if (n->kind == DH_NOTE_STOP) {
		m->stop = *n;
		return DH_OK;
	}
	dh_chain_note(&m->file.chain, n); /* there is room: each is written before the next comes */
	int err = dh_mp4_file_note(&m->file, &m->index, e);
	if (!err)
		link_written(s);
	return err;
}

static void note_gap(struct mp4 *m, int64_t missing_ms)
{
	struct dh_note n = {.kind = DH_NOTE_GAP, .who = "agent"};
	snprintf(n.text, sizeof(n.text), "sound: %lld ms", (long long)missing_ms);
	dh_chain_note(&m->file.chain, &n); /* for the next link; when there are too many, the counters tell */
}

static int mp4_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	m->file.fd = s->fd;
	m->sidecar = -1;
	m->video = m->audio = -1;
	m->pending_us = INT64_MAX;
	m->index.created_s = dh_wall_us() / 1000000 + SECONDS_1904_TO_1970;
	int err = s->stream_count ? DH_OK : dh_fail(e, DH_EINVAL, "a recording needs a stream");
	/* nobody may take a recording that is still being written for an interrupted one */
	if (!err && flock(s->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		err = dh_fail(e, DH_EBUSY, "the file is being written by another recording");
	for (int i = 0; !err && i < s->stream_count; i++)
		err = add_track(m, &s->streams[i], e);
	if (!err) {
		open_evidence(s, a);
		err = dh_mp4_file_begin(&m->file, &m->index, e);
	}
	if (err) {
		free_all(m);
		return err;
	}
	link_written(s);
	s->wake_us = INT64_MAX;
	return DH_OK;
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

/* When the driver must be called again though no packet comes. */
static void set_wake(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	s->wake_us = m->pending_us == INT64_MAX ? INT64_MAX : m->pending_us + FLUSH_US;
	struct dh_mp4_track *t = video_track(m);
	if (!m->has_begun || !t || m->runs[m->video].count)
		return;
	/* a still picture keeps growing on disk, so that a crash costs no more of it than of a moving one */
	int64_t grow_us = m->start_us + dh_mp4_track_end_us(t) + FRAGMENT_US;
	if (grow_us < s->wake_us)
		s->wake_us = grow_us;
}

/* Put on disk what has gathered, and durations that have grown; the last picture stands until until_us. */
static int flush(struct dh_sink *s, int64_t until_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct dh_mp4_track *t = video_track(m);
	if (t)
		dh_mp4_stretch_last(t, to_ticks(m, t, until_us));
	bool is_fragment = m->pending_us != INT64_MAX;
	int err = is_fragment ? dh_mp4_file_fragment(&m->file, &m->index, m->runs, e)
			      : dh_mp4_file_extend(&m->file, &m->index, m->runs, e);
	if (err)
		return err;
	if (is_fragment)
		link_written(s);
	/* EV-10: the place to ask another thread for fdatasync, each second */
	m->pending_us = INT64_MAX;
	update_facts(s);
	return DH_OK;
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
		note_gap(m, off * 1000 / t->timescale);
	return dts > t->last_dts ? dts : -1; /* a gap is kept by the sample before it; a step back is dropped */
}

static void add_sample(struct dh_sink *s, int number, const struct dh_packet *p)
{
	struct mp4 *m = s->priv;
	struct dh_mp4_track *t = &m->index.tracks[number];
	int64_t dts = to_ticks(m, t, p->pts_us);
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
	atomic_fetch_add(t->is_video ? &s->video_frames : &s->audio_frames, 1);
}

/* Sound waits for the first picture: it may be ahead of it. */
static void keep_early(struct mp4 *m, const struct dh_packet *p)
{
	if (m->early_count == EARLY_MAX) {
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
	m->start_us = p->pts_us;
	if (m->video < 0)
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

static int mp4_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	int number = is_video ? m->video : m->audio;
	if (number < 0 || p->size > INT32_MAX)
		return DH_OK;
	bool is_first = !m->has_begun && (is_video ? p->is_key : m->video < 0);
	if (!m->has_begun && !is_first) {
		if (!is_video)
			keep_early(m, p);
		return DH_OK;
	}
	if (is_first)
		begin(s, p);
	int err = !is_first && must_cut(m, p, is_video) ? flush(s, p->pts_us, e) : DH_OK;
	if (err)
		return err;
	add_sample(s, number, p);
	if (is_first) /* from here on the file is never empty */
		err = flush(s, p->pts_us, e);
	set_wake(s);
	return err;
}

static int mp4_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e)
{
	int err = flush(s, now_us, e);
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
	int err = dh_mp4_recover(m->file.fd, m->key, &facts, &e);
	if (err) {
		DH_WARN(s, "the recording stays in fragments: %s", e.text);
		return;
	}
	atomic_store(&s->bytes, facts.bytes);
	atomic_store(&s->duration_us, facts.duration_us);
	atomic_store(&s->video_frames, facts.video_frames);
	atomic_store(&s->audio_frames, facts.audio_frames);
	if (facts.has_chain)
		dh_sink_set_chain(s, facts.chain_seq, facts.chain_head);
}

static int mp4_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	int err;
	if (m->has_begun) {
		err = flush(s, end_us, e);
		if (!m->stop.kind)
			m->stop = (struct dh_note){.kind = DH_NOTE_STOP, .who = "agent", .text = "closed"};
		dh_chain_note(&m->file.chain, &m->stop);
		if (!err)
			err = dh_mp4_file_finish(&m->file, &m->index, e);
		if (err)
			finish_without_rest(s);
		else {
			update_facts(s);
			link_written(s);
		}
	} else {
		err = dh_fail(e, DH_ENODEV, "no picture and no sound came, so the recording is empty");
	}
	free_all(m);
	return err;
}

const struct dh_sink_driver dh_sink_mp4 = {
	.base = {.name = "mp4", .doc = "A crash-safe MP4 file of H.264 and AAC.", .params = params,
		 .priv_size = sizeof(struct mp4)},
	.open = mp4_open,
	.write = mp4_write,
	.idle = mp4_idle,
	.note = mp4_note,
	.close = mp4_close,
};
