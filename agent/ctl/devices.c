/* Drivers and devices; see devices.h. The list is made again on each request and, once somebody has asked, when
 * something named like a device appears in or leaves /dev. */
#include "agent/ctl/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/media/driver.h"
#include "common/alloc.h"

#define SETTLE_MS 500 /* udev sets owner and mode a moment after the node appears */

struct waiter {
	struct dh_list node;
	void (*fn)(void *arg, const struct dh_err *why);
	void *arg;
};

struct dh_devices {
	struct dh_ctl *ctl;
	bool is_loaded, is_loading, is_listing, is_stopped;
	struct dh_err load_error;
	struct dh_list waiters; /* for the drivers */
	struct dh_list calls;   /* struct dh_call.wait, for a list */
	struct dh_device_list list, fresh; /* fresh: of the worker, while is_listing */
	bool has_list, is_fake;
	int inotify_fd;
	uv_poll_t *poll;
	uv_timer_t settle;
	bool has_settle;
};

static void list_devices(struct dh_devices *d);

void dh_devices_create(struct dh_ctl *ctl)
{
	struct dh_devices *d = dh_alloc(sizeof(*d));
	d->ctl = ctl;
	d->is_fake = ctl->config.is_fake;
	d->inotify_fd = -1;
	dh_list_init(&d->waiters);
	dh_list_init(&d->calls);
	ctl->devices = d;
}

static void load_work(void *arg)
{
	struct dh_devices *d = arg;
	d->load_error.code = 0;
	if (!dh_drivers(&d->load_error) && !d->load_error.code)
		dh_fail(&d->load_error, DH_EFAIL, "the drivers cannot be loaded");
}

static void load_done(void *arg)
{
	struct dh_devices *d = arg;
	struct dh_list todo;
	dh_list_init(&todo);
	d->is_loading = false;
	d->is_loaded = !d->load_error.code;
	dh_list_move(&d->waiters, &todo);
	dh_list_for_each_safe(pos, &todo) {
		struct waiter *w = dh_container_of(pos, struct waiter, node);
		dh_list_del(pos);
		w->fn(w->arg, d->is_loaded ? NULL : &d->load_error);
		free(w);
	}
}

void dh_devices_need_drivers(struct dh_ctl *ctl, void (*fn)(void *arg, const struct dh_err *why), void *arg)
{
	struct dh_devices *d = ctl->devices;
	if (d->is_loaded) {
		fn(arg, NULL);
		return;
	}
	struct waiter *w = dh_alloc(sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	dh_list_add(&d->waiters, &w->node);
	if (d->is_loading)
		return;
	d->is_loading = true;
	dh_job_run(ctl, load_work, load_done, d);
}

/* ---- watching ---- */

static void settled(uv_timer_t *timer)
{
	struct dh_devices *d = timer->data;
	if (!d->is_stopped)
		list_devices(d);
}

static void node_changed(uv_poll_t *poll, int status, int events)
{
	struct dh_devices *d = poll->data;
	char buf[4096] __attribute__((aligned(8)));
	bool matters = false;
	ssize_t n;
	while ((n = read(d->inotify_fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const struct inotify_event *)p;
			matters |= ev->len && (!strncmp(ev->name, "video", 5) || !strncmp(ev->name, "pcmC", 4));
			p += sizeof(*ev) + ev->len;
		}
	}
	if (matters)
		uv_timer_start(&d->settle, settled, SETTLE_MS, 0);
}

static void start_watching(struct dh_devices *d)
{
	if (d->is_fake || d->is_stopped || d->inotify_fd >= 0)
		return;
	d->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (d->inotify_fd < 0)
		return;
	/* not IN_MODIFY: every write to a terminal would wake us */
	const char *dev = d->ctl->config.dev_dir ? d->ctl->config.dev_dir : "/dev";
	char snd[DH_PATH_MAX];
	snprintf(snd, sizeof(snd), "%s/snd", dev);
	inotify_add_watch(d->inotify_fd, dev, IN_CREATE | IN_DELETE | IN_ATTRIB);
	inotify_add_watch(d->inotify_fd, snd, IN_CREATE | IN_DELETE);
	d->poll = dh_alloc(sizeof(*d->poll));
	uv_poll_init(&d->ctl->loop->uv, d->poll, d->inotify_fd);
	uv_timer_init(&d->ctl->loop->uv, &d->settle);
	d->poll->data = d->settle.data = d;
	d->has_settle = true;
	uv_poll_start(d->poll, UV_READABLE, node_changed);
}

/* ---- listing ---- */

static bool has_id(const struct dh_device_list *l, const char *id)
{
	for (int i = 0; i < l->count; i++)
		if (!strcmp(l->devices[i].id, id))
			return true;
	return false;
}

static cJSON *missing_ids(const struct dh_device_list *from, const struct dh_device_list *in)
{
	cJSON *out = cJSON_CreateArray();
	for (int i = 0; i < from->count; i++)
		if (!has_id(in, from->devices[i].id))
			cJSON_AddItemToArray(out, cJSON_CreateString(from->devices[i].id));
	return out;
}

static void tell_changes(struct dh_devices *d)
{
	cJSON *added = missing_ids(&d->fresh, &d->list), *removed = missing_ids(&d->list, &d->fresh);
	if (!added->child && !removed->child) {
		cJSON_Delete(added);
		cJSON_Delete(removed);
		return;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddItemToObject(params, "added", added);
	cJSON_AddItemToObject(params, "removed", removed);
	dh_emit(d->ctl, "devices.changed", NULL, params);
}

typedef void (*list_fn)(struct dh_call *call, const struct dh_device_list *list);

static void list_work(void *arg)
{
	struct dh_devices *d = arg;
	dh_devices_enumerate(&d->fresh, d->is_fake);
}

static void list_done(void *arg)
{
	struct dh_devices *d = arg;
	d->is_listing = false;
	if (d->has_list)
		tell_changes(d);
	dh_device_list_finish(&d->list);
	d->list = d->fresh;
	d->fresh = (struct dh_device_list){0};
	d->has_list = true;
	start_watching(d);
	struct dh_list todo;
	dh_list_init(&todo);
	dh_list_move(&d->calls, &todo);
	dh_list_for_each_safe(pos, &todo) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, wait);
		dh_list_del(pos);
		((list_fn)call->data)(call, &d->list);
	}
}

