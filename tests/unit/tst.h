/* The smallest test frame: TST_CHECK counts and reports, TST_MAIN runs the functions listed. Prints TAP. */
#ifndef DH_TST_H
#define DH_TST_H

#include "tst_check.h"

int tst_failures;

struct tst_case {
	const char *name;
	void (*fn)(void);
};

/* TST_MAIN({"name", fn}, ...) */
#define TST_MAIN(...) TST_MAIN_WITH(NULL, __VA_ARGS__)
/* The same, after setup(), which returns NULL, or why all of it is skipped (a program is missing). */
#define TST_MAIN_WITH(setup, ...)                                                                \
	int main(void)                                                                           \
	{                                                                                        \
		const char *(*tst_setup)(void) = setup;                                          \
		const char *tst_why = tst_setup ? tst_setup() : NULL;                            \
		if (tst_why) {                                                                   \
			fprintf(stdout, "1..0 # SKIP %s\n", tst_why);                            \
			return 0;                                                                \
		}                                                                                \
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
