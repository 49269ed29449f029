/* Allocation that aborts; see alloc.h. */
#include "common/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *p)
{
	if (!p) {
		fputs("deskhand: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *dh_alloc(size_t size)
{
	return or_die(calloc(1, size ? size : 1));
}

void *dh_realloc(void *p, size_t size)
{
	return or_die(realloc(p, size ? size : 1));
}

char *dh_strdup(const char *s)
{
	return s ? or_die(strdup(s)) : NULL;
}

void dh_free_secret(const char *s)
{
	if (s)
		explicit_bzero((char *)s, strlen(s));
	free((char *)s);
}

char *dh_strfmt(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = NULL;
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return or_die(s);
}

void dh_strcopy(char *dst, size_t size, const char *src)
{
	size_t n = src ? strnlen(src, size - 1) : 0;
	if (n)
		memcpy(dst, src, n);
	dst[n] = '\0';
}
