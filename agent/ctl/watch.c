/* inotify through libuv on the policy directories and on the directory of grants.json; see watch.h. */
#include "agent/ctl/watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define SETTLE_MS 100 /* a file is often written in several steps */

struct dh_watch {
	struct dh_ctl *ctl; /* NULL once stopped */
	uv_fs_event_t dirs[DH_POLICY_DIRS_MAX + 1];
	int dir_count, open_handles;
	uv_timer_t settle;
};

static void settled(uv_timer_t *timer)
{
	struct dh_watch *w = dh_container_of(timer, struct dh_watch, settle);
	if (w->ctl)
		dh_ctl_reload(w->ctl);
}

static bool is_rule_file(const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return n > 5 && !strcmp(name + n - 5, ".json");
}

static void changed(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct dh_watch *w = h->data;
	if (status == 0 && w->ctl && is_rule_file(name))
		uv_timer_start(&w->settle, settled, SETTLE_MS, 0);
}

static void watch_dir(struct dh_watch *w, const char *dir)
{
	uv_fs_event_t *h = &w->dirs[w->dir_count];
	uv_fs_event_init(&w->ctl->loop->uv, h);
	h->data = w;
	w->dir_count++;
	w->open_handles++;
	int err = uv_fs_event_start(h, changed, dir, 0);
	if (err && err != UV_ENOENT)
		DH_WARN(w->ctl, "changes in %s will not be noticed: %s", dir, uv_strerror(err));
}

void dh_watch_start(struct dh_ctl *ctl)
{
	struct dh_watch *w = dh_alloc(sizeof(*w));
	struct dh_err e = {0};
	w->ctl = ctl;
	ctl->watch = w;
	uv_timer_init(&ctl->loop->uv, &w->settle);
	w->open_handles = 1;
	if (dh_paths_make_dir(ctl->paths.config_dir, &e))
		DH_WARN(ctl, "%s", e.text);
	watch_dir(w, ctl->paths.config_dir);
	for (int i = 0; ctl->paths.policy_dirs[i]; i++)
		watch_dir(w, ctl->paths.policy_dirs[i]);
}

static void closed(uv_handle_t *h)
{
	struct dh_watch *w = h->type == UV_TIMER ? dh_container_of((uv_timer_t *)h, struct dh_watch, settle) : h->data;
	if (--w->open_handles == 0)
		free(w);
}

void dh_watch_stop(struct dh_ctl *ctl)
{
	struct dh_watch *w = ctl->watch;
	if (!w)
		return;
	ctl->watch = NULL;
	w->ctl = NULL;
	for (int i = 0; i < w->dir_count; i++)
		uv_close((uv_handle_t *)&w->dirs[i], closed);
	uv_close((uv_handle_t *)&w->settle, closed);
}
