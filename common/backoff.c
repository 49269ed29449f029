/* Waiting after failures; see backoff.h. */
#include "common/backoff.h"

#define WAIT_MAX_S 60

void dh_backoff_failed(struct dh_backoff *b, int free, int64_t now_us)
{
	if (++b->failures <= free)
		return;
	int doublings = b->failures - free - 1;
	int64_t wait_s = doublings > 5 ? WAIT_MAX_S : 1 << doublings;
	b->until_us = now_us + wait_s * 1000000;
}

void dh_backoff_succeeded(struct dh_backoff *b)
{
	*b = (struct dh_backoff){0};
}

int64_t dh_backoff_wait_us(const struct dh_backoff *b, int64_t now_us)
{
	return b->until_us > now_us ? b->until_us - now_us : 0;
}
