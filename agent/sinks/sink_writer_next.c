/* When a recording's writer dies: its file is finished from here, and the recording goes on in a next file, written by a
 * new process. That one begins with the last key frame before the end of the broken file and shows what comes behind that
 * end, so that nothing is missing: what was sent and not written is kept for it (agent/writer/kept.h). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/sinks/mp4_segment_name.h"
#include "agent/sinks/sink_writer_priv.h"
#include "common/alloc.h"
#include "common/beneath.h"
#include "common/clock.h"

#define DEATHS_WITHIN_US 60000000
#define TRACK_AWAY_US 1000000   /* a track that ends so long before the other has no more to give */
#define SOUND_EARLY_US 200000   /* sound is sent from so long before its file begins: the sink takes what it needs */
#define PICTURE_APART_US 500    /* two pictures are never closer; a file's ticks are */
#define SOUND_APART_US 10000    /* half a packet; rounding moves them less */
#define EMPTY_BYTES_MAX (128 << 10) /* a head without a fragment is smaller */

/* ---- the broken file ---- */

static void say_cause(int status, char *out, size_t size)
{
	char how[96];
	if (status == -1)
		snprintf(how, sizeof(how), "hangs: its disk does not answer");
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(how, sizeof(how), "ended with code %d", WEXITSTATUS(status));
	snprintf(out, size, "the process that wrote the recording %s", how);
}

int proxy_lost(struct proxy *w, struct dh_err *e)
{
	proxy_end_process(w);
	if (!w->why[0])
		say_cause(w->status, w->why, sizeof(w->why));
	dh_fail(e, DH_EIO, "%s", w->why);
	return dh_hint(e, w->status == -1 ? "Check the disk. The next start of the agent finishes the file."
					  : "What it wrote is kept and playable. Start the next recording.");
}

static void take_file(struct proxy *w, int fd, const char *name)
{
	close(w->file);
	w->file = fd;
	if (!w->sidecar)
		return;
	char *path = dh_path_beside(w->path, name);
	free(w->sidecar);
	w->sidecar = dh_strfmt("%s.chain", path);
	free(path);
}

