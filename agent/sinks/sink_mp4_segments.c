/* A recording in several files. A segment ends at the first key frame after it is due; each plays alone, and one behind the
 * other they give every picture once and all sound once. Sound packets overlap in decoding, so the next file begins with
 * the two before the cut again, which only lead its decoder in and are not heard there. docs/recording.md */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/record/verify.h"
#include "agent/sinks/mp4_segment_name.h"
#include "agent/sinks/sink_mp4.h"
#include "common/alloc.h"
#include "common/beneath.h"

#define ASK_AGAIN_US 2000000   /* a key frame that was asked for has not come */
#define SOUND_LATE_US 500000   /* how long the cut waits for sound from before it */

/* ---- begin and end ---- */

const struct dh_param mp4_after_params[] = {
	{"segment", DH_INT, NULL, 2, DH_MP4_SEGMENTS_MAX, 0, .required = true, .doc = "number of this file"},
	{"name", DH_STR, .max = 127, .required = true, .doc = "of this file"},
	{"previous", DH_STR, .max = 127, .required = true, .doc = "name of the file before"},
	{"previous_head", DH_STR, .max = 64, .required = true, .doc = "its chain's last, in hex"},
	{"lead_in_us", DH_INT, "us", 0, INT64_C(1) << 50, 0,
	 .doc = "from the first picture to what is shown first: the file before shows the rest"},
	{"bytes", DH_INT, "B", 0, INT64_C(1) << 62, 0, .doc = "of all files before; and so on"},
	{"duration_us", DH_INT, "us", 0, INT64_C(1) << 50, 0},
	{"video_frames", DH_INT, NULL, 0, INT64_C(1) << 50, 0},
	{"audio_frames", DH_INT, NULL, 0, INT64_C(1) << 50, 0},
	{0},
};

/* The writer of the files before died: this one begins with a later file. */
static int go_on_after(struct dh_sink *s, const struct dh_args *after, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	if (!dh_hash_from_hex(dh_arg_str(after, "previous_head"), g->previous_head))
		return dh_fail(e, DH_EINVAL, "after.previous_head is not a SHA-256 in hex");
	g->number = (int)dh_arg_int(after, "segment");
	dh_strcopy(g->name, sizeof(g->name), dh_arg_str(after, "name"));
	dh_strcopy(g->previous, sizeof(g->previous), dh_arg_str(after, "previous"));
	g->lead_in_us = dh_arg_int(after, "lead_in_us");
	atomic_store(&s->bytes, g->bytes = dh_arg_int(after, "bytes"));
	atomic_store(&s->duration_us, g->duration_us = dh_arg_int(after, "duration_us"));
	atomic_store(&s->video_frames, g->video_frames = dh_arg_int(after, "video_frames"));
	atomic_store(&s->audio_frames, g->audio_frames = dh_arg_int(after, "audio_frames"));
	return DH_OK;
}

int mp4_segments_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	g->dir = -1;
	g->cut_us = INT64_MAX;
	const char *path = a->json ? dh_arg_str(a, "path") : NULL;
	struct dh_args after = a->json ? dh_arg_obj(a, "after") : (struct dh_args){0};
	g->limit_us = a->json ? dh_arg_int(a, "segment_s") * 1000000 : 0;
	g->limit_bytes = a->json ? dh_arg_int(a, "segment_mb") << 20 : 0;
	if (!g->limit_us && !g->limit_bytes && !after.json)
		return DH_OK;
	const char *slash = path ? strrchr(path, '/') : NULL, *name;
	size_t n = slash ? strlen(slash + 1) : 0;
	if (n < 5 || n >= sizeof(g->first) || strcmp(slash + 1 + n - 4, ".mp4"))
		return dh_fail(e, DH_EINVAL, "segments need path: that of the first file, with .mp4 at its end");
	g->dir = dh_open_folder_of(path, &name);
	if (g->dir < 0)
		return dh_fail(e, dh_err_from_errno(errno), "cannot open the folder of the segments: %s", strerror(errno));
	dh_strcopy(g->first, sizeof(g->first), name);
	dh_strcopy(g->name, sizeof(g->name), name);
	g->number = 1;
	return after.json ? go_on_after(s, &after, e) : DH_OK;
}

static void drop(struct dh_packet **packets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dh_packet_unref(packets[i]);
}

void mp4_segments_release(struct mp4 *m)
{
	struct mp4_segments *g = &m->segments;
	drop(g->held, g->held_count);
	drop(g->recent, (size_t)g->recent_count);
	free(g->held);
	if (g->dir >= 0)
		close(g->dir);
	*g = (struct mp4_segments){.dir = -1, .cut_us = INT64_MAX};
}

void mp4_segments_tell(struct dh_sink *s, bool is_over)
{
	struct mp4 *m = s->priv;
	struct dh_sink_segment told = {.number = m->segments.number, .is_over = is_over};
	if (!told.number)
		return;
	dh_strcopy(told.name, sizeof(told.name), m->segments.name);
	told.start_us = m->segments.start_us;
	if (is_over) {
		told.bytes = atomic_load(&s->bytes) - m->segments.bytes;
		told.duration_us = atomic_load(&s->duration_us) - m->segments.duration_us;
		told.video_frames = atomic_load(&s->video_frames) - m->segments.video_frames;
		told.audio_frames = atomic_load(&s->audio_frames) - m->segments.audio_frames;
		told.has_chain = dh_sink_get_chain(s, &told.chain_seq, told.chain_head);
	}
	dh_sink_tell_segment(s, &told);
}

/* ---- the cut ---- */

