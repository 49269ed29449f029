/* Rates: what is remembered of each origin (SR-20). Loop thread only. */
#ifndef DH_CTL_THROTTLE_H
#define DH_CTL_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/backoff.h"
#include "common/bucket.h"
#include "common/origin.h"

#define DH_THROTTLE_ORIGINS 64

struct dh_throttle_entry {
	char origin[DH_ORIGIN_MAX];
	struct dh_bucket handshakes; /* 20 in 10 s */
	struct dh_bucket toggles;    /* devices switched on: 5 in 10 s */
	struct dh_backoff tries;     /* wrong resume secrets, refused origins */
	int64_t used_us;
};

struct dh_throttle {
	struct dh_throttle_entry entries[DH_THROTTLE_ORIGINS]; /* the least recently used one makes room */
};

bool dh_throttle_handshake(struct dh_throttle *t, const char *origin, int64_t now_us);
bool dh_throttle_toggle(struct dh_throttle *t, const char *origin, int64_t now_us);
/* From the third failure on the origin is blocked for 1, 2, 4 ... 60 s. */
void dh_throttle_failed(struct dh_throttle *t, const char *origin, int64_t now_us);
void dh_throttle_succeeded(struct dh_throttle *t, const char *origin, int64_t now_us);
bool dh_throttle_is_blocked(struct dh_throttle *t, const char *origin, int64_t now_us);

#endif
