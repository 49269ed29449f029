/* See rtmp_url.h. What passes is taken apart and put together anew, so that no other parser can read another host or
 * an option out of it. */
#include "common/rtmp_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/origin.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define IN_LOGIN LETTERS "-._~!$&+,;=%:"
#define IN_PATH LETTERS "-._~!$&+,;=%:@/"
#define IN_QUERY IN_PATH "?()"

static int refuse(struct dh_err *e, const char *why)
{
	dh_fail(e, DH_EINVAL, "the address to push to is not acceptable: %s", why);
	return dh_hint(e, "It is rtmp://host/app/name or rtmps://host/app/name, with a port where it has one.");
}

/* "" or what is wrong. Each % begins two hex digits, which are no control character and, in a path, nothing that a
 * server could take for a part of its own. */
static const char *wrong_escapes(const char *text, bool is_path)
{
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%')) {
		if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
			return "a % is not followed by two hex digits";
		long c = strtol((char[]){p[1], p[2], '\0'}, NULL, 16);
		if (c < 0x20 || c == 0x7f || (is_path && strchr(" ./\\%?#", (int)c)))
			return "it hides a character behind a %";
	}
	return "";
}

/* Segments between slashes; none empty, none that climbs. */
static bool has_bad_segment(const char *path)
{
	for (const char *s = path;; s++) {
		size_t n = strcspn(s, "/");
		if (!n || (n == 1 && *s == '.') || (n == 2 && !strncmp(s, "..", 2)))
			return true;
		s += n;
		if (!*s)
			return false;
	}
}

/* "rtmp://" or "rtmps://"; what follows, or NULL. */
static const char *take_scheme(const char *text, bool *is_tls)
{
	static const char *const schemes[] = {"rtmp://", "rtmps://"};
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]), same = 0;
		while (same < n && tolower((unsigned char)text[same]) == schemes[i][same])
			same++;
		if (same == n) {
			*is_tls = i == 1;
			return text + n;
		}
	}
	return NULL;
}

static int default_port(bool is_tls)
{
	return is_tls ? 443 : 1935;
}

/* HOST or HOST:PORT; the rules for hosts are those of origins: one spelling of each address. */
static int take_host(char *text, bool is_tls, char host[200], int *port, struct dh_err *e)
{
	struct dh_origin o;
	char origin[DH_ORIGIN_MAX], *colon = strrchr(text, ':');
	*port = default_port(is_tls);
	if (colon && !strchr(colon, ']')) {
		size_t n = strspn(colon + 1, "0123456789");
		*port = n && n <= 5 && !colon[1 + n] && colon[1] != '0' ? atoi(colon + 1) : 0;
		if (*port < 1 || *port > 65535)
			return refuse(e, "the port is not 1 to 65535");
		*colon = '\0';
	}
	snprintf(origin, sizeof(origin), "https://%s", text);
	if (strlen(text) >= 200 || dh_origin_parse(&o, origin, false, NULL) || o.port)
		return refuse(e, "the host is not a name or address in its plain form");
	dh_strcopy(host, 200, o.host);
	return DH_OK;
}

/* The piece of text up to end into out. */
static bool take(char *out, size_t size, const char *text, const char *end)
{
	size_t n = (size_t)(end - text);
	if (n >= size)
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return true;
}

/* "/APP/NAME?QUERY" */
static int take_path(struct dh_rtmp_url *u, const char *path, struct dh_err *e)
{
	char plain[DH_RTMP_URL_MAX + 1];
	const char *query = path + strcspn(path, "?");
	if (!take(plain, sizeof(plain), path + 1, query))
		return refuse(e, "it is too long");
	if (plain[strspn(plain, IN_PATH)] || query[strspn(query, IN_QUERY)])
		return refuse(e, "it has a character that addresses do not have (a space, a quote, a control ...)");
	const char *wrong = wrong_escapes(plain, true);
	if (!*wrong)
		wrong = wrong_escapes(query, false);
	if (*wrong)
		return refuse(e, wrong);
	const char *slash = strrchr(plain, '/');
	if (!slash || has_bad_segment(plain))
		return refuse(e, "it needs an application and the stream's name, without empty parts and dots: /app/name");
	if (!take(u->app, sizeof(u->app), plain, slash) ||
	    (size_t)snprintf(u->name, sizeof(u->name), "%s%s", slash + 1, query) >= sizeof(u->name))
		return refuse(e, "application or name is too long");
	return DH_OK;
}

