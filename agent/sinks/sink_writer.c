/* The recording as the agent sees it: this driver hands everything to a process of its own (agent/writer/), which runs the
 * MP4 sink. When that process dies, another one goes on (sink_writer_next.c); when the agent dies, that process finishes the
 * file.
 * A second thread listens to what the writer tells, so that its death is known at once. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sinks/sink_writer.h"
#include "agent/sinks/sink_writer_priv.h"
#include "agent/writer/writer.h"
#include "common/alloc.h"
#include "common/beneath.h"
#include "common/clock.h"
#include "common/thread.h"

#define SILENCE_US 30000000 /* a writer that neither takes nor says anything for so long is given up */
#define KEPT_US 1000000     /* so much of what is in the file is kept all the same */
#define FULL_BYTES (1u << 20)  /* in the ring: the writer is woken before it looks by itself */
#define EXIT_MS 3000        /* from its end, or SIGKILL, to its exit; one that waits for a dead disk does not exit */

/* ---- the listener ---- */

static void take_report(struct dh_sink *s, const struct dh_writer_report *r)
{
	struct proxy *w = s->priv;
	atomic_store(&s->bytes, r->bytes);
	atomic_store(&s->duration_us, r->duration_us);
	atomic_store(&s->video_frames, r->video_frames);
	atomic_store(&s->audio_frames, r->audio_frames);
	if (r->has_chain)
		dh_sink_set_chain(s, r->chain_seq, r->chain_head);
	pthread_mutex_lock(&w->lock);
	w->heard_us = dh_now_us();
	w->notes_in_file = r->notes;
	w->is_opened |= r->state == DH_WRITER_OPENED;
	w->is_failed |= r->state == DH_WRITER_FAILED;
	w->is_closed |= r->state == DH_WRITER_CLOSED;
	w->has_answered = true;
	if (r->state == DH_WRITER_FAILED || r->state == DH_WRITER_CLOSED) {
		w->said = r->why;
		w->said.text[sizeof(w->said.text) - 1] = w->said.hint[sizeof(w->said.hint) - 1] = '\0';
	}
	bool must_attend = w->is_failed && !w->is_closed;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (must_attend && s->want_idle)
		s->want_idle(s);
}

void proxy_count(struct proxy *w)
{
	const struct dh_sink_segment *g = &w->segment;
	struct dh_sink_segment *sum = &w->before;
	sum->bytes += g->bytes;
	sum->duration_us += g->duration_us;
	sum->video_frames += g->video_frames;
	sum->audio_frames += g->audio_frames;
	dh_strcopy(sum->name, sizeof(sum->name), g->name);
	memcpy(sum->chain_head, g->chain_head, sizeof(sum->chain_head));
}

static void take_segment(struct dh_sink *s, const uint8_t *body)
{
	struct proxy *w = s->priv;
	memcpy(&w->segment, body, sizeof(w->segment));
	w->segment.name[sizeof(w->segment.name) - 1] = '\0';
	if (w->segment.is_over)
		proxy_count(w);
	dh_sink_tell_segment(s, &w->segment);
}

/* False: not what a writer says. */
static bool take_message(struct dh_sink *s, const struct dh_writer_reader *in)
{
	struct dh_writer_report r;
	switch (in->head.kind) {
	case DH_WRITER_REPORT:
		memcpy(&r, in->body, sizeof(r));
		take_report(s, &r);
		return true;
	case DH_WRITER_SEGMENT:
		take_segment(s, in->body);
		return true;
	case DH_WRITER_WANT_KEY:
		dh_sink_want_key(s);
		return true;
	default:
		return false;
	}
}

static void *listen_to_writer(void *arg)
{
	struct dh_sink *s = arg;
	struct proxy *w = s->priv;
	struct dh_writer_reader in;
	dh_writer_reader_init(&in, w->socket);
	while (!dh_writer_receive(&in, 0, NULL) && take_message(s, &in))
		;
	dh_writer_reader_finish(&in);
	pthread_mutex_lock(&w->lock);
	bool is_news = !w->is_closed;
	w->is_gone = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (is_news && s->want_idle)
		s->want_idle(s);
	return NULL;
}

/* ---- a process ends ---- */

