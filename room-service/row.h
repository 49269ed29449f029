/* Events: one text shared by all who get it, and a member's own row of them, from which a connection that comes back is
 * served. Loop thread only. */
#ifndef DH_ROOMS_ROW_H
#define DH_ROOMS_ROW_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_ROW_EVENTS_MAX 512
#define DH_ROW_BYTES_MAX (1024 * 1024)

/* text is the whole message but for its seq, which each member has its own of and which goes behind the first head_size
 * bytes: {"jsonrpc":"2.0","method":"room.chat","params":{ and then "room":...}} */
struct dh_event {
	int refs;
	bool is_empty; /* no params but the seq */
	unsigned head_size;
	size_t size;
	char text[];
};

/* An event of these params (an object), with one reference. */
struct dh_event *dh_event_create(const char *name, cJSON *take_params);
void dh_event_unref(struct dh_event *ev);

/* Bytes of the whole message with this seq (0: without), and the message itself, whose size it gives again. */
size_t dh_event_size(const struct dh_event *ev, int64_t seq);
size_t dh_event_write(const struct dh_event *ev, int64_t seq, char *out);

struct dh_row {
	struct dh_event **events; /* a ring of cap, a power of two */
	unsigned cap, head, count;
	size_t bytes;
	int64_t last; /* seq of the newest; events with seq last - count + 1 to last are held */
};

void dh_row_finish(struct dh_row *r);

/* Add an event (takes a reference of its own). When that is too much, everything is forgotten and false comes back. */
bool dh_row_add(struct dh_row *r, struct dh_event *ev);

/* Forget those up to seq: the other end has them. */
void dh_row_ack(struct dh_row *r, int64_t seq);

/* Whether all that follow seq are held. */
bool dh_row_has_after(const struct dh_row *r, int64_t seq);

/* The event of a seq that is held. */
struct dh_event *dh_row_at(const struct dh_row *r, int64_t seq);

/* Forget everything and go on so that nobody who knew seq or less can take the next events for those that follow it. */
void dh_row_restart(struct dh_row *r, int64_t seq);

#endif
