/* Finds the address behind a ".local" name of a candidate (RFC 8828, RFC 6762). One per rtc thread, made by
 * dh_rtc_thread_mdns(). Its sockets on port 5353 are open only while a name is asked for. All on the rtc thread. */
#ifndef DH_RTC_MDNS_H
#define DH_RTC_MDNS_H

#include "agent/rtc/mdns_message.h"
#include "agent/rtc/rtc_thread.h"

#define DH_MDNS_PENDING_MAX 32

struct dh_mdns;

struct dh_mdns_query { /* lives inside its owner, zeroed; all private */
	struct dh_list node;
	struct dh_rtc_timer timer;
	struct dh_mdns *mdns; /* NULL: not pending */
	char name[DH_MDNS_NAME_SIZE], known[46];
	int sent;
	void (*fn)(void *arg, const char *address);
	void *arg;
};

/* Never NULL. */
struct dh_mdns *dh_mdns_create(struct dh_rtc_thread *thread);

/* No query is pending any more. NULL is fine. */
void dh_mdns_destroy(struct dh_mdns *m);

/* Ask for name. fn(arg, address) comes once and never inside this call, at most 3 s later; address NULL: nobody
 * answered. q may be freed inside fn. Errors: DH_EINVAL not a name of that kind; DH_ELIMIT; DH_EIO no sockets. */
int dh_mdns_ask(struct dh_mdns *m, struct dh_mdns_query *q, const char *name,
		void (*fn)(void *arg, const char *address), void *arg);

/* fn will not come. Harmless when it is not pending. */
void dh_mdns_cancel(struct dh_mdns_query *q);

#endif
