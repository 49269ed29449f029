/* Doctor: drivers, devices, display, encoder, folders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/doctor.h"
#include "agent/ctl/disk.h"
#include "agent/media/device.h"
#include "agent/media/drivers.gen.h"

static bool has_source(const struct dh_driver_tables *t, const char *name)
{
	for (int i = 0; t->sources[i]; i++)
		if (!strcmp(t->sources[i]->base.name, name))
			return true;
	return false;
}

static int count_kind(const struct dh_device_list *l, enum dh_device_kind kind)
{
	int n = 0;
	for (int i = 0; i < l->count; i++)
		n += l->devices[i].kind == kind;
	return n;
}

static void check_kind(struct dh_doctor *d, const struct dh_device_list *l, enum dh_device_kind kind, const char *hint)
{
	char text[80];
	int n = count_kind(l, kind);
	snprintf(text, sizeof(text), "%d found", n);
	dh_doctor_say(d, n ? DH_DOCTOR_OK : DH_DOCTOR_WARN, dh_device_kind_name(kind), text, hint);
}

static void check_drivers(struct dh_doctor *d, const struct dh_driver_tables *t)
{
	static const char *const wanted[] = {"v4l2", "x11", "portaudio"};
	char text[300] = "";
	size_t n = 0;
	for (int i = 0; t->sources[i]; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", t->sources[i]->base.name);
	dh_doctor_say(d, DH_DOCTOR_OK, "drivers", text, "");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (has_source(t, wanted[i]))
			continue;
		snprintf(text, sizeof(text), "this build has no driver %s", wanted[i]);
		dh_doctor_say(d, DH_DOCTOR_WARN, "drivers", text, "Install a build with it.");
	}
}

static void check_encoders(struct dh_doctor *d, const struct dh_driver_tables *t)
{
	bool has_video = false, has_sound = false;
	char text[200] = "";
	size_t n = 0;
	for (int i = 0; t->encoders[i]; i++) {
		has_video |= t->encoders[i]->codec == DH_CODEC_H264;
		has_sound |= t->encoders[i]->codec == DH_CODEC_AAC;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", t->encoders[i]->base.name);
	}
	dh_doctor_say(d, has_video && has_sound ? DH_DOCTOR_OK : DH_DOCTOR_FAIL, "encoders", text,
		      "Recording needs x264 or openh264, and FFmpeg's AAC: install a build with them.");
}

static void check_display(struct dh_doctor *d)
{
	const char *display = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
	if (display && *display)
		dh_doctor_say(d, DH_DOCTOR_OK, "display", display, "");
	else
		dh_doctor_say(d, DH_DOCTOR_WARN, "display",
			      wayland ? "a Wayland session without X: screens cannot be captured yet" : "DISPLAY is not set",
			      "Run within the desk user's X session; cameras and microphones work without.");
}

static void check_folders(struct dh_doctor *d)
{
	for (int i = 0; i < d->policy.folder_count; i++) {
		const struct dh_policy_folder *f = &d->policy.folders[i];
		char text[DH_PATH_MAX + 160];
		struct dh_disk disk;
		struct dh_disk_left left;
		dh_disk_measure(f->path, &disk);
		dh_disk_left(&left, &d->policy.disk, &disk, dh_disk_guess(1280, 720, 25), 0, 0, 0);
		bool is_absent = access(f->path, F_OK) != 0, is_writable = is_absent || !access(f->path, W_OK | X_OK);
		bool is_enough = left.minutes == DH_DISK_NEVER || left.minutes >= d->policy.disk.start_minutes;
		snprintf(text, sizeof(text), "%s: %s%s, %lld MB free, at 720p for %lld min", f->alias, f->path,
			 is_absent     ? " (made when needed)"
			 : is_writable ? ""
				       : " cannot be written",
			 (long long)(disk.free_bytes >> 20), (long long)left.minutes);
		dh_doctor_say(d, is_writable && is_enough ? DH_DOCTOR_OK : DH_DOCTOR_FAIL, "folder", text,
			      is_writable ? "Free some space: recordings do not start (disk in the policy)." :
					    "Change its owner or mode, or name another one in the policy.");
	}
}

void dh_doctor_check_media(struct dh_doctor *d)
{
	struct dh_err e = {0};
	const struct dh_driver_tables *t = dh_drivers(&e);
	if (!t) {
		dh_doctor_say(d, DH_DOCTOR_FAIL, "drivers", e.text, e.hint);
	} else {
		struct dh_device_list list = {0};
		check_drivers(d, t);
		check_encoders(d, t);
		dh_devices_enumerate(&list, false);
		check_kind(d, &list, DH_DEVICE_CAMERA, "Plug a camera in; the user must be in group video.");
		check_kind(d, &list, DH_DEVICE_SCREEN, "See display.");
		check_kind(d, &list, DH_DEVICE_MICROPHONE,
			   "Is a sound server (PipeWire, PulseAudio) running for this user?");
		dh_device_list_finish(&list);
	}
	check_display(d);
	check_folders(d);
}
