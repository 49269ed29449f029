/* How long a recording can go on: what its disk and its folder's quota leave, at the rate at which recordings grow.
 * docs/recording.md, "The disk" */
#ifndef DH_CTL_DISK_H
#define DH_CTL_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/ctl/policy.h"

#define DH_DISK_RATE_SAMPLES 31 /* one a second: the last 30 s */
#define DH_DISK_NEVER (-1)      /* minutes: nothing grows, or nothing is known */

struct dh_disk {
	int64_t free_bytes; /* to this user; -1: unknown */
	int64_t total_bytes;
	dev_t dev;
};

/* Of the file system where folder is (or will be). Any thread; blocks. */
void dh_disk_measure(const char *folder, struct dh_disk *out);

/* How fast one recording grows: a guess until 3 s were measured. */
struct dh_disk_rate {
	int64_t guess; /* B/s */
	struct {
		int64_t at_us, bytes;
	} samples[DH_DISK_RATE_SAMPLES]; /* oldest first */
	int count;
};

/* What the encoders are set to at most: x264 by quality, at a generous tenth of a bit per pixel, and AAC. */
int64_t dh_disk_guess(int width_px, int height_px, int fps);
void dh_disk_rate_add(struct dh_disk_rate *r, int64_t now_us, int64_t bytes);
void dh_disk_rate_pause(struct dh_disk_rate *r); /* what comes after a pause is measured anew */
bool dh_disk_rate_is_measured(const struct dh_disk_rate *r);
int64_t dh_disk_rate_get(const struct dh_disk_rate *r); /* B/s */

/* Below this much free space recordings are ended. */
int64_t dh_disk_stop_bytes(const struct dh_policy_disk *p, int64_t total_bytes);

struct dh_disk_left {
	int64_t bytes; /* until recordings must end; below 0: they must */
	int64_t minutes;
	bool is_quota; /* the quota is what ends first */
};

/* disk_rate: of all recordings on this disk; folder_rate: of those in this folder, which take used_bytes of its
 * quota_bytes (0: none). */
void dh_disk_left(struct dh_disk_left *out, const struct dh_policy_disk *p, const struct dh_disk *d, int64_t disk_rate,
		  int64_t quota_bytes, int64_t used_bytes, int64_t folder_rate);

#endif
