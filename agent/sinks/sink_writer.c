/* The recording as the agent sees it: this driver hands everything to a process of its own (agent/writer/), which runs the
 * MP4 sink. When that process dies, the file is finished from here; when the agent dies, that process finishes it.
 * A second thread listens to what the writer tells, so that its death is known at once. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/sinks/sink_writer.h"
#include "agent/writer/message.h"
#include "agent/writer/writer.h"
#include "common/alloc.h"
#include "common/beneath.h"
#include "common/clock.h"
#include "common/thread.h"

#define SILENCE_US 30000000 /* a writer that neither takes nor says anything for so long is given up */
#define EXIT_MS 3000        /* from its end, or SIGKILL, to its exit; one that waits for a dead disk does not exit */

struct proxy {
	pid_t pid;
	int socket;
	int file; /* the recording, for when the writer dies; shares the writer's lock */
	char *key_dir, *sidecar, *path;
	bool is_ended; /* the process: */
	int status;    /* as waitpid() has it, -1: it hangs */
	pthread_t listener;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	/* -- listener; the sink thread once that is over */
	struct dh_sink_segment segment; /* the newest told of; number 0: the recording is one file */
	struct dh_sink_segment before;  /* sums of those that are over */
	/* -- protected by lock */
	bool is_opened, is_failed, is_closed, is_gone;
	struct dh_err why; /* is_failed; is_closed: code 0 when all went well */
	int64_t heard_us;
};

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
	w->is_opened |= r->state == DH_WRITER_OPENED;
	w->is_failed |= r->state == DH_WRITER_FAILED;
	w->is_closed |= r->state == DH_WRITER_CLOSED;
	if (r->state == DH_WRITER_FAILED || r->state == DH_WRITER_CLOSED) {
		w->why = r->why;
		w->why.text[sizeof(w->why.text) - 1] = w->why.hint[sizeof(w->why.hint) - 1] = '\0';
	}
	bool must_attend = w->is_failed && !w->is_closed;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (must_attend && s->want_idle)
		s->want_idle(s);
}

static void take_segment(struct dh_sink *s, const uint8_t *body)
{
	struct proxy *w = s->priv;
	memcpy(&w->segment, body, sizeof(w->segment));
	w->segment.name[sizeof(w->segment.name) - 1] = '\0';
	if (w->segment.is_over) {
		w->before.bytes += w->segment.bytes;
		w->before.duration_us += w->segment.duration_us;
		w->before.video_frames += w->segment.video_frames;
		w->before.audio_frames += w->segment.audio_frames;
	}
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

/* ---- the end of the process ---- */

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

static void end_process(struct proxy *w)
{
	if (w->is_ended)
		return;
	shutdown(w->socket, SHUT_RDWR);
	pthread_join(w->listener, NULL);
	close(w->socket);
	w->status = reap(w);
	w->is_ended = true;
}

static void release(struct proxy *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	close(w->file);
	free(w->key_dir);
	free(w->sidecar);
	free(w->path);
}

/* ---- a writer that died ---- */

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

/* Turn from the first file to the one that was being written, beside it. */
static void open_last_segment(struct dh_sink *s)
{
	struct proxy *w = s->priv;
	if (!w->path || !strchr(w->path, '/') || w->segment.number < 2 || strchr(w->segment.name, '/'))
		return;
	char *path = dh_path_beside(w->path, w->segment.name);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		close(w->file);
		w->file = fd;
	}
	if (fd >= 0 && w->sidecar) {
		free(w->sidecar);
		w->sidecar = dh_strfmt("%s.chain", path);
	}
	free(path);
}

static void tell_recovered_segment(struct dh_sink *s, const struct dh_mp4_facts *facts)
{
	struct proxy *w = s->priv;
	struct dh_sink_segment told = w->segment;
	if (!told.number || told.is_over)
		return;
	told.is_over = true;
	told.bytes = facts->bytes;
	told.duration_us = facts->duration_us;
	told.video_frames = facts->video_frames;
	told.audio_frames = facts->audio_frames;
	told.has_chain = facts->has_chain;
	told.chain_seq = facts->chain_seq;
	memcpy(told.chain_head, facts->chain_head, sizeof(told.chain_head));
	dh_sink_tell_segment(s, &told);
}

/* Finish what it left. Its lock is ours too, so nobody else does. */
static void finish_file(struct dh_sink *s)
{
	struct proxy *w = s->priv;
	char cause[160];
	struct dh_agent_key *key = NULL;
	struct dh_mp4_facts facts;
	struct dh_err e = {0};
	if (w->status == -1)
		return; /* whoever touches the file now hangs too */
	say_cause(w->status, cause, sizeof(cause));
	open_last_segment(s);
	if (w->key_dir && dh_agent_key_open(&key, w->key_dir, &e))
		DH_WARN(s, "the recording will not be signed: %s", e.text);
	int err = dh_mp4_recover(w->file, key, cause, &facts, &e);
	dh_agent_key_close(key);
	if (err) {
		DH_WARN(s, "the recording stays as it is: %s", e.text);
		return;
	}
	if (w->sidecar && facts.has_chain)
		dh_mp4_recover_sidecar(w->sidecar, w->file);
	atomic_store(&s->bytes, w->before.bytes + facts.bytes);
	atomic_store(&s->duration_us, w->before.duration_us + facts.duration_us);
	atomic_store(&s->video_frames, w->before.video_frames + facts.video_frames);
	atomic_store(&s->audio_frames, w->before.audio_frames + facts.audio_frames);
	if (facts.has_chain)
		dh_sink_set_chain(s, facts.chain_seq, facts.chain_head);
	tell_recovered_segment(s, &facts);
}

