/* A look-up belongs to two: the asker, who may leave, and its thread, which getaddrinfo() may hold for long. */
#include "agent/rtc/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/helper.h"
#include "agent/rtc/ice_loop.h"
#include "common/alloc.h"

struct dh_resolve {
	atomic_int refs;
	int ready; /* eventfd: wakes the rtc thread */
	atomic_bool is_written; /* result is the rtc thread's now: the eventfd alone orders no memory in C */
	char *host;
	struct dh_resolved result; /* the worker's until is_written */
	/* -- rtc thread only */
	struct dh_ice_watch *watch;
	void (*fn)(void *arg, const struct dh_resolved *r);
	void *arg;
};

static void unref(struct dh_resolve *r)
{
	if (atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	close(r->ready);
	free(r->host);
	free(r);
}

static void look_up(struct dh_resolve *r)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *all, *i;
	if (getaddrinfo(r->host, NULL, &hints, &all))
		return;
	for (i = all; i && r->result.count < DH_RESOLVE_MAX; i = i->ai_next)
		if (!getnameinfo(i->ai_addr, i->ai_addrlen, r->result.address[r->result.count], sizeof(r->result.address[0]),
				 NULL, 0, NI_NUMERICHOST))
			r->result.count++;
	freeaddrinfo(all);
}

static void work(void *arg)
{
	struct dh_resolve *r = arg;
	look_up(r);
	atomic_store(&r->is_written, true);
	eventfd_write(r->ready, 1);
	unref(r);
}

static void ready(void *arg)
{
	struct dh_resolve *r = arg;
	if (!atomic_load(&r->is_written))
		return;
	dh_ice_loop_unwatch(r->watch);
	r->fn(r->arg, &r->result);
	unref(r);
}

bool dh_resolve_is_number(const char *host)
{
	struct in6_addr bytes;
	return inet_pton(AF_INET, host, &bytes) == 1 || inet_pton(AF_INET6, host, &bytes) == 1;
}

static int start_worker(struct dh_resolve *r)
{
	atomic_fetch_add(&r->refs, 1);
	int err = dh_helper_start(work, r);
	if (err)
		atomic_fetch_sub(&r->refs, 1);
	return err;
}

int dh_resolve_start(struct dh_resolve **out, struct dh_rtc_thread *thread, const char *host,
		     void (*fn)(void *arg, const struct dh_resolved *r), void *arg)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), err = DH_OK;
	if (fd < 0)
		return DH_ENOMEM;
	struct dh_resolve *r = dh_alloc(sizeof(*r));
	atomic_init(&r->refs, 1);
	atomic_init(&r->is_written, dh_resolve_is_number(host));
	r->ready = fd;
	r->host = dh_strdup(host);
	r->fn = fn;
	r->arg = arg;
	if (dh_resolve_is_number(host)) {
		r->result.count = 1;
		dh_strcopy(r->result.address[0], sizeof(r->result.address[0]), host);
		eventfd_write(fd, 1);
	} else {
		err = start_worker(r);
	}
	if (err) {
		unref(r);
		return err;
	}
	r->watch = dh_ice_loop_watch(dh_rtc_thread_loop(thread), fd, ready, r);
	*out = r;
	return DH_OK;
}

void dh_resolve_cancel(struct dh_resolve *r)
{
	if (!r)
		return;
	dh_ice_loop_unwatch(r->watch);
	unref(r);
}
