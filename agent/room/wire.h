/* How texts travel to a room service and back. The real road is ws_client.c; tests bring one of their own. Loop thread. */
#ifndef DH_ROOM_WIRE_H
#define DH_ROOM_WIRE_H

#include <stddef.h>

#include "common/err.h"

struct dh_room_wire_ops {
	void (*open)(void *user);
	void (*text)(void *user, const char *text, size_t size); /* NUL-ended, borrowed; close() may be called in it */
	/* It failed, or the other side ended it: once, the wire is gone. Not after close(). */
	void (*closed)(void *user, const struct dh_err *why);
};

struct dh_room_wire {
	/* Begin to connect; ops->open or ops->closed follow, later. arg: the road's own configuration.
	 * Errors: the road's. */
	int (*connect)(void **out, const void *arg, const struct dh_room_wire_ops *ops, void *user, struct dh_err *e);
	/* Errors: DH_ELIMIT too much waits already. */
	int (*send)(void *wire, const char *text);
	void (*close)(void *wire); /* after what was sent */
};

#endif
