/* The client's part of a WebSocket as bytes in and bytes out: handshake, frames, fragments. Pure: no sockets, no clocks.
 * Source: RFC 6455; no extensions, text messages only. */
#ifndef DH_ROOM_WS_FRAMES_H
#define DH_ROOM_WS_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DH_WS_MESSAGE_MAX (256 * 1024) /* bytes of one text, and of what common/json takes */
#define DH_WS_HEAD_MAX 8192            /* bytes of the handshake's answer */

enum dh_ws_opcode { DH_WS_CONTINUATION = 0, DH_WS_TEXT = 1, DH_WS_CLOSE = 8, DH_WS_PING = 9, DH_WS_PONG = 10 };

struct dh_ws_reader { /* all private; zeroed is new */
	char accept[32];  /* what the server must answer to our key */
	char head[DH_WS_HEAD_MAX + 1];
	size_t head_size;
	bool is_open;
	uint8_t start[10]; /* of the present frame */
	size_t start_size;
	int opcode;
	bool is_final, is_in_message;
	uint64_t left;     /* of the present frame's payload */
	char *message;     /* fragments so far, NUL-ended when whole */
	size_t size;
	uint8_t control[125];
	size_t control_size;
};

struct dh_ws_reader_ops {
	void (*open)(void *user); /* the handshake is done */
	/* A text (NUL-ended, borrowed). False: the reader is gone, touch nothing. */
	bool (*text)(void *user, const char *text, size_t size);
	void (*ping)(void *user, const uint8_t *data, size_t size);
	void (*close)(void *user, int code, const char *reason); /* they end; code 0: none said */
};

/* The request of the handshake in a fresh string (free() it). host: with port, as in a URL. */
char *dh_ws_reader_start(struct dh_ws_reader *r, const char *host, const char *path, const char *protocol);
void dh_ws_reader_finish(struct dh_ws_reader *r);

/* What came. After an error nothing more may be given. Errors: DH_EPROTO, DH_ELIMIT; DH_ENOENT the server has no
 * WebSocket there; DH_ECLOSED they ended, after ops->close(); DH_ECANCELED ops->text() said the reader is gone. */
int dh_ws_reader_input(struct dh_ws_reader *r, const char *data, size_t size, const struct dh_ws_reader_ops *ops,
		       void *user, struct dh_err *e);

/* One whole frame, masked, in a fresh block (free() it). */
uint8_t *dh_ws_frame(enum dh_ws_opcode opcode, const void *data, size_t size, size_t *out_size);

#endif
