/* Texts from others: cut between characters, as one line, what is not UTF-8 mended. */
#include "common/utf8.h"

#include <string.h>

#include "tst.h"

static void lengths(void)
{
	static const struct {
		const char *text;
		int length;
	} cases[] = {{"a", 1}, {"\xc3\xa9", 2}, {"\xe7\xad\xbe", 3}, {"\xf0\x9f\x98\x80", 4}, {"\x80", 0}, {"\xc0\x80", 0},
		     {"\xc3", 0}, {"\xe0\x80\x80", 0}, {"\xed\xa0\x80", 0}, {"\xf4\x90\x80\x80", 0},
		     {"\xf0\x9f\x98", 0}, {"\xff", 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned char *p = (const unsigned char *)cases[i].text;
		TST_EQ(dh_utf8_length(p, p + strlen(cases[i].text)), cases[i].length);
	}
}

static void copies_whole_characters(void)
{
	char out[8];
	dh_utf8_copy(out, sizeof(out), "abcdef");
	TST_STR(out, "abcdef");
	dh_utf8_copy(out, sizeof(out), "ab\xe7\xad\xbe\xe7\xad\xbe"); /* 8 bytes */
	TST_STR(out, "ab\xe7\xad\xbe");
	dh_utf8_copy(out, 1, "\xe7\xad\xbe");
	TST_STR(out, "");
}

static void makes_a_line(void)
{
	char out[16];
	TST_EQ(dh_utf8_line(out, sizeof(out), "a\r\n\tb\x7f\xc2\x9b"), 7);
	TST_STR(out, "a   b  ");
	TST_EQ(dh_utf8_line(out, sizeof(out), "\xe2\x80\xa9\xff\xe7\xad"), 10);
	TST_STR(out, " \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	TST_EQ(dh_utf8_line(out, 5, "ab\xe7\xad\xbe"), 2);
	TST_STR(out, "ab");
}

TST_MAIN({"lengths", lengths}, {"copies whole characters", copies_whole_characters}, {"makes a line", makes_a_line})
