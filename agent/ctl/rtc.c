/* The WebRTC engine of the agent; see rtc.h. It lives in the drivers module and costs a thread and a certificate, so it is
 * made when somebody wants it. */
#include "agent/ctl/rtc.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/events.h"
#include "agent/media/encoder.h"
#include "agent/media/driver.h"
#include "common/alloc.h"

const struct dh_rtc_api *dh_ctl_rtc(struct dh_ctl *ctl, struct dh_rtc **out, struct dh_err *e)
{
	const struct dh_driver_tables *t = dh_drivers(e);
	if (!t)
		return NULL;
	if (!t->rtc) {
		dh_fail(e, DH_ENOTSUP, "this build of Deskhand has no WebRTC");
		dh_hint(e, "snapshot.take gives single pictures; or install a build with WebRTC.");
		return NULL;
	}
	if (!ctl->rtc && t->rtc->create(&ctl->rtc, ctl->loop, e))
		return NULL;
	*out = ctl->rtc;
	return t->rtc;
}

void dh_ctl_rtc_destroy(struct dh_ctl *ctl)
{
	if (ctl->rtc)
		dh_drivers(NULL)->rtc->destroy(ctl->rtc);
	ctl->rtc = NULL;
}

bool dh_rtc_can_encode(enum dh_codec codec)
{
	const struct dh_driver_tables *t = dh_drivers(NULL);
	for (int i = 0; t->encoders[i]; i++)
		if (t->encoders[i]->codec == codec)
			return true;
	return false;
}

void dh_rtc_video_codecs(enum dh_codec out[2])
{
	static const enum dh_codec best[] = {DH_CODEC_H264, DH_CODEC_VP8};
	int n = 0;
	out[0] = out[1] = DH_CODEC_NONE;
	for (int i = 0; i < 2; i++)
		if (dh_rtc_can_encode(best[i]))
			out[n++] = best[i];
}

void dh_rtc_register(struct dh_ctl *ctl, struct dh_rtc_entry *entry)
{
	dh_list_add(&ctl->rtc_entries, &entry->node);
}

void dh_rtc_unregister(struct dh_rtc_entry *entry)
{
	dh_list_del(&entry->node);
}

/* ---- statistics ---- */

struct collection {
	cJSON *list;
	int pending;
	void (*fn)(void *arg, cJSON *take);
	void *arg;
};

struct question {
	struct collection *collection;
	const struct dh_rtc_entry *entry;
};

static void one_less(struct collection *c)
{
	if (--c->pending)
		return;
	c->fn(c->arg, c->list);
	free(c);
}

static void answered(void *arg, cJSON *take)
{
	struct question *q = arg;
	const struct dh_rtc_entry *entry = q->entry;
	cJSON_AddStringToObject(take, "kind", entry->kind);
	if (entry->room) {
		cJSON_AddStringToObject(take, "room", entry->room);
		cJSON_AddNumberToObject(take, entry->kind, (double)entry->member);
	} else {
		cJSON_AddStringToObject(take, entry->kind, entry->preview);
	}
	cJSON_AddStringToObject(take, "session", entry->session);
	cJSON_AddStringToObject(take, "origin", entry->origin);
	cJSON_AddItemToArray(q->collection->list, take);
	one_less(q->collection);
	free(q);
}

static void collect(void *arg)
{
	one_less(arg);
}

void dh_rtc_stats(struct dh_ctl *ctl, const char *origin, void (*fn)(void *arg, cJSON *take), void *arg)
{
	struct collection *c = dh_alloc(sizeof(*c));
	*c = (struct collection){.list = cJSON_CreateArray(), .pending = 1, .fn = fn, .arg = arg};
	dh_list_for_each(pos, &ctl->rtc_entries) {
		const struct dh_rtc_entry *entry = dh_container_of(pos, struct dh_rtc_entry, node);
		if (origin && strcmp(origin, entry->origin))
			continue;
		struct question *q = dh_alloc(sizeof(*q));
		*q = (struct question){c, entry};
		c->pending++;
		dh_drivers(NULL)->rtc->stats(entry->peer, answered, q);
	}
	dh_loop_post(ctl->loop, collect, c);
}

static cJSON *of_origin(const cJSON *list, const char *origin)
{
	cJSON *out = cJSON_CreateArray();
	const cJSON *v;
	cJSON_ArrayForEach(v, list)
		if (!origin || !strcmp(cJSON_GetObjectItemCaseSensitive(v, "origin")->valuestring, origin))
			cJSON_AddItemToArray(out, cJSON_Duplicate(v, true));
	return out;
}

void dh_rtc_emit_stats(struct dh_ctl *ctl, const cJSON *peers)
{
	dh_list_for_each_safe(pos, &ctl->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		if (!dh_event_is_wanted_by(c, "rtc.stats"))
			continue;
		cJSON *params = cJSON_CreateObject();
		cJSON_AddItemToObject(params, "peers", of_origin(peers, c->is_cli ? NULL : c->id.origin));
		dh_emit_to(c, "rtc.stats", params);
	}
}
