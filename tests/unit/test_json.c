/* Strict JSON: what is refused, with which code (SR-19). */
#include "common/json.h"

#include <math.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "tst.h"

static int parse(const char *text)
{
	struct dh_err e = {0};
	cJSON *json = dh_json_parse(text, strlen(text), &e);
	cJSON_Delete(json);
	return json ? DH_OK : e.code;
}

/* open N times, then middle, then close N times */
static int parse_nested(const char *open, const char *middle, const char *close, int n)
{
	size_t a = strlen(open), b = strlen(close), m = strlen(middle);
	char *text = dh_alloc((a + b) * (size_t)n + m + 1), *p = text;
	for (int i = 0; i < n; i++, p += a)
		memcpy(p, open, a);
	memcpy(p, middle, m);
	p += m;
	for (int i = 0; i < n; i++, p += b)
		memcpy(p, close, b);
	int err = parse(text);
	free(text);
	return err;
}

static void accepts_values(void)
{
	static const char *const good[] = {
		"{}", "[]", " [ 1 , -0.5e+3, 1E5 ] ", "\"\"", "true", "false", "null", "0", "-0", "0.25",
		"{\"a\":{\"b\":[1,2,{\"c\":null}]}}", "\"\\u00e9 \\ud83d\\ude00 \\n\"", "\"\xe4\xb8\xad\xf0\x9f\x98\x80\"",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		TST_EQ(parse(good[i]), DH_OK);
}

static void refuses_malformed(void)
{
	static const char *const wrong[] = {
		"", " ", "{", "[", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{\"a\":}", "01", "1.", ".5", "+1", "1e", "-",
		"nul", "truex", "1 2", "[1] x", "\"", "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "NaN", "Infinity", "'a'", "1e999",
		"\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\u0000\"", "\xef\xbb\xbf{}", "// x\n1", "[1 2]", "]",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i]) != DH_EPROTO)
			fprintf(stdout, "# case %s\n", wrong[i]);
		TST_EQ(parse(wrong[i]), DH_EPROTO);
	}
}

static void refuses_broken_utf8(void)
{
	static const char *const wrong[] = {
		"\"\x80\"", "\"\xc3\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"", "\"\xf0\x80\x80\x80\"",
		"\"\xf4\x90\x80\x80\"", "\"\xff\"", "\"\xe4\xb8\"",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		TST_EQ(parse(wrong[i]), DH_EPROTO);
}

static void refuses_duplicates(void)
{
	TST_EQ(parse("{\"a\":1,\"a\":2}"), DH_EPROTO);
	TST_EQ(parse("{\"a\":1,\"\\u0061\":2}"), DH_EPROTO);
	TST_EQ(parse("[{\"x\":{\"k\":1,\"j\":2,\"k\":3}}]"), DH_EPROTO);
	TST_EQ(parse("{\"a\":1,\"A\":2}"), DH_OK);
}

static void bounds_depth(void)
{
	TST_EQ(parse_nested("[", "1", "]", 16), DH_OK);
	TST_EQ(parse_nested("[", "1", "]", 17), DH_ELIMIT);
	TST_EQ(parse_nested("[", "1", "]", 10000), DH_ELIMIT);
	TST_EQ(parse_nested("{\"a\":", "1", "}", 10000), DH_ELIMIT);
	TST_EQ(parse_nested("[", "", "", 100000), DH_ELIMIT);
}

static void bounds_keys_items_strings(void)
{
	char *text = dh_alloc(400000), *p = text;
	p += snprintf(p, 32, "{");
	for (int i = 0; i < 257; i++)
		p += snprintf(p, 32, "%s\"k%d\":0", i ? "," : "", i);
	snprintf(p, 32, "}");
	TST_EQ(parse(text), DH_ELIMIT);
	p = text;
	*p++ = '[';
	for (int i = 0; i < 4097; i++, p += 2)
		memcpy(p, "0,", 2);
	memcpy(p - 1, "]", 2);
	TST_EQ(parse(text), DH_ELIMIT);
	memset(text, 'a', 70000);
	text[0] = text[65537] = '"';
	text[65538] = '\0';
	TST_EQ(parse(text), DH_OK);
	memset(text, 'a', 70000);
	text[0] = text[65538] = '"';
	text[65539] = '\0';
	TST_EQ(parse(text), DH_ELIMIT);
	memset(text, ' ', 300000);
	text[300000] = '\0';
	TST_EQ(parse(text), DH_ELIMIT);
	free(text);
}

static void says_where(void)
{
	struct dh_err e;
	TST_CHECK(!dh_json_parse("{\"a\":tru}", 9, &e));
	TST_STR(e.text, "malformed JSON at byte 5: not a JSON value");
	TST_CHECK(!dh_json_parse("{\"a\":1,\"a\":1}", 13, &e));
	TST_STR(e.text, "malformed JSON: the key \"a\" occurs twice");
}

static void check_print(cJSON *take, const char *want)
{
	char *text = dh_json_print(take);
	TST_STR(text, want);
	free(text);
	cJSON_Delete(take);
}

static void prints_numbers(void)
{
	static const struct {
		double v;
		const char *text;
	} all[] = {{0, "0"}, {-1, "-1"}, {1792400000123.0, "1792400000123"}, {9007199254740992.0, "9007199254740992"},
		   {-9007199254740992.0, "-9007199254740992"}, {1e300, "1e+300"}, {0.1, "0.1"}, {-2.5, "-2.5"},
		   {1.0 / 3, "0.33333333333333331"}, {1e16, "1e+16"}, {INFINITY, "null"}, {NAN, "null"}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_print(cJSON_CreateNumber(all[i].v), all[i].text);
}

static void prints_strings(void)
{
	check_print(cJSON_CreateString(""), "\"\"");
	check_print(cJSON_CreateString("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f"),
		    "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	check_print(cJSON_CreateString("王小明 \xf0\x9f\x98\x80"), "\"王小明 \xf0\x9f\x98\x80\"");
}

/* The same text as cJSON makes, also of what outgrows the first block. */
static void prints_what_it_parsed(void)
{
	static const char *const all[] = {"null", "true", "false", "[]", "{}", "[1,[2,{}],null]",
		"{\"a\":{\"b\":[true,false,null,-3]},\"\":\"x\",\"k\\\"y\":{}}"};
	struct dh_err e;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_print(dh_json_parse(all[i], strlen(all[i]), &e), all[i]);
	cJSON *many = cJSON_CreateArray();
	for (int i = 0; i < 3000; i++)
		cJSON_AddItemToArray(many, cJSON_CreateString("some text that takes room"));
	char *want = cJSON_PrintUnformatted(many);
	check_print(many, want);
	cJSON_free(want);
	char *none = dh_json_print(NULL);
	TST_STR(none, "null");
	free(none);
}

TST_MAIN({"accepts values", accepts_values}, {"SR-19 refuses malformed text", refuses_malformed},
	 {"SR-19 refuses broken UTF-8", refuses_broken_utf8}, {"SR-19 refuses duplicate keys", refuses_duplicates},
	 {"SR-19 bounds depth", bounds_depth}, {"SR-19 bounds keys, items and strings", bounds_keys_items_strings},
	 {"says where", says_where},
	 {"prints numbers", prints_numbers}, {"prints strings", prints_strings},
	 {"prints what it parsed", prints_what_it_parsed})
