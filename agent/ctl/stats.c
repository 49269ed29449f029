/* Load and rates; see stats.h. The timer runs only while somebody subscribed to agent.stats or rtc.stats. */
#include "agent/ctl/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/disk.h"
#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/ctl/rtc.h"
#include "agent/ctl/session.h"
#include "common/alloc.h"
#include "common/clock.h"

#define TICK_MS 1000

struct dh_stats {
	uv_timer_t timer;
	struct dh_ctl *ctl;
	int64_t cpu_us, at_us; /* at the last measurement */
	double cpu_percent;
	int64_t disk_free_bytes, disk_at_us;
	int64_t disk_measured_bytes; /* -- between work and done: the worker's */
};

static int64_t cpu_used_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int64_t rss_bytes(void)
{
	long long size = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	int n = fscanf(f, "%lld %lld", &size, &rss);
	fclose(f);
	return n == 2 ? rss * sysconf(_SC_PAGESIZE) : 0;
}

static struct dh_stats *get(struct dh_ctl *ctl)
{
	if (!ctl->stats) {
		struct dh_stats *st = dh_alloc(sizeof(*st));
		st->ctl = ctl;
		st->at_us = ctl->started_us;
		st->disk_free_bytes = -1;
		uv_timer_init(&ctl->loop->uv, &st->timer);
		st->timer.data = st;
		ctl->stats = st;
	}
	return ctl->stats;
}

/* Since it was last looked at, but at least for half a second; at first since the session was opened. */
static double pace_of(struct dh_pace *p, int64_t count, const struct dh_session *s)
{
	int64_t now_us = dh_now_us(), since_us = p->at_us ? p->at_us : s->opened_us;
	if (now_us - since_us < 500000 && p->at_us)
		return p->per_s;
	p->per_s = now_us > since_us ? (double)(count - p->count) * 1e6 / (double)(now_us - since_us) : 0;
	p->at_us = now_us;
	p->count = count;
	return p->per_s;
}

static cJSON *source_stats(struct dh_session *s, struct dh_session_source *src)
{
	struct dh_source_stats st = {0};
	cJSON *v = cJSON_CreateObject();
	dh_pipeline_source_stats(s->pipeline, src->pipeline_source, &st);
	cJSON_AddNumberToObject(v, "source", src->source);
	cJSON_AddStringToObject(v, "role", dh_role_name(src->role));
	cJSON_AddNumberToObject(v, "width", st.width_px);
	cJSON_AddNumberToObject(v, "height", st.height_px);
	cJSON_AddNumberToObject(v, "frames", (double)st.frames);
	cJSON_AddNumberToObject(v, "fps", (int)(pace_of(&src->pace, st.frames, s) * 10) / 10.0);
	cJSON_AddNumberToObject(v, "dropped", (double)st.dropped);
	return v;
}

static cJSON *session_stats(struct dh_session *s)
{
	struct dh_pipeline_stats st = {0};
	cJSON *v = cJSON_CreateObject(), *sources;
	dh_pipeline_stats(s->pipeline, &st);
	cJSON_AddStringToObject(v, "session", s->id);
	cJSON_AddNumberToObject(v, "composed", (double)st.composed);
	cJSON_AddNumberToObject(v, "compose_dropped", (double)st.compose_dropped);
	cJSON_AddNumberToObject(v, "compose_ms", st.composed ? (double)st.compose_us / (double)st.composed / 1000 : 0);
	cJSON_AddNumberToObject(v, "encoded", (double)st.encoded);
	cJSON_AddNumberToObject(v, "encoded_bytes", (double)st.encoded_bytes);
	cJSON_AddNumberToObject(v, "encoded_bps", (double)(int64_t)(pace_of(&s->encoded_pace, st.encoded_bytes, s) * 8));
	cJSON_AddNumberToObject(v, "encode_ms", st.encoded ? (double)st.encode_us / (double)st.encoded / 1000 : 0);
	sources = cJSON_AddArrayToObject(v, "sources");
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source)
			cJSON_AddItemToArray(sources, source_stats(s, &s->sources[i]));
	return v;
}

static void disk_work(void *arg)
{
	struct dh_stats *st = arg;
	struct dh_disk disk;
	dh_disk_measure(st->ctl->paths.videos_dir, &disk);
	st->disk_measured_bytes = disk.free_bytes;
}

static void disk_done(void *arg)
{
	struct dh_stats *st = arg;
	st->disk_free_bytes = st->disk_measured_bytes;
	st->disk_at_us = dh_now_us();
}

