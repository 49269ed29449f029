/* Origins; see origin.h. No sub-string, suffix or pattern compare anywhere: two normalised texts are equal or
 * they are not; a wildcard stands for exactly one label. */
#include "common/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static int refuse(struct dh_err *e, const char *text, const char *why)
{
	dh_fail(e, DH_EINVAL, "\"%.80s\" is not an acceptable origin: %s", text, why);
	return dh_hint(e, "An origin is scheme://host or scheme://host:port, as the browser's address bar shows it.");
}

/* Lower-cased scheme up to "://"; returns what follows, or NULL. */
static const char *take_scheme(struct dh_origin *o, const char *text)
{
	const char *p = strstr(text, "://");
	size_t n = p ? (size_t)(p - text) : 0;
	if (!n || n >= sizeof(o->scheme))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (!isalnum(c) && c != '-')
			return NULL;
		o->scheme[i] = (char)tolower(c);
	}
	o->is_https = !strcmp(o->scheme, "https");
	o->is_http = !strcmp(o->scheme, "http");
	o->is_file = !strcmp(o->scheme, "file");
	o->is_extension = !strcmp(o->scheme, "chrome-extension") || !strcmp(o->scheme, "moz-extension");
	return p + 3;
}

/* ":port" or nothing; the default port vanishes. */
static int take_port(struct dh_origin *o, const char *p, const char *text, struct dh_err *e)
{
	if (!*p)
		return DH_OK;
	size_t n = *p == ':' ? strspn(p + 1, "0123456789") : 0;
	if (!n || n > 5 || p[1 + n])
		return refuse(e, text, "something other than a port follows the host");
	long port = strtol(p + 1, NULL, 10);
	if (port < 1 || port > 65535)
		return refuse(e, text, "the port is not 1 to 65535");
	o->port = (o->is_https && port == 443) || (o->is_http && port == 80) ? 0 : (int)port;
	return DH_OK;
}

static int take_ipv6(struct dh_origin *o, const char **p, const char *text, struct dh_err *e)
{
	const char *end = strchr(*p, ']');
	struct in6_addr addr;
	char inner[INET6_ADDRSTRLEN + 1] = "";
	if (!end || end - *p - 1 > INET6_ADDRSTRLEN)
		return refuse(e, text, "the IPv6 address is malformed");
	dh_strcopy(inner, (size_t)(end - *p), *p + 1);
	if (inet_pton(AF_INET6, inner, &addr) != 1)
		return refuse(e, text, "the IPv6 address is malformed");
	inet_ntop(AF_INET6, &addr, inner, sizeof(inner));
	snprintf(o->host, sizeof(o->host), "[%s]", inner);
	o->is_ip_literal = true;
	o->is_loopback = !strcmp(inner, "::1");
	*p = end + 1;
	return DH_OK;
}

/* Labels of letters, digits, '-' and '_', none empty, none longer than 63 (RFC 1035). */
static bool is_host_name(const char *host)
{
	size_t label = 0;
	for (const char *c = host; *c; c++) {
		if (*c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if ((!isalnum((unsigned char)*c) && *c != '-' && *c != '_') || ++label > 63) {
			return false;
		}
	}
	return label > 0;
}

static int check_ipv4(struct dh_origin *o, const char *text, struct dh_err *e)
{
	/* a last label of digits (or 0x..) is an IPv4 address to a browser: only its one canonical form passes */
	const char *last = strrchr(o->host, '.');
	last = last ? last + 1 : o->host;
	if (!isdigit((unsigned char)*last))
		return DH_OK;
	struct in_addr addr;
	if (inet_pton(AF_INET, o->host, &addr) != 1)
		return refuse(e, text, "the IPv4 address is malformed");
	o->is_ip_literal = true;
	o->is_loopback = !strcmp(o->host, "127.0.0.1");
	return DH_OK;
}

static int take_host(struct dh_origin *o, const char **p, bool may_wildcard, const char *text, struct dh_err *e)
{
	if (**p == '[')
		return take_ipv6(o, p, text, e);
	size_t n = strcspn(*p, ":/?#@\\");
	if (!n || n >= sizeof(o->host))
		return refuse(e, text, n ? "the host is too long" : "the host is missing");
	for (size_t i = 0; i < n; i++)
		o->host[i] = (char)tolower((unsigned char)(*p)[i]);
	o->host[n] = '\0';
	*p += n;
	const char *name = o->host;
	if (!strncmp(name, "*.", 2)) {
		if (!may_wildcard || !o->is_https)
			return refuse(e, text, "a wildcard is for https entries of a policy only");
		o->is_wildcard = true;
		name += 2;
		if (!strchr(name, '.'))
			return refuse(e, text, "a wildcard needs two labels behind it");
	}
	if (!is_host_name(name))
		return refuse(e, text, "the host has an empty label or a character hosts do not have");
	size_t len = strlen(name);
	o->is_loopback = !strcmp(name, "localhost") || (len > 10 && !strcmp(name + len - 10, ".localhost"));
	return check_ipv4(o, text, e);
}

int dh_origin_parse(struct dh_origin *out, const char *text, bool may_wildcard, struct dh_err *e)
{
	struct dh_origin o = {0};
	if (!text || !*text)
		return refuse(e, "", "it is empty");
	if (!strcmp(text, "null"))
		return refuse(e, text, "sandboxed frames and local files have no origin of their own");
	if (strlen(text) >= sizeof(o.text))
		return refuse(e, text, "it is too long");
	const char *p = take_scheme(&o, text);
	if (!p)
		return refuse(e, text, "the scheme is missing or malformed");
	if (o.is_file) {
		if (*p)
			return refuse(e, text, "all local files share the origin file://");
		dh_strcopy(o.text, sizeof(o.text), "file://");
		*out = o;
		return DH_OK;
	}
	if (!o.is_https && !o.is_http && !o.is_extension)
		return refuse(e, text, "the scheme is neither https nor http");
	int err = take_host(&o, &p, may_wildcard, text, e);
	if (!err)
		err = take_port(&o, p, text, e);
	if (err)
		return err;
	char port[8] = "";
	if (o.port)
		snprintf(port, sizeof(port), ":%d", o.port);
	if (snprintf(o.text, sizeof(o.text), "%s://%s%s", o.scheme, o.host, port) >= (int)sizeof(o.text))
		return refuse(e, text, "it is too long");
	*out = o;
	return DH_OK;
}

bool dh_origin_matches(const struct dh_origin *entry, const struct dh_origin *page)
{
	if (page->is_wildcard)
		return false;
	if (!entry->is_wildcard)
		return !strcmp(entry->text, page->text);
	if (strcmp(entry->scheme, page->scheme) || entry->port != page->port)
		return false;
	const char *dot = strchr(page->host, '.');
	return dot && dot > page->host && !strcmp(dot, entry->host + 1);
}

bool dh_origin_may_ask(const struct dh_origin *o, struct dh_err *e)
{
	if (o->is_loopback && (o->is_https || o->is_http))
		return true;
	if (o->is_https && !o->is_ip_literal)
		return true;
	dh_fail(e, DH_EPERM, "%s may not connect: it is %s and no policy lists it", o->text,
		o->is_file ? "a local file" : o->is_extension ? "an extension" :
		o->is_ip_literal ? "a bare address" : "not served over https");
	dh_hint(e, "Serve the page over https under a name, or let the administrator list its origin in the policy.");
	return false;
}
