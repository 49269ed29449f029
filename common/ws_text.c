/* Text messages out of pieces; see ws_text.h. */
#include "common/ws_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static void keep_piece(struct dh_ws_text *t, const char *data, size_t size)
{
	if (!size)
		return; /* an empty fragment; t->data may be NULL yet */
	if (t->size + size > t->cap) {
		size_t cap = t->cap ? t->cap : 2048;
		while (cap < t->size + size)
			cap *= 2;
		t->data = dh_realloc(t->data, cap);
		t->cap = cap;
	}
	memcpy(t->data + t->size, data, size);
	t->size += size;
}

int dh_ws_text_take(struct dh_ws_text *t, struct lws *wsi, const char *data, size_t size, size_t max, const char **text,
		    size_t *text_size)
{
	if (lws_frame_is_binary(wsi))
		return DH_EPROTO;
	size_t left = lws_remaining_packet_payload(wsi);
	if (t->size + size + left > max)
		return DH_ELIMIT;
	bool is_whole = !left && lws_is_final_fragment(wsi);
	bool is_in_one = is_whole && !t->size; /* the usual one: no copy */
	if (!is_in_one)
		keep_piece(t, data, size);
	*text = is_in_one ? data : t->data;
	*text_size = is_in_one ? size : t->size;
	return is_whole ? DH_OK : DH_AGAIN;
}

void dh_ws_text_done(struct dh_ws_text *t, size_t keep)
{
	t->size = 0;
	if (t->cap <= keep)
		return;
	free(t->data);
	*t = (struct dh_ws_text){0};
}
