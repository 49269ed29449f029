/* The addresses of this machine, from getifaddrs(). */
#include "agent/rtc/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* The address part of sa: 4 or 16 bytes; 0 for other families. */
static size_t raw(const struct sockaddr *sa, const void **out)
{
	if (sa && sa->sa_family == AF_INET) {
		*out = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
		return 4;
	}
	if (sa && sa->sa_family == AF_INET6) {
		*out = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		return 16;
	}
	return 0;
}

/* flags: of its interface, at least; without, no link-local ones. */
static void each(unsigned flags, void (*fn)(void *arg, const char *text), void *arg)
{
	struct ifaddrs *all;
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const void *bytes;
		char text[INET6_ADDRSTRLEN];
		size_t n = raw(i->ifa_addr, &bytes);
		bool is_local = n == 16 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)bytes);
		if (!n || (i->ifa_flags & flags) != flags || (!flags && is_local))
			continue;
		if (inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)))
			fn(arg, text);
	}
	freeifaddrs(all);
}

void dh_own_address_each(void (*fn)(void *arg, const char *text), void *arg)
{
	each(0, fn, arg);
}

struct search {
	uint8_t bytes[16];
	size_t n;
	bool is_found;
};

static void compare(void *arg, const char *text)
{
	struct search *s = arg;
	uint8_t bytes[16];
	if (inet_pton(s->n == 4 ? AF_INET : AF_INET6, text, bytes) == 1 && !memcmp(bytes, s->bytes, s->n))
		s->is_found = true;
}

static bool is_own(const char *text, unsigned flags)
{
	struct search s = {.n = 4};
	if (inet_pton(AF_INET, text, s.bytes) == 1) {
		if (s.bytes[0] == 127) /* RFC 1122, 3.2.1.3: all of 127/8 is this host */
			return true;
	} else if (inet_pton(AF_INET6, text, s.bytes) == 1) {
		s.n = 16;
	} else {
		return false;
	}
	each(flags, compare, &s);
	return s.is_found;
}

bool dh_own_address_is(const char *text)
{
	return is_own(text, 0);
}

bool dh_own_address_is_up(const char *text)
{
	return is_own(text, IFF_UP | IFF_RUNNING);
}