/* Its exit status, or -1: it does not exit. */
static int reap(struct proxy *w)
{
	int status = -1, handle = (int)syscall(SYS_pidfd_open, w->pid, 0);
	struct pollfd p = {.fd = handle, .events = POLLIN};
	if (handle >= 0 && poll(&p, 1, EXIT_MS) != 1)
		kill(w->pid, SIGKILL);
	bool is_over = handle < 0 || poll(&p, 1, EXIT_MS) == 1;
	if (is_over && waitpid(w->pid, &status, 0) < 0)
		status = 0;
	if (handle >= 0)
		close(handle);
	return is_over ? status : -1;
}

void proxy_end_process(struct proxy *w)
{
	if (w->is_ended)
		return;
	shutdown(w->socket, SHUT_RDWR);
	pthread_join(w->listener, NULL);
	close(w->socket);
	w->status = reap(w);
	dh_ring_close(&w->ring);
	w->is_ended = true;
}

/* ---- a process begins ---- */

/* The process and its ring. */
static int start_process(struct proxy *w, struct dh_err *e)
{
	int memory = -1, err = dh_ring_memory_create(&memory, e);
	if (err)
		return err;
	err = dh_ring_open(&w->ring, memory, e);
	if (!err && (err = dh_writer_spawn(&w->socket, &w->pid, memory, e)))
		dh_ring_close(&w->ring);
	close(memory);
	return err;
}

int proxy_start(struct dh_sink *s, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = start_process(w, e);
	if (err)
		return err;
	w->has_put = w->is_woken = false;
	w->is_opened = w->is_failed = w->is_closed = w->is_gone = false;
	w->heard_us = dh_now_us();
	w->notes_in_file = 0;
	if (!dh_thread_start(&w->listener, "writer-link", listen_to_writer, s)) {
		close(w->socket);
		reap(w);
		dh_ring_close(&w->ring);
		return dh_fail(e, DH_ENOMEM, "cannot start a thread for the recording");
	}
	w->is_ended = false;
	return DH_OK;
}

/* Until *is_there or the end of the writer. False: a silence too long. */
static bool wait_for(struct proxy *w, const bool *is_there)
{
	bool is_silent = false;
	pthread_mutex_lock(&w->lock);
	while (!*is_there && !w->is_gone && !is_silent) {
		is_silent = !dh_cond_wait(&w->changed, &w->lock, w->heard_us + SILENCE_US) &&
			    dh_now_us() >= w->heard_us + SILENCE_US;
	}
	pthread_mutex_unlock(&w->lock);
	return !is_silent;
}

static int send_to(struct proxy *w, enum dh_writer_kind kind, const struct iovec *body, int count, int passed_fd,
		   struct dh_err *e)
{
	struct dh_writer_road road = {w->socket, passed_fd, w->ring.at, SILENCE_US};
	return dh_writer_send(&road, kind, body, count, e);
}

int proxy_ask_to_open(struct dh_sink *s, const cJSON *args, struct dh_err *e)
{
	struct proxy *w = s->priv;
	struct dh_writer_open o;
	memset(&o, 0, sizeof(o));
	memcpy(o.streams, s->streams, sizeof(o.streams));
	o.stream_count = s->stream_count;
	dh_strcopy(o.log_name, sizeof(o.log_name), s->log.name);
	char *text = args ? cJSON_PrintUnformatted(args) : NULL;
	struct iovec body[] = {{&o, sizeof(o)}, {text, text ? strlen(text) : 0}};
	int err = send_to(w, DH_WRITER_OPEN, body, 2, w->file, e);
	cJSON_free(text);
	if (err)
		return err;
	bool is_silent = !wait_for(w, &w->is_opened);
	pthread_mutex_lock(&w->lock);
	if (w->is_failed && !w->is_opened)
		*e = w->said;
	err = w->is_opened ? DH_OK : w->is_failed ? e->code : is_silent ? DH_ETIMEDOUT : DH_ECLOSED;
	pthread_mutex_unlock(&w->lock);
	return err == DH_ETIMEDOUT ? dh_fail(e, err, "the process that writes the recording did not begin") : err;
}

/* ---- sending ---- */

static int wake(struct proxy *w, struct dh_err *e)
{
	pthread_mutex_lock(&w->lock);
	w->has_answered = false;
	w->heard_us = dh_now_us(); /* it was not asked anything before */
	pthread_mutex_unlock(&w->lock);
	return send_to(w, DH_WRITER_WAKE, NULL, 0, -1, e);
}

