/* What we bring to a negotiation: names, tracks, ICE parameters, candidates. Every string is checked here, because it is
 * written into descriptions. */
#include "agent/rtc/jsep_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

bool dh_jsep_is_word(const char *s, size_t min, size_t max)
{
	size_t n = s ? strlen(s) : 0;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 33 || s[i] > 126)
			return false;
	return s && n >= min && n <= max;
}

int dh_jsep_set_ice(struct dh_jsep *j, const char *ufrag, const char *pwd, struct dh_err *e)
{
	if (!dh_jsep_is_word(ufrag, 4, DH_SDP_ICE_MAX) || !dh_jsep_is_word(pwd, 22, DH_SDP_ICE_MAX))
		return dh_fail(e, DH_EINVAL, "ICE wants a ufrag of 4 and a password of 22 to 256 characters");
	dh_strcopy(j->ice_ufrag, sizeof(j->ice_ufrag), ufrag);
	dh_strcopy(j->ice_pwd, sizeof(j->ice_pwd), pwd);
	for (int i = 0; i < j->candidate_count; i++)
		free(j->candidates[i]);
	j->candidate_count = 0;
	j->has_all_candidates = false;
	return 0;
}

int dh_jsep_create(struct dh_jsep **out, const struct dh_jsep_config *c, struct dh_err *e)
{
	if (!dh_jsep_is_word(c->fingerprint, 95, 95))
		return dh_fail(e, DH_EINVAL, "the fingerprint is not 32 bytes in hexadecimal");
	if (!dh_jsep_is_word(c->cname, 1, DH_JSEP_ID_MAX))
		return dh_fail(e, DH_EINVAL, "the cname is not one word of 1 to 64 characters");
	struct dh_jsep *j = dh_alloc(sizeof(*j));
	int err = dh_jsep_set_ice(j, c->ice_ufrag, c->ice_pwd, e);
	if (err) {
		free(j);
		return err;
	}
	dh_strcopy(j->fingerprint, sizeof(j->fingerprint), c->fingerprint);
	dh_strcopy(j->cname, sizeof(j->cname), c->cname);
	j->session_id = c->session_id;
	memcpy(j->video, c->video, sizeof(j->video));
	j->receives_audio = c->receives_audio;
	j->receives_video = c->receives_video;
	j->prefers_dtls_server = c->prefers_dtls_server;
	for (int f = 0; f < DH_JSEP_FORM_COUNT; f++)
		j->now.numbers.payload_type[f] = j->now.numbers.rtx[f] = -1;
	*out = j;
	return 0;
}

void dh_jsep_destroy(struct dh_jsep *j)
{
	if (!j)
		return;
	for (int i = 0; i < j->candidate_count; i++)
		free(j->candidates[i]);
	free(j);
}

int dh_jsep_add_track(struct dh_jsep *j, const struct dh_jsep_track *t, struct dh_err *e)
{
	int at = -1;
	if (t->kind != DH_JSEP_AUDIO && t->kind != DH_JSEP_VIDEO)
		return dh_fail(e, DH_EINVAL, "a track is audio or video");
	if (!dh_jsep_is_word(t->id, 1, DH_JSEP_ID_MAX) || !dh_jsep_is_word(t->stream, 1, DH_JSEP_ID_MAX))
		return dh_fail(e, DH_EINVAL, "the ids of a track are not words of 1 to 64 characters");
	if (!t->ssrc || t->ssrc == t->rtx_ssrc)
		return dh_fail(e, DH_EINVAL, "a track wants an SSRC, and another one for retransmission");
	for (int i = DH_JSEP_TRACK_MAX - 1; i >= 0; i--) {
		const struct dh_jsep_track *o = &j->tracks[i];
		if (!o->kind)
			at = i;
		else if (o->ssrc == t->ssrc || o->rtx_ssrc == t->ssrc || o->ssrc == t->rtx_ssrc ||
			 (t->rtx_ssrc && o->rtx_ssrc == t->rtx_ssrc))
			return dh_fail(e, DH_EEXIST, "SSRC %u is in use by another track", t->ssrc);
	}
	if (at < 0)
		return dh_fail(e, DH_ELIMIT, "more than %d tracks", DH_JSEP_TRACK_MAX);
	j->tracks[at] = *t;
	return at;
}

static void forget_track(struct dh_jsep_state *s, int track)
{
	s->refused &= ~(1u << track);
	for (int i = 0; i < s->agreed.media_count; i++)
		if (s->agreed.media[i].track == track)
			s->agreed.media[i].track = -1;
}

int dh_jsep_remove_track(struct dh_jsep *j, int track)
{
	if (track < 0 || track >= DH_JSEP_TRACK_MAX || !j->tracks[track].kind)
		return DH_ENOENT;
	memset(&j->tracks[track], 0, sizeof(j->tracks[track]));
	forget_track(&j->now, track);
	forget_track(&j->open, track);
	return 0;
}

int dh_jsep_add_candidate(struct dh_jsep *j, const char *candidate, struct dh_err *e)
{
	bool is_line = !strncmp(candidate, "candidate:", 10) && strlen(candidate) < 1024;
	for (const char *c = candidate; *c; c++)
		is_line &= *c >= 32 && *c < 127;
	if (!is_line)
		return dh_fail(e, DH_EINVAL, "a candidate is one line that starts with \"candidate:\"");
	if (j->candidate_count == DH_JSEP_CANDIDATE_MAX)
		return dh_fail(e, DH_ELIMIT, "more than %d candidates", DH_JSEP_CANDIDATE_MAX);
	j->candidates[j->candidate_count++] = dh_strdup(candidate);
	return 0;
}

void dh_jsep_end_candidates(struct dh_jsep *j)
{
	j->has_all_candidates = true;
}

void dh_jsep_rollback(struct dh_jsep *j)
{
	j->has_open = false;
}
