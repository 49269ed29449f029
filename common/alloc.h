/* Small allocations that abort when memory is gone. Frames and packets do not use these: they
 * return DH_ENOMEM and that picture is skipped. */
#ifndef DH_COMMON_ALLOC_H
#define DH_COMMON_ALLOC_H

#include <stddef.h>

/* Zeroed block of size bytes, never NULL; free() it. Any thread. */
void *dh_alloc(size_t size);

/* realloc that never returns NULL (size > 0). Any thread. */
void *dh_realloc(void *p, size_t size);

/* Copy of s (NULL gives NULL); free() it. Any thread. */
char *dh_strdup(const char *s);

/* Overwrite the text, then free() it. NULL is fine. Any thread. */
void dh_free_secret(const char *s);

/* printf into a fresh string; free() it. Any thread. */
char *dh_strfmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Bounded copy that always ends with NUL (size > 0). Any thread. */
void dh_strcopy(char *dst, size_t size, const char *src);

#endif
