/* Two sides of a negotiation, for tests. */
#ifndef DH_TESTS_NEGOTIATE_H
#define DH_TESTS_NEGOTIATE_H

#include <stdlib.h>
#include <string.h>

#include "agent/rtc/jsep.h"
#include "tst.h"

/* From memory of exactly that size: a sanitizer sees each byte that is read behind it. */
static inline struct dh_sdp *read_exactly(const char *text, struct dh_err *e)
{
	struct dh_sdp *s = NULL;
	size_t size = strlen(text);
	char *exact = malloc(size);
	memcpy(exact, text, size);
	TST_EQ(dh_sdp_parse(&s, exact, size, e), 0);
	free(exact);
	return s;
}

/* One step: a offers, b answers. */
static inline void negotiate(struct dh_jsep *a, struct dh_jsep *b, struct dh_jsep_result *ra, struct dh_jsep_result *rb)
{
	static char text[DH_SDP_TEXT_MAX + 1];
	struct dh_err e = {0};
	TST_CHECK(dh_jsep_offer(a, text, sizeof(text), &e) > 0);
	struct dh_sdp *offer = read_exactly(text, &e);
	TST_CHECK(dh_jsep_answer(b, offer, text, sizeof(text), rb, &e) > 0);
	struct dh_sdp *answer = read_exactly(text, &e);
	TST_EQ(dh_jsep_apply_answer(a, answer, ra, &e), 0);
	TST_STR(e.text, "");
	dh_sdp_destroy(offer);
	dh_sdp_destroy(answer);
}

#endif
