/* Looks at the sources of all sessions twice a second and tells what is wrong with them: by events, in the evidence of what
 * is recorded, in session.list. What counts as wrong: agent/media/quality.h. Loop thread only. */
#ifndef DH_CTL_QUALITY_H
#define DH_CTL_QUALITY_H

#include "agent/ctl/session.h"

/* A session came or went: the timer runs while there is one. */
void dh_quality_update_wanted(struct dh_ctl *ctl);
void dh_quality_stop(struct dh_ctl *ctl);
void dh_quality_destroy(struct dh_ctl *ctl);

/* Kinds switched on or off, by checked params of dh_quality_params. */
extern const struct dh_param dh_quality_params[];
void dh_session_configure_quality(struct dh_session *s, const struct dh_args *a);

/* The source goes, or its device is another one from here on: what was said of it is over. */
void dh_session_end_quality(struct dh_session *s, struct dh_session_source *src);

/* What is wrong with it now: kind, since_ms, value, threshold, hint. */
cJSON *dh_session_quality_to_json(const struct dh_session_source *src);

/* A recording begins: what is wrong already goes into its evidence. */
void dh_recording_note_quality(struct dh_recording *r);

#endif