static void fail_calls(struct dh_devices *d, const struct dh_err *why)
{
	dh_list_for_each_safe(pos, &d->calls) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, wait);
		dh_list_del(pos);
		dh_call_finish(call, why->code, why);
	}
}

static void drivers_are_there(void *arg, const struct dh_err *why)
{
	struct dh_devices *d = arg;
	if (why) {
		d->is_listing = false;
		fail_calls(d, why);
		return;
	}
	dh_job_run(d->ctl, list_work, list_done, d);
}

static void list_devices(struct dh_devices *d)
{
	if (d->is_listing)
		return;
	d->is_listing = true;
	dh_devices_need_drivers(d->ctl, drivers_are_there, d);
}

void dh_devices_list(struct dh_call *call, list_fn fn)
{
	struct dh_devices *d = call->ctl->devices;
	call->data = (void *)fn;
	dh_list_add(&d->calls, &call->wait);
	list_devices(d);
}

const struct dh_device *dh_devices_default(struct dh_ctl *ctl, enum dh_device_kind kind)
{
	const struct dh_device_list *l = &ctl->devices->list;
	const struct dh_device *first = NULL;
	for (int i = 0; i < l->count; i++) {
		if (l->devices[i].kind != kind)
			continue;
		if (l->devices[i].is_default)
			return &l->devices[i];
		if (!first)
			first = &l->devices[i];
	}
	return first;
}

cJSON *dh_device_to_json(const struct dh_device *d)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "id", d->id);
	cJSON_AddStringToObject(v, "kind", dh_device_kind_name(d->kind));
	cJSON_AddStringToObject(v, "name", d->name);
	cJSON_AddStringToObject(v, "driver", d->driver);
	cJSON_AddBoolToObject(v, "is_default", d->is_default);
	if (d->kind == DH_DEVICE_SCREEN || d->kind == DH_DEVICE_WINDOW) {
		cJSON *g = cJSON_AddObjectToObject(v, "geometry");
		cJSON_AddNumberToObject(g, "x", d->x_px);
		cJSON_AddNumberToObject(g, "y", d->y_px);
		cJSON_AddNumberToObject(g, "width", d->width_px);
		cJSON_AddNumberToObject(g, "height", d->height_px);
	}
	cJSON *formats = d->format_count ? cJSON_AddArrayToObject(v, "formats") : NULL;
	for (int i = 0; i < d->format_count; i++) {
		cJSON *f = cJSON_CreateObject();
		cJSON_AddStringToObject(f, "pixel", d->formats[i].pixel);
		cJSON_AddNumberToObject(f, "width", d->formats[i].width_px);
		cJSON_AddNumberToObject(f, "height", d->formats[i].height_px);
		cJSON_AddNumberToObject(f, "fps", d->formats[i].fps);
		cJSON_AddItemToArray(formats, f);
	}
	return v;
}

/* ---- end ---- */

static void poll_closed(uv_handle_t *h)
{
	struct dh_devices *d = h->data;
	close(d->inotify_fd);
	free(h);
	d->poll = NULL;
	dh_ctl_check_stopped(d->ctl);
}

static void settle_closed(uv_handle_t *h)
{
	struct dh_devices *d = h->data;
	d->has_settle = false;
	dh_ctl_check_stopped(d->ctl);
}

void dh_devices_stop(struct dh_ctl *ctl)
{
	struct dh_devices *d = ctl->devices;
	d->is_stopped = true;
	if (!d->poll)
		return;
	uv_close((uv_handle_t *)d->poll, poll_closed);
	uv_close((uv_handle_t *)&d->settle, settle_closed);
}

bool dh_devices_are_idle(struct dh_ctl *ctl)
{
	return !ctl->devices->has_settle && !ctl->devices->poll;
}

void dh_devices_destroy(struct dh_ctl *ctl)
{
	dh_device_list_finish(&ctl->devices->list);
	free(ctl->devices);
	ctl->devices = NULL;
}
