/* What each address may do: connections a second, and how long it waits after failed logins. Loop thread only. */
#ifndef DH_ROOMS_THROTTLE_H
#define DH_ROOMS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/backoff.h"
#include "common/bucket.h"

#define DH_ADDRESS_SIZE 46     /* of an address as text */
#define DH_THROTTLE_ADDRESSES 1024 /* a power of two */
#define DH_THROTTLE_WAYS 8       /* places an address may be at: the least recently used one of them makes room */

struct dh_throttle_entry {
	char address[DH_ADDRESS_SIZE];
	struct dh_bucket connections;
	struct dh_backoff logins;
	int64_t used_us;
};

struct dh_throttle {
	struct dh_throttle_entry entries[DH_THROTTLE_ADDRESSES];
};

/* One more connection: 200 a second, at most 4,000 saved up (an office behind one address, all at once). */
bool dh_throttle_connect(struct dh_throttle *l, const char *address, int64_t now_us);

/* From the sixth failure on the address waits 1, 2, 4 ... 60 s; a login that works forgets them. */
void dh_throttle_failed(struct dh_throttle *l, const char *address, int64_t now_us);
void dh_throttle_succeeded(struct dh_throttle *l, const char *address, int64_t now_us);
int64_t dh_throttle_wait_us(struct dh_throttle *l, const char *address, int64_t now_us); /* 0: may try */

#endif
