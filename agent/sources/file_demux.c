/* Reading a file or URL; see file_demux.h. */
#include "agent/sources/file_demux.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/thread.h"

enum {
	PACKETS_MAX = 600,            /* of both kinds together: some seconds */
	BYTES_MAX = 32 * 1024 * 1024, /* the same in bytes */
	OPEN_US = 10000000,           /* longest wait for a server at the beginning */
	SILENT_US = 10000000,         /* and later on */
	SHOWN_MAX = 96,
};

struct queue {
	struct dh_demux_item *first, *last;
};

struct dh_demux {
	AVFormatContext *in;
	const AVStream *streams[3]; /* by dh_media_kind */
	char shown[SHOWN_MAX];      /* the URL without secrets, for messages */
	bool is_looping, is_live;
	pthread_t thread;
	bool has_thread;
	atomic_bool is_closing;
	int64_t deadline_us; /* of the call into FFmpeg under way; its own thread's */
	/* -- reading thread */
	int lap;
	int64_t offset_us, end_us; /* end_us: of the latest packet of this lap, without offset */
	/* -- protected by lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct queue queues[3];
	int packets;
	unsigned arrivals;
	int64_t bytes;
	struct dh_err lost;
};

static int interrupt(void *arg)
{
	struct dh_demux *d = arg;
	return atomic_load(&d->is_closing) || dh_now_us() > d->deadline_us;
}

/* Who asks for a URL may have put a password into it: user part and query are cut out. */
static void make_shown(char *out, const char *url)
{
	const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
	const char *path = scheme ? strchr(host, '/') : NULL, *at = scheme ? strchr(host, '@') : NULL;
	if (at && (!path || at < path))
		host = at + 1;
	char *all = scheme ? dh_strfmt("%.*s%s", (int)(scheme + 3 - url), url, host) : dh_strdup(url);
	if (scheme)
		all[strcspn(all, "?#")] = '\0';
	dh_strcopy(out, SHOWN_MAX, all);
	free(all);
}

static int fail(const struct dh_demux *d, int averror, const char *what, struct dh_err *e)
{
	char text[AV_ERROR_MAX_STRING_SIZE] = "";
	av_strerror(averror, text, sizeof(text));
	switch (averror) {
	case AVERROR(ENOENT):
		return dh_fail(e, DH_ENOENT, "there is no %s", d->shown);
	case AVERROR(EACCES):
	case AVERROR(EPERM):
		return dh_fail(e, DH_EPERM, "no permission to read %s", d->shown);
	case AVERROR_EXIT:
		return dh_fail(e, DH_ENODEV, "%s: %s: no answer within %d s", d->shown, what, OPEN_US / 1000000);
	case AVERROR_INVALIDDATA:
		return dh_fail(e, DH_EINVAL, "%s is not a picture or sound file that FFmpeg knows", d->shown);
	default:
		return dh_fail(e, DH_ENODEV, "%s: %s: %s", d->shown, what, text);
	}
}

/* ---- the queues ---- */

static void put(struct dh_demux *d, enum dh_media_kind kind, AVPacket *packet)
{
	struct dh_demux_item *it = dh_alloc(sizeof(*it));
	*it = (struct dh_demux_item){.packet = packet, .lap = d->lap, .offset_us = d->offset_us};
	pthread_mutex_lock(&d->lock);
	while (!atomic_load(&d->is_closing) && packet && (d->packets >= PACKETS_MAX || d->bytes >= BYTES_MAX))
		pthread_cond_wait(&d->changed, &d->lock);
	struct queue *q = &d->queues[kind];
	if (q->first)
		q->last->next = it;
	else
		q->first = it;
	q->last = it;
	d->packets++;
	d->arrivals++;
	d->bytes += packet ? packet->size : 0;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

const struct dh_demux_item *dh_demux_peek(struct dh_demux *d, enum dh_media_kind kind)
{
	pthread_mutex_lock(&d->lock);
	const struct dh_demux_item *it = d->queues[kind].first;
	pthread_mutex_unlock(&d->lock);
	return it;
}

struct dh_demux_item *dh_demux_take(struct dh_demux *d, enum dh_media_kind kind)
{
	pthread_mutex_lock(&d->lock);
	struct dh_demux_item *it = d->queues[kind].first;
	if (it) {
		d->queues[kind].first = it->next;
		d->packets--;
		d->bytes -= it->packet ? it->packet->size : 0;
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
	return it;
}

void dh_demux_free(struct dh_demux_item *it)
{
	if (!it)
		return;
	av_packet_free(&it->packet);
	free(it);
}

bool dh_demux_is_full(struct dh_demux *d)
{
	pthread_mutex_lock(&d->lock);
	bool is_full = d->packets >= PACKETS_MAX || d->bytes >= BYTES_MAX;
	pthread_mutex_unlock(&d->lock);
	return is_full;
}

bool dh_demux_is_lost(struct dh_demux *d, struct dh_err *e)
{
	pthread_mutex_lock(&d->lock);
	bool is_lost = d->lost.code != DH_OK;
	if (is_lost)
		*e = d->lost;
	pthread_mutex_unlock(&d->lock);
	return is_lost;
}

unsigned dh_demux_arrivals(struct dh_demux *d)
{
	pthread_mutex_lock(&d->lock);
	unsigned n = d->arrivals;
	pthread_mutex_unlock(&d->lock);
	return n;
}

void dh_demux_wait(struct dh_demux *d, unsigned arrivals, int64_t until_us)
{
	pthread_mutex_lock(&d->lock);
	if (d->arrivals == arrivals)
		dh_cond_wait(&d->changed, &d->lock, until_us);
	pthread_mutex_unlock(&d->lock);
}

/* ---- the reading thread ---- */

static void note_end(struct dh_demux *d, const AVPacket *p)
{
	const AVStream *st = d->in->streams[p->stream_index];
	if (p->pts == AV_NOPTS_VALUE)
		return;
	int64_t end_us = av_rescale_q(p->pts + p->duration, st->time_base, AV_TIME_BASE_Q);
	d->end_us = end_us > d->end_us ? end_us : d->end_us;
}

/* Begin again. The next lap's times follow on this one's. */
static int rewind_file(struct dh_demux *d)
{
	const int64_t start_us = dh_demux_start_us(d);
	if (d->end_us <= start_us)
		return AVERROR_EOF; /* nothing was in it: looping would spin */
	d->deadline_us = dh_now_us() + OPEN_US;
	int err = avformat_seek_file(d->in, -1, INT64_MIN, start_us, start_us, AVSEEK_FLAG_BACKWARD);
	if (err < 0)
		return err;
	d->offset_us += d->end_us - start_us;
	d->lap++;
	return 0;
}

static void finish(struct dh_demux *d, int averror)
{
	struct dh_err e = {0};
	if (averror != AVERROR_EOF)
		fail(d, averror, "reading", &e);
	else if (d->is_live)
		dh_fail(&e, DH_ENODEV, "%s: the stream ended", d->shown);
	d->lap++; /* the ends are a lap of their own: the decoders give out what they hold */
	put(d, DH_MEDIA_VIDEO, NULL);
	put(d, DH_MEDIA_AUDIO, NULL);
	pthread_mutex_lock(&d->lock);
	d->lost = e;
	d->arrivals++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static void *read_packets(void *arg)
{
	struct dh_demux *d = arg;
	int err = 0;
	while (!err && !atomic_load(&d->is_closing)) {
		AVPacket *p = av_packet_alloc();
		d->deadline_us = dh_now_us() + SILENT_US;
		err = p ? av_read_frame(d->in, p) : AVERROR(ENOMEM);
		enum dh_media_kind kind = DH_MEDIA_NONE;
		for (int k = DH_MEDIA_VIDEO; !err && k <= DH_MEDIA_AUDIO; k++)
			if (d->streams[k] && d->streams[k]->index == p->stream_index)
				kind = (enum dh_media_kind)k;
		if (kind != DH_MEDIA_NONE) {
			note_end(d, p);
			put(d, kind, p);
		} else {
			av_packet_free(&p);
		}
		if (err == AVERROR(EAGAIN))
			err = 0;
		if (err == AVERROR_EOF && d->is_looping && !d->is_live)
			err = rewind_file(d);
	}
	finish(d, err);
	return NULL;
}

/* ---- opening ---- */

static int open_input(struct dh_demux *d, const char *url, struct dh_err *e)
{
	AVDictionary *options = NULL;
	bool is_local = !strstr(url, "://") || !strncmp(url, "file://", 7);
	/* a list inside a file cannot lead to the network, nor a list on the network to files */
	av_dict_set(&options, "protocol_whitelist", is_local ? "file,crypto,data" :
		    "http,https,tcp,tls,rtmp,rtmps,rtmpt,rtsp,rtp,rtcp,udp,srt,httpproxy,crypto,data", 0);
	d->in = avformat_alloc_context();
	if (!d->in)
		return dh_fail(e, DH_ENOMEM, "no memory to open %s", d->shown);
	d->in->interrupt_callback = (AVIOInterruptCB){interrupt, d};
	d->deadline_us = dh_now_us() + OPEN_US;
	int err = avformat_open_input(&d->in, url, NULL, &options); /* frees the context when it fails */
	av_dict_free(&options);
	if (!err)
		err = avformat_find_stream_info(d->in, NULL);
	if (err < 0)
		return fail(d, err, "opening", e);
	static const enum AVMediaType types[3] = {
		[DH_MEDIA_VIDEO] = AVMEDIA_TYPE_VIDEO, [DH_MEDIA_AUDIO] = AVMEDIA_TYPE_AUDIO};
	for (int k = DH_MEDIA_VIDEO; k <= DH_MEDIA_AUDIO; k++) {
		int index = av_find_best_stream(d->in, types[k], -1, -1, NULL, 0);
		if (index >= 0)
			d->streams[k] = d->in->streams[index];
	}
	for (unsigned i = 0; i < d->in->nb_streams; i++)
		if (d->in->streams[i] != d->streams[DH_MEDIA_VIDEO] && d->in->streams[i] != d->streams[DH_MEDIA_AUDIO])
			d->in->streams[i]->discard = AVDISCARD_ALL;
	d->is_live = !d->in->pb || !(d->in->pb->seekable & AVIO_SEEKABLE_NORMAL);
	if (!d->streams[DH_MEDIA_VIDEO] && !d->streams[DH_MEDIA_AUDIO])
		return dh_fail(e, DH_EINVAL, "%s holds neither picture nor sound", d->shown);
	return DH_OK;
}

int dh_demux_open(struct dh_demux **out, const char *url, bool is_looping, struct dh_err *e)
{
	struct dh_demux *d = dh_alloc(sizeof(*d));
	dh_cond_init(&d->changed);
	pthread_mutex_init(&d->lock, NULL);
	d->is_looping = is_looping;
	make_shown(d->shown, url);
	av_log_set_level(AV_LOG_QUIET); /* its lines hold whole URLs; we say ourselves what failed */
	int err = open_input(d, url, e);
	if (!err && !dh_thread_start(&d->thread, "file", read_packets, d))
		err = dh_fail(e, DH_ENOMEM, "cannot start a thread to read %s", d->shown);
	if (err) {
		dh_demux_close(d);
		return err;
	}
	d->has_thread = true;
	*out = d;
	return DH_OK;
}

void dh_demux_close(struct dh_demux *d)
{
	if (!d)
		return;
	atomic_store(&d->is_closing, true);
	if (d->has_thread) {
		pthread_mutex_lock(&d->lock);
		pthread_cond_broadcast(&d->changed);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	for (int k = DH_MEDIA_VIDEO; k <= DH_MEDIA_AUDIO; k++)
		while (d->queues[k].first)
			dh_demux_free(dh_demux_take(d, (enum dh_media_kind)k));
	avformat_close_input(&d->in);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

const AVStream *dh_demux_stream(const struct dh_demux *d, enum dh_media_kind kind)
{
	return d->streams[kind];
}

int64_t dh_demux_start_us(const struct dh_demux *d)
{
	return d->in->start_time == AV_NOPTS_VALUE ? 0 : d->in->start_time;
}
