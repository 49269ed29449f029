/* The agent's Unix socket: one agent per runtime directory, only for our own uid. Connections: tr_socket_conn.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/transports/tr_socket_priv.h"
#include "common/alloc.h"

/* SR-35: the lock decides who is the agent here; it ends with the process, however that ends. */
static int take_lock(const char *dir, int *out, struct dh_err *e)
{
	char path[DH_PLACE_MAX + 16], pid[24] = "";
	snprintf(path, sizeof(path), "%s/agent.lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return dh_fail(e, dh_err_from_errno(errno), "cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		ssize_t n = read(fd, pid, sizeof(pid) - 1);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		close(fd);
		dh_fail(e, DH_EBUSY, "another agent runs already (pid %s holds %s)", pid[0] ? pid : "unknown", path);
		return dh_hint(e, "use that one, or end it first: kill %s", pid[0] ? pid : "PID");
	}
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || write(fd, pid, (size_t)n) != n) {
		close(fd);
		return dh_fail(e, dh_err_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
	}
	*out = fd;
	return DH_OK;
}

static int address(struct sockaddr_un *a, const char *path, struct dh_err *e)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(a->sun_path))
		return dh_fail(e, DH_ELIMIT, "the socket path %s is longer than %zu bytes", path, sizeof(a->sun_path) - 1);
	dh_strcopy(a->sun_path, sizeof(a->sun_path), path);
	return DH_OK;
}

/* SR-35: what lies there is taken over only if it is our own socket and nobody answers behind it. */
static int check_stale(const char *path, const struct sockaddr_un *a, struct dh_err *e)
{
	struct stat st;
	if (lstat(path, &st))
		return errno == ENOENT ? DH_OK
				       : dh_fail(e, dh_err_from_errno(errno), "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) {
		dh_fail(e, DH_EPERM, "%s is in the way: not a socket of uid %u", path, (unsigned)geteuid());
		return dh_hint(e, "look who made it, then remove it");
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return dh_fail(e, DH_EIO, "no socket: %s", strerror(errno));
	int failed = connect(fd, (const struct sockaddr *)a, sizeof(*a)) ? errno : 0;
	close(fd);
	if (failed == ECONNREFUSED || failed == ENOENT)
		return DH_OK;
	return dh_fail(e, DH_EBUSY, "another program serves %s (%s)", path, failed ? strerror(failed) : "it answers");
}

/* Bound beside its place, listening, then renamed into it: whoever sees agent.sock can connect to it. */
static int open_listener(const char *path, int *out, struct dh_err *e)
{
	struct sockaddr_un a;
	char beside[DH_PLACE_MAX + 24];
	int err = address(&a, path, e);
	if (!err)
		err = check_stale(path, &a, e);
	snprintf(beside, sizeof(beside), "%s.new", path);
	if (!err)
		err = address(&a, beside, e);
	if (err)
		return err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return dh_fail(e, DH_EIO, "no socket: %s", strerror(errno));
	unlink(beside);
	/* chmod before listen: nobody can connect in between (SR-07) */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || chmod(beside, 0600) || listen(fd, 32) ||
	    rename(beside, path)) {
		err = dh_fail(e, dh_err_from_errno(errno), "cannot listen on %s: %s", path, strerror(errno));
		unlink(beside);
		close(fd);
		return err;
	}
	*out = fd;
	return DH_OK;
}

static void connected(uv_stream_t *listener, int status)
{
	struct dh_tr_socket *t = listener->data;
	if (status < 0) {
		DH_WARN(t, "cannot accept: %s", uv_strerror(status));
		return;
	}
	dh_socket_conn_start(t);
}

static void reap(uv_idle_t *idle)
{
	struct dh_tr_socket *t = idle->data;
	uv_idle_stop(idle);
	dh_socket_reap(t);
	dh_list_for_each(pos, &t->conns) {
		struct dh_socket_conn *c = dh_container_of(pos, struct dh_socket_conn, node);
		if (!c->was_full || dh_socket_conn_queued(c))
			continue;
		c->was_full = false;
		dh_socket_drained(c);
	}
}

void dh_socket_reap_soon(struct dh_tr_socket *t)
{
	uv_idle_start(&t->reaper, reap);
}

void dh_socket_handle_gone(struct dh_tr_socket *t)
{
	if (--t->handles == 0 && t->is_closing)
		free(t);
}

static void handle_closed(uv_handle_t *h)
{
	dh_socket_handle_gone(h->data);
}

int dh_tr_socket_create(struct dh_tr_socket **out, struct dh_loop *loop, struct dh_ctl *ctl, struct dh_err *e)
{
	char dir[DH_PLACE_MAX];
	int fd = -1, lock = -1;
	int err = dh_place_runtime(dir, e);
	if (!err)
		err = take_lock(dir, &lock, e);
	if (err)
		return err;
	struct dh_tr_socket *t = dh_alloc(sizeof(*t));
	snprintf(t->path, sizeof(t->path), "%s/agent.sock", dir);
	err = open_listener(t->path, &fd, e);
	if (err) {
		close(lock);
		free(t);
		return err;
	}
	dh_log_init(&t->log, "agent/tr_socket");
	t->loop = loop;
	t->ctl = ctl;
	t->lock_fd = lock;
	dh_list_init(&t->conns);
	dh_list_init(&t->dead);
	uv_idle_init(&loop->uv, &t->reaper);
	uv_pipe_init(&loop->uv, &t->listener, 0);
	t->reaper.data = t->listener.data = t;
	t->handles = 2;
	err = uv_pipe_open(&t->listener, fd);
	if (!err)
		err = uv_listen((uv_stream_t *)&t->listener, 32, connected);
	if (err) {
		dh_fail(e, dh_err_from_uv(err), "cannot listen on %s: %s", t->path, uv_strerror(err));
		dh_tr_socket_destroy(t);
		return dh_err_from_uv(err);
	}
	DH_INFO(t, "listening on %s", t->path);
	*out = t;
	return DH_OK;
}

const char *dh_tr_socket_path(const struct dh_tr_socket *t)
{
	return t->path;
}

void dh_tr_socket_destroy(struct dh_tr_socket *t)
{
	if (!t)
		return;
	unlink(t->path);
	dh_socket_conns_stop(t);
	t->is_closing = true;
	uv_close((uv_handle_t *)&t->reaper, handle_closed);
	uv_close((uv_handle_t *)&t->listener, handle_closed);
	close(t->lock_fd);
}
