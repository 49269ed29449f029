/* The client's part of a WebSocket: handshake, frames in pieces, what is refused. */
#include "agent/room/ws_frames.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "tst.h"

static int opens, texts, pings, closes;
static size_t text_size;
static char text[64];

static void on_open(void *user)
{
	opens++;
}

static bool on_text(void *user, const char *t, size_t size)
{
	texts++;
	text_size = size;
	dh_strcopy(text, sizeof(text), t);
	return true;
}

static void on_ping(void *user, const uint8_t *data, size_t size)
{
	pings++;
}

static void on_close(void *user, int code, const char *reason)
{
	closes = code;
}

static const struct dh_ws_reader_ops ops = {on_open, on_text, on_ping, on_close};

static int feed(struct dh_ws_reader *r, const char *data, size_t size)
{
	struct dh_err e = {0};
	return dh_ws_reader_input(r, data, size, &ops, NULL, &e);
}

static void handshake(void)
{
	struct dh_ws_reader r = {0};
	char *request = dh_ws_reader_start(&r, "rooms.test:8443", "/v1/ws", "deskhand-rooms.v1");
	TST_CHECK(strstr(request, "GET /v1/ws HTTP/1.1\r\nHost: rooms.test:8443\r\n") == request);
	free(request);
	/* RFC 6455, 1.3 */
	dh_strcopy(r.accept, sizeof(r.accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nupgrade:  WebSocket \r\nConnection: Upgrade\r\n"
				     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi";
	for (size_t i = 0; i < sizeof(answer) - 1; i++)
		TST_EQ(feed(&r, answer + i, 1), DH_OK);
	TST_EQ(opens, 1);
	TST_EQ(texts, 1);
	TST_STR(text, "hi");
	dh_ws_reader_finish(&r);
}

static void refused_handshakes(void)
{
	static const struct {
		const char *answer;
		int code;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\n\r\n", DH_ENOENT}, {"HTTP/1.1 502 Bad Gateway\r\n\r\n", DH_EIO},
		{"SSH-2.0-x\r\n\r\n", DH_EPROTO}, {"HTTP/1.1 101 X\r\n\r\n", DH_EPROTO},
		{"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n", DH_EPROTO},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dh_ws_reader r = {0};
		free(dh_ws_reader_start(&r, "h", "/", "p"));
		TST_EQ(feed(&r, cases[i].answer, strlen(cases[i].answer)), cases[i].code);
		dh_ws_reader_finish(&r);
	}
	struct dh_ws_reader r = {0};
	char line[1000];
	int err = DH_OK;
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 10 && !err; i++)
		err = feed(&r, line, sizeof(line));
	TST_EQ(err, DH_EPROTO);
	dh_ws_reader_finish(&r);
}

#define FRAMES(bytes) {bytes, sizeof(bytes) - 1}

static void frames(void)
{
	struct dh_ws_reader r = {.is_open = true};
	static const char pieces[] = "\x01\x03one" "\x89\x02pp" "\x00\x01-" "\x80\x03two" "\x81\x00"
				     "\x88\x06\x03\xe9" "away";
	texts = pings = closes = 0;
	TST_EQ(feed(&r, pieces, sizeof(pieces) - 1), DH_ECLOSED);
	TST_EQ(texts, 2);
	TST_EQ(text_size, 0);
	TST_EQ(pings, 1);
	TST_EQ(closes, 1001);
	dh_ws_reader_finish(&r);
}

static void refused_frames(void)
{
	static const struct {
		const char *data;
		size_t size;
	} cases[] = {
		FRAMES("\x81\x82\0\0\0\0hi"),   /* masked */
		FRAMES("\x82\x01x"),            /* binary */
		FRAMES("\xc1\x01x"),            /* an extension that nobody asked for */
		FRAMES("\x80\x01x"),            /* continues nothing */
		FRAMES("\x01\x01x\x01\x01x"),   /* a text inside a text */
		FRAMES("\x09\x01x"),            /* half a ping */
		FRAMES("\x89\x7e\x00\x7e"),     /* a long one */
		FRAMES("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), /* half the universe */
		FRAMES("\x81\x7f\0\0\0\0\0\x04\0\x01"), /* one byte too many */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dh_ws_reader r = {.is_open = true};
		int err = feed(&r, cases[i].data, cases[i].size);
		TST_CHECK(err == DH_EPROTO || err == DH_ELIMIT);
		dh_ws_reader_finish(&r);
	}
}

static void written(void)
{
	static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 100000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *data = dh_alloc(sizes[i] + 1);
		size_t n, head = sizes[i] < 126 ? 2 : sizes[i] < 65536 ? 4 : 10;
		memset(data, 'y', sizes[i]);
		uint8_t *f = dh_ws_frame(DH_WS_TEXT, data, sizes[i], &n);
		TST_EQ(n, head + 4 + sizes[i]);
		TST_EQ(f[0], 0x81);
		TST_CHECK(f[1] & 0x80);
		for (size_t k = 0; k < sizes[i]; k++)
			if ((f[head + 4 + k] ^ f[head + (k & 3)]) != 'y')
				TST_CHECK(!"mask");
		free(f);
		free(data);
	}
}

TST_MAIN({"handshake, a byte at a time", handshake}, {"bad input: handshakes", refused_handshakes},
	 {"fragments with a ping between them, then the end", frames}, {"bad input: frames", refused_frames},
	 {"frames of every length are masked", written})
