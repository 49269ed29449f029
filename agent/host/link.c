/* The host's way to the agent: connect, start it when none listens, wait for it, notice when it is gone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "agent/platform/peer.h"
#include "common/alloc.h"
#include "common/clock.h"

#define MS 1000LL
#define RETRY_FIRST_US (10 * MS)
#define RETRY_LAST_US (500 * MS)
#define RETRY_FAILED_US (30000 * MS) /* the watch normally tells sooner */
#define START_TIMEOUT_US (10000 * MS)
#define RESTART_GRACE_US (1000 * MS) /* for whoever stopped the agent to start it again */
#define OTHER_AGENT_US (2000 * MS)   /* ours lost against another: that one will serve shortly */
#define STARTS_WINDOW_US (60000 * MS)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A browser from Flatpak or Snap starts its hosts inside its sandbox, where our socket and program are not: flatpak-run(1)
 * sets FLATPAK_ID, snapd sets SNAP_NAME. */
static bool is_sandboxed(void)
{
	return getenv("FLATPAK_ID") || getenv("SNAP_NAME");
}

static void fail(struct dh_host *h, const char *reason, const char *text)
{
	close_fd(&h->agent);
	h->give_up_us = 0;
	h->retry_us = dh_now_us() + RETRY_FAILED_US;
	dh_host_say(h, DH_HOST_FAILED, is_sandboxed() ? "sandboxed" : reason, text);
}

/* The agent appears by a rename into its directory. */
static void watch(struct dh_host *h, const char *dir)
{
	if (h->watch >= 0)
		return;
	h->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (h->watch >= 0 && inotify_add_watch(h->watch, dir, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) < 0)
		close_fd(&h->watch);
}

/* A connected socket whose other end runs as ourselves (SR-08 holds both ways), or DH_ENOENT when nobody listens. */
static int open_socket(const char *dir, int *out, struct dh_err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct dh_peer_process peer;
	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s/agent.sock", dir) >= (int)sizeof(a.sun_path))
		return dh_fail(e, DH_ELIMIT, "the socket path in %s is too long", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return dh_fail(e, DH_EIO, "no socket: %s", strerror(errno));
	int err = DH_OK;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		err = errno == ENOENT || errno == ECONNREFUSED
			      ? DH_ENOENT
			      : dh_fail(e, dh_err_from_errno(errno), "cannot connect to %s: %s", a.sun_path,
					strerror(errno));
	else
		err = dh_peer_of_unix(fd, &peer, e);
	if (!err && peer.uid != geteuid())
		err = dh_fail(e, DH_EPERM, "the agent's socket belongs to uid %u", (unsigned)peer.uid);
	if (err) {
		close(fd);
		return err;
	}
	*out = fd;
	return DH_OK;
}

static void connected(struct dh_host *h, int fd)
{
	char hello[400];
	h->sock = fd;
	h->retry_us = h->give_up_us = h->start_us = 0;
	close_fd(&h->agent);
	dh_msg_reader_init(&h->from_agent, DH_MSG_MAX);
	dh_host_queue_clear(&h->to_agent);
	int n = snprintf(hello, sizeof(hello),
			 "{\"jsonrpc\":\"2.0\",\"method\":\"transport.hello\",\"params\":{\"role\":\"host\","
			 "\"browser\":\"%s\",\"extension\":\"%s\"}}",
			 h->browser, h->extension);
	dh_host_queue_add(&h->to_agent, hello, (size_t)n);
	dh_host_say(h, DH_HOST_UP, "", "");
}

/* Three starts a minute at most: an agent that ends at once will not be better the fourth time. */
static bool may_start(struct dh_host *h, int64_t now)
{
	if (h->started_us[0] && now - h->started_us[0] < STARTS_WINDOW_US)
		return false;
	memmove(h->started_us, h->started_us + 1, sizeof(h->started_us) - sizeof(h->started_us[0]));
	h->started_us[2] = now;
	return true;
}

static void start(struct dh_host *h, int64_t now)
{
	struct dh_err e;
	if (!may_start(h, now)) {
		fail(h, "agent_ended", "the agent ended three times within a minute; see agent.log or run: deskhand doctor");
		return;
	}
	dh_host_say(h, DH_HOST_STARTING, "agent_start", "no agent was running, one is being started");
	if (dh_host_spawn(&h->agent, &e)) {
		fail(h, e.code == DH_ENOENT ? "no_program" : "agent_ended", e.text);
		return;
	}
	h->give_up_us = now + START_TIMEOUT_US;
	h->retry_us = now + RETRY_FIRST_US;
	h->retry_step_us = RETRY_FIRST_US;
}

void dh_host_connect(struct dh_host *h)
{
	char dir[DH_PLACE_MAX];
	struct dh_err e;
	int fd = -1;
	int64_t now = dh_now_us();
	int err = dh_place_runtime(dir, &e);
	if (!err) {
		watch(h, dir);
		err = open_socket(dir, &fd, &e);
	}
	if (!err) {
		connected(h, fd);
	} else if (err != DH_ENOENT) {
		if (h->state != DH_HOST_FAILED)
			fail(h, "socket", e.text);
		h->retry_us = now + RETRY_FAILED_US;
	} else if (h->state == DH_HOST_FAILED) {
		h->retry_us = now + RETRY_FAILED_US;
	} else if (h->give_up_us || now < h->start_us) { /* being started, by us or somebody else */
		h->retry_step_us = h->retry_step_us * 2 < RETRY_LAST_US ? h->retry_step_us * 2 : RETRY_LAST_US;
		h->retry_us = now + h->retry_step_us;
		if (!h->give_up_us && h->retry_us > h->start_us)
			h->retry_us = h->start_us;
	} else {
		start(h, now);
	}
}

void dh_host_lost(struct dh_host *h, const char *why)
{
	close_fd(&h->sock);
	dh_msg_reader_finish(&h->from_agent);
	dh_host_queue_clear(&h->to_agent);
	dh_host_say(h, DH_HOST_DOWN, "agent_gone", why);
	h->start_us = dh_now_us() + RESTART_GRACE_US;
	h->retry_step_us = RETRY_FIRST_US;
	h->retry_us = dh_now_us() + RETRY_FIRST_US;
}

void dh_host_agent_ended(struct dh_host *h)
{
	close_fd(&h->agent);
	/* it may have ended because another agent was faster */
	dh_host_connect(h);
	if (h->state == DH_HOST_STARTING && h->give_up_us > dh_now_us() + OTHER_AGENT_US)
		h->give_up_us = dh_now_us() + OTHER_AGENT_US;
}

void dh_host_no_answer(struct dh_host *h)
{
	dh_host_connect(h);
	if (h->state != DH_HOST_STARTING)
		return;
	if (h->agent >= 0)
		fail(h, "no_answer", "the agent was started but does not answer; see agent.log or run: deskhand doctor");
	else
		fail(h, "agent_ended", "the agent ended at once; see agent.log or run: deskhand doctor");
}

void dh_host_watch_fired(struct dh_host *h)
{
	char events[4096];
	while (read(h->watch, events, sizeof(events)) > 0)
		;
	if (h->sock < 0)
		dh_host_connect(h);
}
