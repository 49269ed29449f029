/* Pushes what is recorded to an RTMP server, as long as it is wanted: a thread of its own connects, sends, and after a
 * failure comes back by itself, at once and then after 1, 2, 4 ... 60 s. The packets in between are dropped, and
 * counted; each connection begins with a key frame and its times with 0. docs/push.md
 *
 * A look-up of a name cannot be interrupted: close() waits LEAVE_US for the thread and then leaves it to end by itself,
 * which is why what they share is a block of its own. */
#include <stdlib.h>
#include <string.h>

#include "agent/media/sink.h"
#include "agent/sinks/rtmp_queue.h"
#include "agent/sinks/rtmp_wire.h"
#include "common/alloc.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/thread.h"

#define FREE_FAILURES 1      /* the first try after a loss is made at once */
#define STEADY_US 10000000   /* a connection that stood so long was a good one */
#define CONNECTION_MS (20LL * 86400 * 1000) /* FLV, E.4.1: times have 31 bits; then a new connection begins with 0 */
#define DRAIN_US 2000000     /* at the end, for what is queued */
#define LEAVE_US 4000000     /* at the end, for all */

struct link {
	atomic_int refs;
	struct dh_log log;
	struct dh_wake wake; /* the thread waits here */
	struct dh_rtmp_queue queue;
	struct dh_rtmp_url url;
	char ca_file[4096];
	struct dh_stream streams[2];
	int stream_count;
	atomic_llong until_us; /* INT64_MAX while it is wanted */
	/* -- thread */
	struct dh_backoff backoff;
	struct dh_sink_link now;
	bool has_been_live;
	/* -- protected by lock; sink NULL: it was left alone. Held while it is told, which only posts */
	pthread_mutex_t lock;
	pthread_cond_t ended; /* CLOCK_MONOTONIC */
	struct dh_sink *sink;
	bool has_ended;
};

struct rtmp {
	struct link *link;
};

static const struct dh_param params[] = {
	{"url", DH_STR, .max = DH_RTMP_URL_MAX, .required = true, .doc = "rtmp[s]://host/app/name; a secret"},
	{"ca_file", DH_STR, .max = 4095, .def_str = "", .doc = "PEM file: whom to trust besides the system's list"},
	{0},
};

static void unref(struct link *l)
{
	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	dh_rtmp_queue_finish(&l->queue);
	dh_wake_finish(&l->wake);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->ended);
	explicit_bzero(&l->url, sizeof(l->url));
	free(l);
}

static bool is_wanted(struct link *l)
{
	return atomic_load(&l->until_us) == INT64_MAX;
}

/* At the end what is queued is sent still; a connection that does not stand yet is given up at once. */
static int64_t until_us(void *arg)
{
	struct link *l = arg;
	return is_wanted(l) || l->now.state == DH_SINK_LINK_LIVE ? atomic_load(&l->until_us) : 0;
}

static void tell(struct link *l, enum dh_sink_link_state state, int attempt)
{
	l->now.state = state;
	l->now.attempt = attempt;
	pthread_mutex_lock(&l->lock);
	if (l->sink)
		dh_sink_tell_link(l->sink, &l->now);
	pthread_mutex_unlock(&l->lock);
}

static void count(struct link *l, const struct dh_packet *p, int64_t bytes, int64_t us)
{
	pthread_mutex_lock(&l->lock);
	if (l->sink) {
		atomic_fetch_add(&l->sink->bytes, bytes);
		atomic_fetch_add(&l->sink->duration_us, us);
		atomic_fetch_add(p->kind == DH_MEDIA_VIDEO ? &l->sink->video_frames : &l->sink->audio_frames, 1);
	}
	pthread_mutex_unlock(&l->lock);
}

static void begin_stream(struct link *l)
{
	DH_INFO(l, "pushes to %s", l->url.shown);
	dh_rtmp_queue_open(&l->queue);
	l->has_been_live = true;
	tell(l, DH_SINK_LINK_LIVE, 0);
	pthread_mutex_lock(&l->lock);
	if (l->sink)
		dh_sink_want_key(l->sink);
	pthread_mutex_unlock(&l->lock);
}

/* Send until it breaks, or until it is not wanted and nothing is queued. */
static int stream(struct link *l, struct dh_rtmp_wire *w, struct dh_err *e)
{
	struct dh_rtmp_times times = {0};
	int64_t begun_us = dh_now_us(), pts_ms, dts_ms, sent = 0, end_ms = 0;
	int err = DH_OK;
	begin_stream(l);
	while (!err) {
		struct dh_packet *p = dh_rtmp_queue_take(&l->queue);
		if (!p && !is_wanted(l))
			break;
		if (p && dh_rtmp_times_take(&times, p, &pts_ms, &dts_ms)) {
			err = dh_rtmp_wire_write(w, p, pts_ms, dts_ms, e);
			int64_t bytes = dh_rtmp_wire_bytes(w), ms = dts_ms > end_ms ? dts_ms - end_ms : 0;
			if (!err)
				count(l, p, bytes - sent, ms * 1000);
			sent = bytes;
			end_ms += ms;
			if (!err && end_ms > CONNECTION_MS)
				err = dh_fail(e, DH_ECLOSED, "the times of one connection are used up");
		}
		if (!p)
			dh_wake_wait(&l->wake, INT64_MAX);
		dh_packet_unref(p);
	}
	dh_rtmp_queue_shut(&l->queue);
	if (dh_now_us() - begun_us > STEADY_US)
		dh_backoff_succeeded(&l->backoff);
	return err;
}

