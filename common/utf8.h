/* UTF-8 from others. Any thread. */
#ifndef DH_COMMON_UTF8_H
#define DH_COMMON_UTF8_H

#include <stddef.h>

/* Length of the sequence at p < end, 0 when it is malformed. */
int dh_utf8_length(const unsigned char *p, const unsigned char *end);

/* Bounded copy (size > 0) that is never cut inside a character. */
void dh_utf8_copy(char *dst, size_t size, const char *src);

/* The same as one line: control characters and line ends become spaces, each byte that is not UTF-8 becomes U+FFFD. Returns
 * its length. */
size_t dh_utf8_line(char *dst, size_t size, const char *src);

#endif
