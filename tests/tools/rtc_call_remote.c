/* See rtc_call_remote.h. */
#include "rtc_call_remote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sources/pattern_code.h"
#include "common/alloc.h"
#include "common/clock.h"

static void on_frame(void *arg, struct dh_frame *take)
{
	struct remote *r = arg;
	struct dh_pattern_mark mark;
	int64_t now_us = dh_now_us();
	bool is_video = take->kind == DH_MEDIA_VIDEO, is_read = is_video && !dh_pattern_read(take, NULL, &mark);
	pthread_mutex_lock(&r->lock);
	r->sounds += !is_video;
	if (is_video) {
		r->pictures++;
		r->unread += !is_read;
		if (is_read && r->ages < AGES)
			r->age_ms[r->ages++] = (double)(now_us - mark.pts_us) / 1000;
		if (r->last_us && now_us - r->last_us > r->gap_us)
			r->gap_us = now_us - r->last_us;
		r->last_us = now_us;
	}
	pthread_mutex_unlock(&r->lock);
	dh_frame_unref(take);
}

static void on_source(void *arg, enum dh_source_state state, const struct dh_err *why)
{
	struct remote *r = arg;
	if (state == DH_SOURCE_CLOSED) {
		r->runner = NULL;
		r->all->running--;
	}
}

void rtc_remotes_take(struct rtc_remotes *c, const struct dh_peer_remote *remote)
{
	struct dh_err e = {0};
	struct remote *r = NULL;
	for (int i = STREAMS - 1; i >= 0; i--)
		if (!c->one[i].runner || !strcmp(c->one[i].key, remote->key))
			r = &c->one[i];
	for (int i = 0; i < STREAMS; i++)
		if (c->one[i].runner && !strcmp(c->one[i].key, remote->key)) { /* the same stream with more or less in it */
			if (!remote->has_audio && !remote->has_video)
				dh_source_runner_stop(c->one[i].runner);
			return;
		}
	if (!r || (!remote->has_audio && !remote->has_video))
		return;
	dh_strcopy(r->key, sizeof(r->key), remote->key);
	dh_strcopy(r->name, sizeof(r->name), remote->stream);
	struct dh_source_runner_config config = {.driver = dh_source_driver_find("remote", &e), .device = r->key,
						 .log_name = "remote", .deliver = on_frame, .state = on_source, .arg = r};
	if (dh_source_runner_start(&r->runner, c->loop, &config, &e))
		fprintf(stderr, "cannot receive: %s\n", e.text);
	else
		c->running++;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static cJSON *remote_json(struct remote *r)
{
	cJSON *v = cJSON_CreateObject();
	pthread_mutex_lock(&r->lock);
	qsort(r->age_ms, (size_t)r->ages, sizeof(double), by_size);
	cJSON_AddStringToObject(v, "stream", r->name);
	cJSON_AddNumberToObject(v, "pictures", r->pictures);
	cJSON_AddNumberToObject(v, "unread", r->unread);
	cJSON_AddNumberToObject(v, "sounds", r->sounds);
	cJSON_AddNumberToObject(v, "gap_ms", (double)r->gap_us / 1000);
	if (r->ages) {
		cJSON_AddNumberToObject(v, "age_median_ms", r->age_ms[r->ages / 2]);
		cJSON_AddNumberToObject(v, "age_p95_ms", r->age_ms[r->ages * 95 / 100]);
	}
	r->ages = r->pictures = r->unread = r->sounds = 0;
	r->gap_us = 0;
	pthread_mutex_unlock(&r->lock);
	return v;
}

void rtc_remotes_init(struct rtc_remotes *r, struct dh_loop *loop)
{
	r->loop = loop;
	for (int i = 0; i < STREAMS; i++) {
		r->one[i].all = r;
		pthread_mutex_init(&r->one[i].lock, NULL);
	}
}

void rtc_remotes_report(struct rtc_remotes *r, cJSON *list)
{
	for (int i = 0; i < STREAMS; i++)
		if (r->one[i].runner)
			cJSON_AddItemToArray(list, remote_json(&r->one[i]));
}

void rtc_remotes_stop(struct rtc_remotes *r)
{
	for (int i = 0; i < STREAMS; i++)
		if (r->one[i].runner)
			dh_source_runner_stop(r->one[i].runner);
}
