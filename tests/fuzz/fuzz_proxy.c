/* libFuzzer: what a proxy may answer. The first byte chooses kind and login. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/rtc/proxy_connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (!size)
		return 0;
	struct dh_proxy p = {.kind = bytes[0] & 1 ? DH_PROXY_HTTP : DH_PROXY_SOCKS5, .host = "p", .port = 1};
	struct dh_proxy_connect c;
	struct dh_err e;
	if (bytes[0] & 2) {
		p.username = "user";
		p.password = "word";
	}
	if (dh_proxy_connect_start(&c, &p, bytes[0] & 4 ? "::1" : "turn.test", 3478, &e))
		abort();
	for (size_t i = 1; i < size; i++) {
		c.out_size = 0;
		int err = dh_proxy_connect_input(&c, bytes[i], &e);
		if (c.out_size > sizeof(c.out))
			abort();
		if (err != DH_EAGAIN)
			return 0;
	}
	return 0;
}
