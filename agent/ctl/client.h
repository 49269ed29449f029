/* Where transports meet control: a client is one speaker (a page's channel, a WebSocket, the command line)
 * whose identity its transport has established. Loop thread only.
 *
 * Transports: bytes <-> messages, who is at the other end, size caps, out-queue bound.
 * Control: parse rules, hello, grants, dispatch, events, rate limits. */
#ifndef DH_CTL_CLIENT_H
#define DH_CTL_CLIENT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct dh_ctl; /* the control plane; one per agent */
struct dh_client;

/* Why a connection was closed; WebSocket close codes and `transport.closed` codes. Append only. */
#define DH_CLOSE_MAP(XX)                                                                         \
	XX(MALFORMED, 4400, "messages were malformed again and again")                           \
	XX(HELLO, 4401, "the first request must be agent.hello")                                 \
	XX(DENIED, 4403, "this origin has no grant")                                             \
	XX(HELLO_TIMEOUT, 4408, "no agent.hello within 3 seconds")                               \
	XX(TOO_LARGE, 4413, "a message was larger than allowed")                                 \
	XX(VERSION, 4426, "no common protocol version")                                          \
	XX(RATE, 4429, "too many requests")                                                      \
	XX(SLOW_READER, 4430, "the client does not read what it asked for")                      \
	XX(TOO_MANY, 4431, "too many connections")                                               \
	XX(REVOKED, 4440, "the grant was revoked")                                               \
	XX(SHUTDOWN, 4500, "the agent is shutting down")

enum dh_close_code {
#define XX(name, value, text) DH_CLOSE_##name = value,
	DH_CLOSE_MAP(XX)
#undef XX
};
const char *dh_close_text(int code);

enum dh_channel { DH_CHANNEL_NONE, DH_CHANNEL_CLI, DH_CHANNEL_NATIVE, DH_CHANNEL_WEBSOCKET };

struct dh_identity {
	enum dh_channel channel;
	char origin[256];    /* "local:cli", or the page's origin exactly as the browser attested it */
	char extension[128]; /* native: the extension's id as the host was told (a claim) */
	char browser[32];    /* native: "chromium", "firefox", ... (a claim) */
	bool is_top_frame;
	char top_origin[256]; /* native, in a frame: the origin of the tab's page, "" unknown */
	bool is_incognito;
	pid_t pid;           /* of the peer process (host or browser), 0 unknown */
	char exe[256];       /* its /proc/PID/exe, "" unknown */
};

struct dh_client_ops {
	/* Queue one whole JSON text (no NUL, no framing) for the other end; copies it. DH_EBUSY: the
	 * out-queue is over its bound (2 MiB) and the text was not taken. */
	int (*send)(void *arg, const char *text, size_t size);
	/* Bytes not yet written to the other end. */
	size_t (*queued)(void *arg);
	/* Close the connection after what is queued; then the transport calls dh_client_destroy(), but
	 * not from within this call: from the loop, later. */
	void (*close)(void *arg, enum dh_close_code code);
};

/* A new speaker. Errors: DH_ELIMIT (16 page connections, 20 handshakes / 10 s and origin), DH_EPERM (origin
 * malformed, null or unlisted scheme, or user_grants "never" and not listed): refuse the connection. */
int dh_client_create(struct dh_client **out, struct dh_ctl *ctl, const struct dh_identity *id,
		     const struct dh_client_ops *ops, void *arg, struct dh_err *e);
void dh_client_destroy(struct dh_client *c); /* the other end is gone; pending replies are dropped */

/* The out-queue was over 256 KiB and is empty now: events that were held back may go. */
void dh_client_drained(struct dh_client *c);

/* One message from the other end: text, or what a transport had to parse itself by dh_json_parse().
 * Answers by ops->send; may call ops->close. */
void dh_client_receive(struct dh_client *c, const char *text, size_t size);
void dh_client_receive_json(struct dh_client *c, cJSON *take);

/* The WebSocket handshake asks before it answers 101 or 403. */
bool dh_ctl_may_connect(struct dh_ctl *ctl, const char *origin, struct dh_err *e);

#endif
