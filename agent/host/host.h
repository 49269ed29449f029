/* deskhand-host, the native-messaging host: a pump between the browser's stdio and the agent's socket. It copies whole
 * messages, knows no command, and outlives restarts of the agent. One thread, poll(2). */
#ifndef DH_HOST_HOST_H
#define DH_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/platform/places.h"
#include "agent/transports/frame.h"
#include "common/err.h"
#include "common/log.h"

#define DH_HOST_QUEUE_MAX DH_MSG_MAX /* more waits than this: read no more from the other side */

/* As the extension reads it: agent.state {state, reason, text}: a word for programs, a sentence for people. */
enum dh_host_state { DH_HOST_STARTING, DH_HOST_UP, DH_HOST_DOWN, DH_HOST_FAILED };

/* Whole frames on their way to one side. */
struct dh_host_queue {
	char *data;
	size_t len, cap, done; /* [done, len) is to be written */
};

struct dh_host {
	struct dh_log log;
	const char *browser;      /* "chromium", "firefox" */
	const char *extension;
	int in, out;              /* the browser; out is the real stdout, moved away from descriptor 1 */
	int sock;                 /* the agent; -1 when not connected */
	int watch;                /* inotify on the runtime directory; -1 */
	int signals;              /* signalfd: SIGTERM, SIGINT, SIGHUP */
	int agent;                /* pidfd of the agent we started, until it serves; -1 */
	struct dh_msg_reader from_browser, from_agent;
	struct dh_host_queue to_browser, to_agent;
	enum dh_host_state state;
	int64_t retry_us;         /* when to try again to connect; 0 never */
	int64_t retry_step_us;
	int64_t give_up_us;       /* when starting has taken too long; 0 not starting */
	int64_t start_us;         /* when the agent may be started, after a connection was lost; 0 now */
	int64_t started_us[3];    /* the last three starts, oldest first */
	int64_t asked_us;         /* when a message last woke a failed agent */
	int64_t exit_us;          /* after the browser's end of stream: when to leave; 0 not yet */
	bool is_over;
};

/* host.c: run until the browser is gone. Returns the exit code. */
int dh_host_run(struct dh_host *h);

/* queue.c */
void dh_host_queue_add(struct dh_host_queue *q, const char *body, size_t size); /* one frame */
/* Write what fits. Errors: DH_ECLOSED. */
int dh_host_queue_write(struct dh_host_queue *q, int fd);
void dh_host_queue_clear(struct dh_host_queue *q);
size_t dh_host_queue_left(const struct dh_host_queue *q);
/* Tell the extension how the agent is. */
void dh_host_say(struct dh_host *h, enum dh_host_state state, const char *reason, const char *text);
/* Tell it that a message of size bytes was not passed on. */
void dh_host_say_too_large(struct dh_host *h, size_t size);

/* link.c: the way to the agent. */
void dh_host_connect(struct dh_host *h);                       /* try now; start the agent if it is time to */
void dh_host_lost(struct dh_host *h, const char *why);         /* the connection ended */
void dh_host_agent_ended(struct dh_host *h);                   /* h->agent became readable */
void dh_host_no_answer(struct dh_host *h);                     /* h->give_up_us has come */
void dh_host_watch_fired(struct dh_host *h);                   /* h->watch became readable */

/* spawn.c: start "deskhand agent" as its own session, no child of ours. *pidfd: -1 or an owned descriptor that
 * becomes readable when it ends. Errors: DH_ENOENT no such program, DH_EIO. */
int dh_host_spawn(int *pidfd, struct dh_err *e);

/* ids.c: is this extension one we serve (SR-09)? Compiled in, or listed by the administrator. */
bool dh_host_knows(const char *id);
#define DH_HOST_ADMIN_IDS "/etc/deskhand/extensions.allow"

#endif
