/* See tus.h. The lines are foreign: every length is checked, what is malformed counts as absent. */
#include "agent/upload/tus.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/record/verify.h"
#include "common/alloc.h"
#include "common/origin.h"
#include "common/target.h"

#define NUMBER_MAX 9007199254740991 /* what JSON and the tus clients of browsers can say */
#define RETRY_AFTER_MAX_S 3600      /* an archive cannot send us away for longer */

void dh_tus_answer_init(struct dh_tus_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->offset = a->length = a->max_size = a->retry_after_s = -1;
}

/* Digits and nothing else; -1 otherwise. */
static int64_t number(const char *text)
{
	int64_t n = 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) || n > NUMBER_MAX / 10)
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n <= NUMBER_MAX ? n : -1;
}

/* Whether a comma-separated list has a word. */
static bool lists(const char *text, const char *word)
{
	size_t n = strlen(word);
	while (*text) {
		text += strspn(text, ", \t");
		size_t len = strcspn(text, ", \t");
		if (len == n && !strncasecmp(text, word, n))
			return true;
		text += len;
	}
	return false;
}

/* RFC 9110, 10.2.3: seconds, or a date, of which the preferred form is understood. */
static int64_t retry_after(const char *text, int64_t wall_s)
{
	struct tm tm = {0};
	int64_t s = number(text);
	if (s < 0 && strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm)) {
		s = (int64_t)timegm(&tm) - wall_s;
		s = s < 0 ? 0 : s;
	}
	return s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : s;
}

/* RFC 9530, 3: a dictionary such as sha-512=:...:, sha-256=:...: */
static bool repr_digest(const char *text, uint8_t out[DH_HASH_BYTES])
{
	while (*text) {
		char base64[45];
		text += strspn(text, ", \t");
		if (!strncasecmp(text, "sha-256=:", 9)) {
			text += 9;
			size_t n = strcspn(text, ":");
			if (n != 44 || text[n] != ':')
				return false;
			dh_strcopy(base64, sizeof(base64), text);
			return dh_key_from_base64(base64, out);
		}
		text += strcspn(text, ",");
	}
	return false;
}

static bool status_line(struct dh_tus_answer *a, const char *line)
{
	const char *space = strchr(line, ' ');
	if (!space || strspn(space + 1, "0123456789") != 3)
		return false;
	size_t head_bytes = a->head_bytes;
	dh_tus_answer_init(a);
	a->head_bytes = head_bytes;
	a->status = (int)number((char[]){space[1], space[2], space[3], '\0'});
	return a->status >= 100;
}

static void take(struct dh_tus_answer *a, const char *name, const char *value, int64_t wall_s)
{
	if (!strcasecmp(name, "tus-resumable")) {
		a->is_tus = !strcmp(value, "1.0.0");
	} else if (!strcasecmp(name, "tus-extension")) {
		a->has_creation |= lists(value, "creation");
		a->has_termination |= lists(value, "termination");
	} else if (!strcasecmp(name, "tus-checksum-algorithm")) {
		a->has_checksum |= lists(value, "sha256");
	} else if (!strcasecmp(name, "tus-max-size")) {
		a->max_size = number(value);
	} else if (!strcasecmp(name, "upload-offset")) {
		a->offset = number(value);
	} else if (!strcasecmp(name, "upload-length")) {
		a->length = number(value);
	} else if (!strcasecmp(name, "retry-after")) {
		a->retry_after_s = retry_after(value, wall_s);
	} else if (!strcasecmp(name, "location") && strlen(value) < sizeof(a->location)) {
		dh_strcopy(a->location, sizeof(a->location), value);
	} else if (!strcasecmp(name, "repr-digest")) {
		a->has_digest = repr_digest(value, a->digest);
	} else if (!strcasecmp(name, "upload-checksum") && !strncasecmp(value, "sha256 ", 7) && !a->has_digest) {
		a->has_digest = dh_key_from_base64(value + 7, a->digest);
	}
}

