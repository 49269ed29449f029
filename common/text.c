/* Texts in two languages; see text.h. */
#include "common/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *en, *zh;
} texts[] = {
	{"", ""},
#define XX(name, en, zh) {en, zh},
	DH_TEXT_MAP(XX)
#undef XX
};

/* The first of the locale variables that is set decides (POSIX.1-2017, 8.2). */
static bool is_chinese(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	for (int i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return !strncmp(value, "zh", 2);
	}
	return false;
}

const char *dh_text(enum dh_text id)
{
	return is_chinese() ? texts[id].zh : texts[id].en;
}
