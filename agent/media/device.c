/* Device lists; see device.h. */
#include "agent/media/device.h"

#include <stdlib.h>
#include <string.h>

#include "agent/media/drivers.gen.h"
#include "common/alloc.h"

static const char *const kind_names[] = {"", "camera", "microphone", "speaker", "screen", "window", "system"};

struct dh_device *dh_device_list_add(struct dh_device_list *l, enum dh_device_kind kind, const char *driver)
{
	l->devices = dh_realloc(l->devices, sizeof(*l->devices) * (size_t)(l->count + 1));
	struct dh_device *d = &l->devices[l->count++];
	memset(d, 0, sizeof(*d));
	d->kind = kind;
	d->driver = driver;
	return d;
}

void dh_device_add_format(struct dh_device *d, const char *pixel, int width_px, int height_px, int fps)
{
	for (int i = 0; i < d->format_count; i++) {
		const struct dh_device_format *f = &d->formats[i];
		if (!strcmp(f->pixel, pixel) && f->width_px == width_px && f->height_px == height_px && f->fps == fps)
			return;
	}
	d->formats = dh_realloc(d->formats, sizeof(*d->formats) * (size_t)(d->format_count + 1));
	struct dh_device_format *f = &d->formats[d->format_count++];
	*f = (struct dh_device_format){.width_px = width_px, .height_px = height_px, .fps = fps};
	dh_strcopy(f->pixel, sizeof(f->pixel), pixel);
}

void dh_device_list_finish(struct dh_device_list *l)
{
	for (int i = 0; i < l->count; i++)
		free(l->devices[i].formats);
	free(l->devices);
	*l = (struct dh_device_list){0};
}

const char *dh_device_kind_name(enum dh_device_kind kind)
{
	return kind_names[kind];
}

void dh_devices_enumerate(struct dh_device_list *out, bool fakes_only)
{
	struct dh_log log = {"agent/devices"};
	struct dh_err e = {0};
	const struct dh_driver_tables *t = dh_drivers(&e);
	for (int i = 0; t && t->sources[i]; i++) {
		const struct dh_source_driver *d = t->sources[i];
		if (!d->list || d->is_fake != fakes_only)
			continue;
		if (d->list(out, &e) && dh_log_is_on(DH_LOG_DEBUG))
			dh_log_write(&log, DH_LOG_DEBUG, "%s: %s", d->base.name, e.text);
	}
}
