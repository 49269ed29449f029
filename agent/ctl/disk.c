/* See disk.h. */
#include "agent/ctl/disk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/alloc.h"

#define STOP_BYTES_MOST (1LL << 30)
#define STOP_PART 20 /* of a disk so small that this is less: 5 % */
#define MEASURED_US 3000000

void dh_disk_measure(const char *folder, struct dh_disk *out)
{
	char path[DH_PATH_MAX];
	struct statvfs fs;
	struct stat st;
	*out = (struct dh_disk){.free_bytes = -1};
	dh_strcopy(path, sizeof(path), folder);
	while (statvfs(path, &fs)) {
		char *slash = strrchr(path, '/');
		if (errno != ENOENT || !slash || slash == path)
			return;
		*slash = '\0';
	}
	if (stat(path, &st))
		return;
	out->free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	out->total_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
	out->dev = st.st_dev;
}

int64_t dh_disk_guess(int width_px, int height_px, int fps)
{
	return ((int64_t)width_px * height_px * fps / 10 + 160000) / 8;
}

void dh_disk_rate_add(struct dh_disk_rate *r, int64_t now_us, int64_t bytes)
{
	if (r->count == DH_DISK_RATE_SAMPLES)
		memmove(r->samples, r->samples + 1, sizeof(r->samples[0]) * (size_t)--r->count);
	r->samples[r->count].at_us = now_us;
	r->samples[r->count++].bytes = bytes;
}

void dh_disk_rate_pause(struct dh_disk_rate *r)
{
	r->guess = dh_disk_rate_get(r);
	r->count = 0;
}

static int64_t measured_us(const struct dh_disk_rate *r)
{
	return r->count ? r->samples[r->count - 1].at_us - r->samples[0].at_us : 0;
}

bool dh_disk_rate_is_measured(const struct dh_disk_rate *r)
{
	return measured_us(r) >= MEASURED_US;
}

int64_t dh_disk_rate_get(const struct dh_disk_rate *r)
{
	if (!dh_disk_rate_is_measured(r))
		return r->guess;
	int64_t grown = r->samples[r->count - 1].bytes - r->samples[0].bytes;
	return grown > 0 ? grown * 1000000 / measured_us(r) : 0;
}

int64_t dh_disk_stop_bytes(const struct dh_policy_disk *p, int64_t total_bytes)
{
	int64_t part = total_bytes / STOP_PART;
	return p->stop_free_bytes ? p->stop_free_bytes : part < STOP_BYTES_MOST ? part : STOP_BYTES_MOST;
}

static int64_t minutes_of(int64_t bytes, int64_t rate)
{
	return bytes <= 0 ? 0 : rate > 0 ? bytes / rate / 60 : DH_DISK_NEVER;
}

void dh_disk_left(struct dh_disk_left *out, const struct dh_policy_disk *p, const struct dh_disk *d, int64_t disk_rate,
		  int64_t quota_bytes, int64_t used_bytes, int64_t folder_rate)
{
	*out = (struct dh_disk_left){.bytes = INT64_MAX, .minutes = DH_DISK_NEVER};
	if (d->free_bytes >= 0) {
		out->bytes = d->free_bytes - dh_disk_stop_bytes(p, d->total_bytes);
		out->minutes = minutes_of(out->bytes, disk_rate);
	}
	if (!quota_bytes)
		return;
	int64_t bytes = quota_bytes - used_bytes, minutes = minutes_of(bytes, folder_rate);
	bool is_less = minutes == out->minutes ? bytes < out->bytes :
		       minutes != DH_DISK_NEVER && (out->minutes == DH_DISK_NEVER || minutes < out->minutes);
	if (is_less)
		*out = (struct dh_disk_left){bytes, minutes, true};
}
