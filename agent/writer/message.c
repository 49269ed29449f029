/* See message.h. */
#include "agent/writer/message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"

#define MAGIC 0x7764686bu
#define READ_BYTES (64u << 10)  /* at a time: some packets, and still in the processor's cache */
#define KEPT_MAX (1u << 20)     /* memory kept from one message to the next */
#define PIECES_MAX 4
#define TIME_MAX_US (INT64_C(1) << 50) /* 35 years */

/* ---- receiving ---- */

void dh_writer_reader_init(struct dh_writer_reader *r, int fd)
{
	*r = (struct dh_writer_reader){.fd = fd, .passed_fd = -1};
}

void dh_writer_reader_finish(struct dh_writer_reader *r)
{
	free(r->data);
	if (r->passed_fd >= 0)
		close(r->passed_fd);
}

static bool is_size_right(uint32_t kind, uint64_t size)
{
	switch (kind) {
	case DH_WRITER_OPEN:
		return size >= sizeof(struct dh_writer_open) && size <= sizeof(struct dh_writer_open) + DH_WRITER_ARGS_MAX;
	case DH_WRITER_PACKET:
		return size >= sizeof(struct dh_writer_packet) &&
		       size <= sizeof(struct dh_writer_packet) + DH_WRITER_PACKET_MAX;
	case DH_WRITER_NOTE:
		return size == sizeof(struct dh_note);
	case DH_WRITER_CLOCK:
		return size == sizeof(struct dh_writer_clock);
	case DH_WRITER_CLOSE:
		return size == sizeof(int64_t);
	case DH_WRITER_REPORT:
		return size == sizeof(struct dh_writer_report);
	case DH_WRITER_WANT_KEY:
	case DH_WRITER_WAKE:
		return !size;
	case DH_WRITER_SEGMENT:
		return size == sizeof(struct dh_sink_segment);
	default:
		return false;
	}
}

/* At most one descriptor is waited for; others are closed. */
static void take_descriptors(struct dh_writer_reader *r, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (r->passed_fd < 0)
				r->passed_fd = fd;
			else
				close(fd);
		}
	}
}

static ssize_t receive_some(struct dh_writer_reader *r, void *to, size_t size, int flags)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec piece = {to, size};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n;
	do
		n = recvmsg(r->fd, &m, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		take_descriptors(r, &m);
	return n;
}

static int need_memory(struct dh_writer_reader *r, size_t size, struct dh_err *e)
{
	uint8_t *data = realloc(r->data, size);
	if (!data)
		return dh_fail(e, DH_ENOMEM, "no memory for a message of %zu bytes", size);
	r->data = data;
	r->room = size;
	return DH_OK;
}

/* Place behind what came, for the rest of a message of so many bytes. */
static int make_room(struct dh_writer_reader *r, size_t size, struct dh_err *e)
{
	size_t here = r->end - r->begin;
	size = size > READ_BYTES ? size : READ_BYTES;
	bool is_too_much = r->room > KEPT_MAX && size <= KEPT_MAX && here < size;
	if (r->begin && (!here || is_too_much || r->room - r->begin < size)) {
		memmove(r->data, r->data + r->begin, here);
		r->begin = 0;
		r->end = here;
	}
	return is_too_much || r->room - r->begin < size ? need_memory(r, size, e) : DH_OK;
}

/* The next message if all of it came. DH_AGAIN: *size bytes of it are needed. */
static int take_message(struct dh_writer_reader *r, size_t *size, struct dh_err *e)
{
	size_t here = r->end - r->begin;
	*size = sizeof(r->head);
	if (here < *size)
		return DH_AGAIN;
	memcpy(&r->head, r->data + r->begin, sizeof(r->head));
	if (r->head.magic != MAGIC || !is_size_right(r->head.kind, r->head.size))
		return dh_fail(e, DH_EPROTO, "no message of ours: kind %u with %llu bytes", r->head.kind,
			       (unsigned long long)r->head.size);
	*size += (size_t)r->head.size;
	if (here < *size)
		return DH_AGAIN;
	r->body = r->data + r->begin + sizeof(r->head);
	r->body_size = (size_t)r->head.size;
	r->begin += *size;
	return DH_OK;
}

