/* See rtmp_wire.h. FFmpeg gets the address in pieces that our own parser made: server, application, stream name. */
#include "agent/sinks/rtmp_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/clock.h"

#define GOODBYE_US 1000000
#define SEND_BUFFER "131072" /* what the kernel holds is late for a viewer, and lost when the connection breaks */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"
#define CAS_BYTES_MAX (4 << 20)

struct dh_rtmp_wire {
	struct dh_rtmp_wire_config config;
	AVFormatContext *out;
	int stream_of[3]; /* by dh_media_kind */
	int64_t deadline_us; /* of the call into FFmpeg under way */
	bool is_broken;
};

/* What FFmpeg's own log said during a call: its lines hold addresses and stream names, so only which line it was is
 * kept. The caller's thread. */
static _Thread_local enum { SAID_NOTHING, SAID_CERTIFICATE, SAID_SERVER } said;

static void listen_to_log(void *context, int level, const char *fmt, va_list ap)
{
	if (level > AV_LOG_ERROR)
		return;
	if (strstr(fmt, "certificate"))
		said = SAID_CERTIFICATE;
	else if (strstr(fmt, "Server error"))
		said = SAID_SERVER;
}

static bool is_late(const struct dh_rtmp_wire *w)
{
	return dh_now_us() > w->deadline_us;
}

static int interrupt(void *arg)
{
	struct dh_rtmp_wire *w = arg;
	return is_late(w) || dh_now_us() > w->config.until_us(w->config.arg);
}

static int fail(const struct dh_rtmp_wire *w, int averror, struct dh_err *e)
{
	const char *host = w->config.url->host;
	if (dh_now_us() > w->config.until_us(w->config.arg))
		return dh_fail(e, DH_ECANCELED, "the push was stopped");
	if (said == SAID_CERTIFICATE) {
		dh_fail(e, DH_EPERM, "the TLS certificate of %.100s is not trusted here, or is another host's", host);
		return dh_hint(e, "A private authority goes into ca_file of the policy in /etc/deskhand/policy.d/.");
	}
	if (said == SAID_SERVER) {
		dh_fail(e, DH_EPERM, "%.100s refuses to take the stream", host);
		return dh_hint(e, "Check application, name and key; a server may also hold the name for an earlier push.");
	}
	if (is_late(w) || averror == AVERROR(ETIMEDOUT))
		return dh_fail(e, DH_ETIMEDOUT, "%.100s took nothing for %d s", host, DH_RTMP_SILENT_US / 1000000);
	if (averror == AVERROR(ECONNREFUSED)) {
		dh_fail(e, DH_ECLOSED, "no server listens on port %d of %.100s", w->config.url->port, host);
		return dh_hint(e, "Check that the RTMP server runs.");
	}
	char text[AV_ERROR_MAX_STRING_SIZE] = "";
	av_strerror(averror, text, sizeof(text));
	return dh_fail(e, averror == AVERROR(EIO) && !w->out->pb ? DH_EIO : DH_ECLOSED, "the connection to %.100s %s: %s",
		       host, w->out->pb ? "broke" : "could not be made", text);
}

/* ---- whom to trust ---- */

static bool append(int to, const char *path)
{
	char block[65536];
	ssize_t n;
	size_t all = 0;
	int from = open(path, O_RDONLY | O_CLOEXEC);
	while (from >= 0 && all < CAS_BYTES_MAX && (n = read(from, block, sizeof(block))) > 0) {
		if (write(to, block, (size_t)n) != n)
			break;
		all += (size_t)n;
	}
	if (from >= 0)
		close(from);
	return all > 0 && write(to, "\n", 1) == 1;
}

/* FFmpeg takes one file (none: the system's list): the system's and the policy's, joined. -1: failed. */
static int join_trust(const char *ca_file, struct dh_err *e)
{
	int fd = memfd_create("deskhand-cas", MFD_CLOEXEC);
	if (fd >= 0) {
		append(fd, SYSTEM_CAS);
		if (append(fd, ca_file))
			return fd;
		close(fd);
	}
	dh_fail(e, DH_EPERM, "ca_file of the policy cannot be read: %s", strerror(errno));
	dh_hint(e, "Check the file: deskhand policy check.");
	return -1;
}

/* ---- the connection ---- */

static int connect_to(struct dh_rtmp_wire *w, int trust)
{
	char server[400], cas[40];
	AVDictionary *o = NULL;
	dh_rtmp_url_server(w->config.url, server, sizeof(server));
	av_dict_set(&o, "protocol_whitelist", "rtmp,rtmps,tcp,tls", 0);
	av_dict_set(&o, "rtmp_app", w->config.url->app, 0);
	av_dict_set(&o, "rtmp_playpath", w->config.url->name, 0);
	av_dict_set(&o, "send_buffer_size", SEND_BUFFER, 0);
	if (w->config.url->is_tls) {
		av_dict_set(&o, "tls_verify", "1", 0);
		snprintf(cas, sizeof(cas), "/proc/self/fd/%d", trust);
		if (trust >= 0)
			av_dict_set(&o, "ca_file", cas, 0);
	}
	AVIOInterruptCB callback = {interrupt, w};
	int err = avio_open2(&w->out->pb, server, AVIO_FLAG_WRITE, &callback, &o);
	av_dict_free(&o);
	explicit_bzero(server, sizeof(server));
	return err;
}

