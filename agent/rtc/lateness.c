/* See lateness.h. */
#include "agent/rtc/lateness.h"

#include <string.h>

#define NOTHING INT64_MAX
#define SHIFT_LEAST_US 1000

void dh_lateness_init(struct dh_lateness *d, int64_t forget_us)
{
	memset(d, 0, sizeof(*d));
	d->forget_us = forget_us;
	for (int i = 0; i < DH_LATENESS_BUCKETS; i++)
		d->bucket[i] = NOTHING;
}

static int bin_of(int64_t us)
{
	int64_t i = us < 16000 ? us / 500 : us < 80000 ? 32 + (us - 16000) / 2000 : 64 + (us - 80000) / 8000;
	return i >= DH_LATENESS_BINS ? DH_LATENESS_BINS - 1 : (int)i;
}

static int64_t bin_end_us(int i)
{
	return i < 32 ? (i + 1) * 500 : i < 64 ? 16000 + (i - 31) * 2000 : 80000 + (i - 63) * (int64_t)8000;
}

/* The least transit of the last DH_LATENESS_BUCKETS seconds. */
static void follow_base(struct dh_lateness *d, int64_t transit_us, int64_t arrival_us)
{
	int64_t at = arrival_us / DH_LATENESS_BUCKET_US;
	if (!d->has_any)
		d->bucket_at = at;
	for (int n = 0; d->bucket_at < at && n < DH_LATENESS_BUCKETS; n++) {
		d->bucket_at++;
		d->bucket[d->bucket_at % DH_LATENESS_BUCKETS] = NOTHING;
	}
	d->bucket_at = at > d->bucket_at ? at : d->bucket_at;
	int64_t *newest = &d->bucket[d->bucket_at % DH_LATENESS_BUCKETS];
	*newest = transit_us < *newest ? transit_us : *newest;
	d->base_us = NOTHING;
	for (int i = 0; i < DH_LATENESS_BUCKETS; i++)
		d->base_us = d->bucket[i] < d->base_us ? d->bucket[i] : d->base_us;
}

/* The base rose: what came before was less late than it seemed. When it falls, what came before is left as it is: the way
 * became shorter, and old delays on the longer one say nothing of it. */
static void shift_bins(struct dh_lateness *d)
{
	const int64_t by_us = d->bins_base_us - d->base_us;
	float was[DH_LATENESS_BINS];
	if (by_us > -SHIFT_LEAST_US) {
		d->bins_base_us = by_us > 0 ? d->base_us : d->bins_base_us;
		return;
	}
	memcpy(was, d->bin, sizeof(was));
	memset(d->bin, 0, sizeof(d->bin));
	for (int i = 0; i < DH_LATENESS_BINS; i++) {
		int64_t middle_us = (bin_end_us(i) + (i ? bin_end_us(i - 1) : 0)) / 2 + by_us;
		d->bin[bin_of(middle_us < 0 ? 0 : middle_us)] += was[i];
	}
	d->bins_base_us = d->base_us;
}

int64_t dh_lateness_push(struct dh_lateness *d, int64_t media_us, int64_t arrival_us, int64_t weight_us)
{
	arrival_us = arrival_us < 0 ? 0 : arrival_us;
	follow_base(d, arrival_us - media_us, arrival_us);
	int64_t late_us = arrival_us - media_us - d->base_us;
	if (d->has_any)
		shift_bins(d);
	else
		d->bins_base_us = d->base_us;
	/* an exponential window */
	float part = d->has_any ? (float)weight_us / (float)d->forget_us : 1;
	part = part > 0.2f && d->has_any ? 0.2f : part;
	for (int i = 0; i < DH_LATENESS_BINS; i++)
		d->bin[i] *= 1 - part;
	d->bin[bin_of(late_us)] += part;
	d->has_any = true;
	return late_us;
}

int64_t dh_lateness_base_us(const struct dh_lateness *d, int64_t media_us)
{
	return media_us + d->base_us;
}

int64_t dh_lateness_quantile(const struct dh_lateness *d, double share)
{
	double over = 0;
	if (!d->has_any)
		return 0;
	for (int i = DH_LATENESS_BINS - 1; i >= 0; i--) {
		over += d->bin[i];
		if (over > 1 - share)
			return bin_end_us(i);
	}
	return bin_end_us(0);
}
