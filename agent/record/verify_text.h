/* The verifier's words: sentences for people, JSON for programs. */
#ifndef DH_RECORD_VERIFY_TEXT_H
#define DH_RECORD_VERIFY_TEXT_H

#include "agent/record/verify.h"

/* Fill r->text from the rest of the report. */
void dh_verify_say(struct dh_verify_report *r);
/* kind, who, text, t_ms (of its link in the recording), utc. */
cJSON *dh_verify_note_to_json(const struct dh_note *n, const struct dh_link *l);

#endif
