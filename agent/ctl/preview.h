/* Previews: live pictures and sound of a session, sent to the page that controls it over a WebRTC connection that stays
 * on this machine. A preview belongs to the client that opened it and ends with it. Loop thread only. */
#ifndef DH_CTL_PREVIEW_H
#define DH_CTL_PREVIEW_H

#include "agent/ctl/command.h"
#include "agent/ctl/session.h"

#define DH_PREVIEWS_MAX 16           /* of the agent */
#define DH_SESSION_PREVIEWS_MAX 8
#define DH_PREVIEW_TRACKS_MAX 8      /* pictures in one */
#define DH_PREVIEW_OFFER_MAX 65536   /* bytes */
#define DH_PREVIEW_CANDIDATES_MAX 64 /* from the page */
#define DH_PREVIEW_GATHER_MS 150     /* the answer waits so long for our addresses */
#define DH_PREVIEW_HANDSHAKE_MS 10000

struct dh_preview;

/* preview.open with checked params, for a session that the caller controls. DH_PENDING: the answer comes later. Errors, in
 * call->err: DH_EINVAL, DH_ENOENT, DH_EPERM, DH_ELIMIT, DH_ENOTSUP. */
int dh_preview_open(struct dh_call *call, struct dh_session *s);

/* preview.candidate: DH_PENDING, or an error in call->err. */
int dh_preview_candidate(struct dh_call *call, struct dh_preview *p);

/* The preview that param "preview" names, if this caller opened it (the command line: any). Errors, in call->err:
 * DH_ENOENT; DH_EPERM another page of the origin has it. */
int dh_call_preview(struct dh_call *call, struct dh_preview **out);

/* End it; event preview.closed says why. Harmless when it is ending already. */
void dh_preview_close(struct dh_preview *p, const struct dh_err *why);

/* How many a session (NULL: all of them) has open. */
int dh_preview_count(struct dh_ctl *ctl, const struct dh_session *s);

/* A session closes (before its pipeline does), changed a source, has another controller. */
void dh_previews_session_gone(struct dh_session *s);
void dh_previews_session_changed(struct dh_session *s);
void dh_previews_session_attached(struct dh_session *s);

#endif
