/* libwebsockets as a server on a loop of ours: it gets connections that we accepted, wakes nobody while there is none, and
 * ends in steps (docs/decisions/0010). Loop thread only. */
#ifndef DH_COMMON_LWS_LOOP_H
#define DH_COMMON_LWS_LOOP_H

#include <libwebsockets.h>

#include "common/err.h"
#include "common/loop.h"

struct dh_lws {
	struct dh_loop *loop;
	struct lws_context *context; /* NULL: not open */
	struct lws_vhost *vhost;
	uv_timer_t *timer; /* libwebsockets' own */
	uv_idle_t ender;   /* while it closes */
	void (*closed)(void *arg);
	void *closed_arg;
};

/* info: protocols, user, limits, times, certificate; what any server of ours needs is added to it. Errors, after which
 * dh_lws_close() is owed all the same: DH_ENOTSUP no support of libuv; DH_EFAIL no virtual host (a bad certificate). */
int dh_lws_open(struct dh_lws *l, struct dh_loop *loop, struct lws_context_creation_info *info, struct dh_err *e);

/* Hand a connected socket over, in any case. opaque: its lws_get_opaque_user_data() up to LWS_CALLBACK_WSI_DESTROY, which
 * comes when false is returned as well. */
bool dh_lws_adopt(struct dh_lws *l, int fd, bool is_tls, void *opaque);

/* Something outside of libwebsockets' own callbacks set one of its timeouts: make it look at its clock. */
void dh_lws_kick(struct dh_lws *l);

/* Nobody is connected: no wake-up is needed. */
void dh_lws_quiet(struct dh_lws *l);

/* closed(arg) follows, when nothing of libwebsockets is left on the loop; also for one that is not open. */
void dh_lws_close(struct dh_lws *l, struct dh_loop *loop, void (*closed)(void *arg), void *arg);

#endif
