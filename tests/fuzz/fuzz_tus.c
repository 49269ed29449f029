/* libFuzzer: what an archive may answer, and say where an upload is. Whatever Location is taken stays where it may. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/upload/tus.h"
#include "common/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char base[] = "https://archive.example/files/";

static void check_location(const char *location, const cJSON *targets)
{
	char out[DH_TUS_LOCATION_MAX], origin[300];
	struct dh_err e = {0};
	if (dh_tus_location(base, location, targets, out, sizeof(out), &e)) {
		if (!e.text[0])
			abort();
		return;
	}
	dh_target_origin(out, origin, sizeof(origin));
	if (strcasecmp(origin, "https://archive.example") && strcasecmp(origin, "https://archive.example:443") &&
	    !dh_target_allows(targets, out))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_tus_answer a;
	cJSON *targets = cJSON_Parse("[\"https://store.example/in/*\"]");
	dh_tus_answer_init(&a);
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(bytes + at, '\n', size - at);
		size_t n = end ? (size_t)(end - bytes) + 1 - at : size - at;
		if (!dh_tus_answer_line(&a, (const char *)bytes + at, n, 1792000000))
			break;
		at += n;
	}
	if (a.offset < -1 || a.length < -1 || a.retry_after_s < -1 || a.retry_after_s > 3600 || a.status < 0 ||
	    a.status > 999)
		abort();
	check_location(a.location, targets);
	char *text = strndup((const char *)bytes, size);
	check_location(text, targets);
	free(text);
	cJSON_Delete(targets);
	return 0;
}
