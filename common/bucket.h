/* A rate limit: a token bucket. Not thread-safe. */
#ifndef DH_COMMON_BUCKET_H
#define DH_COMMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct dh_bucket {
	double tokens;
	int64_t last_us;
};

/* Take one token; rate per second, at most burst saved up. A zeroed bucket starts full. */
bool dh_bucket_take(struct dh_bucket *b, double rate, double burst, int64_t now_us);

#endif