static void keep_recent(struct mp4_segments *g, const struct dh_packet *p)
{
	if (g->recent_count == DH_MP4_RECENT) {
		dh_packet_unref(g->recent[0]);
		memmove(g->recent, g->recent + 1, sizeof(g->recent[0]) * --g->recent_count);
	}
	g->recent[g->recent_count++] = dh_packet_ref((struct dh_packet *)(uintptr_t)p);
}

static void hold(struct mp4_segments *g, const struct dh_packet *p)
{
	if (g->held_count == g->held_capacity) {
		g->held_capacity = g->held_capacity ? g->held_capacity * 2 : 32;
		g->held = dh_realloc(g->held, sizeof(*g->held) * g->held_capacity);
	}
	g->held[g->held_count++] = dh_packet_ref((struct dh_packet *)(uintptr_t)p);
}

/* Write what waited, into the file that is open now. */
static int release_held(struct dh_sink *s, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	int err = DH_OK;
	for (size_t i = 0; !err && i < g->held_count; i++)
		err = mp4_write_sample(s, g->held[i], e);
	drop(g->held, g->held_count);
	g->held_count = 0;
	return err;
}

/* Both tracks end exactly where the next file begins. */
static void settle_ends(struct mp4 *m)
{
	for (int i = 0; i < m->index.track_count; i++) {
		struct dh_mp4_track *t = &m->index.tracks[i];
		int64_t left = mp4_to_ticks(m, t, m->segments.cut_us) - t->last_dts;
		struct dh_mp4_sample *last = t->sample_count ? &t->samples[t->sample_count - 1] : NULL;
		if (last && left > 0 && left < UINT32_MAX && (t->is_video || left < last->duration))
			last->duration = (uint32_t)left;
	}
}

/* End this file and begin the next one, which takes its last head as the one before its own first. */
static int switch_files(struct dh_sink *s, int fd, const char *name, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	struct dh_note next = {.kind = DH_NOTE_NEXT, .who = "agent"};
	dh_strcopy(next.text, sizeof(next.text), name);
	settle_ends(m);
	int err = mp4_finish_file(s, g->cut_us, &next, e);
	if (err) {
		close(fd);
		unlinkat(g->dir, name, 0);
		return err;
	}
	mp4_segments_tell(s, true);
	memcpy(g->previous_head, m->file.chain.head, sizeof(g->previous_head));
	dh_strcopy(g->previous, sizeof(g->previous), g->name);
	dh_strcopy(g->name, sizeof(g->name), name);
	g->number++;
	g->start_us = g->cut_us;
	g->lead_in_us = 0;
	g->asked_us = 0;
	g->bytes = atomic_load(&s->bytes);
	g->duration_us = atomic_load(&s->duration_us);
	g->video_frames = atomic_load(&s->video_frames);
	g->audio_frames = atomic_load(&s->audio_frames);
	mp4_release_file(m);
	err = mp4_begin_file(s, fd, e);
	m->is_finished = err != DH_OK;
	if (!err)
		mp4_segments_tell(s, false);
	return err;
}

static int cut(struct dh_sink *s, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	char name[128] = "";
	int fd = dh_mp4_create_segment(g->dir, g->first, g->number + 1, name);
	int err = DH_OK;
	if (fd < 0) {
		g->has_failed = true;
		DH_WARN(s, "no further segment, this one goes on: %s", strerror(errno));
	} else {
		err = switch_files(s, fd, name, e);
		for (int i = 0; !err && i < g->recent_count; i++)
			if (g->recent[i]->pts_us < g->cut_us)
				mp4_keep_early(m, g->recent[i]);
	}
	g->cut_us = INT64_MAX;
	return err ? err : release_held(s, e);
}

static bool is_due(const struct mp4 *m, int64_t pts_us)
{
	const struct mp4_segments *g = &m->segments;
	return g->number && !g->has_failed && m->has_begun &&
	       ((g->limit_us && pts_us - m->start_us >= g->limit_us) ||
		(g->limit_bytes && (int64_t)m->file.end >= g->limit_bytes));
}

/* The cut is not there yet: is it at this packet? */
static bool begins_next(struct dh_sink *s, const struct dh_packet *p)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	if (!is_due(m, p->pts_us))
		return false;
	if (m->video < 0 || (p->kind == DH_MEDIA_VIDEO && p->is_key))
		return true;
	if (p->pts_us - g->asked_us > ASK_AGAIN_US) {
		g->asked_us = p->pts_us;
		dh_sink_want_key(s);
	}
	return false;
}

int mp4_segments_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	struct mp4_segments *g = &m->segments;
	bool is_sound = p->kind == DH_MEDIA_AUDIO, is_waiting = g->cut_us != INT64_MAX;
	int err = DH_OK;
	if (!is_waiting && begins_next(s, p)) {
		g->cut_us = p->pts_us;
		is_waiting = true;
	}
	if (is_waiting && p->pts_us >= g->cut_us) {
		hold(g, p);
		if (is_sound || m->audio < 0 || p->pts_us - g->cut_us > SOUND_LATE_US)
			err = cut(s, e);
	} else {
		err = mp4_write_sample(s, p, e);
	}
	if (is_sound && g->number)
		keep_recent(g, p);
	return err;
}

int64_t mp4_segments_wake_us(const struct mp4 *m)
{
	return m->segments.cut_us == INT64_MAX ? INT64_MAX : m->segments.cut_us + SOUND_LATE_US;
}

int mp4_segments_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e)
{
	return now_us >= mp4_segments_wake_us(s->priv) ? cut(s, e) : DH_OK;
}

int mp4_segments_cut_now(struct dh_sink *s, struct dh_err *e)
{
	const struct mp4 *m = s->priv;
	return m->segments.cut_us != INT64_MAX ? cut(s, e) : DH_OK;
}

int mp4_segments_flush(struct dh_sink *s, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	m->segments.cut_us = INT64_MAX;
	return release_held(s, e);
}
