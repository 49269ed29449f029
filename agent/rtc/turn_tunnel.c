/* The tunnel's port and threads: one that accepts, one for each connection. They share what they need by count, so that
 * closing never waits for a slow name server. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/helper.h"
#include "agent/rtc/turn_tunnel_priv.h"
#include "common/alloc.h"
#include "common/log.h"

#define AT_ONCE 16

struct dh_turn_tunnel {
	struct dh_log log;
	atomic_int refs, live;
	int listener, stop; /* stop: an eventfd that stays readable */
	uint16_t port;
	struct tunnel_route route;
	pthread_mutex_t lock;
	struct dh_err trouble; /* protected by lock; code 0: none */
};

struct connection {
	struct dh_turn_tunnel *tunnel;
	int near;
};

static void unref(struct dh_turn_tunnel *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	if (t->listener >= 0)
		close(t->listener);
	if (t->stop >= 0)
		close(t->stop);
	SSL_CTX_free(t->route.tls);
	free(t->route.host);
	free((char *)t->route.proxy.host);
	dh_free_secret(t->route.proxy.username);
	dh_free_secret(t->route.proxy.password);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* -- threads -- */

static bool is_same(int fd, int (*name)(int, struct sockaddr *, socklen_t *), const struct sockaddr_in *want)
{
	struct sockaddr_in a = {0};
	socklen_t size = sizeof(a);
	return !name(fd, (struct sockaddr *)&a, &size) && a.sin_family == AF_INET && a.sin_port == want->sin_port &&
	       a.sin_addr.s_addr == want->sin_addr.s_addr;
}

/* Whether the other end of fd is a socket of this process: one of our descriptors has the same two ends, swapped. */
static bool is_ours(int fd)
{
	struct sockaddr_in own = {0}, peer = {0};
	socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
	DIR *all = opendir("/proc/self/fd");
	bool is_found = false;
	if (all && !getsockname(fd, (struct sockaddr *)&own, &own_size) &&
	    !getpeername(fd, (struct sockaddr *)&peer, &peer_size))
		for (struct dirent *i = readdir(all); i && !is_found; i = readdir(all)) {
			int other = i->d_name[0] == '.' ? -1 : atoi(i->d_name);
			is_found = other >= 0 && other != fd && is_same(other, getsockname, &peer) &&
				   is_same(other, getpeername, &own);
		}
	if (all)
		closedir(all);
	return is_found;
}

static void note(struct dh_turn_tunnel *t, int code, const struct dh_err *e)
{
	pthread_mutex_lock(&t->lock);
	t->trouble = *e;
	t->trouble.code = code;
	pthread_mutex_unlock(&t->lock);
	if (code)
		DH_INFO(t, "%s", e->text);
}

static void carry(void *arg)
{
	struct connection *c = arg;
	struct dh_turn_tunnel *t = c->tunnel;
	struct tunnel_far far;
	struct dh_err e = {0};
	int err = tunnel_dial(&far, &t->route, t->stop, &e);
	if (err != DH_ECANCELED)
		note(t, err, &e);
	if (!err) {
		tunnel_pump(c->near, &far, t->stop);
		tunnel_far_close(&far);
	}
	close(c->near);
	free(c);
	atomic_fetch_sub(&t->live, 1);
	unref(t);
}

static void accept_one(struct dh_turn_tunnel *t)
{
	int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!is_ours(fd) || atomic_load(&t->live) >= AT_ONCE) {
		DH_WARN(t, "a connection was refused: of another program, or too many");
		close(fd);
		return;
	}
	struct connection *c = dh_alloc(sizeof(*c));
	c->tunnel = t;
	c->near = fd;
	atomic_fetch_add(&t->refs, 1);
	atomic_fetch_add(&t->live, 1);
	if (dh_helper_start(carry, c)) {
		close(fd);
		free(c);
		atomic_fetch_sub(&t->live, 1);
		atomic_fetch_sub(&t->refs, 1);
	}
}

static void serve(void *arg)
{
	struct dh_turn_tunnel *t = arg;
	while (!tunnel_wait(t->listener, POLLIN, t->stop, INT64_MAX))
		accept_one(t);
	unref(t);
}

/* -- what others call -- */

static int make_tls(struct dh_turn_tunnel *t, const char *ca_file, struct dh_err *e)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	if (!c)
		return dh_fail(e, DH_ENOMEM, "no memory for TLS");
	t->route.tls = c;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION); /* RFC 8996 */
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_default_verify_paths(c);
	if (ca_file && SSL_CTX_load_verify_locations(c, ca_file, NULL) != 1)
		return dh_fail(e, DH_EINVAL, "no certificates in %s", ca_file);
	return DH_OK;
}

static int open_port(struct dh_turn_tunnel *t, struct dh_err *e)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	t->stop = eventfd(0, EFD_CLOEXEC);
	if (t->listener < 0 || t->stop < 0 || bind(t->listener, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(t->listener, AT_ONCE) || getsockname(t->listener, (struct sockaddr *)&a, &size))
		return dh_fail(e, DH_EIO, "no port for a TURN tunnel: %s", strerror(errno));
	t->port = ntohs(a.sin_port);
	return DH_OK;
}

int dh_turn_tunnel_create(struct dh_turn_tunnel **out, const struct dh_turn_tunnel_options *o, struct dh_err *e)
{
	int err = o->proxy ? dh_proxy_check(o->proxy, e) : DH_OK;
	if (err)
		return err;
	struct dh_turn_tunnel *t = dh_alloc(sizeof(*t));
	dh_log_init(&t->log, "agent/rtc/turn_tunnel");
	pthread_mutex_init(&t->lock, NULL);
	atomic_init(&t->refs, 1);
	t->listener = t->stop = -1;
	t->route.host = dh_strdup(o->host);
	t->route.port = o->port;
	if (o->proxy) {
		t->route.has_proxy = true;
		t->route.proxy = *o->proxy;
		t->route.proxy.host = dh_strdup(o->proxy->host);
		t->route.proxy.username = dh_strdup(o->proxy->username);
		t->route.proxy.password = dh_strdup(o->proxy->password);
	}
	err = o->is_tls ? make_tls(t, o->ca_file, e) : DH_OK;
	if (!err)
		err = open_port(t, e);
	if (!err) {
		atomic_fetch_add(&t->refs, 1);
		err = dh_helper_start(serve, t);
		if (err) {
			atomic_fetch_sub(&t->refs, 1);
			dh_fail(e, err, "cannot start a thread for a TURN tunnel");
		}
	}
	if (err)
		unref(t);
	else
		*out = t;
	return err;
}

void dh_turn_tunnel_close(struct dh_turn_tunnel *t)
{
	if (!t)
		return;
	eventfd_write(t->stop, 1);
	unref(t);
}

uint16_t dh_turn_tunnel_port(const struct dh_turn_tunnel *t)
{
	return t->port;
}

int dh_turn_tunnel_trouble(struct dh_turn_tunnel *t, struct dh_err *e)
{
	pthread_mutex_lock(&t->lock);
	int code = t->trouble.code;
	if (code)
		*e = t->trouble;
	pthread_mutex_unlock(&t->lock);
	return code;
}
