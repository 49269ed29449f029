/* RFC 6455, the client's part; see ws_frames.h. */
#include "agent/room/ws_frames.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/alloc.h"

/* ---- handshake (RFC 6455, 4) ---- */

static void random_bytes(void *out, size_t size)
{
	if (getrandom(out, size, 0) != (ssize_t)size)
		abort();
}

/* 4.2.2: base64 of the SHA-1 of key and a constant. */
static void expect_accept(struct dh_ws_reader *r, const char *key)
{
	unsigned char hash[20];
	char *both = dh_strfmt("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	if (EVP_Digest(both, strlen(both), hash, NULL, EVP_sha1(), NULL) != 1)
		abort();
	EVP_EncodeBlock((unsigned char *)r->accept, hash, sizeof(hash));
	free(both);
}

char *dh_ws_reader_start(struct dh_ws_reader *r, const char *host, const char *path, const char *protocol)
{
	unsigned char raw[16], key[32];
	random_bytes(raw, sizeof(raw));
	EVP_EncodeBlock(key, raw, sizeof(raw));
	expect_accept(r, (const char *)key);
	return dh_strfmt("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			 "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
			 path, host, key, protocol);
}

void dh_ws_reader_finish(struct dh_ws_reader *r)
{
	free(r->message);
	r->message = NULL;
}

/* Value of a header, without the spaces around it; "" when absent. */
static void header(const char *head, const char *name, char *out, size_t size)
{
	out[0] = '\0';
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		size_t n = strlen(name);
		if (strncasecmp(line, name, n) || line[n] != ':')
			continue;
		const char *value = line + n + 1 + strspn(line + n + 1, " \t");
		size_t length = strcspn(value, "\r");
		while (length && (value[length - 1] == ' ' || value[length - 1] == '\t'))
			length--;
		dh_strcopy(out, length + 1 < size ? length + 1 : size, value);
		return;
	}
}

static int judge_head(const struct dh_ws_reader *r, struct dh_err *e)
{
	char upgrade[16], accept[40];
	if (strncmp(r->head, "HTTP/1.1 ", 9))
		return dh_fail(e, DH_EPROTO, "the room service does not speak HTTP");
	if (strncmp(r->head + 9, "101", 3))
		return dh_fail(e, r->head[9] == '4' ? DH_ENOENT : DH_EIO,
			       "the room service answered %.3s instead of a WebSocket", r->head + 9);
	header(r->head, "Upgrade", upgrade, sizeof(upgrade));
	header(r->head, "Sec-WebSocket-Accept", accept, sizeof(accept));
	if (strcasecmp(upgrade, "websocket") || strcmp(accept, r->accept))
		return dh_fail(e, DH_EPROTO, "the room service's handshake is not one of a WebSocket");
	return DH_OK;
}

/* Returns how many bytes were the head's, or an error. */
static long take_head(struct dh_ws_reader *r, const char *data, size_t size, struct dh_err *e)
{
	for (size_t i = 0; i < size; i++) {
		if (r->head_size == DH_WS_HEAD_MAX || !data[i])
			return dh_fail(e, DH_EPROTO, "the room service's handshake is no handshake");
		r->head[r->head_size++] = data[i];
		if (r->head_size >= 4 && !memcmp(r->head + r->head_size - 4, "\r\n\r\n", 4)) {
			r->head[r->head_size] = '\0';
			int err = judge_head(r, e);
			r->is_open = !err;
			return err ? err : (long)i + 1;
		}
	}
	return (long)size;
}

/* ---- frames (RFC 6455, 5) ---- */

static int bad(struct dh_err *e, const char *what)
{
	return dh_fail(e, DH_EPROTO, "the room service sent %s", what);
}

static bool is_control(int opcode)
{
	return opcode >= 8;
}

static int check_start(struct dh_ws_reader *r, struct dh_err *e)
{
	bool is_known = r->opcode == DH_WS_CONTINUATION || r->opcode == DH_WS_TEXT || r->opcode == DH_WS_CLOSE ||
			r->opcode == DH_WS_PING || r->opcode == DH_WS_PONG;
	if ((r->start[0] & 0x70) || (r->start[1] & 0x80) || !is_known)
		return bad(e, "a frame that is no text");
	if (is_control(r->opcode))
		return r->is_final && r->left <= sizeof(r->control) ? DH_OK : bad(e, "a long control frame");
	if ((r->opcode == DH_WS_CONTINUATION) != r->is_in_message)
		return bad(e, "fragments out of order");
	if (r->left > DH_WS_MESSAGE_MAX - r->size)
		return dh_fail(e, DH_ELIMIT, "the room service sent a message of more than %d bytes", DH_WS_MESSAGE_MAX);
	r->is_in_message = true;
	r->message = dh_realloc(r->message, r->size + (size_t)r->left + 1);
	return DH_OK;
}

