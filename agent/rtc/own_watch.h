/* Tells when this machine's addresses change: another network, a cable pulled. Rtc thread. */
#ifndef DH_RTC_OWN_WATCH_H
#define DH_RTC_OWN_WATCH_H

#include "agent/rtc/rtc_thread.h"

struct dh_own_watch;

/* fn(arg) comes half a second after the last of several changes. NULL: this system does not tell them. */
struct dh_own_watch *dh_own_watch_open(struct dh_rtc_thread *thread, void (*fn)(void *arg), void *arg);

/* fn will not come any more; may be called inside it. NULL is fine. */
void dh_own_watch_close(struct dh_own_watch *w);

#endif