static int add_stream(struct dh_rtmp_wire *w, const struct dh_stream *s)
{
	AVStream *st = avformat_new_stream(w->out, NULL);
	AVCodecParameters *par = st ? st->codecpar : NULL;
	if (!par || !(par->extradata = av_mallocz((size_t)s->extradata_bytes + AV_INPUT_BUFFER_PADDING_SIZE)))
		return AVERROR(ENOMEM);
	memcpy(par->extradata, s->extradata, (size_t)s->extradata_bytes);
	par->extradata_size = s->extradata_bytes;
	if (s->kind == DH_MEDIA_VIDEO) {
		par->codec_type = AVMEDIA_TYPE_VIDEO;
		par->codec_id = AV_CODEC_ID_H264;
		par->width = s->width_px;
		par->height = s->height_px;
		st->avg_frame_rate = (AVRational){s->fps, 1};
	} else {
		par->codec_type = AVMEDIA_TYPE_AUDIO;
		par->codec_id = AV_CODEC_ID_AAC;
		par->sample_rate = s->rate_hz;
		par->frame_size = s->frame_samples;
		av_channel_layout_default(&par->ch_layout, s->channels);
	}
	w->stream_of[s->kind] = st->index;
	return 0;
}

/* Not the connection's: what FFmpeg must know of the streams. */
static int make_muxer(struct dh_rtmp_wire *w)
{
	int err = avformat_alloc_output_context2(&w->out, NULL, "flv", NULL);
	for (int i = 0; err >= 0 && i < w->config.stream_count; i++)
		err = add_stream(w, &w->config.streams[i]);
	if (err < 0)
		return err;
	w->out->flags = (w->out->flags | AVFMT_FLAG_FLUSH_PACKETS) & ~AVFMT_FLAG_AUTO_BSF;
	w->out->flush_packets = 1;
	w->out->interrupt_callback = (AVIOInterruptCB){interrupt, w};
	return 0;
}

int dh_rtmp_wire_open(struct dh_rtmp_wire **out, const struct dh_rtmp_wire_config *c, struct dh_err *e)
{
	struct dh_rtmp_wire *w = dh_alloc(sizeof(*w));
	w->config = *c;
	av_log_set_callback(listen_to_log);
	said = SAID_NOTHING;
	int trust = -1, err = make_muxer(w);
	if (err < 0) {
		err = dh_fail(e, DH_ENOMEM, "no memory for the push");
		goto fail;
	}
	if (c->url->is_tls && c->ca_file[0] && (trust = join_trust(c->ca_file, e)) < 0) {
		err = DH_EPERM;
		goto fail;
	}
	w->deadline_us = dh_now_us() + DH_RTMP_SILENT_US;
	err = connect_to(w, trust);
	if (trust >= 0)
		close(trust);
	if (err >= 0) {
		AVDictionary *o = NULL;
		av_dict_set(&o, "flvflags", "no_duration_filesize", 0);
		err = avformat_write_header(w->out, &o);
		av_dict_free(&o);
	}
	if (err < 0) {
		err = fail(w, err, e);
		goto fail;
	}
	*out = w;
	return DH_OK;
fail:
	w->is_broken = true;
	dh_rtmp_wire_close(w);
	return err;
}

int dh_rtmp_wire_write(struct dh_rtmp_wire *w, const struct dh_packet *p, int64_t pts_ms, int64_t dts_ms, struct dh_err *e)
{
	AVPacket *packet = av_packet_alloc();
	if (!packet)
		return dh_fail(e, DH_ENOMEM, "no memory for the push");
	const AVRational ms = {1, 1000};
	packet->data = (uint8_t *)p->data; /* not written to: the packet owns no buffer */
	packet->size = (int)p->size;
	packet->stream_index = w->stream_of[p->kind];
	packet->flags = p->is_key || p->kind == DH_MEDIA_AUDIO ? AV_PKT_FLAG_KEY : 0;
	packet->pts = av_rescale_q(pts_ms, ms, w->out->streams[packet->stream_index]->time_base);
	packet->dts = av_rescale_q(dts_ms, ms, w->out->streams[packet->stream_index]->time_base);
	said = SAID_NOTHING;
	w->deadline_us = dh_now_us() + DH_RTMP_SILENT_US;
	int err = av_write_frame(w->out, packet);
	if (err >= 0 && w->out->pb->error < 0)
		err = w->out->pb->error;
	av_packet_free(&packet);
	if (err >= 0)
		return DH_OK;
	w->is_broken = true;
	return fail(w, err, e);
}

int64_t dh_rtmp_wire_bytes(const struct dh_rtmp_wire *w)
{
	return avio_tell(w->out->pb);
}

void dh_rtmp_wire_close(struct dh_rtmp_wire *w)
{
	w->deadline_us = w->is_broken ? 0 : dh_now_us() + GOODBYE_US;
	if (w->out && w->out->pb) {
		if (!w->is_broken)
			av_write_trailer(w->out);
		avio_closep(&w->out->pb);
	}
	avformat_free_context(w->out);
	free(w);
}
