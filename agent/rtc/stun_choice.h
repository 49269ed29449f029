/* Of several STUN servers the one that answers first: libnice takes a single one, and a list has more than one because
 * one of them may be down. Rtc thread. */
#ifndef DH_RTC_STUN_CHOICE_H
#define DH_RTC_STUN_CHOICE_H

#include "agent/rtc/rtc_thread.h"

#define DH_STUN_CHOICE_MAX 16
#define DH_STUN_CHOICE_MS 750 /* then none is known to answer */

struct dh_stun_choice;

struct dh_stun_address {
	char address[46]; /* a number, IPv4 or IPv6 */
	uint16_t port;
};

/* Ask all n (at most DH_STUN_CHOICE_MAX). fn(arg, index) comes once, never inside this call: the first that answered, -1:
 * none did in time. *out is gone then. Errors: DH_EIO there is no socket to be had. */
int dh_stun_choice_start(struct dh_stun_choice **out, struct dh_rtc_thread *thread, const struct dh_stun_address *all, int n,
			 void (*fn)(void *arg, int index), void *arg, struct dh_err *e);

/* fn will not come. NULL is fine. */
void dh_stun_choice_cancel(struct dh_stun_choice *c);

#endif