/* Turn from the file this writer began with to the one that was being written. */
static void open_last_segment(struct dh_sink *s)
{
	struct proxy *w = s->priv;
	if (w->dir < 0 || w->segment.number < 2 || strchr(w->segment.name, '/'))
		return;
	int fd = openat(w->dir, w->segment.name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		take_file(w, fd, w->segment.name);
}

/* Its lock is ours too, so nobody else does. next: where the recording goes on, NULL: nowhere. */
static int recover(struct dh_sink *s, const char *next, struct dh_mp4_facts *facts, struct dh_err *e)
{
	struct proxy *w = s->priv;
	struct dh_agent_key *key = NULL;
	struct dh_err why = {0};
	if (w->key_dir && dh_agent_key_open(&key, w->key_dir, &why))
		DH_WARN(s, "the recording will not be signed: %s", why.text);
	int err = dh_mp4_recover_into(w->file, key, w->why, next, facts, e);
	dh_agent_key_close(key);
	if (!err && w->sidecar && facts->has_chain)
		dh_mp4_recover_sidecar(w->sidecar, w->file);
	return err;
}

/* What was found in it counts, once. */
static void count_file(struct dh_sink *s, const struct dh_mp4_facts *facts, bool is_followed)
{
	struct proxy *w = s->priv;
	struct dh_sink_segment *g = &w->segment;
	w->is_finished = true;
	if (g->is_over)
		return; /* its writer had told */
	if (!g->number && is_followed) {
		g->number = 1;
		dh_strcopy(g->name, sizeof(g->name), w->first);
	}
	g->is_over = true;
	g->bytes = facts->bytes;
	g->duration_us = facts->duration_us;
	g->video_frames = facts->video_frames;
	g->audio_frames = facts->audio_frames;
	g->has_chain = facts->has_chain;
	g->chain_seq = facts->chain_seq;
	memcpy(g->chain_head, facts->chain_head, sizeof(g->chain_head));
	proxy_count(w);
	atomic_store(&s->bytes, w->before.bytes);
	atomic_store(&s->duration_us, w->before.duration_us);
	atomic_store(&s->video_frames, w->before.video_frames);
	atomic_store(&s->audio_frames, w->before.audio_frames);
	if (facts->has_chain)
		dh_sink_set_chain(s, facts->chain_seq, facts->chain_head);
	if (g->number)
		dh_sink_tell_segment(s, g);
}

void proxy_finish_file(struct dh_sink *s)
{
	struct proxy *w = s->priv;
	struct dh_mp4_facts facts;
	struct dh_err e = {0};
	if (w->is_finished || w->status == -1)
		return; /* whoever touches a file that hangs, hangs too */
	open_last_segment(s);
	if (recover(s, NULL, &facts, &e))
		DH_WARN(s, "the recording stays as it is: %s", e.text);
	else
		count_file(s, &facts, false);
}

/* ---- the next file ---- */

struct next {
	int fd, number;
	char name[128];
	bool is_anew;    /* nothing was in the broken file: it is begun again */
	int64_t from_us; /* the output's clock where it should begin; 0: anywhere */
	size_t first;    /* the kept packet it begins with */
};

/* The output's clock where all that is in the broken file ends. A track that has less decides: better some sound is in both
 * files than in none. It is where a picture begins: players show the first whole one at once, and would be ahead of the
 * sound by what an edit leaves of another. */
static int64_t end_of_file(const struct dh_sink *s, const struct dh_mp4_facts *facts)
{
	const struct proxy *w = s->priv;
	int64_t start_us = w->segment.start_us ? w->segment.start_us : w->begin_us, end_us = facts->duration_us, first_us;
	bool has_video = w->kept.has_video;
	for (int i = 0; i < s->stream_count; i++) {
		int64_t of = s->streams[i].kind == DH_MEDIA_VIDEO ? facts->video_end_us : facts->audio_end_us;
		if (of < end_us && facts->duration_us - of < TRACK_AWAY_US)
			end_us = of;
	}
	first_us = has_video ? dh_kept_first(&w->kept, DH_MEDIA_VIDEO, start_us + facts->picture_us + PICTURE_APART_US) :
			       dh_kept_first(&w->kept, DH_MEDIA_AUDIO, start_us + end_us - SOUND_APART_US);
	end_us += start_us;
	if (has_video)
		return dh_kept_picture_at(&w->kept, first_us < end_us ? first_us : end_us);
	return first_us != INT64_MAX ? first_us : end_us;
}

static int no_next(struct dh_err *e)
{
	int code = errno;
	dh_fail(e, dh_err_from_errno(code), "the recording cannot go on in another file: %s", strerror(code));
	return dh_hint(e, code == ENOSPC ? "Free some space on the disk of the recordings, then start the next recording."
					 : "Check the folder of the recordings, then start the next one.");
}

/* The writer had ended its file itself, and made the one behind it. */
static int take_made(struct proxy *w, struct next *n, const char *name, struct dh_err *e)
{
	dh_strcopy(n->name, sizeof(n->name), name);
	n->fd = openat(w->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return n->fd < 0 ? no_next(e) : DH_OK;
}

static void empty_file(struct proxy *w, int fd, const char *name)
{
	char sidecar[sizeof(w->first) + 8];
	struct stat st;
	if (fstat(fd, &st) || st.st_size > EMPTY_BYTES_MAX || ftruncate(fd, 0))
		return;
	snprintf(sidecar, sizeof(sidecar), "%s.chain", name);
	unlinkat(w->dir, sidecar, 0);
}

/* Finish the broken file so that it names the next one, and find out where that one begins. */
static int leave_file(struct dh_sink *s, struct next *n, struct dh_err *e)
{
	struct proxy *w = s->priv;
	struct dh_mp4_facts facts;
	struct dh_err why = {0};
	open_last_segment(s);
	n->number = (w->segment.number ? w->segment.number : 1) + 1;
	n->fd = dh_mp4_create_segment(w->dir, w->first, n->number, n->name);
	if (n->fd < 0)
		return no_next(e);
	int err = recover(s, n->name, &facts, &why);
	if (err || facts.was_finished) {
		close(n->fd);
		unlinkat(w->dir, n->name, 0);
		n->fd = -1;
	}
	n->is_anew = err == DH_ENODEV || err == DH_EPROTO;
	w->is_whole = !err && facts.was_finished && !facts.next[0];
	if (n->is_anew) {
		n->number--;
		dh_strcopy(n->name, sizeof(n->name), w->segment.number ? w->segment.name : w->first);
		n->fd = w->file;
		n->from_us = w->segment.start_us ? w->segment.start_us : w->waits_for_key ? w->missing_us :
			     n->number > 1 ? w->begin_us : 0;
	} else if (err) {
		*e = why;
		return err;
	} else {
		n->from_us = end_of_file(s, &facts);
		count_file(s, &facts, true);
		err = w->is_whole ? proxy_lost(w, e) : facts.was_finished ? take_made(w, n, facts.next, e) : DH_OK;
		if (err)
			return err;
	}
	empty_file(w, n->fd, n->name); /* it is, or as good as */
	return DH_OK;
}

static cJSON *args_of(const struct proxy *w, const struct next *n, int64_t lead_in_us)
{
	char head[2 * DH_HASH_BYTES + 1];
	cJSON *args = w->args ? cJSON_Duplicate(w->args, true) : NULL;
	if (n->number < 2 || !args)
		return args;
	cJSON *after = cJSON_AddObjectToObject(args, "after");
	dh_hash_to_hex(w->before.chain_head, head);
	cJSON_AddNumberToObject(after, "segment", n->number);
	cJSON_AddStringToObject(after, "name", n->name);
	cJSON_AddStringToObject(after, "previous", w->before.name);
	cJSON_AddStringToObject(after, "previous_head", head);
	cJSON_AddNumberToObject(after, "lead_in_us", (double)lead_in_us);
	cJSON_AddNumberToObject(after, "bytes", (double)w->before.bytes);
	cJSON_AddNumberToObject(after, "duration_us", (double)w->before.duration_us);
	cJSON_AddNumberToObject(after, "video_frames", (double)w->before.video_frames);
	cJSON_AddNumberToObject(after, "audio_frames", (double)w->before.audio_frames);
	return args;
}

/* The page is told, and the evidence. */
static void tell_gap(struct dh_sink *s, int64_t gap_us)
{
	struct proxy *w = s->priv;
	struct dh_sink_segment told = {.number = w->number, .gap_us = gap_us};
	struct dh_note n = {.kind = DH_NOTE_GAP, .who = "agent", .mono_us = dh_now_us(), .utc_us = dh_wall_us()};
	dh_strcopy(told.name, sizeof(told.name), w->name);
	dh_strcopy(told.why, sizeof(told.why), w->why);
	dh_sink_tell_segment(s, &told);
	snprintf(n.text, sizeof(n.text), "%s; it went on in this file, %lld ms missing", w->why, (long long)(gap_us / 1000));
	dh_kept_note(&w->kept, &n);
}

/* What this file begins with, and how much of it the file before shows. Returns that. */
static int64_t plan(struct dh_sink *s, struct next *n)
{
	struct proxy *w = s->priv;
	w->number = n->is_anew ? w->segment.number : n->number;
	dh_strcopy(w->name, sizeof(w->name), n->name);
	n->first = dh_kept_begin(&w->kept, n->from_us);
	const struct dh_packet *p = n->first < w->kept.count ? w->kept.packets[n->first] : NULL;
	int64_t lead_in_us = p && n->from_us > p->pts_us ? n->from_us - p->pts_us : 0;
	w->waits_for_key = !p;
	w->missing_us = n->from_us;
	w->begin_us = p ? p->pts_us + lead_in_us : 0;
	w->begin_duration_us = w->before.duration_us;
	if (p)
		tell_gap(s, n->from_us ? w->begin_us - n->from_us : 0);
	return lead_in_us;
}

static int send_kept(struct proxy *w, const struct next *n, struct dh_err *e)
{
	int64_t sound_us = w->begin_us - SOUND_EARLY_US;
	int err = w->clock.cut_us || w->clock.is_paused ? proxy_send_clock(w, e) : DH_OK;
	for (size_t i = 0; !err && i < w->kept.count; i++) {
		const struct dh_packet *p = w->kept.packets[i];
		bool is_sound = p->kind == DH_MEDIA_AUDIO;
		if (is_sound && w->kept.has_video ? p->pts_us >= sound_us : i >= n->first)
			err = proxy_send_packet(w, p, e);
	}
	w->kept.notes_in_file = 0;
	for (int i = 0; !err && i < w->kept.note_count; i++)
		err = proxy_send_note(w, &w->kept.notes[i], e);
	return !err && w->stop.kind ? proxy_send_note(w, &w->stop, e) : err;
}

int proxy_resume(struct dh_sink *s, int64_t pts_us, struct dh_err *e)
{
	struct proxy *w = s->priv;
	w->waits_for_key = false;
	w->begin_us = pts_us;
	tell_gap(s, w->missing_us ? pts_us - w->missing_us : 0);
	return proxy_send_note(w, &w->kept.notes[w->kept.note_count - 1], e);
}

/* Errors: DH_ECLOSED, DH_ETIMEDOUT this one died too. */
static int next_writer(struct dh_sink *s, struct dh_err *e)
{
	struct proxy *w = s->priv;
	struct next n = {.fd = -1};
	int err = proxy_start(s, e); /* first of all: it needs some time of its own */
	if (!err)
		err = leave_file(s, &n, e);
	if (err)
		return err;
	int64_t lead_in_us = plan(s, &n);
	if (!n.is_anew) {
		take_file(w, n.fd, n.name);
		w->segment = (struct dh_sink_segment){.number = n.number};
		dh_strcopy(w->segment.name, sizeof(w->segment.name), n.name);
		dh_sink_tell_segment(s, &w->segment);
	}
	w->is_finished = false;
	cJSON *args = args_of(w, &n, lead_in_us);
	err = proxy_ask_to_open(s, args, e);
	cJSON_Delete(args);
	if (err)
		return err;
	DH_WARN(s, "%s: the recording goes on in %s", w->why, n.name);
	if (w->waits_for_key)
		dh_sink_want_key(s);
	return send_kept(w, &n, e);
}

static bool may_go_on(struct proxy *w)
{
	int64_t *died_us = w->died_us;
	memmove(died_us + 1, died_us, sizeof(*died_us) * (PROXY_DEATHS_MAX - 1));
	died_us[0] = dh_now_us();
	bool is_often = died_us[PROXY_DEATHS_MAX - 1] && died_us[0] - died_us[PROXY_DEATHS_MAX - 1] < DEATHS_WITHIN_US;
	return w->dir >= 0 && w->status != -1 && !is_often;
}

int proxy_go_on(struct dh_sink *s, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err;
	do {
		proxy_end_process(w);
		say_cause(w->status, w->why, sizeof(w->why));
		err = may_go_on(w) ? next_writer(s, e) : proxy_lost(w, e);
	} while (err == DH_ECLOSED || err == DH_ETIMEDOUT);
	if (err) {
		proxy_end_process(w);
		w->is_lost = true;
		DH_WARN(s, "%s", w->why);
	}
	return err;
}
