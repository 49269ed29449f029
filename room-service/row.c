/* Events and rows of them; see row.h. */
#include "room-service/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json.h"

static const char seq_name[] = "\"seq\":";

struct dh_event *dh_event_create(const char *name, cJSON *take_params)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":";
	bool is_empty = !take_params->child;
	char *text = dh_json_print(take_params);
	cJSON_Delete(take_params);
	size_t size = strlen(text), room = sizeof(head) + strlen(name) + size + 1;
	struct dh_event *ev = dh_alloc(sizeof(*ev) + room);
	ev->refs = 1;
	ev->is_empty = is_empty;
	ev->head_size = (unsigned)snprintf(ev->text, room, head, name) + 1; /* with the brace of the params */
	ev->size = ev->head_size - 1 + size + 1;
	memcpy(ev->text + ev->head_size - 1, text, size);
	ev->text[ev->size - 1] = '}';
	free(text);
	return ev;
}

void dh_event_unref(struct dh_event *ev)
{
	if (ev && !--ev->refs)
		free(ev);
}

static size_t digits_of(int64_t seq)
{
	size_t n = 1;
	while (seq /= 10)
		n++;
	return n;
}

size_t dh_event_size(const struct dh_event *ev, int64_t seq)
{
	return ev->size + (seq > 0 ? sizeof(seq_name) - 1 + digits_of(seq) + !ev->is_empty : 0);
}

/* "seq":N and a comma before what follows; its size. This and two copies are all that an event costs for each member. */
static size_t write_seq(char *out, int64_t seq, bool is_last)
{
	size_t size = sizeof(seq_name) - 1 + digits_of(seq);
	memcpy(out, seq_name, sizeof(seq_name) - 1);
	for (char *digit = out + size; seq; seq /= 10)
		*--digit = (char)('0' + seq % 10);
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
