/* One request of a connection, and the table of what can be asked. A method's handler answers at once, or returns DH_PENDING
 * and dh_call_finish() follows exactly once. Loop thread only. */
#ifndef DH_ROOMS_CALL_H
#define DH_ROOMS_CALL_H

#include "common/param.h"
#include "room-service/client.h"
#include "room-service/ticket.h"

#define DH_PENDING 1

enum dh_method_flag {
	DH_METHOD_OPEN = 1,    /* before a login too */
	DH_METHOD_ROOM = 2,    /* only in a room */
	DH_METHOD_HOST = 4,    /* only for its host */
	DH_METHOD_USER = 8,    /* not for guests */
	DH_METHOD_BARRIER = 16 /* what was sent behind it begins when it has ended */
};

struct dh_call {
	struct dh_list node; /* of client->calls */
	struct dh_hub *hub;
	struct dh_client *client; /* NULL: gone meanwhile */
	const struct dh_method *method;
	cJSON *request;
	const cJSON *id;
	struct dh_args args;
	struct dh_err err;
	cJSON *result;
	/* -- what a handler keeps until it goes on -- */
	struct dh_room *room; /* a reference, given back at the end */
	int64_t number, seq;
	char secret[DH_TICKET_SIZE];
	int (*then)(struct dh_call *call);
	void (*replied)(struct dh_call *call); /* what follows a result that was sent; may be NULL */
};

struct dh_method {
	const char *name;
	const struct dh_param *params;
	unsigned flags; /* of enum dh_method_flag */
	int (*handle)(struct dh_call *call);
};

extern const struct dh_method *const dh_methods[]; /* ends with NULL */

extern const struct dh_method dh_method_login, dh_method_redeem, dh_method_refresh, dh_method_logout, dh_method_create,
	dh_method_join, dh_method_leave, dh_method_close, dh_method_signal, dh_method_chat, dh_method_history,
	dh_method_custom, dh_method_state, dh_method_mute, dh_method_kick, dh_method_ticket, dh_method_ice;

/* Fields of room.state, also as room.join takes them. */
extern const struct dh_param dh_state_params[];
unsigned dh_state_of(const struct dh_args *a, unsigned state); /* state with those fields changed that are given */

void dh_call_finish(struct dh_call *call, int code);
cJSON *dh_call_result(struct dh_call *call); /* the object to fill */

/* Ask the store; done gets op->arg = call. Always DH_PENDING. */
int dh_call_ask(struct dh_call *call, struct dh_store_op *take, void (*done)(struct dh_store_op *));
/* Ask the store, and finish the call when it has done it. */
int dh_call_keep(struct dh_call *call, struct dh_store_op *take);

/* Hold the room of a name as call->room and go on with then, which returns as a handler does. */
int dh_call_with_room(struct dh_call *call, const char *name, int (*then)(struct dh_call *));

/* dh_call_finish() with the store's code, which becomes a sentence when it is an error of the disk. */
void dh_call_finish_io(struct dh_call *call, int code);

/* A name somebody gives: not empty, no control characters. Errors: DH_EINVAL. */
int dh_call_check_name(struct dh_call *call, const char *param);

#define DH_LINES_BYTES_MAX (128 * 1024) /* clients read messages of 256 KiB */
cJSON *dh_lines_json(const struct dh_lines *lines); /* the newest of them that fit into DH_LINES_BYTES_MAX, oldest first */
cJSON *dh_line_json(const struct dh_chat_row *line);

int64_t dh_now_ms(void); /* since 1970 */

#endif