/* At most every 5 s; the number is a moment old. */
static void measure_disk(struct dh_stats *st)
{
	int64_t now_us = dh_now_us();
	if (st->ctl->is_stopping || st->disk_at_us == INT64_MAX || now_us - st->disk_at_us < 5000000)
		return;
	st->disk_at_us = INT64_MAX; /* under way */
	dh_job_run(st->ctl, disk_work, disk_done, st);
}

/* The greatest lost_percent of a connection's tracks, both ways. */
static double most_lost(const cJSON *peer)
{
	static const char *const ways[] = {"send", "receive"};
	const cJSON *track;
	double most = 0;
	for (int i = 0; i < 2; i++)
		cJSON_ArrayForEach(track, cJSON_GetObjectItemCaseSensitive(peer, ways[i])) {
			const cJSON *lost = cJSON_GetObjectItemCaseSensitive(track, "lost_percent");
			most = lost && lost->valuedouble > most ? lost->valuedouble : most;
		}
	return most;
}

/* What rtc.stats says of each connection, in short. origin NULL: of all. */
static cJSON *peers_in_short(const cJSON *peers, const char *origin)
{
	static const char *const names[] = {"kind", "preview", "room", "member", "session", "state", "rtt_ms"};
	cJSON *list = cJSON_CreateArray();
	const cJSON *peer;
	cJSON_ArrayForEach(peer, peers) {
		if (origin && strcmp(cJSON_GetObjectItemCaseSensitive(peer, "origin")->valuestring, origin))
			continue;
		cJSON *v = cJSON_CreateObject();
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			const cJSON *field = cJSON_GetObjectItemCaseSensitive(peer, names[i]);
			if (field)
				cJSON_AddItemToObject(v, names[i], cJSON_Duplicate(field, true));
		}
		cJSON_AddNumberToObject(v, "lost_percent", most_lost(peer));
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

cJSON *dh_stats_to_json(struct dh_ctl *ctl, const char *origin, const cJSON *peers)
{
	struct dh_stats *st = get(ctl);
	cJSON *v = cJSON_CreateObject(), *list;
	int64_t now_us = dh_now_us(), cpu_us = cpu_used_us();
	if (now_us - st->at_us > 100000) {
		st->cpu_percent = 100.0 * (double)(cpu_us - st->cpu_us) / (double)(now_us - st->at_us);
		st->at_us = now_us;
		st->cpu_us = cpu_us;
	}
	measure_disk(st);
	cJSON_AddNumberToObject(v, "cpu_percent", (int)(st->cpu_percent * 10) / 10.0);
	cJSON_AddNumberToObject(v, "rss_bytes", (double)rss_bytes());
	if (st->disk_free_bytes >= 0)
		cJSON_AddNumberToObject(v, "disk_free_bytes", (double)st->disk_free_bytes);
	list = cJSON_AddArrayToObject(v, "sessions");
	dh_list_for_each(pos, &ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		if (!s->is_closing && (!origin || !strcmp(origin, s->origin)))
			cJSON_AddItemToArray(list, session_stats(s));
	}
	cJSON_AddItemToObject(v, "peers", peers_in_short(peers, origin));
	return v;
}

/* Each client sees its own origin's sessions. */
static void tell(void *arg, cJSON *take)
{
	struct dh_ctl *ctl = arg;
	dh_list_for_each_safe(pos, &ctl->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		if (dh_event_is_wanted_by(c, "agent.stats"))
			dh_emit_to(c, "agent.stats", dh_stats_to_json(ctl, c->is_cli ? NULL : c->id.origin, take));
	}
	dh_rtc_emit_stats(ctl, take);
	cJSON_Delete(take);
}

static void tick(uv_timer_t *timer)
{
	struct dh_stats *st = timer->data;
	dh_rtc_stats(st->ctl, NULL, tell, st->ctl);
}

void dh_stats_update_wanted(struct dh_ctl *ctl)
{
	if (ctl->is_stopping)
		return;
	bool is_wanted = dh_event_is_wanted(ctl, "agent.stats", NULL) || dh_event_is_wanted(ctl, "rtc.stats", NULL);
	dh_list_for_each(pos, &ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		if (!s->is_closing)
			dh_pipeline_enable_levels(s->pipeline, dh_event_is_wanted(ctl, "audio.levels", s->origin));
	}
	if (!is_wanted && !ctl->stats)
		return;
	dh_timer_want(&get(ctl)->timer, is_wanted, tick, TICK_MS);
}

void dh_stats_stop(struct dh_ctl *ctl)
{
	if (ctl->stats)
		uv_close((uv_handle_t *)&ctl->stats->timer, NULL);
}

void dh_stats_destroy(struct dh_ctl *ctl)
{
	free(ctl->stats);
	ctl->stats = NULL;
}
