/* Token bucket; see bucket.h. */
#include "common/bucket.h"

bool dh_bucket_take(struct dh_bucket *b, double rate, double burst, int64_t now_us)
{
	if (!b->last_us)
		b->tokens = burst;
	else
		b->tokens += (double)(now_us - b->last_us) * rate / 1e6;
	b->last_us = now_us;
	if (b->tokens > burst)
		b->tokens = burst;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}
