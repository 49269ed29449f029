/* Checks that count and report; for tests of more than one file. One file of the program includes tst.h. */
#ifndef DH_TST_CHECK_H
#define DH_TST_CHECK_H

#include <stdio.h>
#include <string.h>

/* Long stretches of virtual time may be shorter where this is 1. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TST_HAS_SANITIZER 1 /* gcc */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TST_HAS_SANITIZER 1 /* clang */
#endif
#endif
#ifndef TST_HAS_SANITIZER
#define TST_HAS_SANITIZER 0
#endif

extern int tst_failures;

#define TST_CHECK(cond)                                                                          \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			tst_failures++;                                                          \
			fprintf(stdout, "# %s:%d: not true: %s\n", __FILE__, __LINE__, #cond);   \
		}                                                                                \
	} while (0)
#define TST_EQ(a, b)                                                                             \
	do {                                                                                     \
		long long tst_a = (long long)(a), tst_b = (long long)(b);                        \
		if (tst_a != tst_b) {                                                            \
			tst_failures++;                                                          \
			fprintf(stdout, "# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #a, tst_a, tst_b); \
		}                                                                                \
	} while (0)
#define TST_STR(a, b)                                                                            \
	do {                                                                                     \
		const char *tst_a = (a), *tst_b = (b);                                           \
		if (!tst_a || strcmp(tst_a, tst_b)) {                                            \
			tst_failures++;                                                          \
			fprintf(stdout, "# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #a,  \
				tst_a ? tst_a : "(null)", tst_b);                                \
		}                                                                                \
	} while (0)

#endif
