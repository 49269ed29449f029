/* A WebSocket's text message, put together from the pieces that LWS_CALLBACK_RECEIVE brings. Zeroed: empty. */
#ifndef DH_COMMON_WS_TEXT_H
#define DH_COMMON_WS_TEXT_H

#include <libwebsockets.h>

#include "common/err.h"

struct dh_ws_text {
	char *data;
	size_t size, cap;
};

/* One more piece. DH_OK: *text (*text_size bytes, no NUL behind) is a whole message, until dh_ws_text_done(); DH_AGAIN: more
 * is to come. Errors: DH_EPROTO no text; DH_ELIMIT longer than max bytes. */
int dh_ws_text_take(struct dh_ws_text *t, struct lws *wsi, const char *data, size_t size, size_t max, const char **text,
		    size_t *text_size);

/* The message was read. Room larger than keep bytes is given back. */
void dh_ws_text_done(struct dh_ws_text *t, size_t keep);

#endif
