/* Bytes per time over a sliding window of at most a second. Pure; any single thread. */
#ifndef DH_RTC_RATE_H
#define DH_RTC_RATE_H

#include <stdint.h>

#define DH_RATE_BUCKETS 64
#define DH_RATE_BUCKET_US 16000

struct dh_rate {
	int64_t bucket[DH_RATE_BUCKETS]; /* index the bucket holds, t_us / DH_RATE_BUCKET_US */
	uint32_t bytes[DH_RATE_BUCKETS];
	int64_t newest; /* highest index seen, -1: none */
	int64_t oldest; /* index of the first bytes since the last init */
};

/* Forget everything. Any thread that owns r. */
void dh_rate_init(struct dh_rate *r);

/* Count bytes at t_us; older than a second before the newest is ignored. */
void dh_rate_add(struct dh_rate *r, int64_t t_us, uint32_t bytes);

/* Bytes in the window_us (at most 1 s) that ends at end_us. */
int64_t dh_rate_bytes(const struct dh_rate *r, int64_t end_us, int64_t window_us);

/* Bits per second over the window_us that ends at end_us, or over the time since the first byte when that is
 * shorter (not under 50 ms). */
int64_t dh_rate_bps(const struct dh_rate *r, int64_t end_us, int64_t window_us);

#endif
