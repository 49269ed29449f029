/* libwebsockets on our loop; see lws_loop.h. */
#include "common/lws_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "common/log.h"

static void lws_says(int level, const char *line)
{
	static const struct dh_log_owner {
		struct dh_log log;
	} owner = {{"lws"}};
	DH_DEBUG(&owner, "%s", line);
}

struct timers {
	uv_timer_t *seen[64];
	int count;
};

static void see_timer(uv_handle_t *h, void *arg)
{
	struct timers *s = arg;
	if (h->type == UV_TIMER && s->count < 64)
		s->seen[s->count++] = (uv_timer_t *)h;
}

/* The timer that appeared on the loop while libwebsockets was being set up. */
static uv_timer_t *new_timer(uv_loop_t *loop, const struct timers *before)
{
	struct timers now = {.count = 0};
	uv_walk(loop, see_timer, &now);
	for (int i = 0; i < now.count; i++) {
		bool is_old = false;
		for (int j = 0; j < before->count; j++)
			is_old |= before->seen[j] == now.seen[i];
		if (!is_old)
			return now.seen[i];
	}
	return NULL;
}

int dh_lws_open(struct dh_lws *l, struct dh_loop *loop, struct lws_context_creation_info *info, struct dh_err *e)
{
	void *loops[] = {&loop->uv};
	struct timers before = {.count = 0};
	info->options |= LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
			 LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
	info->foreign_loops = loops;
	info->port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info->pt_serv_buf_size = 16 * 1024;
	info->gid = (gid_t)-1;
	info->uid = (uid_t)-1;
	l->loop = loop;
	lws_set_log_level(LLL_ERR | LLL_WARN, lws_says);
	uv_walk(&loop->uv, see_timer, &before);
	l->context = lws_create_context(info);
	if (!l->context) {
		dh_fail(e, DH_ENOTSUP, "libwebsockets does not start on the libuv loop");
		return dh_hint(e, "install the package libwebsockets-evlib-uv");
	}
	l->timer = new_timer(&loop->uv, &before);
	l->vhost = lws_create_vhost(l->context, info);
	return l->vhost ? DH_OK : dh_fail(e, DH_EFAIL, "libwebsockets makes no virtual host");
}

bool dh_lws_adopt(struct dh_lws *l, int fd, bool is_tls, void *opaque)
{
	int on = 1;
	lws_adopt_desc_t adopt = {.vh = l->vhost,
				  .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | (is_tls ? LWS_ADOPT_ALLOW_SSL : 0),
				  .fd = {.sockfd = fd}, .opaque = opaque};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bool is_taken = lws_adopt_descriptor_vhost_via_info(&adopt);
	dh_lws_kick(l); /* its handshake timeout starts now */
	return is_taken;
}

void dh_lws_kick(struct dh_lws *l)
{
	lws_cancel_service(l->context);
}

/* libwebsockets 4.1.6 keeps a 30 s housekeeping timer for ever (lib/plat/unix/unix-init.c). With nobody connected
 * there is nothing to keep, and an idle program must not wake up: stop it. Its next event of any kind, and so the next
 * connection, sets it again. */
void dh_lws_quiet(struct dh_lws *l)
{
	if (l->timer && uv_is_active((uv_handle_t *)l->timer))
		uv_timer_stop(l->timer);
}

/* ---- the end ---- */

struct search {
	const void *what;
	bool is_found;
};

static void look_for(uv_handle_t *h, void *arg)
{
	struct search *s = arg;
	s->is_found |= (const void *)h == s->what;
}

static void gone(uv_handle_t *h)
{
	struct dh_lws *l = h->data;
	l->closed(l->closed_arg);
}

static void ender_turn(uv_idle_t *ender)
{
	struct dh_lws *l = ender->data;
	struct search s = {l->timer, false};
	uv_walk(&l->loop->uv, look_for, &s);
	if (s.is_found)
		return;
	lws_context_destroy(l->context); /* the second call frees */
	uv_close((uv_handle_t *)ender, gone);
}

/* libwebsockets on a loop of ours ends in two steps: the first call closes its handles, and when the loop has done
 * that a second one frees. */
void dh_lws_close(struct dh_lws *l, struct dh_loop *loop, void (*closed)(void *arg), void *arg)
{
	l->closed = closed;
	l->closed_arg = arg;
	uv_idle_init(&loop->uv, &l->ender);
	l->ender.data = l;
	if (!l->context) {
		uv_close((uv_handle_t *)&l->ender, gone);
		return;
	}
	lws_context_destroy(l->context);
	uv_idle_start(&l->ender, ender_turn);
}
