/* The work of the writer's process; see writer.h. One thread looks into the ring a few times a second and puts what it finds
 * into the file, as one fragment; in between it waits for messages. When the agent is gone, what it put and sent is written
 * to the last byte and the file is finished. */
#include "agent/writer/writer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sinks/sink_writer.h"
#include "agent/writer/message.h"
#include "agent/writer/ring.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/list.h"

#define REPORT_WAIT_US 2000000 /* for the reports that must arrive; the agent may hang */
#define LOOK_US 250000         /* from one look into the ring to the next: what both processes may lose when both die */

struct writer {
	struct dh_log log;
	struct dh_sink sink;
	struct dh_writer_reader in;
	struct dh_ring ring;
	int64_t look_us;   /* when to look into the ring again */
	int64_t newest_us; /* of the packets since the last look; INT64_MIN: none came */
	bool is_open, is_over;
	bool has_stop;     /* the agent said who stopped it */
	int64_t cut_us;    /* the output's clock is that much behind the agent's */
	int64_t paused_us; /* the agent's clock when the pause began; 0: it runs */
	int64_t notes;     /* in the file */
	struct dh_writer_report told;
	struct dh_err why; /* code 0: all is well */
};

/* ---- to the agent ---- */

static void fill_report(struct writer *w, struct dh_writer_report *r, enum dh_writer_state state)
{
	memset(r, 0, sizeof(*r)); /* padding too: it leaves the process */
	r->state = (int32_t)state;
	r->bytes = atomic_load(&w->sink.bytes);
	r->duration_us = atomic_load(&w->sink.duration_us);
	r->video_frames = atomic_load(&w->sink.video_frames);
	r->audio_frames = atomic_load(&w->sink.audio_frames);
	r->notes = w->notes;
	r->has_chain = dh_sink_get_chain(&w->sink, &r->chain_seq, r->chain_head);
	if (state == DH_WRITER_FAILED || state == DH_WRITER_CLOSED)
		r->why = w->why;
}

static void say(struct writer *w, enum dh_writer_kind kind, const void *data, size_t size)
{
	struct iovec body = {(void *)(uintptr_t)data, size};
	struct dh_writer_road road = {.fd = w->in.fd, .passed_fd = -1, .silence_us = REPORT_WAIT_US};
	if (dh_writer_send(&road, kind, &body, size > 0, NULL))
		DH_DEBUG(w, "nobody takes message %d", kind);
}

static void report(struct writer *w, enum dh_writer_state state)
{
	fill_report(w, &w->told, state);
	say(w, DH_WRITER_REPORT, &w->told, sizeof(w->told));
}

static void want_key(struct dh_sink *s)
{
	say(dh_container_of(s, struct writer, sink), DH_WRITER_WANT_KEY, NULL, 0);
}

static void tell_segment(struct dh_sink *s, const struct dh_sink_segment *segment)
{
	say(dh_container_of(s, struct writer, sink), DH_WRITER_SEGMENT, segment, sizeof(*segment));
}

