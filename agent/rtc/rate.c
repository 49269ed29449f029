/* Sliding byte counts in fixed buckets: no allocation, no per-packet list. */
#include "agent/rtc/rate.h"

void dh_rate_init(struct dh_rate *r)
{
	*r = (struct dh_rate){.newest = -1, .oldest = -1};
	for (int i = 0; i < DH_RATE_BUCKETS; i++)
		r->bucket[i] = -1;
}

void dh_rate_add(struct dh_rate *r, int64_t t_us, uint32_t bytes)
{
	int64_t index = t_us / DH_RATE_BUCKET_US;
	if (t_us < 0 || index + DH_RATE_BUCKETS <= r->newest)
		return;
	int i = (int)(index % DH_RATE_BUCKETS);
	if (r->bucket[i] != index) {
		r->bucket[i] = index;
		r->bytes[i] = 0;
	}
	r->bytes[i] += bytes;
	if (index > r->newest)
		r->newest = index;
	if (r->oldest < 0 || index < r->oldest)
		r->oldest = index;
}

int64_t dh_rate_bytes(const struct dh_rate *r, int64_t end_us, int64_t window_us)
{
	int64_t last = end_us / DH_RATE_BUCKET_US, first = (end_us - window_us) / DH_RATE_BUCKET_US + 1, sum = 0;
	for (int i = 0; i < DH_RATE_BUCKETS; i++)
		if (r->bucket[i] >= first && r->bucket[i] <= last)
			sum += r->bytes[i];
	return sum;
}

int64_t dh_rate_bps(const struct dh_rate *r, int64_t end_us, int64_t window_us)
{
	if (r->oldest < 0)
		return 0;
	/* The newest bucket is open: count it as far as it is filled. */
	int64_t first = (end_us - window_us) / DH_RATE_BUCKET_US + 1;
	if (first < r->oldest)
		first = r->oldest;
	int64_t span = end_us - first * DH_RATE_BUCKET_US;
	if (span < 50000)
		span = 50000;
	return dh_rate_bytes(r, end_us, window_us) * 8000000 / span;
}
