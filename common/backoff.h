/* How long somebody who failed must wait before the next try: 1, 2, 4 ... 60 s. Zeroed: may try. Not thread-safe. */
#ifndef DH_COMMON_BACKOFF_H
#define DH_COMMON_BACKOFF_H

#include <stdint.h>

struct dh_backoff {
	int failures;
	int64_t until_us;
};

/* One more failure; the first `free` of them cost nothing. */
void dh_backoff_failed(struct dh_backoff *b, int free, int64_t now_us);
void dh_backoff_succeeded(struct dh_backoff *b); /* forgets them */
int64_t dh_backoff_wait_us(const struct dh_backoff *b, int64_t now_us); /* 0: may try */

#endif
