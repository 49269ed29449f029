/* stun: and turn: addresses (RFC 7064, RFC 7065), read strictly. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/rtc/ice.h"
#include "common/alloc.h"

struct scheme {
	const char *text;
	uint16_t port;
	bool is_turn, is_tls;
};

static const struct scheme schemes[] = { /* default ports: RFC 7064, 3.2 and RFC 7065, 3.2 */
	{"stun:", 3478, false, false}, {"turn:", 3478, true, false}, {"turns:", 5349, true, true}};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* The host at *p, which moves behind it. */
static int read_host(const char **p, struct dh_ice_server *out, struct dh_err *e)
{
	char allowed[sizeof(letters) + 3];
	bool is_v6 = **p == '[';
	*p += is_v6;
	dh_strcopy(allowed, sizeof(allowed), letters);
	memcpy(allowed + sizeof(letters) - 1, is_v6 ? ":." : "-._", is_v6 ? 3 : 4);
	size_t n = strspn(*p, allowed);
	if (!n || n >= sizeof(out->host))
		return dh_fail(e, DH_EINVAL, "an ICE server's address has no acceptable host");
	memcpy(out->host, *p, n);
	out->host[n] = 0;
	*p += n;
	struct in6_addr bytes;
	if (is_v6 && (*(*p)++ != ']' || inet_pton(AF_INET6, out->host, &bytes) != 1))
		return dh_fail(e, DH_EINVAL, "an ICE server's [IPv6 address] is malformed");
	if (**p && **p != ':' && **p != '?') /* also user@host, which would be a password in an address */
		return dh_fail(e, DH_EINVAL, "an ICE server's address must be scheme:host:port, as in turn:host:3478");
	return DH_OK;
}

static int read_port(const char **p, struct dh_ice_server *out, struct dh_err *e)
{
	unsigned long port = 0;
	size_t n = strspn(++*p, "0123456789");
	for (size_t i = 0; i < n && n <= 5; i++)
		port = port * 10 + (unsigned long)((*p)[i] - '0');
	if (!port || port > 65535)
		return dh_fail(e, DH_EINVAL, "the port of ICE server %s is not 1 to 65535", out->host);
	out->port = (uint16_t)port;
	*p += n;
	return DH_OK;
}

static int read_transport(const char *p, const struct scheme *s, struct dh_ice_server *out, struct dh_err *e)
{
	bool is_udp = !strcmp(p, "?transport=udp"), is_tcp = !strcmp(p, "?transport=tcp");
	out->kind = !s->is_turn ? DH_ICE_STUN : s->is_tls ? DH_ICE_TURN_TLS : is_tcp ? DH_ICE_TURN_TCP : DH_ICE_TURN_UDP;
	if (!*p)
		return DH_OK;
	if (!s->is_turn || (!is_udp && !is_tcp))
		return dh_fail(e, DH_EINVAL, "after the host of ICE server %s only ?transport=udp or tcp of turn: may come",
			       out->host);
	if (s->is_tls && is_udp) {
		dh_fail(e, DH_ENOTSUP, "TURN over DTLS (turns: with transport=udp) to %s is not supported", out->host);
		dh_hint(e, "use turns: without transport=udp");
		return DH_ENOTSUP;
	}
	return DH_OK;
}

int dh_ice_server_parse(struct dh_ice_server *out, const char *url, const char *username, const char *password,
			struct dh_err *e)
{
	struct dh_ice_server s = {.username = username, .password = password};
	const struct scheme *scheme = NULL;
	if (!url || strnlen(url, DH_ICE_URL_MAX) == DH_ICE_URL_MAX)
		return dh_fail(e, DH_EINVAL, "an ICE server's address is missing or too long");
	if (!strncmp(url, "stuns:", 6))
		return dh_fail(e, DH_ENOTSUP, "STUN over TLS (stuns:) is not supported; use stun:");
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strncmp(url, schemes[i].text, strlen(schemes[i].text)))
			scheme = &schemes[i];
	if (!scheme)
		return dh_fail(e, DH_EINVAL, "an ICE server's address must begin with stun:, turn: or turns:");
	const char *p = url + strlen(scheme->text);
	s.port = scheme->port;
	int err = read_host(&p, &s, e);
	if (!err && *p == ':')
		err = read_port(&p, &s, e);
	if (!err)
		err = read_transport(p, scheme, &s, e);
	if (!err)
		err = dh_ice_server_check(&s, e);
	if (!err)
		*out = s;
	return err;
}

int dh_ice_server_check(const struct dh_ice_server *s, struct dh_err *e)
{
	if (s->kind < DH_ICE_STUN || s->kind > DH_ICE_TURN_TLS || !s->host[0] || !s->port)
		return dh_fail(e, DH_EINVAL, "an ICE server needs a kind, a host and a port");
	if (s->kind == DH_ICE_STUN)
		return DH_OK;
	if (!s->username || !s->username[0] || !s->password || !s->password[0])
		return dh_fail(e, DH_EINVAL, "TURN server %s needs a user name and a password", s->host);
	/* RFC 8489, 14.3: less than 509 bytes; libnice cuts no shorter */
	if (strlen(s->username) > 508 || strlen(s->password) > 508)
		return dh_fail(e, DH_EINVAL, "the user name or password of TURN server %s is too long", s->host);
	return DH_OK;
}
