/* Who is at the other end of a local connection, as the kernel knows it. */
#ifndef DH_PLATFORM_PEER_H
#define DH_PLATFORM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct dh_peer_process {
	uid_t uid;
	pid_t pid;      /* 0: not visible from here */
	char exe[256];  /* its executable, "" unknown */
	pid_t parent;   /* 0 unknown */
	char parent_exe[256];
};

/* The process that made the other end of a connected Unix socket (SR-08). Any thread. Errors: DH_EIO. */
int dh_peer_of_unix(int fd, struct dh_peer_process *out, struct dh_err *e);

/* The uid that owns the other end of a TCP connection on this machine (SR-10): asked of sock_diag, else read from
 * /proc/net/tcp and tcp6. An end without a file (closed already) has no owner. Any thread, does not block.
 * Errors: DH_ENOENT no such socket here, DH_EIO. */
int dh_peer_of_tcp(int fd, uid_t *uid, struct dh_err *e);

/* The second road of dh_peer_of_tcp() alone: read one table ("/proc/net/tcp"). For tests and for kernels
 * without sock_diag. is_v6: the table's addresses have 32 hexadecimal digits. */
struct sockaddr_in;
int dh_peer_from_table(const char *path, bool is_v6, const struct sockaddr_in *peer, const struct sockaddr_in *own,
		       uid_t *uid);

#endif
