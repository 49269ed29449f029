/* GET /metrics: counters and gauges as Prometheus text (exposition format 0.0.4). */
#include <stdio.h>

#include "common/alloc.h"
#include "room-service/server_priv.h"

struct text {
	char *p;
	size_t size, room;
};

static void add(struct text *t, const char *name, const char *type, double value)
{
	if (t->size < t->room)
		t->size += (size_t)snprintf(t->p + t->size, t->room - t->size,
					    "# TYPE deskhand_rooms_%s %s\ndeskhand_rooms_%s %.15g\n", name, type, name,
					    value);
}

char *dh_metrics_text(struct dh_server *s)
{
	const struct dh_hub *hub = s->hub;
	const struct dh_metrics *m = &hub->metrics;
	struct dh_store_stats store;
	struct text t = {dh_alloc(8192), 0, 8192};
	dh_store_read_stats(hub->store, &store);
	add(&t, "tcp_connections", "gauge", s->tcp_count);
	add(&t, "logged_in", "gauge", hub->client_count);
	add(&t, "not_logged_in", "gauge", hub->stranger_count);
	add(&t, "rooms", "gauge", (double)hub->rooms.count);
	add(&t, "members", "gauge", hub->member_count);
	add(&t, "connections_total", "counter", (double)m->connections);
	add(&t, "http_requests_total", "counter", (double)m->http_requests);
	add(&t, "messages_total", "counter", (double)m->messages);
	add(&t, "refusals_total", "counter", (double)m->refusals);
	add(&t, "logins_total", "counter", (double)m->logins);
	add(&t, "failed_logins_total", "counter", (double)m->failed_logins);
	add(&t, "chat_lines_total", "counter", (double)m->chat_lines);
	add(&t, "events_total", "counter", (double)m->events);
	add(&t, "resumed_total", "counter", (double)m->resumed);
	add(&t, "not_resumed_total", "counter", (double)m->not_resumed);
	add(&t, "slow_readers_total", "counter", (double)m->slow_readers);
	add(&t, "store_pending", "gauge", store.pending);
	add(&t, "store_requests_total", "counter", (double)store.requests);
	add(&t, "store_commits_total", "counter", (double)store.commits);
	add(&t, "store_commit_seconds_total", "counter", store.commit_s);
	add(&t, "store_failures_total", "counter", (double)store.failures);
	return t.p;
}
