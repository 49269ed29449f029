/* Peer credentials on Linux; see peer.h. */
#include "agent/platform/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void exe_of(pid_t pid, char *out, size_t size)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t n = readlink(path, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
}

/* proc(5): the parent is the second field behind the name in brackets. */
static pid_t parent_of(pid_t pid)
{
	char path[32], line[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	int parent = 0;
	if (fgets(line, sizeof(line), f)) {
		const char *p = strrchr(line, ')');
		if (!p || sscanf(p + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(f);
	return parent;
}

int dh_peer_of_unix(int fd, struct dh_peer_process *out, struct dh_err *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return dh_fail(e, DH_EIO, "no credentials of the peer: %s", strerror(errno));
	memset(out, 0, sizeof(*out));
	out->uid = cred.uid;
	out->pid = cred.pid;
	if (cred.pid > 0) {
		exe_of(cred.pid, out->exe, sizeof(out->exe));
		out->parent = parent_of(cred.pid);
	}
	if (out->parent > 0)
		exe_of(out->parent, out->parent_exe, sizeof(out->parent_exe));
	return DH_OK;
}

/* sock_diag(7): exact look-up of one TCP socket. "src" is the socket's own end, here the peer. */
static int ask_diag(const struct sockaddr_in *peer, const struct sockaddr_in *own, uid_t *uid)
{
	struct {
		struct nlmsghdr nlh;
		struct inet_diag_req_v2 req;
	} ask = {
		.nlh = {.nlmsg_len = sizeof(ask), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
		.req = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U},
	};
	ask.req.id.idiag_sport = peer->sin_port;
	ask.req.id.idiag_dport = own->sin_port;
	ask.req.id.idiag_src[0] = peer->sin_addr.s_addr;
	ask.req.id.idiag_dst[0] = own->sin_addr.s_addr;
	ask.req.id.idiag_cookie[0] = ask.req.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return DH_ENOTSUP;
	union {
		struct nlmsghdr nlh;
		char bytes[2048];
	} got;
	ssize_t n = -1;
	/* the kernel answers inside send(), so this never waits */
	if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		n = recv(fd, &got, sizeof(got), MSG_DONTWAIT);
	close(fd);
	if (n < (ssize_t)NLMSG_HDRLEN || !NLMSG_OK(&got.nlh, (size_t)n))
		return DH_ENOTSUP;
	if (got.nlh.nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *err = NLMSG_DATA(&got.nlh);
		return err->error == -ENOENT ? DH_ENOENT : DH_ENOTSUP;
	}
	if (got.nlh.nlmsg_type != SOCK_DIAG_BY_FAMILY || got.nlh.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return DH_ENOTSUP;
	const struct inet_diag_msg *m = NLMSG_DATA(&got.nlh);
	if (!m->idiag_inode) /* closed already: reported as root's */
		return DH_ENOENT;
	*uid = m->idiag_uid;
	return DH_OK;
}

/* proc_net_tcp: addresses are hexadecimal words in host order; IPv4 inside IPv6 sits in the last word. */
int dh_peer_from_table(const char *path, bool is_v6, const struct sockaddr_in *peer, const struct sockaddr_in *own,
		       uid_t *uid)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return DH_EIO;
	char line[512];
	int ret = DH_ENOENT;
	const char *form = is_v6 ? " %*u: %*24c%8x:%4x %*24c%8x:%4x %*x %*s %*s %*s %u %*u %lu"
				 : " %*u: %8x:%4x %8x:%4x %*x %*s %*s %*s %u %*u %lu";
	while (ret == DH_ENOENT && fgets(line, sizeof(line), f)) {
		unsigned la, lp, ra, rp, owner;
		unsigned long inode;
		if (sscanf(line, form, &la, &lp, &ra, &rp, &owner, &inode) != 6)
			continue;
		if (la == peer->sin_addr.s_addr && lp == ntohs(peer->sin_port) && ra == own->sin_addr.s_addr &&
		    rp == ntohs(own->sin_port) && inode) {
			*uid = owner;
			ret = DH_OK;
		}
	}
	fclose(f);
	return ret;
}

int dh_peer_of_tcp(int fd, uid_t *uid, struct dh_err *e)
{
	struct sockaddr_in peer, own;
	socklen_t n = sizeof(peer), m = sizeof(own);
	if (getpeername(fd, (struct sockaddr *)&peer, &n) || getsockname(fd, (struct sockaddr *)&own, &m))
		return dh_fail(e, DH_ENOENT, "the peer is gone already: %s", strerror(errno));
	if (peer.sin_family != AF_INET || own.sin_family != AF_INET)
		return dh_fail(e, DH_EINVAL, "not an IPv4 connection");
	int err = ask_diag(&peer, &own, uid);
	if (err == DH_ENOTSUP) {
		err = dh_peer_from_table("/proc/net/tcp", false, &peer, &own, uid);
		if (err)
			err = dh_peer_from_table("/proc/net/tcp6", true, &peer, &own, uid);
	}
	if (err)
		return dh_fail(e, err, "no owner found for the peer at port %u", (unsigned)ntohs(peer.sin_port));
	return DH_OK;
}
