/* One connection's state above its transport: who it is, its calls, its limits. Loop thread only. */
#ifndef DH_ROOMS_CLIENT_H
#define DH_ROOMS_CLIENT_H

#include "room-service/hub.h"

#define DH_MESSAGE_MAX (64 * 1024)
#define DH_LOGIN_US (10 * 1000000LL) /* a connection that is nobody lives as long */
#define DH_STRANGERS_MAX 4096        /* with more the oldest one goes */
#define DH_WAITING_MAX 64            /* requests behind a login or a join */
#define DH_CALLS_MAX 256             /* requests under way */
#define DH_MALFORMED_MAX 10

/* WebSocket close codes, as the agent has them where they mean the same. */
#define DH_CLOSE_MAP(XX)                                                                                                   \
	XX(SHUTDOWN, 1001, "the service ends")                                                                             \
	XX(MALFORMED, 4400, "messages were malformed again and again")                                                     \
	XX(LOGIN_TIMEOUT, 4408, "no login within 10 seconds")                                                              \
	XX(REPLACED, 4409, "a newer connection of this user took over")                                                    \
	XX(TOO_LARGE, 4413, "a message was larger than allowed")                                                           \
	XX(RATE, 4429, "too many requests")                                                                                \
	XX(SLOW_READER, 4430, "the client does not read what it is sent")                                                  \
	XX(TOO_MANY, 4431, "too many connections")                                                                         \
	XX(ENDED, 4440, "the login has ended")

enum dh_close_code {
#define XX(name, value, text) DH_CLOSE_##name = value,
	DH_CLOSE_MAP(XX)
#undef XX
};
const char *dh_close_text(int code);

struct dh_client_ops {
	/* Queue one text, behind the events up to dh_client_last_event(); copies it. */
	void (*send)(void *arg, const char *text, size_t size);
	/* dh_client_next_event() has something. */
	void (*wake)(void *arg);
	/* Close after what is queued; then the transport calls dh_client_destroy(), later, from the loop. */
	void (*close)(void *arg, enum dh_close_code code);
};

struct dh_call;

struct dh_client {
	struct dh_list node; /* of hub->clients or hub->strangers */
	struct dh_hub *hub;
	const struct dh_client_ops *ops;
	void *ops_arg;
	char address[DH_ADDRESS_SIZE];
	int64_t login_by_us;
	struct dh_user *user; /* NULL: not logged in */
	char *guest_room;     /* the one room of a guest; NULL: a user */
	uint8_t token[DH_HASH_SIZE];
	int64_t expires_ms;
	struct dh_bucket messages, refusals, chats;
	int malformed, call_count, waiting_count;
	struct dh_list calls;   /* struct dh_call */
	struct dh_call *barrier; /* the one that must end before the next begins */
	struct dh_list waiting; /* requests behind it */
	bool is_closing;
};

/* A new connection. NULL ops->... are not allowed. */
struct dh_client *dh_client_create(struct dh_hub *hub, const char *address, const struct dh_client_ops *ops, void *arg);
void dh_client_destroy(struct dh_client *c); /* the other end is gone */

/* One message from the other end. Answers by ops->send; may call ops->close. */
void dh_client_receive(struct dh_client *c, const char *text, size_t size);

/* The newest event that it is going to get, and whether it got all up to seq. */
int64_t dh_client_last_event(const struct dh_client *c);
bool dh_client_has(const struct dh_client *c, int64_t seq);
/* The next event for it, with its seq; NULL: none. It counts as sent. */
struct dh_event *dh_client_next_event(struct dh_client *c, int64_t *seq);
/* Whether the other end should be asked (by a ping) how far it has come; then dh_client_heard() with the same seq. */
bool dh_client_wants_ack(struct dh_client *c, int64_t *seq);
void dh_client_heard(struct dh_client *c, int64_t seq);

/* For the hub and the methods: */
void dh_client_send_event(struct dh_client *c, struct dh_event *take); /* one without a seq */
void dh_client_close(struct dh_client *c, enum dh_close_code code);
void dh_client_became(struct dh_client *c, struct dh_user *user, const struct dh_token_row *token);
/* No longer logged in: its member is away (or ends before, by the caller). */
void dh_client_leave_user(struct dh_client *c);
struct dh_member *dh_client_member(const struct dh_client *c); /* the one it is attached to, or NULL */

/* -- dispatch.c -- */
void dh_dispatch(struct dh_client *c, const char *text, size_t size);
void dh_dispatch_abandon(struct dh_client *c); /* calls that end later find no client */

#endif
