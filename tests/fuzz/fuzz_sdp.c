/* libFuzzer: a session description from a stranger. What is read survives being written and read again; it is answered,
 * taken as an answer, and what we write about it can be read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/jsep.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char once[2 * DH_SDP_TEXT_MAX], twice[2 * DH_SDP_TEXT_MAX];

static struct dh_jsep *side(void)
{
	static const struct dh_jsep_config c = {.ice_ufrag = "abcd", .ice_pwd = "0123456789012345678901", .cname = "c",
		.fingerprint =
			"01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF",
		.video = {DH_JSEP_H264, DH_JSEP_VP8}, .receives_audio = true, .receives_video = true};
	static const struct dh_jsep_track video = {DH_JSEP_VIDEO, "v", "s", 1, 2}, audio = {DH_JSEP_AUDIO, "a", "s", 3, 0};
	struct dh_jsep *j;
	if (dh_jsep_create(&j, &c, NULL) || dh_jsep_add_track(j, &video, NULL) < 0 ||
	    dh_jsep_add_track(j, &audio, NULL) < 0)
		abort();
	return j;
}

static void must_parse(const char *text, int n)
{
	struct dh_sdp *s;
	if (dh_sdp_parse(&s, text, (size_t)n, NULL))
		abort();
	dh_sdp_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_sdp *a, *b;
	struct dh_jsep_result r;
	if (dh_sdp_parse(&a, (const char *)bytes, size, NULL))
		return 0;
	int n = dh_sdp_print(a, once, sizeof(once));
	if (n > 0 && n <= DH_SDP_TEXT_MAX) {
		if (dh_sdp_parse(&b, once, (size_t)n, NULL) || dh_sdp_print(b, twice, sizeof(twice)) != n ||
		    strcmp(once, twice))
			abort();
		dh_sdp_destroy(b);
	}
	struct dh_jsep *j = side();
	n = dh_jsep_answer(j, a, once, sizeof(once), &r, NULL);
	if (n > 0) {
		must_parse(once, n);
		n = dh_jsep_offer(j, once, sizeof(once), NULL);
		if (n > 0)
			must_parse(once, n);
	}
	dh_jsep_destroy(j);
	j = side();
	if (dh_jsep_offer(j, once, sizeof(once), NULL) > 0)
		dh_jsep_apply_answer(j, a, &r, NULL);
	dh_jsep_destroy(j);
	dh_sdp_destroy(a);
	return 0;
}
