/* What a room needs to be joined again after the agent was killed or restarted: one file of 0600 for each room that is
 * joined, with the login's token, never the user_sig or a proxy's password. It is written again each minute; an older one
 * than three minutes is not followed: nobody expects a camera to come on by itself after a night. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/job.h"
#include "agent/room/room_priv.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

#define SAVE_EVERY_MS 60000
#define FRESH_MS 180000

/* ---- writing ---- */

struct store_job {
	struct dh_room *room;
	char path[DH_PATH_MAX + 64], dir[DH_PATH_MAX + 16];
	char *text; /* NULL: remove the file */
	struct dh_err e;
};

/* The session's sources but its screen: that one is shown by a person's word only. */
static cJSON *session_params(const struct dh_session *s)
{
	cJSON *v = cJSON_CreateObject(), *canvas = cJSON_AddObjectToObject(v, "canvas");
	cJSON_AddStringToObject(v, "template", s->template_name);
	cJSON_AddNumberToObject(canvas, "width", s->width_px);
	cJSON_AddNumberToObject(canvas, "height", s->height_px);
	cJSON_AddNumberToObject(canvas, "fps", s->fps);
	cJSON *sources = cJSON_AddArrayToObject(v, "sources");
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		const struct dh_session_source *src = &s->sources[i];
		if (!src->source || src->role == DH_ROLE_REMOTE || src->role == DH_ROLE_SCREEN)
			continue;
		cJSON *one = cJSON_CreateObject();
		cJSON_AddStringToObject(one, "role", dh_role_name(src->role));
		cJSON_AddStringToObject(one, "device", src->device);
		if (src->label[0])
			cJSON_AddStringToObject(one, "label", src->label);
		cJSON_AddItemToArray(sources, one);
	}
	return v;
}

static char *saved_text(const struct dh_room *r)
{
	cJSON *v = cJSON_CreateObject(), *session = cJSON_AddObjectToObject(v, "session");
	cJSON_AddNumberToObject(v, "saved_ms", (double)(dh_wall_us() / 1000));
	cJSON_AddStringToObject(v, "origin", r->origin);
	cJSON_AddStringToObject(v, "token", dh_room_link_token(r->link));
	cJSON_AddItemToObject(v, "join", cJSON_Duplicate(r->params, true));
	cJSON_AddStringToObject(session, "session", r->session->id);
	cJSON_AddStringToObject(session, "resume", r->session->resume);
	cJSON_AddItemToObject(session, "open", session_params(r->session));
	char *text = cJSON_PrintUnformatted(v);
	cJSON_Delete(v);
	return text;
}

static void store_work(void *arg)
{
	struct store_job *j = arg;
	if (!j->text)
		unlink(j->path);
	else if (!dh_paths_make_dir(j->dir, &j->e))
		dh_paths_write_atomically(j->path, j->text, &j->e);
}

static void store_now(struct dh_room *r);

static void store_done(void *arg)
{
	struct store_job *j = arg;
	struct dh_room *r = j->room;
	if (j->e.code)
		DH_WARN(r, "this room will not be joined again by itself: %s", j->e.text);
	dh_free_secret(j->text);
	free(j);
	r->is_storing = false;
	if (r->must_store)
		store_now(r);
	dh_room_check_gone(r);
}

/* One at a time, the newest wins. */
static void store_now(struct dh_room *r)
{
	r->must_store = r->is_storing;
	if (r->is_storing)
		return;
	struct store_job *j = dh_alloc(sizeof(*j));
	j->room = r;
	snprintf(j->dir, sizeof(j->dir), "%s/rooms", r->ctl->paths.state_dir);
	snprintf(j->path, sizeof(j->path), "%s/%s.json", j->dir, r->file);
	j->text = r->is_ending ? NULL : saved_text(r);
	r->is_storing = true;
	dh_job_run(r->ctl, store_work, store_done, j);
}

static void save_again(uv_timer_t *timer)
{
	dh_room_save(timer->data);
}

void dh_room_save(struct dh_room *r)
{
	if (r->is_ending || !r->is_joined || !dh_room_link_token(r->link) || r->wire.proxy.password)
		return;
	r->is_stored = true;
	uv_timer_start(r->alive, save_again, SAVE_EVERY_MS, SAVE_EVERY_MS);
	store_now(r);
}

void dh_room_forget(struct dh_room *r)
{
	if (r->is_stored)
		store_now(r);
}

/* ---- reading, at start ---- */

struct read_job {
	struct dh_ctl *ctl;
	char dir[DH_PATH_MAX + 16];
	cJSON *found; /* object: file name without .json -> what was saved */
};

static void read_one(struct read_job *j, const char *name)
{
	char path[DH_PATH_MAX + 300];
	char *text = NULL;
	size_t size = 0;
	struct dh_err e = {0};
	snprintf(path, sizeof(path), "%s/%s", j->dir, name);
	cJSON *json = dh_paths_read_file(path, DH_JSON_MESSAGE_MAX, &text, &size, &e) ? NULL : dh_json_parse(text, size, &e);
	const cJSON *saved_ms = cJSON_GetObjectItemCaseSensitive(json, "saved_ms");
	double age_ms = (double)(dh_wall_us() / 1000) - cJSON_GetNumberValue(saved_ms);
	dh_free_secret(text);
	if (json && age_ms >= 0 && age_ms < FRESH_MS && cJSON_GetArraySize(j->found) < DH_ROOMS_MAX) {
		snprintf(path, sizeof(path), "%.*s", (int)(strlen(name) - 5), name);
		cJSON_AddItemToObject(j->found, path, json);
		return;
	}
	unlink(path);
	cJSON_Delete(json);
}

static void read_work(void *arg)
{
	struct read_job *j = arg;
	DIR *dir = opendir(j->dir);
	for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
		size_t n = strlen(d->d_name);
		if (n > 5 && n < 64 && !strcmp(d->d_name + n - 5, ".json"))
			read_one(j, d->d_name);
	}
	if (dir)
		closedir(dir);
}

static void read_done(void *arg)
{
	struct read_job *j = arg;
	cJSON *v;
	cJSON_ArrayForEach(v, j->found)
		dh_room_rejoin(j->ctl, v->string, v);
	cJSON_Delete(j->found);
	free(j);
}

void dh_rooms_start(struct dh_ctl *ctl)
{
	struct read_job *j = dh_alloc(sizeof(*j));
	j->ctl = ctl;
	snprintf(j->dir, sizeof(j->dir), "%s/rooms", ctl->paths.state_dir);
	if (access(j->dir, F_OK)) { /* never was in one */
		free(j);
		return;
	}
	j->found = cJSON_CreateObject();
	dh_job_run(ctl, read_work, read_done, j);
}
