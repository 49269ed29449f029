/* Limits by address; see throttle.h. */
#include "room-service/throttle.h"

#include <string.h>

#include "common/alloc.h"

#define FREE_FAILURES 5

static struct dh_throttle_entry *entry(struct dh_throttle *l, const char *address, int64_t now_us)
{
	uint32_t h = 2166136261u; /* FNV-1a, 32 bit */
	for (const char *p = address; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	h ^= h >> 15;
	uint32_t first = h % (DH_THROTTLE_ADDRESSES / DH_THROTTLE_WAYS) * DH_THROTTLE_WAYS;
	struct dh_throttle_entry *set = &l->entries[first], *oldest = set;
	for (int i = 0; i < DH_THROTTLE_WAYS; i++) {
		if (set[i].used_us && !strcmp(set[i].address, address)) {
			set[i].used_us = now_us;
			return &set[i];
		}
		if (set[i].used_us < oldest->used_us)
			oldest = &set[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	dh_strcopy(oldest->address, sizeof(oldest->address), address);
	oldest->used_us = now_us;
	return oldest;
}

bool dh_throttle_connect(struct dh_throttle *l, const char *address, int64_t now_us)
{
	return dh_bucket_take(&entry(l, address, now_us)->connections, 200, 4000, now_us);
}

void dh_throttle_failed(struct dh_throttle *l, const char *address, int64_t now_us)
{
	dh_backoff_failed(&entry(l, address, now_us)->logins, FREE_FAILURES, now_us);
}

void dh_throttle_succeeded(struct dh_throttle *l, const char *address, int64_t now_us)
{
	dh_backoff_succeeded(&entry(l, address, now_us)->logins);
}

int64_t dh_throttle_wait_us(struct dh_throttle *l, const char *address, int64_t now_us)
{
	return dh_backoff_wait_us(&entry(l, address, now_us)->logins, now_us);
}