/* Before the "@": at most one, and as FFmpeg would read it. */
static int take_login(struct dh_rtmp_url *u, const char **authority, struct dh_err *e)
{
	const char *at = strchr(*authority, '@');
	if (!at)
		return DH_OK;
	if (strchr(at + 1, '@') || at == *authority || !take(u->login, sizeof(u->login), *authority, at))
		return refuse(e, "what stands before the @ is not USER:PASSWORD");
	const char *colon = strchr(u->login, ':');
	if (u->login[strspn(u->login, IN_LOGIN)] || (colon && strchr(colon + 1, ':')) || *wrong_escapes(u->login, false))
		return refuse(e, "what stands before the @ is not USER:PASSWORD");
	*authority = at + 1;
	return DH_OK;
}

static void make_shown(struct dh_rtmp_url *u)
{
	char port[8] = "";
	if (u->port != default_port(u->is_tls))
		snprintf(port, sizeof(port), ":%d", u->port);
	snprintf(u->shown, sizeof(u->shown), "%s://%s%s/%.*s/...", u->is_tls ? "rtmps" : "rtmp", u->host, port,
		 (int)(strcspn(u->app, "/") < 60 ? strcspn(u->app, "/") : 60), u->app);
}

int dh_rtmp_url_parse(struct dh_rtmp_url *out, const char *text, struct dh_err *e)
{
	struct dh_rtmp_url u = {0};
	char authority[400];
	if (strlen(text) > DH_RTMP_URL_MAX)
		return refuse(e, "it is too long");
	const char *rest = take_scheme(text, &u.is_tls);
	if (!rest)
		return refuse(e, "it begins neither with rtmp:// nor with rtmps://");
	const char *path = rest + strcspn(rest, "/?#\\");
	if (*path != '/')
		return refuse(e, "no path follows the host");
	if (!take(authority, sizeof(authority), rest, path))
		return refuse(e, "the host is too long");
	const char *host = authority;
	int err = take_login(&u, &host, e);
	if (!err)
		err = take_host((char *)host, u.is_tls, u.host, &u.port, e);
	if (!err)
		err = take_path(&u, path, e);
	if (err)
		return err;
	make_shown(&u);
	*out = u;
	return DH_OK;
}

void dh_rtmp_url_server(const struct dh_rtmp_url *u, char *out, size_t size)
{
	snprintf(out, size, "%s://%s%s%s:%d", u->is_tls ? "rtmps" : "rtmp", u->login, u->login[0] ? "@" : "", u->host,
		 u->port);
}

bool dh_rtmp_is_url(const char *text)
{
	bool is_tls;
	return take_scheme(text, &is_tls) != NULL;
}

int dh_rtmp_target_parse(struct dh_rtmp_target *out, const char *text, struct dh_err *e)
{
	struct dh_rtmp_target t = {0};
	struct dh_err why = {0};
	char authority[220];
	const char *rest = take_scheme(text, &t.is_tls), *path = rest ? strchr(rest, '/') : NULL;
	int err = !path || !take(authority, sizeof(authority), rest, path) ? refuse(&why, "it is not rtmp[s]://HOST/PATH") :
		  take_host(authority, t.is_tls, t.host, &t.port, &why);
	if (!err && (strlen(path) >= sizeof(t.path) || strpbrk(path, "?#")))
		err = refuse(&why, "an entry is compared without the query, and has none");
	if (err) {
		dh_fail(e, err, "push_targets: \"%.80s\" cannot be used: %s", text, why.text);
		return dh_hint(e, "Write rtmps://live.example/app/* or the like.");
	}
	dh_strcopy(t.path, sizeof(t.path), path);
	*out = t;
	return DH_OK;
}

bool dh_rtmp_target_matches(const struct dh_rtmp_target *t, const struct dh_rtmp_url *u)
{
	char path[sizeof(u->app) + sizeof(u->name) + 2];
	size_t n = strlen(t->path);
	int name_bytes = (int)strcspn(u->name, "?");
	snprintf(path, sizeof(path), "/%s/%.*s", u->app, name_bytes, u->name);
	if (t->is_tls != u->is_tls || t->port != u->port || strcmp(t->host, u->host))
		return false;
	return n && t->path[n - 1] == '*' ? !strncmp(t->path, path, n - 1) : !strcmp(t->path, path);
}
