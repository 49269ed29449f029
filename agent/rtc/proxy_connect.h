/* The client's part of asking a proxy for a connection: HTTP CONNECT with Basic (RFC 9110, 9.3.6; RFC 7617) and SOCKS5
 * with user name and password (RFC 1928, RFC 1929). Pure: bytes in and out. */
#ifndef DH_RTC_PROXY_CONNECT_H
#define DH_RTC_PROXY_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum dh_proxy_kind { DH_PROXY_NONE, DH_PROXY_HTTP, DH_PROXY_SOCKS5 };

struct dh_proxy {
	enum dh_proxy_kind kind;
	const char *host;
	uint16_t port;
	const char *username, *password; /* NULL: none */
};

struct dh_proxy_connect { /* all private but out and out_size */
	enum dh_proxy_kind kind;
	int step;
	size_t in_size, need; /* bytes of the present answer: so far, in all */
	uint8_t in[520];
	uint8_t request[600]; /* SOCKS5: sent after the greeting */
	size_t request_size;
	uint8_t login[520];
	size_t login_size;
	uint8_t out[2048]; /* to be sent now; whoever sends it sets out_size to 0 */
	size_t out_size;
};

/* Whether proxy is acceptable: a host, a port, lengths. Any thread. Errors: DH_EINVAL. */
int dh_proxy_check(const struct dh_proxy *proxy, struct dh_err *e);

/* Begin to ask for host (a name or a number) and port. Nothing of proxy is kept. Any thread. Errors: DH_EINVAL. */
int dh_proxy_connect_start(struct dh_proxy_connect *c, const struct dh_proxy *proxy, const char *host, uint16_t port,
			   struct dh_err *e);

/* One byte of the proxy's answer; one at a time because what follows the last is the server's. Any thread.
 * DH_OK: connected. Errors: DH_EAGAIN go on, and send out if there is any; DH_EPERM the proxy refused the user name or
 * password, or wants one; DH_EIO it cannot or will not connect; DH_EPROTO not an answer of such a proxy. */
int dh_proxy_connect_input(struct dh_proxy_connect *c, uint8_t byte, struct dh_err *e);

#endif