/* It is gone, or has nothing to say for too long. */
static int writer_lost(struct proxy *w, struct dh_err *e)
{
	char cause[160];
	end_process(w);
	say_cause(w->status, cause, sizeof(cause));
	dh_fail(e, DH_EIO, "%s", cause);
	return dh_hint(e, w->status == -1 ? "Check the disk. The next start of the agent finishes the file."
					  : "What it wrote is kept and playable. Start the next recording.");
}

/* ---- the driver ---- */

static int proxy_send(struct proxy *w, enum dh_writer_kind kind, const struct iovec *body, int count, struct dh_err *e)
{
	int err = dh_writer_send(w->socket, kind, body, count, -1, SILENCE_US, e);
	return err ? writer_lost(w, e) : DH_OK; /* maybe in the middle of a message: nothing more can go this way */
}

/* What the listener has heard against going on. */
static int check(struct proxy *w, struct dh_err *e)
{
	pthread_mutex_lock(&w->lock);
	bool is_failed = w->is_failed, is_gone = w->is_gone;
	if (is_failed)
		*e = w->why;
	pthread_mutex_unlock(&w->lock);
	return is_failed ? e->code : is_gone ? writer_lost(w, e) : DH_OK;
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

static void init(struct dh_sink *s, const struct dh_args *a)
{
	struct proxy *w = s->priv;
	w->file = s->fd;
	w->key_dir = a->json ? dh_strdup(dh_arg_str(a, "key_dir")) : NULL;
	w->sidecar = a->json ? dh_strdup(dh_arg_str(a, "sidecar")) : NULL;
	w->path = a->json ? dh_strdup(dh_arg_str(a, "path")) : NULL;
	w->heard_us = dh_now_us();
	pthread_mutex_init(&w->lock, NULL);
	dh_cond_init(&w->changed);
}

static int start_listener(struct dh_sink *s, struct dh_err *e)
{
	struct proxy *w = s->priv;
	return dh_thread_start(&w->listener, "writer-link", listen_to_writer, s) ? DH_OK :
	       dh_fail(e, DH_ENOMEM, "cannot start a thread for the recording");
}

static int ask_to_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct proxy *w = s->priv;
	struct dh_writer_open o;
	memset(&o, 0, sizeof(o));
	memcpy(o.streams, s->streams, sizeof(o.streams));
	o.stream_count = s->stream_count;
	dh_strcopy(o.log_name, sizeof(o.log_name), s->log.name);
	char *text = a->json ? cJSON_PrintUnformatted(a->json) : NULL;
	struct iovec body[] = {{&o, sizeof(o)}, {text, text ? strlen(text) : 0}};
	int err = dh_writer_send(w->socket, DH_WRITER_OPEN, body, 2, w->file, SILENCE_US, e);
	cJSON_free(text);
	if (!err && !wait_for(w, &w->is_opened))
		err = dh_fail(e, DH_ETIMEDOUT, "the process that writes the recording did not begin");
	return err ? err : w->is_opened ? DH_OK : check(w, e);
}

static int writer_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct proxy *w = s->priv;
	init(s, a);
	int err = dh_writer_spawn(&w->socket, &w->pid, e);
	if (err)
		goto fail_spawn;
	err = start_listener(s, e);
	if (err)
		goto fail_listener;
	err = ask_to_open(s, a, e);
	if (err)
		goto fail_open;
	s->wake_us = INT64_MAX; /* the writer keeps its own time */
	return DH_OK;
fail_open:
	end_process(w);
	release(w);
	return err;
fail_listener:
	close(w->socket);
	reap(w);
fail_spawn:
	release(w);
	return err;
}

static int writer_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct proxy *w = s->priv;
	struct dh_writer_packet head;
	int err = check(w, e);
	if (err || p->size > DH_WRITER_PACKET_MAX)
		return err;
	memset(&head, 0, sizeof(head));
	head.kind = (int32_t)p->kind;
	head.is_key = p->is_key;
	head.pts_us = p->pts_us;
	head.dts_us = p->dts_us;
	head.duration_us = p->duration_us;
	struct iovec body[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)p->data, p->size}};
	return proxy_send(w, DH_WRITER_PACKET, body, 2, e);
}

/* The listener has news. */
static int writer_idle(struct dh_sink *s, int64_t now_us, struct dh_err *e)
{
	return check(s->priv, e);
}

static int writer_note(struct dh_sink *s, const struct dh_note *n, struct dh_err *e)
{
	struct dh_note copy = *n;
	int err = check(s->priv, e);
	return err ? err : proxy_send(s->priv, DH_WRITER_NOTE, &(struct iovec){&copy, sizeof(copy)}, 1, e);
}

static int writer_clock(struct dh_sink *s, bool is_paused, int64_t cut_us, struct dh_err *e)
{
	struct dh_writer_clock c;
	int err = check(s->priv, e);
	memset(&c, 0, sizeof(c));
	c.cut_us = cut_us;
	c.is_paused = is_paused;
	return err ? err : proxy_send(s->priv, DH_WRITER_CLOCK, &(struct iovec){&c, sizeof(c)}, 1, e);
}

static int writer_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct proxy *w = s->priv;
	int err = DH_OK;
	if (!w->is_ended && !proxy_send(w, DH_WRITER_CLOSE, &(struct iovec){&end_us, sizeof(end_us)}, 1, e)) {
		pthread_mutex_lock(&w->lock);
		w->heard_us = dh_now_us();
		pthread_mutex_unlock(&w->lock);
		wait_for(w, &w->is_closed);
		end_process(w);
	}
	if (w->is_closed) {
		*e = w->why;
		err = w->why.code;
	} else {
		err = writer_lost(w, e);
		finish_file(s);
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
