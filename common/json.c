/* Strict JSON; see json.h. A scanner without allocation decides on shape, UTF-8 and limits; only what it
 * passed is given to cJSON. Duplicate keys are looked for afterwards, when escapes are decoded. */
#include "common/json.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "common/utf8.h"

#define ITEMS_MAX 4096 /* of one array */
#define NUMBER_MAX 60  /* cJSON copies numbers into 64 bytes */

struct scanner {
	const unsigned char *start, *p, *end;
	struct dh_err *e;
};

static int scan_value(struct scanner *s, int depth);

static int bad(struct scanner *s, const char *what)
{
	return dh_fail(s->e, DH_EPROTO, "malformed JSON at byte %zu: %s", (size_t)(s->p - s->start), what);
}

static int over(struct scanner *s, const char *what, long limit)
{
	return dh_fail(s->e, DH_ELIMIT, "JSON over a limit at byte %zu: %s, at most %ld are allowed",
		       (size_t)(s->p - s->start), what, limit);
}

static void skip_space(struct scanner *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Four hex digits at p, or -1. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
	int v = 0;
	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' :
			c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* The part of an escape behind "\u"; s->p stands on its first digit. */
static int scan_unicode_escape(struct scanner *s)
{
	int v = hex4(s->p, s->end);
	if (v < 0)
		return bad(s, "\\u needs four hex digits");
	if (v == 0)
		return bad(s, "a string may not contain NUL");
	if (v >= 0xdc00 && v <= 0xdfff)
		return bad(s, "a low surrogate stands alone");
	s->p += 4;
	if (v < 0xd800 || v > 0xdbff)
		return DH_OK;
	int low = s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u' ? hex4(s->p + 2, s->end) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return bad(s, "a high surrogate stands alone");
	s->p += 6;
	return DH_OK;
}

static int scan_escape(struct scanner *s)
{
	s->p++;
	if (s->p >= s->end)
		return bad(s, "the text ends inside a string");
	unsigned char c = *s->p;
	if (c == 'u') {
		s->p++;
		return scan_unicode_escape(s);
	}
	if (!c || !strchr("\"\\/bfnrt", c))
		return bad(s, "unknown escape");
	s->p++;
	return DH_OK;
}

static int scan_string(struct scanner *s)
{
	const unsigned char *begin = ++s->p;
	for (;;) {
		if (s->p >= s->end)
			return bad(s, "the text ends inside a string");
		if (s->p - begin > DH_JSON_STRING_MAX)
			return over(s, "bytes in a string", DH_JSON_STRING_MAX);
		unsigned char c = *s->p;
		if (c == '"') {
			s->p++;
			return DH_OK;
		}
		if (c == '\\') {
			int err = scan_escape(s);
			if (err)
				return err;
			continue;
		}
		if (c < 0x20)
			return bad(s, "a control character inside a string");
		int n = dh_utf8_length(s->p, s->end);
		if (!n)
			return bad(s, "not UTF-8");
		s->p += n;
	}
}

static bool scan_digits(struct scanner *s)
{
	const unsigned char *begin = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > begin;
}

static int scan_number(struct scanner *s)
{
	const unsigned char *begin = s->p;
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!scan_digits(s))
		return bad(s, "not a JSON value");
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!scan_digits(s))
			return bad(s, "digits must follow the decimal point");
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!scan_digits(s))
			return bad(s, "digits must follow the exponent");
	}
	return s->p - begin > NUMBER_MAX ? over(s, "digits in a number", NUMBER_MAX) : DH_OK;
}

static int scan_word(struct scanner *s, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n))
		return bad(s, "not a JSON value");
	s->p += n;
	return DH_OK;
}

static int scan_key(struct scanner *s)
{
	if (s->p >= s->end || *s->p != '"')
		return bad(s, "a key in quotes is missing");
	int err = scan_string(s);
	if (err)
		return err;
	skip_space(s);
	if (s->p >= s->end || *s->p != ':')
		return bad(s, "a colon must follow the key");
	s->p++;
	skip_space(s);
	return DH_OK;
}

