/* Changes of addresses and interfaces, from the kernel's routing socket (rtnetlink(7)). What changed is not read: who asks
 * looks at all addresses anew. */
#include "agent/platform/addresses.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int dh_addresses_watch(int *fd, struct dh_err *e)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a))) {
		dh_fail(e, DH_EIO, "the kernel tells no changes of addresses: %s", strerror(errno));
		if (s >= 0)
			close(s);
		return DH_EIO;
	}
	*fd = s;
	return DH_OK;
}

void dh_addresses_drain(int fd)
{
	char bytes[8192];
	ssize_t n;
	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS))); /* ENOBUFS: some were lost, and said so */
}