/* The ring is full. Until the writer has taken something. */
static int wait_for_room(struct proxy *w, struct dh_err *e)
{
	int err = wake(w, e);
	if (err)
		return err;
	if (!wait_for(w, &w->has_answered))
		return dh_fail(e, DH_ETIMEDOUT, "the writer took nothing for %d s", SILENCE_US / 1000000);
	pthread_mutex_lock(&w->lock);
	bool is_gone = w->is_gone;
	pthread_mutex_unlock(&w->lock);
	return is_gone ? dh_fail(e, DH_ECLOSED, "the writer is gone") : DH_OK;
}

/* It looks into the ring by itself, but not for the first packet, nor when there is soon no room. */
static int wake_in_time(struct proxy *w, struct dh_err *e)
{
	bool must_wake = !w->has_put || dh_ring_waiting(&w->ring) > FULL_BYTES, is_woken = w->is_woken;
	w->has_put = true;
	w->is_woken = must_wake;
	return must_wake && !is_woken ? wake(w, e) : DH_OK;
}

static int put(struct proxy *w, const struct iovec *body, int count, struct dh_err *e)
{
	int err;
	while ((err = dh_ring_put(&w->ring, body, count)) == DH_AGAIN) {
		err = wait_for_room(w, e);
		if (err)
			return err;
	}
	return err == DH_EINVAL ? send_to(w, DH_WRITER_PACKET, body, count, -1, e) :
	       err ? dh_fail(e, DH_ECLOSED, "the writer's ring makes no sense") : wake_in_time(w, e);
}

int proxy_send_packet(struct proxy *w, const struct dh_packet *p, struct dh_err *e)
{
	struct dh_writer_packet head;
	if (p->size > DH_WRITER_PACKET_MAX)
		return DH_OK;
	memset(&head, 0, sizeof(head));
	head.kind = (int32_t)p->kind;
	head.is_key = p->is_key;
	head.pts_us = p->pts_us;
	head.dts_us = p->dts_us;
	head.duration_us = p->duration_us;
	struct iovec body[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)p->data, p->size}};
	return put(w, body, 2, e);
}

int proxy_send_note(struct proxy *w, const struct dh_note *n, struct dh_err *e)
{
	return send_to(w, DH_WRITER_NOTE, &(struct iovec){(void *)(uintptr_t)n, sizeof(*n)}, 1, -1, e);
}

int proxy_send_clock(struct proxy *w, struct dh_err *e)
{
	return send_to(w, DH_WRITER_CLOCK, &(struct iovec){&w->clock, sizeof(w->clock)}, 1, -1, e);
}

/* ---- the driver ---- */

/* What was sent is kept, and goes to the next writer too if this one is gone. */
static int sent(struct dh_sink *s, int err, struct dh_err *e)
{
	return err == DH_ECLOSED || err == DH_ETIMEDOUT ? proxy_go_on(s, e) : err;
}

/* What the listener has heard against going on. */
static int check(struct dh_sink *s, struct dh_err *e)
{
	struct proxy *w = s->priv;
	pthread_mutex_lock(&w->lock);
	bool is_failed = w->is_failed, is_gone = w->is_gone, is_closed = w->is_closed;
	int64_t notes_in_file = w->notes_in_file;
	if (is_failed)
		*e = w->said;
	pthread_mutex_unlock(&w->lock);
	dh_kept_notes_written(&w->kept, notes_in_file);
	return is_failed ? e->code : !is_gone ? DH_OK : is_closed ? proxy_lost(w, e) : proxy_go_on(s, e);
}

static void release(struct proxy *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	dh_kept_finish(&w->kept);
	cJSON_Delete(w->args);
	close(w->file);
	if (w->dir >= 0)
		close(w->dir);
	free(w->key_dir);
	free(w->sidecar);
	free(w->path);
}

/* Where further files go. */
static void open_dir(struct proxy *w)
{
	const char *name = NULL, *end = w->path ? strrchr(w->path, '.') : NULL;
	w->dir = end && strchr(w->path, '/') && !strcmp(end, ".mp4") ? dh_open_folder_of(w->path, &name) : -1;
	if (w->dir >= 0)
		dh_strcopy(w->first, sizeof(w->first), name);
}

