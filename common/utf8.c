/* See utf8.h. */
#include "common/utf8.h"

#include <stdbool.h>
#include <string.h>

/* RFC 3629, 4: no overlong forms, no surrogates. */
int dh_utf8_length(const unsigned char *p, const unsigned char *end)
{
	size_t left = (size_t)(end - p);
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

void dh_utf8_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);
	if (n >= size)
		for (n = size - 1; n && ((unsigned char)src[n] & 0xc0) == 0x80;)
			n--;
	memcpy(dst, src, n);
	dst[n] = '\0';
}

/* C0, DEL, C1, LINE and PARAGRAPH SEPARATOR. */
static bool is_control(const unsigned char *p, int n)
{
	return (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) ||
	       (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9));
}

size_t dh_utf8_line(char *dst, size_t size, const char *src)
{
	const unsigned char *p = (const unsigned char *)src, *end = p + strlen(src);
	size_t used = 0;
	while (p < end) {
		int n = dh_utf8_length(p, end);
		const char *put = !n ? "\xef\xbf\xbd" : is_control(p, n) ? " " : (const char *)p;
		size_t bytes = !n ? 3 : put == (const char *)p ? (size_t)n : 1;
		if (used + bytes >= size)
			break;
		memcpy(dst + used, put, bytes);
		used += bytes;
		p += n ? n : 1;
	}
	dst[used] = '\0';
	return used;
}
