/* Rates; see throttle.h. */
#include "agent/ctl/throttle.h"

#include <string.h>

#include "common/alloc.h"

#define FREE_FAILURES 2

static struct dh_throttle_entry *entry(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	struct dh_throttle_entry *oldest = &t->entries[0];
	for (int i = 0; i < DH_THROTTLE_ORIGINS; i++) {
		struct dh_throttle_entry *x = &t->entries[i];
		if (x->used_us && !strcmp(x->origin, origin)) {
			x->used_us = now_us;
			return x;
		}
		if (x->used_us < oldest->used_us)
			oldest = x;
	}
	memset(oldest, 0, sizeof(*oldest));
	dh_strcopy(oldest->origin, sizeof(oldest->origin), origin);
	oldest->used_us = now_us;
	return oldest;
}

bool dh_throttle_handshake(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	return dh_bucket_take(&entry(t, origin, now_us)->handshakes, 2, 20, now_us);
}

bool dh_throttle_toggle(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	return dh_bucket_take(&entry(t, origin, now_us)->toggles, 0.5, 5, now_us);
}

void dh_throttle_failed(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	dh_backoff_failed(&entry(t, origin, now_us)->tries, FREE_FAILURES, now_us);
}

void dh_throttle_succeeded(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	dh_backoff_succeeded(&entry(t, origin, now_us)->tries);
}

bool dh_throttle_is_blocked(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	return dh_backoff_wait_us(&entry(t, origin, now_us)->tries, now_us) > 0;
}