static void init(struct dh_sink *s, const struct dh_args *a)
{
	struct proxy *w = s->priv;
	w->file = s->fd;
	w->is_ended = true;
	w->args = a->json ? cJSON_Duplicate(a->json, true) : NULL;
	w->key_dir = a->json ? dh_strdup(dh_arg_str(a, "key_dir")) : NULL;
	w->sidecar = a->json ? dh_strdup(dh_arg_str(a, "sidecar")) : NULL;
	w->path = a->json ? dh_strdup(dh_arg_str(a, "path")) : NULL;
	open_dir(w);
	for (int i = 0; i < s->stream_count; i++)
		w->kept.has_video |= s->streams[i].kind == DH_MEDIA_VIDEO;
	pthread_mutex_init(&w->lock, NULL);
	dh_cond_init(&w->changed);
}

static int writer_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct proxy *w = s->priv;
	init(s, a);
	int err = proxy_start(s, e);
	if (!err)
		err = proxy_ask_to_open(s, w->args, e);
	if (err == DH_ECLOSED)
		err = proxy_lost(w, e);
	if (err) {
		proxy_end_process(w);
		release(w);
		return err;
	}
	s->wake_us = INT64_MAX; /* the writer keeps its own time */
	return DH_OK;
}

/* Keep it, and let go of what is in the file for certain. */
static void keep(struct dh_sink *s, const struct dh_packet *p)
{
	struct proxy *w = s->priv;
	bool is_begin = !w->kept.has_video || (p->kind == DH_MEDIA_VIDEO && p->is_key);
	dh_kept_add(&w->kept, p);
	if (w->begin_us) {
		int64_t written_us = atomic_load(&s->duration_us) - w->begin_duration_us;
		dh_kept_trim(&w->kept, w->begin_us + written_us - KEPT_US);
	} else if (is_begin && !w->waits_for_key) {
		const struct dh_stream *sound = &s->streams[0]; /* where there is nothing else */
		w->begin_us = p->pts_us;
		if (!w->kept.has_video)
			w->begin_us += (int64_t)sound->priming_samples * 1000000 / sound->rate_hz;
	}
}

static int writer_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = check(s, e);
	if (err)
		return err;
	bool is_awaited = w->waits_for_key && p->is_key && p->kind == DH_MEDIA_VIDEO;
	keep(s, p);
	err = sent(s, proxy_send_packet(w, p, e), e);
	if (!err && is_awaited && w->waits_for_key) /* a writer that died just now has it among what was kept */
		err = sent(s, proxy_resume(s, p->pts_us, e), e);
	return err;
}

/* The listener has news. */
static int writer_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e)
{
	return check(s, e);
}

static int writer_note(struct dh_sink *s, const struct dh_note *n, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = check(s, e);
	if (err)
		return err;
	if (n->kind == DH_NOTE_STOP)
		w->stop = *n;
	else
		dh_kept_note(&w->kept, n);
	return sent(s, proxy_send_note(w, n, e), e);
}

static int writer_clock(struct dh_sink *s, bool is_paused, int64_t cut_us, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = check(s, e);
	w->clock.cut_us = cut_us;
	w->clock.is_paused = is_paused;
	return err ? err : sent(s, proxy_send_clock(w, e), e);
}

/* Let the writer close, or the one that goes on for it. */
static int close_writer(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = w->is_lost ? DH_OK : check(s, e);
	bool is_over = w->is_ended;
	while (!is_over) {
		struct dh_err why = {0};
		if (!send_to(w, DH_WRITER_CLOSE, &(struct iovec){&end_us, sizeof(end_us)}, 1, -1, &why)) {
			pthread_mutex_lock(&w->lock);
			w->heard_us = dh_now_us();
			pthread_mutex_unlock(&w->lock);
			wait_for(w, &w->is_closed);
		}
		proxy_end_process(w);
		is_over = w->is_closed || w->is_failed || (err = proxy_go_on(s, e));
	}
	return err;
}

static int writer_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = close_writer(s, end_us, e);
	if (w->is_whole) {
		err = DH_OK; /* it died when all was done */
		*e = (struct dh_err){0};
	} else if (w->is_closed) {
		*e = w->said;
		err = w->said.code;
	} else {
		err = err ? err : proxy_lost(w, e);
		proxy_finish_file(s);
	}
	release(w);
	return err;
}

const struct dh_sink_driver dh_sink_writer = {
	.base = {.name = "writer", .doc = "The MP4 file, written by a process of its own.", .params = dh_mp4_params,
		 .priv_size = sizeof(struct proxy)},
	.open = writer_open,
	.write = writer_write,
	.idle = writer_idle,
	.note = writer_note,
	.clock = writer_clock,
	.close = writer_close,
};
