/* The host's loop: bytes both ways, whole messages only, and no more in memory than the other side has room for. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "common/clock.h"

#define LEAVE_US 500000    /* to hand over what the browser said last */
#define ASK_AGAIN_US 2000000 /* a failed agent is started again for a message, but not for each */

enum slot { BROWSER_IN, BROWSER_OUT, AGENT, WATCH, SIGNALS, PROCESS, SLOTS };

/* Take what the browser sent: to the agent, or, when there will be none, nowhere. */
static void read_browser(struct dh_host *h)
{
	char buf[64 * 1024];
	ssize_t n = read(h->in, buf, sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		h->exit_us = dh_now_us() + LEAVE_US;
		return;
	}
	const char *data = buf, *msg;
	size_t size = (size_t)n, length;
	int got;
	while ((got = dh_msg_reader_next(&h->from_browser, &data, &size, &msg, &length)) != 0) {
		if (got < 0) {
			dh_host_say_too_large(h, length);
		} else if (h->sock >= 0) {
			dh_host_queue_add(&h->to_agent, msg, length);
		} else if (dh_now_us() - h->asked_us > ASK_AGAIN_US) {
			h->asked_us = dh_now_us();
			h->state = DH_HOST_DOWN; /* somebody wants the agent: try once more */
			h->start_us = 0;
			dh_host_connect(h);
		}
	}
}

static void read_agent(struct dh_host *h)
{
	char buf[64 * 1024];
	ssize_t n = read(h->sock, buf, sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		dh_host_lost(h, "the agent closed the connection");
		return;
	}
	const char *data = buf, *msg;
	size_t size = (size_t)n, length;
	int got;
	while ((got = dh_msg_reader_next(&h->from_agent, &data, &size, &msg, &length)) != 0) {
		if (got == 1)
			dh_host_queue_add(&h->to_browser, msg, length);
		else
			DH_WARN(h, "a message of %zu bytes from the agent was not passed on: a browser takes at most %d",
				length, DH_MSG_MAX);
	}
}

/* Messages wait in the browser's pipe while the agent starts; a failed one gets them read, so that one wakes it. */
static bool wants_browser(const struct dh_host *h)
{
	if (h->exit_us || dh_host_queue_left(&h->to_browser) >= DH_HOST_QUEUE_MAX)
		return false;
	return h->sock >= 0 ? dh_host_queue_left(&h->to_agent) < DH_HOST_QUEUE_MAX : h->state == DH_HOST_FAILED;
}

static void set(struct pollfd *p, int fd, short events)
{
	p->fd = fd;
	p->events = events;
	p->revents = 0;
}

static void prepare(struct dh_host *h, struct pollfd *p)
{
	bool has_room = dh_host_queue_left(&h->to_browser) < DH_HOST_QUEUE_MAX;
	short agent = (short)((has_room ? POLLIN : 0) | (dh_host_queue_left(&h->to_agent) ? POLLOUT : 0));
	/* with no events poll still reports that the browser is gone */
	set(&p[BROWSER_IN], h->exit_us ? -1 : h->in, wants_browser(h) ? POLLIN : 0);
	set(&p[BROWSER_OUT], h->out, dh_host_queue_left(&h->to_browser) ? POLLOUT : 0);
	set(&p[AGENT], h->sock, agent);
	set(&p[WATCH], h->watch, POLLIN);
	set(&p[SIGNALS], h->signals, POLLIN);
	set(&p[PROCESS], h->agent, POLLIN);
}

static void earliest(int64_t *t, int64_t candidate)
{
	if (candidate && (!*t || candidate < *t))
		*t = candidate;
}

static int timeout_ms(const struct dh_host *h)
{
	int64_t t = 0;
	if (h->sock < 0) {
		earliest(&t, h->retry_us);
		earliest(&t, h->give_up_us);
	}
	earliest(&t, h->exit_us);
	if (!t)
		return -1;
	int64_t left = (t - dh_now_us() + 999) / 1000;
	return left < 0 ? 0 : (int)left;
}

static void do_timers(struct dh_host *h)
{
	int64_t now = dh_now_us();
	if (h->exit_us && (now >= h->exit_us || h->sock < 0 || !dh_host_queue_left(&h->to_agent)))
		h->is_over = true;
	else if (h->sock < 0 && h->give_up_us && now >= h->give_up_us)
		dh_host_no_answer(h);
	else if (h->sock < 0 && h->retry_us && now >= h->retry_us)
		dh_host_connect(h);
}

static void do_browser(struct dh_host *h, const struct pollfd *p)
{
	if (p[BROWSER_OUT].revents & (POLLERR | POLLNVAL))
		h->is_over = true; /* nobody reads any more */
	else if (p[BROWSER_OUT].revents & POLLOUT && dh_host_queue_write(&h->to_browser, h->out))
		h->is_over = true;
	if (p[BROWSER_IN].revents & POLLIN)
		read_browser(h);
	else if (p[BROWSER_IN].revents & (POLLHUP | POLLERR | POLLNVAL))
		h->exit_us = dh_now_us() + LEAVE_US;
}

static void do_agent(struct dh_host *h, const struct pollfd *p)
{
	if (h->sock >= 0 && p[AGENT].fd == h->sock && p[AGENT].revents) {
		if (p[AGENT].revents & POLLOUT && dh_host_queue_write(&h->to_agent, h->sock))
			dh_host_lost(h, "the agent closed the connection");
		else if (p[AGENT].revents & (POLLIN | POLLHUP | POLLERR))
			read_agent(h);
	}
	if (p[WATCH].revents)
		dh_host_watch_fired(h);
	if (p[PROCESS].revents && h->agent >= 0)
		dh_host_agent_ended(h);
}

int dh_host_run(struct dh_host *h)
{
	struct pollfd p[SLOTS];
	dh_msg_reader_init(&h->from_browser, DH_MSG_MAX);
	h->state = DH_HOST_DOWN;
	dh_host_connect(h);
	while (!h->is_over) {
		prepare(h, p);
		if (poll(p, SLOTS, timeout_ms(h)) < 0 && errno != EINTR)
			return 1;
		if (p[SIGNALS].revents)
			break;
		do_browser(h, p);
		do_agent(h, p);
		do_timers(h);
	}
	/* what the agent said last, as far as the browser takes it without waiting */
	(void)dh_host_queue_write(&h->to_browser, h->out);
	dh_msg_reader_finish(&h->from_browser);
	dh_msg_reader_finish(&h->from_agent);
	free(h->to_browser.data);
	free(h->to_agent.data);
	return 0;
}