/* The numbers change with each packet; they are told when something is in the file. */
static void report_progress(struct writer *w)
{
	struct dh_writer_report now;
	struct pollfd p = {.fd = w->in.fd, .events = POLLOUT};
	fill_report(w, &now, DH_WRITER_RUNNING);
	if (w->why.code || !w->is_open || (now.bytes == w->told.bytes && now.duration_us == w->told.duration_us) ||
	    poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return; /* an agent that does not read gets the newest when it does */
	report(w, DH_WRITER_RUNNING);
}

static void fail(struct writer *w, const struct dh_err *e, int err)
{
	if (w->why.code)
		return;
	w->why = *e;
	if (!w->why.code)
		dh_fail(&w->why, err, "writing failed: %s", dh_err_text(err));
	DH_ERROR(w, "%s", w->why.text);
	report(w, DH_WRITER_FAILED);
}

/* ---- from the agent ---- */

static int open_sink(struct writer *w, const struct dh_writer_open *o, const char *text, size_t size, struct dh_err *e)
{
	if (w->is_open || w->in.passed_fd < 0 || !dh_writer_open_is_sane(o))
		return dh_fail(e, DH_EPROTO, "the recording's first message makes no sense");
	cJSON *json = size ? cJSON_ParseWithLength(text, size) : NULL;
	int err = size && !json ? dh_fail(e, DH_EPROTO, "the recording's parameters are no JSON") :
		  json ? dh_args_check(dh_mp4_params, json, e) : DH_OK;
	dh_log_init(&w->log, "%s", o->log_name);
	w->sink.log = w->log;
	memcpy(w->sink.streams, o->streams, sizeof(o->streams));
	w->sink.stream_count = o->stream_count;
	if (!err) {
		w->sink.fd = w->in.passed_fd;
		w->in.passed_fd = -1;
		err = w->sink.driver->open(&w->sink, &(struct dh_args){dh_mp4_params, json}, e);
	}
	cJSON_Delete(json);
	return err;
}

static int take_open(struct writer *w, struct dh_err *e)
{
	struct dh_writer_open o;
	memcpy(&o, w->in.body, sizeof(o));
	int err = open_sink(w, &o, (const char *)w->in.body + sizeof(o), w->in.body_size - sizeof(o), e);
	if (err) {
		w->is_over = true;
		fail(w, e, err);
		return DH_OK;
	}
	w->is_open = true;
	report(w, DH_WRITER_OPENED);
	return DH_OK;
}

/* Copied before it is looked at: what lies in shared memory, an agent gone mad may change at any moment. */
static int take_packet(struct writer *w, const uint8_t *body, size_t size, struct dh_err *e)
{
	struct dh_writer_packet head;
	if (!w->is_open || size < sizeof(head))
		return dh_fail(e, DH_EPROTO, w->is_open ? "a packet is too short" : "a packet before the beginning");
	memcpy(&head, body, sizeof(head));
	if (!dh_writer_packet_is_sane(&head))
		return dh_fail(e, DH_EPROTO, "a packet's numbers make no sense");
	size -= sizeof(head);
	struct dh_packet *p = w->why.code ? NULL : dh_packet_new((enum dh_media_kind)head.kind, size);
	if (!p)
		return DH_OK; /* this picture is skipped */
	memcpy(p->data, body + sizeof(head), size);
	p->pts_us = head.pts_us;
	p->dts_us = head.dts_us;
	p->duration_us = head.duration_us;
	p->is_key = head.is_key;
	w->newest_us = p->pts_us > w->newest_us ? p->pts_us : w->newest_us;
	struct dh_err why = {0};
	int err = w->sink.driver->write(&w->sink, p, &why);
	dh_packet_unref(p);
	if (err)
		fail(w, &why, err);
	return DH_OK;
}

/* All of the ring in front of `until`. */
static int take_packets(struct writer *w, uint64_t until, struct dh_err *e)
{
	struct iovec entry;
	int err;
	while (!(err = dh_ring_take(&w->ring, until, &entry))) {
		err = take_packet(w, entry.iov_base, entry.iov_len, e);
		if (err)
			return err;
		dh_ring_let_go(&w->ring);
	}
	dh_ring_let_go(&w->ring); /* what was skipped */
	return err == DH_AGAIN ? DH_OK : dh_fail(e, err, "the ring of packets makes no sense");
}

static int take_note(struct writer *w, struct dh_err *e)
{
	struct dh_note n;
	struct dh_err why = {0};
	memcpy(&n, w->in.body, sizeof(n));
	if (n.kind <= DH_NOTE_NONE || n.kind >= DH_NOTE_COUNT || !memchr(n.who, 0, sizeof(n.who)) ||
	    !memchr(n.text, 0, sizeof(n.text)))
		return dh_fail(e, DH_EPROTO, "a note makes no sense");
	w->has_stop |= n.kind == DH_NOTE_STOP;
	int err = w->why.code ? DH_OK : w->sink.driver->note(&w->sink, &n, &why);
	w->notes += !err && n.kind != DH_NOTE_STOP;
	if (err)
		fail(w, &why, err);
	return DH_OK;
}

static int take_clock(struct writer *w, struct dh_err *e)
{
	struct dh_writer_clock c;
	memcpy(&c, w->in.body, sizeof(c));
	if (c.cut_us < 0 || !dh_writer_time_is_sane(c.cut_us))
		return dh_fail(e, DH_EPROTO, "a pause makes no sense");
	w->cut_us = c.cut_us;
	w->paused_us = c.is_paused ? dh_now_us() : 0;
	return DH_OK;
}

static void close_sink(struct writer *w, int64_t end_us)
{
	struct dh_err e = {0};
	int err = w->sink.driver->close(&w->sink, end_us, &e);
	w->is_open = false;
	w->is_over = true;
	if (err && !w->why.code) {
		w->why = e;
		if (!e.code)
			dh_fail(&w->why, err, "closing failed: %s", dh_err_text(err));
	}
}

static int take_close(struct writer *w, struct dh_err *e)
{
	int64_t end_us;
	memcpy(&end_us, w->in.body, sizeof(end_us));
	if (!dh_writer_time_is_sane(end_us))
		return dh_fail(e, DH_EPROTO, "the end makes no sense");
	close_sink(w, end_us);
	report(w, DH_WRITER_CLOSED);
	return DH_OK;
}

/* What is in the ring was taken before this. */
static int take_wake(struct writer *w)
{
	report(w, DH_WRITER_RUNNING);
	return DH_OK;
}

static int take(struct writer *w, struct dh_err *e)
{
	uint32_t kind = w->in.head.kind;
	if (kind == DH_WRITER_OPEN)
		return take_open(w, e);
	if (!w->is_open)
		return dh_fail(e, DH_EPROTO, "message %u before the recording has begun", kind);
	return kind == DH_WRITER_PACKET ? take_packet(w, w->in.body, w->in.body_size, e) :
	       kind == DH_WRITER_NOTE ? take_note(w, e) :
	       kind == DH_WRITER_CLOCK ? take_clock(w, e) :
	       kind == DH_WRITER_CLOSE ? take_close(w, e) :
	       kind == DH_WRITER_WAKE ? take_wake(w) :
					 dh_fail(e, DH_EPROTO, "message %u is not for a writer", kind);
}

/* ---- the loop ---- */

static void idle(struct writer *w, int64_t now_us)
{
	struct dh_err e = {0};
	int err = w->why.code ? DH_OK : w->sink.driver->idle(&w->sink, now_us, &e);
	if (err)
		fail(w, &e, err);
}

/* Put on the disk what came since the last look, and what is due by the sink's own time. Returns when there is something
 * to do again, by the agent's clock. */
static int64_t write_what_is_due(struct writer *w)
{
	int64_t now_us = dh_now_us();
	if (!w->is_open)
		return INT64_MAX;
	if (now_us >= w->look_us) {
		if (w->newest_us != INT64_MIN)
			idle(w, w->newest_us); /* not longer than is known: the next picture may be on its way */
		w->newest_us = INT64_MIN;
		w->look_us = now_us + LOOK_US;
	}
	bool has_time = !w->paused_us && w->sink.wake_us != INT64_MAX;
	if (has_time && now_us - w->cut_us >= w->sink.wake_us)
		idle(w, now_us - w->cut_us);
	int64_t wake_us = has_time && !w->why.code ? w->sink.wake_us + w->cut_us : INT64_MAX;
	return wake_us < w->look_us ? wake_us : w->look_us;
}

static void wait_for_message(struct writer *w, int64_t until_us)
{
	struct pollfd p = {.fd = w->in.fd, .events = POLLIN};
	int64_t left_us = until_us - dh_now_us();
	poll(&p, 1, until_us == INT64_MAX ? -1 : left_us < 0 ? 0 : (int)(left_us / 1000) + 1);
}

/* Errors: those of dh_writer_receive() and DH_EPROTO; all that was there is taken then. */
static int do_next(struct writer *w, struct dh_err *e)
{
	/* asked before the socket is: what was put behind a message is not taken before it */
	uint64_t end = dh_ring_end(&w->ring);
	int gone = dh_writer_receive(&w->in, MSG_DONTWAIT, e);
	bool is_message = !gone;
	if (is_message && dh_ring_reaches(&w->ring, w->in.head.ring_at))
		end = w->in.head.ring_at;
	else if (is_message)
		gone = dh_fail(e, DH_EPROTO, "message %u is from outside the ring", w->in.head.kind);
	else if (gone == DH_ECLOSED)
		end = dh_ring_end(&w->ring); /* nothing more will come */
	else if (gone == DH_AGAIN)
		gone = DH_OK;
	int err = take_packets(w, end, e);
	if (err || gone)
		return err ? err : gone;
	if (is_message)
		return take(w, e);
	int64_t until_us = write_what_is_due(w);
	report_progress(w);
	wait_for_message(w, until_us);
	return DH_OK;
}

/* The agent is gone, or talks nonsense: the file is finished with what came, and says why. */
static void agent_gone(struct writer *w, const struct dh_err *e)
{
	struct dh_note n = {.kind = DH_NOTE_STOP, .who = "agent", .text = "agent gone"};
	struct dh_err ignored = {0};
	w->is_over = true;
	if (!w->is_open)
		return;
	DH_WARN(w, "the agent is gone (%s): finishing the recording", e->text);
	if (e->code == DH_EPROTO)
		snprintf(n.text, sizeof(n.text), "agent gone: %s", e->text);
	if (!w->has_stop)
		w->sink.driver->note(&w->sink, &n, &ignored);
	close_sink(w, (w->paused_us ? w->paused_us : dh_now_us()) - w->cut_us);
	if (w->why.code)
		DH_ERROR(w, "%s", w->why.text);
	else
		DH_INFO(w, "finished without the agent: %lld ms", (long long)atomic_load(&w->sink.duration_us) / 1000);
	if (e->code == DH_EPROTO) {
		w->why = w->why.code ? w->why : *e;
		report(w, DH_WRITER_CLOSED);
	}
}

int dh_writer_run(int socket, int ring)
{
	struct writer *w = dh_alloc(sizeof(*w));
	struct dh_err e = {0};
	dh_log_init(&w->log, "writer");
	w->sink = (struct dh_sink){.driver = &dh_sink_mp4, .fd = -1, .wake_us = INT64_MAX, .want_key = want_key,
				   .segment = tell_segment};
	w->sink.priv = dh_alloc(dh_sink_mp4.base.priv_size);
	w->newest_us = INT64_MIN;
	dh_writer_reader_init(&w->in, socket);
	int err = dh_ring_open(&w->ring, ring, &w->why);
	if (err)
		DH_ERROR(w, "%s", w->why.text);
	w->is_over = err != DH_OK;
	while (!w->is_over)
		if (do_next(w, &e))
			agent_gone(w, &e);
	err = w->why.code;
	dh_writer_reader_finish(&w->in);
	dh_ring_close(&w->ring);
	close(ring);
	close(socket);
	free(w->sink.priv);
	free(w);
	return err;
}