bool dh_tus_answer_line(struct dh_tus_answer *a, const char *line, size_t size, int64_t wall_s)
{
	char text[DH_TUS_LOCATION_MAX + 64], *colon, *value;
	a->head_bytes += size;
	if (a->head_bytes > DH_TUS_HEAD_BYTES_MAX)
		return false;
	while (size && isspace((unsigned char)line[size - 1]))
		size--;
	if (!size || size >= sizeof(text) || memchr(line, '\0', size))
		return !memchr(line, '\0', size); /* the empty line at the end; a line too long for what we read */
	memcpy(text, line, size);
	text[size] = '\0';
	if (!strncmp(text, "HTTP/", 5))
		return status_line(a, text);
	colon = strchr(text, ':');
	if (!a->status || !colon)
		return false;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	take(a, text, value, wall_s);
	return true;
}

/* RFC 3986, 5.2, for what servers send: a whole URL, //host/path, /path, or a name beside the one that was asked for. */
static bool resolve(const char *url, const char *location, char *out, size_t size)
{
	char origin[DH_TARGET_URL_MAX];
	int n;
	dh_target_origin(url, origin, sizeof(origin));
	if (!strncasecmp(location, "https://", 8) || !strncasecmp(location, "http://", 7)) {
		n = snprintf(out, size, "%s", location);
	} else if (!strncmp(location, "//", 2)) {
		n = snprintf(out, size, "%.*s%s", (int)(strchr(url, ':') + 1 - url), url, location);
	} else if (location[0] == '/') {
		n = snprintf(out, size, "%s%s", origin, location);
	} else {
		size_t path = strcspn(url, "?#");
		while (path && url[path - 1] != '/')
			path--;
		n = snprintf(out, size, "%.*s%s", (int)path, url, location);
	}
	return n > 0 && (size_t)n < size;
}

static bool has_origin(const char *url, char *out, size_t size)
{
	struct dh_origin o;
	dh_target_origin(url, out, size);
	if (dh_origin_parse(&o, out, false, NULL))
		return false;
	dh_strcopy(out, size, o.text);
	return true;
}

int dh_tus_location(const char *url, const char *location, const cJSON *targets, char *out, size_t size, struct dh_err *e)
{
	char ours[DH_ORIGIN_MAX], theirs[DH_ORIGIN_MAX];
	if (!location[0])
		return dh_fail(e, DH_EPROTO, "the archive made an upload and did not say where (no Location)");
	if (!resolve(url, location, out, size) || dh_target_check(out, NULL) || strpbrk(out, "*#"))
		return dh_fail(e, DH_EPROTO, "the archive's Location is no URL: \"%.80s\"", location);
	if (dh_target_allows(targets, out))
		return DH_OK;
	if (has_origin(url, ours, sizeof(ours)) && has_origin(out, theirs, sizeof(theirs)) && !strcmp(ours, theirs))
		return DH_OK;
	dh_fail(e, DH_EPERM, "the archive sends uploads to another server: %.120s", out);
	return dh_hint(e, "If that is right, add it to push_targets. Behind a proxy that does TLS, let the archive honour "
			  "X-Forwarded-Proto and -Host.");
}

void dh_tus_add_metadata(char *to, size_t size, const char *name, const char *value)
{
	size_t at = strlen(to), n = strlen(value), need = (at ? 1 : 0) + strlen(name) + 1 + (n + 2) / 3 * 4 + 1;
	if (!n || at + need > size)
		return;
	at += (size_t)snprintf(to + at, size - at, "%s%s ", at ? "," : "", name);
	EVP_EncodeBlock((unsigned char *)to + at, (const unsigned char *)value, (int)n);
}

void dh_tus_checksum(const uint8_t hash[DH_HASH_BYTES], char out[DH_TUS_CHECKSUM_BYTES])
{
	memcpy(out, "sha256 ", 7);
	EVP_EncodeBlock((unsigned char *)out + 7, hash, DH_HASH_BYTES);
}
