/* Between session.c and session_source.c. */
#ifndef DH_CTL_SESSION_PRIV_H
#define DH_CTL_SESSION_PRIV_H

#include "agent/ctl/session.h"

/* The pipeline's word about a source; arg is the session. */
void dh_session_source_event(void *arg, int source, enum dh_source_state state, const struct dh_err *why);

struct dh_session_source *dh_session_source_by_pipeline(struct dh_session *s, int source);
cJSON *dh_session_source_to_json(const struct dh_session_source *src);

#endif
