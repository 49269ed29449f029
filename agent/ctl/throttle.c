/* Rates; see throttle.h. */
#include "agent/ctl/throttle.h"

#include <string.h>

#include "common/alloc.h"

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
	struct dh_throttle_entry *x = entry(t, origin, now_us);
	x->failures++;
	if (x->failures < 3)
		return;
	int doublings = x->failures - 3;
	int64_t wait_s = doublings > 5 ? 60 : 1 << doublings;
	x->blocked_until_us = now_us + (wait_s > 60 ? 60 : wait_s) * 1000000;
}

void dh_throttle_succeeded(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	struct dh_throttle_entry *x = entry(t, origin, now_us);
	x->failures = 0;
	x->blocked_until_us = 0;
}

bool dh_throttle_is_blocked(struct dh_throttle *t, const char *origin, int64_t now_us)
{
	return entry(t, origin, now_us)->blocked_until_us > now_us;
}
