/* Origins of web pages: parsed, normalised, compared exactly (SR-04). */
#ifndef DH_COMMON_ORIGIN_H
#define DH_COMMON_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define DH_ORIGIN_MAX 256
#define DH_ORIGIN_CLI "local:cli" /* the user at the command line; no page can have it */

struct dh_origin {
	char text[DH_ORIGIN_MAX]; /* normalised: lower case, no default port, no path */
	char scheme[24], host[200];
	int port;           /* 0: none in text */
	bool is_https, is_http, is_file, is_extension;
	bool is_wildcard;   /* host is "*.rest" */
	bool is_loopback;   /* localhost, *.localhost, 127.0.0.1, [::1] */
	bool is_ip_literal;
};

/* Parse what a browser or a person gave. may_wildcard: a policy entry, which may begin with one "*." label
 * (https only). Errors: DH_EINVAL says what is wrong with it ("null", userinfo, a path, ...). Any thread.
 * Source: RFC 6454, 6.2; WHATWG URL, host parsing (ASCII only: browsers send punycode). */
int dh_origin_parse(struct dh_origin *out, const char *text, bool may_wildcard, struct dh_err *e);

/* Whether a page's origin is what a listed entry means: equal, or one more label under a wildcard. Any thread. */
bool dh_origin_matches(const struct dh_origin *entry, const struct dh_origin *page);

/* Whether an origin without a grant may say agent.hello while users may grant: https with a host name, or
 * loopback. e says why not (DH_EPERM). Any thread. */
bool dh_origin_may_ask(const struct dh_origin *o, struct dh_err *e);

#endif