/* An object or an array: the same but for keys. */
static int scan_container(struct scanner *s, bool is_object, int depth)
{
	const char close = is_object ? '}' : ']';
	long count = 0, limit = is_object ? DH_JSON_KEYS_MAX : ITEMS_MAX;
	if (depth > DH_JSON_DEPTH_MAX)
		return over(s, "levels of nesting", DH_JSON_DEPTH_MAX);
	s->p++;
	skip_space(s);
	if (s->p < s->end && *s->p == close) {
		s->p++;
		return DH_OK;
	}
	for (;;) {
		if (++count > limit)
			return over(s, is_object ? "keys in an object" : "items in an array", limit);
		int err = is_object ? scan_key(s) : DH_OK;
		if (!err)
			err = scan_value(s, depth);
		if (err)
			return err;
		skip_space(s);
		if (s->p < s->end && *s->p == ',') {
			s->p++;
			skip_space(s);
		} else if (s->p < s->end && *s->p == close) {
			s->p++;
			return DH_OK;
		} else {
			return bad(s, is_object ? "a comma or } is missing" : "a comma or ] is missing");
		}
	}
}

/* depth counts the containers around the value; recursion ends at DH_JSON_DEPTH_MAX. */
static int scan_value(struct scanner *s, int depth)
{
	if (s->p >= s->end)
		return bad(s, "the text ends too early");
	switch (*s->p) {
	case '{': return scan_container(s, true, depth + 1);
	case '[': return scan_container(s, false, depth + 1);
	case '"': return scan_string(s);
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	default: return scan_number(s);
	}
}

static uint32_t hash(const char *key)
{
	uint32_t h = 2166136261u; /* FNV-1a, 32 bit */
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h;
}

/* A key that occurs twice in one object, or NULL. At most DH_JSON_KEYS_MAX keys, so the table is never full. */
static const char *find_duplicate_hashed(const cJSON *object)
{
	const char *table[DH_JSON_KEYS_MAX * 2] = {NULL};
	const cJSON *v;
	cJSON_ArrayForEach(v, object) {
		uint32_t i = hash(v->string) % (DH_JSON_KEYS_MAX * 2);
		for (; table[i]; i = (i + 1) % (DH_JSON_KEYS_MAX * 2))
			if (!strcmp(table[i], v->string))
				return v->string;
		table[i] = v->string;
	}
	return NULL;
}

/* The usual few keys are compared pair by pair, which is quicker than clearing a table. */
static const char *find_duplicate(const cJSON *object)
{
	const cJSON *v, *w;
	int count = 0;
	cJSON_ArrayForEach(v, object)
		if (++count > 12)
			return find_duplicate_hashed(object);
	cJSON_ArrayForEach(v, object)
		for (w = v->next; w; w = w->next)
			if (!strcmp(v->string, w->string))
				return v->string;
	return NULL;
}

/* What the scanner cannot see: equal keys behind escapes, numbers beyond a double. */
static int check_tree(const cJSON *json, struct dh_err *e)
{
	if (cJSON_IsNumber(json) && !isfinite(json->valuedouble))
		return dh_fail(e, DH_EPROTO, "malformed JSON: a number is beyond the range of a double");
	const char *twice = cJSON_IsObject(json) && json->child && json->child->next ? find_duplicate(json) : NULL;
	if (twice)
		return dh_fail(e, DH_EPROTO, "malformed JSON: the key \"%.60s\" occurs twice", twice);
	if (!cJSON_IsObject(json) && !cJSON_IsArray(json))
		return DH_OK;
	const cJSON *v;
	cJSON_ArrayForEach(v, json) {
		int err = check_tree(v, e);
		if (err)
			return err;
	}
	return DH_OK;
}

cJSON *dh_json_parse(const char *text, size_t size, struct dh_err *e)
{
	const unsigned char *t = (const unsigned char *)text;
	struct scanner s = {t, t, t + size, e};
	if (size > DH_JSON_MESSAGE_MAX) {
		dh_fail(e, DH_ELIMIT, "a message of %zu bytes, at most %d are allowed", size, DH_JSON_MESSAGE_MAX);
		return NULL;
	}
	skip_space(&s);
	if (scan_value(&s, 0))
		return NULL;
	skip_space(&s);
	if (s.p != s.end) {
		bad(&s, "something follows the value");
		return NULL;
	}
	cJSON *json = cJSON_ParseWithLength(text, size);
	if (!json) {
		dh_fail(e, DH_ENOMEM, "no memory for a message of %zu bytes", size);
		return NULL;
	}
	if (check_tree(json, e)) {
		cJSON_Delete(json);
		return NULL;
	}
	return json;
}

const char *dh_json_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return text ? text : "";
}

int64_t dh_json_int(const cJSON *object, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(v) && fabs(v->valuedouble) <= DH_JSON_INT_MAX ? (int64_t)v->valuedouble : 0;
}

void dh_json_copy_members(cJSON *to, const cJSON *from)
{
	for (const cJSON *v = from->child; v; v = v->next)
		cJSON_AddItemToObject(to, v->string, cJSON_Duplicate(v, true));
}
