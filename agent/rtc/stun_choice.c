/* A Binding request to each server, three times; only its answer's header is looked at: which request is answered, and that
 * it was a success. What we look like from there is libnice's to find out. Source: RFC 8489, 5 and 6.2.1. */
#include "agent/rtc/stun_choice.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/bytes.h"
#include "agent/rtc/ice_loop.h"
#include "common/alloc.h"

#define HEADER_BYTES 20
#define ID_BYTES 12
#define BINDING_REQUEST 0x0001
#define BINDING_SUCCESS 0x0101
#define COOKIE 0x2112a442
#define TRY_MS (DH_STUN_CHOICE_MS / 3)
#define TRIES 3
#define READS 64 /* per wake, so that a flood cannot hold the thread */

struct server {
	struct sockaddr_storage to;
	socklen_t size;
	uint8_t id[ID_BYTES];
};

struct dh_stun_choice {
	struct dh_rtc_thread *thread;
	struct server server[DH_STUN_CHOICE_MAX];
	int count, tries, answered; /* answered: -1 none */
	int fd[2];                  /* IPv4, IPv6; -1: none */
	struct dh_ice_watch *watch[2];
	struct dh_rtc_timer timer;
	void (*fn)(void *arg, int index);
	void *arg;
};

void dh_stun_choice_cancel(struct dh_stun_choice *c)
{
	if (!c)
		return;
	dh_rtc_timer_stop(&c->timer);
	for (int i = 0; i < 2; i++) {
		dh_ice_loop_unwatch(c->watch[i]);
		if (c->fd[i] >= 0)
			close(c->fd[i]);
	}
	free(c);
}

static void finish(void *arg)
{
	struct dh_stun_choice *c = arg;
	void (*fn)(void *arg, int index) = c->fn;
	void *user = c->arg;
	int index = c->answered;
	dh_stun_choice_cancel(c);
	fn(user, index);
}

static void ask(void *arg)
{
	struct dh_stun_choice *c = arg;
	if (c->tries++ == TRIES) {
		finish(c);
		return;
	}
	for (int i = 0; i < c->count; i++) {
		struct server *s = &c->server[i];
		uint8_t request[HEADER_BYTES];
		dh_put16(request, BINDING_REQUEST);
		dh_put16(request + 2, 0);
		dh_put32(request + 4, COOKIE);
		memcpy(request + 8, s->id, ID_BYTES);
		/* An error is one that does not answer. */
		(void)!sendto(c->fd[s->to.ss_family == AF_INET6], request, sizeof(request), MSG_DONTWAIT,
			      (struct sockaddr *)&s->to, s->size);
	}
	dh_rtc_timer_start(c->thread, &c->timer, TRY_MS, ask, c);
}

static void receive(struct dh_stun_choice *c, int fd)
{
	uint8_t data[HEADER_BYTES]; /* the rest of a datagram is cut off */
	for (int n = 0; n < READS && recv(fd, data, sizeof(data), MSG_DONTWAIT) == (ssize_t)sizeof(data); n++)
		for (int i = 0; i < c->count && c->answered < 0; i++)
			if (dh_get16(data) == BINDING_SUCCESS && dh_get32(data + 4) == COOKIE &&
			    !memcmp(data + 8, c->server[i].id, ID_BYTES))
				c->answered = i;
	if (c->answered >= 0)
		dh_rtc_timer_start(c->thread, &c->timer, 0, finish, c); /* not here: this is a watch's callback */
}

static void on_read4(void *arg)
{
	receive(arg, ((struct dh_stun_choice *)arg)->fd[0]);
}

static void on_read6(void *arg)
{
	receive(arg, ((struct dh_stun_choice *)arg)->fd[1]);
}

/* False: not a number. */
static bool set_address(struct server *s, const struct dh_stun_address *a)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
	if (inet_pton(AF_INET, a->address, &v4.sin_addr) == 1) {
		memcpy(&s->to, &v4, s->size = sizeof(v4));
		return true;
	}
	memcpy(&s->to, &v6, s->size = sizeof(v6));
	return inet_pton(AF_INET6, a->address, &((struct sockaddr_in6 *)(void *)&s->to)->sin6_addr) == 1;
}

int dh_stun_choice_start(struct dh_stun_choice **out, struct dh_rtc_thread *thread, const struct dh_stun_address *all, int n,
			 void (*fn)(void *arg, int index), void *arg, struct dh_err *e)
{
	static const int family[2] = {AF_INET, AF_INET6};
	struct dh_stun_choice *c = dh_alloc(sizeof(*c));
	*c = (struct dh_stun_choice){.thread = thread, .count = n, .answered = -1, .fn = fn, .arg = arg};
	dh_rtc_timer_init(&c->timer);
	for (int i = 0; i < 2; i++)
		c->fd[i] = socket(family[i], SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_good = n > 0 && n <= DH_STUN_CHOICE_MAX && (c->fd[0] >= 0 || c->fd[1] >= 0);
	for (int i = 0; i < n && is_good; i++)
		is_good = set_address(&c->server[i], &all[i]) && getrandom(c->server[i].id, ID_BYTES, 0) == ID_BYTES;
	if (!is_good) {
		dh_stun_choice_cancel(c);
		return dh_fail(e, DH_EIO, "STUN servers cannot be asked: no socket, or not their addresses");
	}
	for (int i = 0; i < 2; i++)
		if (c->fd[i] >= 0)
			c->watch[i] = dh_ice_loop_watch(dh_rtc_thread_loop(thread), c->fd[i], i ? on_read6 : on_read4, c);
	dh_rtc_timer_start(thread, &c->timer, 0, ask, c);
	*out = c;
	return DH_OK;
}
