/* Client side of the agent's socket; see connect.h. */
#include "agent/cli/connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/platform/peer.h"
#include "agent/platform/places.h"
#include "agent/transports/frame.h"
#include "common/alloc.h"
#include "common/clock.h"

struct dh_cli {
	int fd;
	int last_id;
	struct dh_msg_reader reader;
	char buf[64 * 1024];
	const char *data; /* read but not yet looked at: inside buf */
	size_t size;
	cJSON *kept;      /* array: notifications that came during a call */
};

static int send_text(struct dh_cli *c, const char *text, struct dh_err *e)
{
	size_t size = strlen(text), done = 0;
	if (size > DH_MSG_MAX)
		return dh_fail(e, DH_ELIMIT, "the request has %zu bytes, at most %d are taken", size, DH_MSG_MAX);
	char *frame = dh_alloc(DH_MSG_HEADER + size);
	dh_msg_header((uint8_t *)frame, size);
	memcpy(frame + DH_MSG_HEADER, text, size);
	size += DH_MSG_HEADER;
	while (done < size) {
		ssize_t n = send(c->fd, frame + done, size - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	free(frame);
	return done == size ? DH_OK : dh_fail(e, DH_ECLOSED, "the agent closed the connection: %s", strerror(errno));
}

int dh_cli_connect(struct dh_cli **out, struct dh_err *e)
{
	char dir[DH_PLACE_MAX];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct dh_peer_process peer;
	int err = dh_place_runtime(dir, e);
	if (err)
		return err;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/agent.sock", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return dh_fail(e, DH_EIO, "no socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		err = errno == ENOENT || errno == ECONNREFUSED ? DH_ENOENT : dh_err_from_errno(errno);
		dh_fail(e, err, "no agent answers at %s: %s", a.sun_path, strerror(errno));
		dh_hint(e, "start it: deskhand agent");
		close(fd);
		return err;
	}
	err = dh_peer_of_unix(fd, &peer, e);
	if (!err && peer.uid != geteuid())
		err = dh_fail(e, DH_EPERM, "%s is served by uid %u", a.sun_path, (unsigned)peer.uid);
	if (err) {
		close(fd);
		return err;
	}
	struct dh_cli *c = dh_alloc(sizeof(*c));
	c->fd = fd;
	c->kept = cJSON_CreateArray();
	dh_msg_reader_init(&c->reader, DH_MSG_MAX);
	err = send_text(c, "{\"jsonrpc\":\"2.0\",\"method\":\"transport.hello\",\"params\":{\"role\":\"cli\"}}", e);
	if (err) {
		dh_cli_close(c);
		return err;
	}
	*out = c;
	return DH_OK;
}

void dh_cli_close(struct dh_cli *c)
{
	if (!c)
		return;
	close(c->fd);
	dh_msg_reader_finish(&c->reader);
	cJSON_Delete(c->kept);
	free(c);
}

int dh_cli_fd(const struct dh_cli *c)
{
	return c->fd;
}

/* until_us: a time of dh_now_us(), negative for ever. */
static int wait_readable(struct dh_cli *c, int64_t until_us, struct dh_err *e)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	for (;;) {
		int64_t left = until_us < 0 ? -1 : (until_us - dh_now_us() + 999) / 1000;
		int n = poll(&p, 1, until_us < 0 ? -1 : left < 0 ? 0 : (int)left);
		if (n > 0)
			return DH_OK;
		if (n == 0)
			return dh_fail(e, DH_ETIMEDOUT, "the agent did not answer in time");
		if (errno == EINTR && until_us < 0)
			return dh_fail(e, DH_ECANCELED, "interrupted");
		if (errno != EINTR)
			return dh_fail(e, DH_EIO, "poll: %s", strerror(errno));
	}
}

/* One whole message from the agent. The agent is ours, so its answers may be larger than what we take from others. */
static int read_message(struct dh_cli *c, int64_t until_us, cJSON **out, struct dh_err *e)
{
	const char *msg;
	size_t size;
	for (;;) {
		int got = dh_msg_reader_next(&c->reader, &c->data, &c->size, &msg, &size);
		if (got < 0)
			return dh_fail(e, DH_EPROTO, "the agent sent a message of %zu bytes", size);
		if (got == 1) {
			*out = cJSON_ParseWithLength(msg, size);
			return *out ? DH_OK : dh_fail(e, DH_EPROTO, "the agent sent something that is no JSON");
		}
		int err = wait_readable(c, until_us, e);
		if (err)
			return err;
		ssize_t n = read(c->fd, c->buf, sizeof(c->buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dh_fail(e, DH_ECLOSED, "the agent closed the connection");
		c->data = c->buf;
		c->size = (size_t)n;
	}
}

int dh_cli_call(struct dh_cli *c, const char *method, const cJSON *params, int64_t timeout_us, cJSON **reply,
		struct dh_err *e)
{
	int64_t until_us = dh_now_us() + timeout_us;
	cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(request, "id", ++c->last_id);
	cJSON_AddStringToObject(request, "method", method);
	if (params)
		cJSON_AddItemToObject(request, "params", cJSON_Duplicate(params, true));
	char *text = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	int err = text ? send_text(c, text, e) : dh_fail(e, DH_ENOMEM, "out of memory");
	cJSON_free(text);
	while (!err) {
		cJSON *msg = NULL;
		err = read_message(c, until_us, &msg, e);
		if (err)
			break;
		const cJSON *id = cJSON_GetObjectItemCaseSensitive(msg, "id");
		if (cJSON_IsNull(id) || (cJSON_IsNumber(id) && id->valueint == c->last_id)) {
			*reply = msg; /* id null: the agent could not even read the request */
			return DH_OK;
		}
		if (id)
			cJSON_Delete(msg); /* answers a call that was given up */
		else
			cJSON_AddItemToArray(c->kept, msg);
	}
	return err;
}

int dh_cli_next(struct dh_cli *c, int64_t timeout_us, cJSON **msg, struct dh_err *e)
{
	int64_t until_us = timeout_us < 0 ? -1 : dh_now_us() + timeout_us;
	cJSON *first = cJSON_DetachItemFromArray(c->kept, 0);
	while (!first) {
		int err = read_message(c, until_us, &first, e);
		if (err)
			return err;
		if (cJSON_GetObjectItemCaseSensitive(first, "id")) {
			cJSON_Delete(first);
			first = NULL;
		}
	}
	*msg = first;
	return DH_OK;
}
