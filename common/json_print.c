/* Our own JSON as text; see json.h. cJSON prints each number by sprintf() and reads it back, which costs more than all the
 * rest of a small message, and goes through each string twice. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json.h"

#define NUMBER_ROOM 32

struct out {
	char *text;
	size_t size, cap;
};

/* Where size more bytes go; there is always one more for the NUL. */
static char *grow(struct out *o, size_t size)
{
	if (o->size + size >= o->cap) {
		o->cap = 2 * (o->size + size) + 1;
		o->text = dh_realloc(o->text, o->cap);
	}
	char *at = o->text + o->size;
	o->size += size;
	return at;
}

static void put(struct out *o, const char *bytes, size_t size)
{
	memcpy(grow(o, size), bytes, size);
}

static void put_char(struct out *o, char c)
{
	*grow(o, 1) = c;
}

static void put_integer(struct out *o, int64_t v)
{
	char digits[NUMBER_ROOM], *end = digits + sizeof(digits), *p = end;
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (v < 0)
		*--p = '-';
	put(o, p, (size_t)(end - p));
}

static void put_number(struct out *o, double v)
{
	char text[NUMBER_ROOM];
	if (!isfinite(v)) {
		put(o, "null", 4);
	} else if (fabs(v) <= DH_JSON_INT_MAX && v == (double)(int64_t)v) {
		put_integer(o, (int64_t)v);
	} else {
		int n = snprintf(text, sizeof(text), "%.15g", v);
		if (strtod(text, NULL) != v)
			n = snprintf(text, sizeof(text), "%.17g", v);
		put(o, text, (size_t)n);
	}
}

static void put_escape(struct out *o, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
	const char *known = strchr(from, c);
	if (known)
		put(o, (char[]){'\\', to[known - from]}, 2);
	else
		put(o, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

static void put_string(struct out *o, const char *text)
{
	put_char(o, '"');
	for (;;) {
		const char *begin = text;
		while ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
			text++;
		put(o, begin, (size_t)(text - begin));
		if (!*text)
			break;
		put_escape(o, *text++);
	}
	put_char(o, '"');
}

static void put_value(struct out *o, const cJSON *v);

static void put_container(struct out *o, const cJSON *v)
{
	bool is_object = cJSON_IsObject(v);
	put_char(o, is_object ? '{' : '[');
	for (const cJSON *item = v->child; item; item = item->next) {
		if (is_object) {
			put_string(o, item->string);
			put_char(o, ':');
		}
		put_value(o, item);
		if (item->next)
			put_char(o, ',');
	}
	put_char(o, is_object ? '}' : ']');
}

static void put_value(struct out *o, const cJSON *v)
{
	if (cJSON_IsNumber(v))
		put_number(o, v->valuedouble);
	else if (cJSON_IsString(v))
		put_string(o, v->valuestring);
	else if (cJSON_IsObject(v) || cJSON_IsArray(v))
		put_container(o, v);
	else if (cJSON_IsBool(v))
		put(o, cJSON_IsTrue(v) ? "true" : "false", cJSON_IsTrue(v) ? 4 : 5);
	else if (cJSON_IsRaw(v))
		put(o, v->valuestring, strlen(v->valuestring));
	else
		put(o, "null", 4);
}

char *dh_json_print(const cJSON *v)
{
	struct out o = {dh_alloc(256), 0, 256};
	put_value(&o, v);
	o.text[o.size] = '\0';
	return o.text;
}
