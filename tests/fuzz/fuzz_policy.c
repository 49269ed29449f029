/* libFuzzer: any bytes as a policy file, and as origins (SR-33). What is accepted must be normal: parsed again it is
 * itself, and it matches itself and not its own look-alikes (SR-04). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/policy.h"
#include "common/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_origin(const struct dh_origin *o)
{
	struct dh_origin again, longer;
	char text[DH_ORIGIN_MAX + 16];
	if (dh_origin_parse(&again, o->text, true, NULL) || strcmp(again.text, o->text) != 0)
		abort();
	if (!o->is_wildcard && !dh_origin_matches(o, &again))
		abort();
	memcpy(text, o->text, strlen(o->text) + 1);
	strncat(text, ".evil.test", 12);
	if (!dh_origin_parse(&longer, text, false, NULL) && dh_origin_matches(o, &longer))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct dh_paths paths;
	struct dh_policy p;
	struct dh_err e = {0};
	struct dh_origin o;
	dh_strcopy(paths.home, sizeof(paths.home), "/home/x");
	dh_strcopy(paths.videos_dir, sizeof(paths.videos_dir), "/home/x/Videos/Deskhand");
	dh_policy_init(&p, &paths);
	if (dh_policy_merge_text(&p, &paths, "f", (const char *)bytes, size, &e) && !e.text[0])
		abort();
	for (int i = 0; i < p.origin_count; i++)
		check_origin(&p.origins[i].origin);
	dh_policy_finish(&p);
	char *text = strndup((const char *)bytes, size);
	if (text && !dh_origin_parse(&o, text, true, NULL))
		check_origin(&o);
	free(text);
	return 0;
}
