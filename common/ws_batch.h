/* Messages to one WebSocket that leave together: frames (RFC 6455, 5.2, of a server: not masked) one behind the other in one
 * block and one lws_write(), so in one send() and, with TLS, few records. Zeroed: empty. */
#ifndef DH_COMMON_WS_BATCH_H
#define DH_COMMON_WS_BATCH_H

#include <libwebsockets.h>
#include <stdbool.h>

enum dh_ws_batch_kind { DH_WS_BATCH_TEXT = 1, DH_WS_BATCH_PING = 9 };

struct dh_ws_batch { /* all private */
	unsigned char *data;
	size_t size, cap;
};

void dh_ws_batch_finish(struct dh_ws_batch *b);

/* One more message of size bytes; where they are to be put. Valid until the next call. */
unsigned char *dh_ws_batch_add(struct dh_ws_batch *b, enum dh_ws_batch_kind kind, size_t size);

/* Enough for one send(): write before more is added. */
bool dh_ws_batch_is_full(const struct dh_ws_batch *b);

/* Give all of it to libwebsockets, which keeps what the kernel does not take (lws_partial_buffered()); empty then. Not while
 * something is kept. Errors: DH_ECLOSED. */
int dh_ws_batch_write(struct dh_ws_batch *b, struct lws *wsi);

#endif