int dh_writer_receive(struct dh_writer_reader *r, int flags, struct dh_err *e)
{
	for (;;) {
		size_t size;
		int err = take_message(r, &size, e);
		if (err != DH_AGAIN)
			return err;
		err = make_room(r, size, e);
		if (err)
			return err;
		ssize_t n = receive_some(r, r->data + r->end, r->room - r->end, flags);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return DH_AGAIN;
		if (n <= 0)
			return dh_fail(e, DH_ECLOSED, "the other side is gone");
		r->end += (size_t)n;
	}
}

/* ---- sending ---- */

/* Drop the first n bytes from the pieces. Returns the first piece not yet empty. */
static int skip_sent(struct iovec *pieces, int first, int count, size_t n)
{
	while (first < count && n >= pieces[first].iov_len)
		n -= pieces[first++].iov_len;
	if (first < count) {
		pieces[first].iov_base = (uint8_t *)pieces[first].iov_base + n;
		pieces[first].iov_len -= n;
	}
	return first;
}

static void attach(struct msghdr *m, void *control, int fd)
{
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

/* Until the socket takes more. */
static int wait_for_room(int fd, int64_t silence_us, struct dh_err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int n;
	do
		n = poll(&p, 1, (int)(silence_us / 1000));
	while (n < 0 && errno == EINTR);
	return n ? DH_OK :
		   dh_fail(e, DH_ETIMEDOUT, "the other side took nothing for %lld s", (long long)(silence_us / 1000000));
}

int dh_writer_send(const struct dh_writer_road *road, enum dh_writer_kind kind, const struct iovec *body, int count,
		   struct dh_err *e)
{
	struct dh_writer_head head = {.magic = MAGIC, .kind = (uint32_t)kind, .ring_at = road->ring_at};
	int passed_fd = road->passed_fd;
	struct iovec pieces[PIECES_MAX + 1] = {{&head, sizeof(head)}};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	for (int i = 0; i < count && i < PIECES_MAX; i++) {
		pieces[i + 1] = body[i];
		head.size += body[i].iov_len;
	}
	for (int first = 0; first <= count;) {
		struct msghdr m = {.msg_iov = pieces + first, .msg_iovlen = (size_t)(count + 1 - first)};
		if (passed_fd >= 0)
			attach(&m, &control, passed_fd);
		ssize_t n = sendmsg(road->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			passed_fd = -1;
			first = skip_sent(pieces, first, count + 1, (size_t)n);
			continue;
		}
		int err = errno == EINTR ? DH_OK :
			  errno == EAGAIN || errno == EWOULDBLOCK ? wait_for_room(road->fd, road->silence_us, e) :
			  dh_fail(e, DH_ECLOSED, "the other side is gone: %s", strerror(errno));
		if (err)
			return err;
	}
	return DH_OK;
}

/* ---- what the numbers may be ---- */

static bool is_within(int64_t value, int64_t min, int64_t max)
{
	return value >= min && value <= max;
}

static bool is_stream_sane(const struct dh_stream *s)
{
	if (s->extradata_bytes < 0 || s->extradata_bytes > (int)sizeof(s->extradata))
		return false;
	if (s->kind == DH_MEDIA_VIDEO)
		return is_within(s->width_px, 1, 65535) && is_within(s->height_px, 1, 65535) && is_within(s->fps, 0, 1000);
	return s->kind == DH_MEDIA_AUDIO && is_within(s->rate_hz, 1, 65535) && is_within(s->channels, 1, 64) &&
	       is_within(s->frame_samples, 0, 65536) && is_within(s->priming_samples, 0, 65536);
}

bool dh_writer_open_is_sane(const struct dh_writer_open *o)
{
	bool is_sane = is_within(o->stream_count, 0, 2) && memchr(o->log_name, 0, sizeof(o->log_name));
	for (int i = 0; is_sane && i < o->stream_count; i++)
		is_sane = is_stream_sane(&o->streams[i]);
	return is_sane;
}

bool dh_writer_time_is_sane(int64_t us)
{
	return is_within(us, -TIME_MAX_US, TIME_MAX_US);
}

bool dh_writer_packet_is_sane(const struct dh_writer_packet *p)
{
	return (p->kind == DH_MEDIA_VIDEO || p->kind == DH_MEDIA_AUDIO) && dh_writer_time_is_sane(p->pts_us) &&
	       dh_writer_time_is_sane(p->dts_us) && is_within(p->duration_us, 0, TIME_MAX_US);
}
