/* How late the packets or pictures of a stream come: against the quickest one of the last seconds, and how that is spread.
 * Pure; one thread owns each object. Used by audio_in.c and video_playout.c. */
#ifndef DH_RTC_LATENESS_H
#define DH_RTC_LATENESS_H

#include <stdbool.h>
#include <stdint.h>

#define DH_LATENESS_BUCKETS 10          /* of a second each: the base is the quickest of that time */
#define DH_LATENESS_BUCKET_US 1000000
#define DH_LATENESS_BINS 128            /* 0.5 ms wide to 16 ms, 2 ms to 80 ms, 8 ms to 592 ms */

struct dh_lateness {
	int64_t forget_us; /* what came this long ago counts 1/e of what comes now */
	int64_t bucket[DH_LATENESS_BUCKETS], bucket_at; /* least transit in each second; number of the newest second */
	bool has_any;
	int64_t base_us;   /* least transit of all buckets */
	int64_t bins_base_us;     /* what the lateness in the bins counts from */
	float bin[DH_LATENESS_BINS]; /* share of packets, together 1 */
};

void dh_lateness_init(struct dh_lateness *d, int64_t forget_us);

/* Something of sender time media_us (its RTP timestamp in microseconds, unwrapped) came. Returns how much later than the
 * quickest it came, >= 0. weight_us: the time it stands for (to the next one), for the forgetting. */
int64_t dh_lateness_push(struct dh_lateness *d, int64_t media_us, int64_t arrival_us, int64_t weight_us);

/* When something of media_us would have come had it been as quick as the quickest. */
int64_t dh_lateness_base_us(const struct dh_lateness *d, int64_t media_us);

/* The lateness that a share of all stays below (upper edge of its bin). 0 before the first. */
int64_t dh_lateness_quantile(const struct dh_lateness *d, double share);

#endif
