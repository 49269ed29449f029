/* What comes in at rtc_call: each stream decoded by the source "remote", its pictures' age by the time painted in them. */
#ifndef RTC_CALL_REMOTE_H
#define RTC_CALL_REMOTE_H

#include <pthread.h>

#include "agent/media/source_runner.h"
#include "agent/rtc/peer.h"

#define STREAMS 8
#define AGES 4096

struct rtc_remotes;

struct remote {
	struct rtc_remotes *all;
	char key[80], name[80];
	struct dh_source_runner *runner;
	pthread_mutex_t lock;
	/* -- protected by lock: since the last report */
	double age_ms[AGES];
	int ages, pictures, unread, sounds;
	int64_t last_us, gap_us;
};

struct rtc_remotes {
	struct dh_loop *loop;
	struct remote one[STREAMS];
	int running;
};

void rtc_remotes_init(struct rtc_remotes *r, struct dh_loop *loop);
void rtc_remotes_take(struct rtc_remotes *r, const struct dh_peer_remote *remote); /* of dh_peer_ops */
void rtc_remotes_report(struct rtc_remotes *r, cJSON *list); /* what came since the last time */
void rtc_remotes_stop(struct rtc_remotes *r); /* then run the loop until running is 0 */

#endif
