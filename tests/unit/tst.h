/* The smallest test frame: TST_CHECK counts and reports, TST_MAIN runs the functions listed. Prints TAP. */
#ifndef DH_TST_H
#define DH_TST_H

#include <stdio.h>
#include <string.h>

static int tst_failures;

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

struct tst_case {
	const char *name;
	void (*fn)(void);
};

/* TST_MAIN({"name", fn}, ...) */
#define TST_MAIN(...)                                                                            \
	int main(void)                                                                           \
	{                                                                                        \
		static const struct tst_case cases[] = {__VA_ARGS__};                            \
		int n = (int)(sizeof(cases) / sizeof(cases[0])), bad = 0;                        \
		fprintf(stdout, "1..%d\n", n);                                                   \
		for (int i = 0; i < n; i++) {                                                    \
			tst_failures = 0;                                                        \
			cases[i].fn();                                                           \
			bad += tst_failures > 0;                                                 \
			fprintf(stdout, "%sok %d - %s\n", tst_failures ? "not " : "", i + 1, cases[i].name); \
			fflush(stdout);                                                          \
		}                                                                                \
		return bad > 0;                                                                  \
	}

#endif
