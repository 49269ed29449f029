/* See target.h. Scheme and host are compared without regard to case (RFC 3986, 6.2.2.1), all else byte by byte. */
#include "common/target.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/alloc.h"

static bool is_dot_segment(const char *s, size_t n)
{
	size_t dots = 0;
	while (n && (*s == '.' || (n > 2 && !strncasecmp(s, "%2e", 3)))) {
		size_t step = *s == '.' ? 1 : 3;
		s += step;
		n -= step;
		dots++;
	}
	return !n && (dots == 1 || dots == 2);
}

static bool has_dot_segment(const char *path)
{
	for (const char *p = path; *p == '/';) {
		size_t n = strcspn(++p, "/?#");
		if (is_dot_segment(p, n))
			return true;
		p += n;
	}
	return false;
}

/* Length of scheme://host[:port], 0 when the text is no URL with a path. */
static size_t authority_length(const char *url)
{
	size_t scheme = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	if (!scheme || strncmp(url + scheme, "://", 3))
		return 0;
	size_t host = strcspn(url + scheme + 3, "/?#");
	for (size_t i = 0; i < host; i++) {
		char c = url[scheme + 3 + i];
		if (!isalnum((unsigned char)c) && !strchr("-._:[]", c))
			return 0; /* a login, a wildcard, ... */
	}
	size_t n = scheme + 3 + host;
	return host && url[n] == '/' ? n : 0;
}

static const char *trouble(const char *url)
{
	if (strlen(url) >= DH_TARGET_URL_MAX)
		return "it is too long";
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c))
			return "it has a character that URLs do not have";
	size_t n = authority_length(url);
	if (!n)
		return "it is not scheme://host/path";
	return has_dot_segment(url + n) ? "it has a . or .. segment" : NULL;
}

int dh_target_check(const char *entry, struct dh_err *e)
{
	const char *why = trouble(entry), *star = strchr(entry, '*');
	if (!why && star && star[1])
		why = "a * can only be its last character";
	if (!why)
		return DH_OK;
	dh_fail(e, DH_EINVAL, "push_targets: \"%.80s\" cannot be used: %s", entry, why);
	return dh_hint(e, "Write https://archive.example/files/ or rtmps://live.example/*.");
}

static bool is_meant(const char *entry, const char *url)
{
	size_t n = authority_length(entry), all = strlen(entry);
	if (!n || n != authority_length(url) || strncasecmp(entry, url, n))
		return false;
	return entry[all - 1] == '*' ? !strncmp(entry + n, url + n, all - n - 1) : !strcmp(entry + n, url + n);
}

bool dh_target_allows(const cJSON *entries, const char *url)
{
	const cJSON *v;
	if (trouble(url))
		return false;
	cJSON_ArrayForEach(v, entries)
		if (cJSON_IsString(v) && is_meant(v->valuestring, url))
			return true;
	return false;
}

void dh_target_origin(const char *url, char *out, size_t size)
{
	size_t n = authority_length(url);
	dh_strcopy(out, n < size ? n + 1 : size, url);
}
