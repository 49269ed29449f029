/* A recording in several files: what is known of each, and where they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/events.h"
#include "agent/ctl/recording_priv.h"
#include "agent/record/verify.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"
#include "common/beneath.h"
#include "common/json.h"

static cJSON *find(const struct dh_recording *r, int number)
{
	cJSON *v;
	cJSON_ArrayForEach(v, r->segments)
		if (cJSON_GetObjectItemCaseSensitive(v, "segment")->valueint == number)
			return v;
	return NULL;
}

static void set_number(cJSON *to, const char *name, int64_t value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(to, name);
	cJSON_AddNumberToObject(to, name, (double)value);
}

void dh_recording_put_segment(struct dh_recording *r, const struct dh_sink_segment *g)
{
	cJSON *v = find(r, g->number);
	char hex[2 * DH_HASH_BYTES + 1];
	if (!v) {
		v = cJSON_CreateObject();
		cJSON_AddNumberToObject(v, "segment", g->number);
		cJSON_AddStringToObject(v, "name", g->name);
		cJSON_AddItemToArray(r->segments, v);
	}
	if (g->why[0]) {
		set_number(v, "gap_ms", g->gap_us / 1000);
		cJSON_DeleteItemFromObjectCaseSensitive(v, "after");
		cJSON_AddStringToObject(v, "after", g->why);
	}
	if (!g->is_over)
		return;
	set_number(v, "bytes", g->bytes);
	set_number(v, "duration_ms", g->duration_us / 1000);
	set_number(v, "video_frames", g->video_frames);
	cJSON_DeleteItemFromObjectCaseSensitive(v, "chain");
	if (!g->has_chain)
		return;
	dh_hash_to_hex(g->chain_head, hex);
	cJSON *chain = cJSON_AddObjectToObject(v, "chain");
	cJSON_AddNumberToObject(chain, "seq", g->chain_seq);
	cJSON_AddStringToObject(chain, "head", hex);
}

/* Whoever wrote it died, and another goes on. */
static void tell_continued(struct dh_recording *r, const struct dh_sink_segment *g)
{
	cJSON *params = dh_recording_event(r);
	cJSON_AddNumberToObject(params, "segment", g->number ? g->number : 1);
	cJSON_AddStringToObject(params, "name", g->name);
	cJSON_AddNumberToObject(params, "gap_ms", (double)(g->gap_us / 1000));
	cJSON_AddStringToObject(params, "reason", g->why);
	DH_WARN(r, "goes on in %s, %lld ms missing: %s", g->name, (long long)(g->gap_us / 1000), g->why);
	dh_emit(r->ctl, "recording.continued", r->origin, params);
}

void dh_recording_segment(struct dh_session *s, int output, const struct dh_sink_segment *g)
{
	struct dh_recording *r = dh_recording_by_output(s, output);
	if (!r)
		return;
	if (g->number)
		dh_recording_put_segment(r, g);
	dh_recording_save(r);
	if (g->why[0])
		tell_continued(r, g);
	if (!g->is_over)
		return;
	cJSON *params = dh_recording_event(r);
	const cJSON *segment = find(r, g->number);
	dh_json_copy_members(params, segment);
	dh_emit(r->ctl, "recording.segment", r->origin, params);
	int n = 0;
	for (const cJSON *before = segment; before != r->segments->child; before = before->prev)
		n++;
	dh_uploads_segment_over(r, n);
}

int dh_recording_file_count(const struct dh_recording *r)
{
	int n = cJSON_GetArraySize(r->segments);
	return n ? n : 1;
}

/* All files lie beside the first. */
void dh_recording_file_path(const struct dh_recording *r, int n, char *out, size_t size)
{
	const cJSON *segment = cJSON_GetArrayItem(r->segments, n);
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(segment, "name");
	char *beside = cJSON_IsString(name) && strchr(r->path, '/') ? dh_path_beside(r->path, name->valuestring) : NULL;
	dh_strcopy(out, size, beside ? beside : r->path);
	free(beside);
}
