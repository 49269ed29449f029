/* Events and rows of them; see row.h. */
#include "room-service/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define SEQ_ROOM 32 /* bytes of "seq":N, with its comma */

struct dh_event *dh_event_create(const char *name, cJSON *take_params)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":";
	char *text = cJSON_PrintUnformatted(take_params);
	bool is_empty = !text || !take_params->child;
	cJSON_Delete(take_params);
	size_t room = sizeof(head) + strlen(name) + (text ? strlen(text) : 2) + 2;
	struct dh_event *ev = dh_alloc(sizeof(*ev) + room);
	ev->refs = 1;
	ev->is_empty = is_empty;
	ev->head_size = (unsigned)snprintf(ev->text, room, head, name) + 1; /* with the brace of the params */
	ev->size = ev->head_size - 1 + (size_t)snprintf(ev->text + ev->head_size - 1, room - ev->head_size + 1, "%s}",
							text ? text : "{}");
	cJSON_free(text);
	return ev;
}

void dh_event_unref(struct dh_event *ev)
{
	if (ev && !--ev->refs)
		free(ev);
}

size_t dh_event_room(const struct dh_event *ev)
{
	return ev->size + SEQ_ROOM;
}

/* "seq":N and a comma before what follows; its size. This and two copies are all that an event costs for each member. */
static size_t write_seq(char *out, int64_t seq, bool is_last)
{
	char digits[20];
	int n = 0;
	for (; seq; seq /= 10)
		digits[n++] = (char)('0' + seq % 10);
	memcpy(out, "\"seq\":", 6);
	size_t size = 6;
	while (n)
		out[size++] = digits[--n];
	if (!is_last)
		out[size++] = ',';
	return size;
}

size_t dh_event_write(const struct dh_event *ev, int64_t seq, char *out)
{
	size_t n = ev->head_size, rest = ev->size - n;
	memcpy(out, ev->text, n);
	if (seq > 0)
		n += write_seq(out + n, seq, ev->is_empty);
	memcpy(out + n, ev->text + ev->head_size, rest);
	return n + rest;
}

static unsigned index_of(const struct dh_row *r, unsigned i)
{
	return (r->head + i) & (r->cap - 1);
}

static void drop_first(struct dh_row *r)
{
	struct dh_event *ev = r->events[r->head];
	r->head = index_of(r, 1);
	r->count--;
	r->bytes -= ev->size;
	dh_event_unref(ev);
}

static void forget(struct dh_row *r)
{
	while (r->count)
		drop_first(r);
	free(r->events);
	r->events = NULL;
	r->cap = r->head = 0;
}

void dh_row_finish(struct dh_row *r)
{
	forget(r);
}

static void grow(struct dh_row *r)
{
	unsigned cap = r->cap ? r->cap * 2 : 4;
	struct dh_event **events = dh_alloc(cap * sizeof(struct dh_event *));
	for (unsigned i = 0; i < r->count; i++)
		events[i] = r->events[index_of(r, i)];
	free(r->events);
	r->events = events;
	r->cap = cap;
	r->head = 0;
}

bool dh_row_add(struct dh_row *r, struct dh_event *ev)
{
	r->last++;
	if (r->count >= DH_ROW_EVENTS_MAX || r->bytes + ev->size > DH_ROW_BYTES_MAX) {
		forget(r);
		return false;
	}
	if (r->count == r->cap)
		grow(r);
	r->events[index_of(r, r->count++)] = ev;
	r->bytes += ev->size;
	ev->refs++;
	return true;
}

void dh_row_ack(struct dh_row *r, int64_t seq)
{
	while (r->count && r->last - r->count < seq)
		drop_first(r);
	if (!r->count && r->cap > 16)
		forget(r);
}

bool dh_row_has_after(const struct dh_row *r, int64_t seq)
{
	return seq >= r->last - r->count && seq <= r->last;
}

struct dh_event *dh_row_at(const struct dh_row *r, int64_t seq)
{
	return r->events[index_of(r, (unsigned)(seq - (r->last - r->count + 1)))];
}

void dh_row_restart(struct dh_row *r, int64_t seq)
{
	forget(r);
	r->last = (seq > r->last ? seq : r->last) + 1;
}