static int one_connection(struct link *l, struct dh_err *e)
{
	struct dh_rtmp_wire *w = NULL;
	const struct dh_rtmp_wire_config c = {.url = &l->url, .ca_file = l->ca_file, .streams = l->streams,
					      .stream_count = l->stream_count, .until_us = until_us, .arg = l};
	int err = dh_rtmp_wire_open(&w, &c, e);
	if (err)
		return err;
	err = stream(l, w, e);
	dh_rtmp_wire_close(w);
	return err;
}

/* A little later than the others, who lost the same server. */
static void pause_between(struct link *l)
{
	int64_t now_us = dh_now_us(), wait_us = dh_backoff_wait_us(&l->backoff, now_us);
	for (int64_t end_us = now_us + wait_us + now_us % (wait_us / 4 + 1); is_wanted(l) && dh_now_us() < end_us;)
		dh_wake_wait(&l->wake, end_us);
}

static void *run(void *arg)
{
	struct link *l = arg;
	int attempt = 1; /* the try that comes */
	tell(l, DH_SINK_LINK_CONNECTING, attempt);
	while (is_wanted(l)) {
		l->now.why = (struct dh_err){0};
		one_connection(l, &l->now.why);
		if (!is_wanted(l))
			break;
		attempt = l->now.state == DH_SINK_LINK_LIVE ? 1 : attempt + 1;
		if (attempt <= 2) /* an outage of hours is two lines */
			DH_WARN(l, "%s: %s; trying again", l->url.shown, l->now.why.text);
		dh_backoff_failed(&l->backoff, FREE_FAILURES, dh_now_us());
		tell(l, l->has_been_live ? DH_SINK_LINK_RECONNECTING : DH_SINK_LINK_CONNECTING, attempt);
		pause_between(l);
	}
	pthread_mutex_lock(&l->lock);
	l->has_ended = true;
	pthread_cond_signal(&l->ended);
	pthread_mutex_unlock(&l->lock);
	unref(l);
	return NULL;
}

static struct link *make_link(struct dh_sink *s, const struct dh_rtmp_url *url, const char *ca_file)
{
	struct link *l = dh_alloc(sizeof(*l));
	dh_cond_init(&l->ended);
	pthread_mutex_init(&l->lock, NULL);
	dh_wake_init(&l->wake);
	l->refs = 2; /* the sink's and the thread's */
	l->log = s->log;
	l->url = *url;
	dh_strcopy(l->ca_file, sizeof(l->ca_file), ca_file);
	memcpy(l->streams, s->streams, sizeof(l->streams));
	l->stream_count = s->stream_count;
	l->until_us = INT64_MAX;
	l->sink = s;
	dh_rtmp_queue_init(&l->queue, s->streams[0].kind == DH_MEDIA_VIDEO, &l->wake);
	return l;
}

static int check_streams(const struct dh_sink *s, struct dh_err *e)
{
	for (int i = 0; i < s->stream_count; i++)
		if (s->streams[i].codec != DH_CODEC_H264 && s->streams[i].codec != DH_CODEC_AAC)
			return dh_fail(e, DH_ENOTSUP, "RTMP takes H.264 and AAC only");
	return DH_OK;
}

static int rtmp_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	struct rtmp *r = s->priv;
	struct dh_rtmp_url url;
	pthread_t thread;
	int err = dh_rtmp_url_parse(&url, dh_arg_str(a, "url"), e);
	if (!err)
		err = check_streams(s, e);
	if (err)
		return err;
	struct link *l = make_link(s, &url, dh_arg_str(a, "ca_file"));
	explicit_bzero(&url, sizeof(url));
	if (!dh_thread_start(&thread, "push", run, l)) {
		unref(l);
		unref(l);
		return dh_fail(e, DH_ENOMEM, "cannot start a thread for the push");
	}
	pthread_detach(thread);
	r->link = l;
	return DH_OK;
}

static int rtmp_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	struct link *l = ((struct rtmp *)s->priv)->link;
	if (dh_rtmp_queue_put(&l->queue, (struct dh_packet *)p))
		dh_sink_want_key(s);
	atomic_store(&s->dropped, dh_rtmp_queue_dropped(&l->queue));
	return DH_OK;
}

static int rtmp_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	struct rtmp *r = s->priv;
	struct link *l = r->link;
	int64_t leave_us = dh_now_us() + LEAVE_US;
	atomic_store(&l->until_us, dh_now_us() + DRAIN_US);
	dh_wake_set(&l->wake);
	pthread_mutex_lock(&l->lock);
	while (!l->has_ended && dh_cond_wait(&l->ended, &l->lock, leave_us))
		;
	l->sink = NULL;
	pthread_mutex_unlock(&l->lock);
	atomic_store(&s->dropped, dh_rtmp_queue_dropped(&l->queue));
	dh_rtmp_queue_shut(&l->queue);
	unref(l);
	r->link = NULL;
	return DH_OK;
}

const struct dh_sink_driver dh_sink_rtmp = {
	.base = {.name = "rtmp", .doc = "Pushes to an RTMP or RTMPS server, and comes back after each loss.",
		 .params = params, .priv_size = sizeof(struct rtmp)},
	.open = rtmp_open,
	.write = rtmp_write,
	.close = rtmp_close,
};