/* 5.2: two bytes, then a length of none, two or eight. DH_EAGAIN: not whole yet. */
static int take_start(struct dh_ws_reader *r, uint8_t byte, struct dh_err *e)
{
	r->start[r->start_size++] = byte;
	if (r->start_size < 2)
		return DH_EAGAIN;
	int length = r->start[1] & 0x7f;
	size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
	if (r->start_size < 2 + extra)
		return DH_EAGAIN;
	r->opcode = r->start[0] & 0x0f;
	r->is_final = r->start[0] & 0x80;
	r->left = extra ? 0 : (uint64_t)length;
	for (size_t i = 0; i < extra; i++)
		r->left = r->left << 8 | r->start[2 + i];
	r->control_size = 0;
	return check_start(r, e);
}

static int end_control(struct dh_ws_reader *r, const struct dh_ws_reader_ops *ops, void *user, struct dh_err *e)
{
	char reason[124];
	if (r->opcode == DH_WS_PING)
		ops->ping(user, r->control, r->control_size);
	if (r->opcode != DH_WS_CLOSE)
		return DH_OK;
	int code = r->control_size >= 2 ? r->control[0] << 8 | r->control[1] : 0;
	size_t n = r->control_size > 2 ? r->control_size - 2 : 0;
	memcpy(reason, r->control + (n ? 2 : 0), n);
	reason[n] = '\0';
	ops->close(user, code, reason);
	return dh_fail(e, DH_ECLOSED, "the room service ended the connection (%d)", code);
}

static int end_frame(struct dh_ws_reader *r, const struct dh_ws_reader_ops *ops, void *user, struct dh_err *e)
{
	r->start_size = 0;
	if (is_control(r->opcode))
		return end_control(r, ops, user, e);
	if (!r->is_final)
		return DH_OK;
	char *text = r->message;
	size_t size = r->size;
	r->message = NULL; /* ops->text() may end the reader */
	r->size = 0;
	r->is_in_message = false;
	text[size] = '\0';
	bool is_here = ops->text(user, text, size);
	free(text);
	return is_here ? DH_OK : DH_ECANCELED;
}

static size_t take_payload(struct dh_ws_reader *r, const char *data, size_t size)
{
	size_t n = r->left < size ? (size_t)r->left : size;
	if (is_control(r->opcode)) {
		memcpy(r->control + r->control_size, data, n);
		r->control_size += n;
	} else {
		memcpy(r->message + r->size, data, n);
		r->size += n;
	}
	r->left -= n;
	return n;
}

int dh_ws_reader_input(struct dh_ws_reader *r, const char *data, size_t size, const struct dh_ws_reader_ops *ops,
		       void *user, struct dh_err *e)
{
	size_t at = 0;
	if (!r->is_open) {
		long n = take_head(r, data, size, e);
		if (n < 0)
			return (int)n;
		at = (size_t)n;
		if (r->is_open)
			ops->open(user);
	}
	bool is_whole_start = r->start_size && r->left; /* a frame is under way */
	while (at < size || is_whole_start) {
		int err = DH_OK;
		if (!is_whole_start) {
			err = take_start(r, (uint8_t)data[at++], e);
			if (err && err != DH_EAGAIN)
				return err;
			if (err)
				continue;
		} else {
			if (at == size)
				return DH_OK;
			at += take_payload(r, data + at, size - at);
		}
		is_whole_start = r->left > 0;
		if (!is_whole_start && (err = end_frame(r, ops, user, e)))
			return err;
	}
	return DH_OK;
}

uint8_t *dh_ws_frame(enum dh_ws_opcode opcode, const void *data, size_t size, size_t *out_size)
{
	uint8_t *out = dh_alloc(size + 14), mask[4];
	const uint8_t *in = data;
	size_t at = 0;
	out[at++] = (uint8_t)(0x80 | opcode);
	if (size < 126) {
		out[at++] = (uint8_t)(0x80 | size);
	} else {
		int bytes = size < 65536 ? 2 : 8;
		out[at++] = (uint8_t)(0x80 | (bytes == 2 ? 126 : 127));
		for (int i = bytes - 1; i >= 0; i--)
			out[at++] = (uint8_t)((uint64_t)size >> (8 * i));
	}
	random_bytes(mask, sizeof(mask)); /* 5.3: unpredictable */
	memcpy(out + at, mask, sizeof(mask));
	at += sizeof(mask);
	for (size_t i = 0; i < size; i++)
		out[at + i] = in[i] ^ mask[i & 3];
	*out_size = at + size;
	return out;
}
