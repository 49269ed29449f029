/* Life of a preview: open with an offer, answer, candidates, close. Its tracks are in preview_track.c.
 * Closing goes in three steps, each waits for the one before: the listeners leave the encoders, the connection ends, the
 * memory goes. Source: RFC 8829 (offer and answer), RFC 8838 (trickle). */
#include "agent/ctl/preview.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/events.h"
#include "agent/ctl/preview_priv.h"
#include "agent/media/driver.h"
#include "agent/media/encoder.h"
#include "common/alloc.h"

/* ---- closing ---- */

static void timer_closed(uv_handle_t *h)
{
	struct dh_preview *p = h->data;
	if (--p->timers)
		return;
	free(p->answer);
	free(p->lines);
	free(p->mid);
	free(p);
}

static void peer_closed(void *arg)
{
	struct dh_preview *p = arg;
	struct dh_ctl *ctl = p->ctl;
	dh_list_del(&p->node);
	uv_close((uv_handle_t *)&p->gather_timer, timer_closed);
	uv_close((uv_handle_t *)&p->handshake_timer, timer_closed);
	dh_ctl_check_stopped(ctl);
}

/* Calls of preview.candidate that the connection will not answer any more. */
static void fail_calls(struct dh_preview *p)
{
	struct dh_err e = {0};
	dh_fail(&e, DH_ECLOSED, "the preview is closed");
	dh_list_for_each_safe(pos, &p->calls) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, wait);
		dh_call_finish(call, e.code, &e);
	}
}

void dh_preview_removed(struct dh_preview *p)
{
	if (p->removing)
		return;
	dh_rtc_unregister(&p->entry);
	p->api->peer_close(p->peer, peer_closed, p);
	fail_calls(p);
}

static void tell_closed(struct dh_preview *p, const struct dh_err *why)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "session", p->session_id);
	cJSON_AddStringToObject(params, "preview", p->id);
	cJSON_AddStringToObject(params, "name", dh_err_name(why->code));
	cJSON_AddStringToObject(params, "reason", why->text);
	dh_emit(p->ctl, "preview.closed", p->origin, params);
}

void dh_preview_close(struct dh_preview *p, const struct dh_err *why)
{
	if (p->is_closing)
		return;
	p->is_closing = true;
	uv_timer_stop(&p->gather_timer);
	uv_timer_stop(&p->handshake_timer);
	DH_INFO(p, "closed: %s", why->text);
	if (p->call) {
		struct dh_call *call = p->call;
		p->call = NULL;
		dh_call_finish(call, why->code, why);
	} else {
		tell_closed(p, why);
	}
	p->removing++; /* this loop */
	for (int i = 0; i < p->track_count; i++)
		dh_preview_track_stop(&p->tracks[i]);
	p->removing--;
	p->session = NULL;
	dh_preview_removed(p);
}

static void close_for(struct dh_preview *p, int code, const char *reason)
{
	struct dh_err why = {0};
	dh_fail(&why, code, "%s", reason);
	dh_preview_close(p, &why);
}

/* ---- the answer ---- */

/* The answer with the addresses that were found after it was written, at the end of their m-line. */
static char *complete_answer(const struct dh_preview *p)
{
	char *line = dh_strfmt("\r\na=mid:%s\r\n", p->mid ? p->mid : "");
	const char *at = p->lines ? strstr(p->answer, line) : NULL;
	const char *next = at ? strstr(at, "\r\nm=") : NULL;
	size_t head = next ? (size_t)(next + 2 - p->answer) : strlen(p->answer);
	free(line);
	return dh_strfmt("%.*s%s%s", (int)head, p->answer, at ? p->lines : "", p->answer + head);
}

static bool carries_something(const struct dh_preview *p)
{
	for (int i = 0; i < p->track_count; i++)
		if (p->tracks[i].codec)
			return true;
	return false;
}

static void answer_now(struct dh_preview *p)
{
	struct dh_call *call = p->call;
	char *sdp = complete_answer(p);
	p->call = NULL;
	uv_timer_stop(&p->gather_timer);
	dh_reply_str(call, "preview", p->id);
	dh_reply_str(call, "answer", sdp);
	dh_call_finish(call, DH_OK, NULL);
	free(sdp);
}

static void gathered_long_enough(uv_timer_t *timer)
{
	struct dh_preview *p = timer->data;
	if (p->call && p->answer)
		answer_now(p);
}

static void on_description(void *user, bool is_offer, const char *sdp)
{
	struct dh_preview *p = user;
	if (p->is_closing || is_offer || p->answer)
		return;
	if (!carries_something(p)) {
		close_for(p, DH_ENOTSUP, "the offer has no line that could carry a track of this preview");
		return;
	}
	p->answer = dh_strdup(sdp);
	if (p->has_gathered)
		answer_now(p);
	else
		uv_timer_start(&p->gather_timer, gathered_long_enough, DH_PREVIEW_GATHER_MS, 0);
}

static void on_candidate(void *user, const char *mid, const char *sdp)
{
	struct dh_preview *p = user;
	if (p->is_closing)
		return;
	p->has_gathered |= !sdp;
	if (!p->call && p->client) { /* answered already */
		cJSON *params = cJSON_CreateObject();
		cJSON_AddStringToObject(params, "preview", p->id);
		cJSON_AddStringToObject(params, "mid", mid);
		cJSON_AddStringToObject(params, "candidate", sdp ? sdp : "");
		dh_emit_to(p->client, "preview.candidate", params);
		return;
	}
	if (!p->answer)
		return; /* the description will have it */
	char *lines = dh_strfmt("%sa=%s\r\n", p->lines ? p->lines : "", sdp ? sdp : "end-of-candidates");
	free(p->lines);
	p->lines = lines;
	if (!p->mid)
		p->mid = dh_strdup(mid);
	if (p->has_gathered)
		answer_now(p);
}

/* ---- what the connection says ---- */

static void offer_taken(void *user, const struct dh_err *why)
{
	if (why)
		dh_preview_close(user, why);
}

static void on_state(void *user, enum dh_peer_state state, const struct dh_err *why)
{
	struct dh_preview *p = user;
	if (p->is_closing)
		return;
	if (state == DH_PEER_FAILED || state == DH_PEER_CLOSED) {
		struct dh_err own = {0};
		dh_fail(&own, DH_ECLOSED, "the page ended the connection");
		dh_preview_close(p, why && why->code ? why : &own);
		return;
	}
	if (state != DH_PEER_CONNECTED || p->is_connected)
		return;
	p->is_connected = true;
	uv_timer_stop(&p->handshake_timer);
	for (int i = 0; i < p->track_count; i++)
		dh_preview_track_feed(&p->tracks[i]);
}

static void on_remote(void *user, const struct dh_peer_remote *r)
{
	/* a preview only sends: what a page sends back is not listened to */
}

static void on_set_rate(void *user, int track, int64_t bps, bool wants_skip)
{
	/* within one machine there is no road that could be full: quality alone decides */
}

static void on_set_loss(void *user, int track, int percent)
{
	/* as above: nothing is lost here */
}

static const struct dh_peer_ops peer_ops = {
	on_description, on_candidate, on_state, dh_preview_on_track, on_remote, dh_preview_on_want_key, on_set_rate,
	on_set_loss,
};

static void handshake_is_late(uv_timer_t *timer)
{
	close_for(timer->data, DH_ETIMEDOUT, "the page did not connect within 10 seconds");
}

/* ---- open ---- */

int dh_preview_count(struct dh_ctl *ctl, const struct dh_session *s)
{
	int n = 0;
	dh_list_for_each(pos, &ctl->previews) {
		const struct dh_preview *p = dh_container_of(pos, struct dh_preview, node);
		n += !p->is_closing && (!s || p->session == s);
	}
	return n;
}

static int check_limits(struct dh_call *call, const struct dh_session *s)
{
	if (dh_preview_count(call->ctl, s) >= DH_SESSION_PREVIEWS_MAX)
		dh_fail(&call->err, DH_ELIMIT, "the session has %d previews already", DH_SESSION_PREVIEWS_MAX);
	else if (dh_preview_count(call->ctl, NULL) >= DH_PREVIEWS_MAX)
		dh_fail(&call->err, DH_ELIMIT, "%d previews are open already", DH_PREVIEWS_MAX);
	else
		return DH_OK;
	return dh_hint(&call->err, "Close one by preview.close, or use one stream in several places.");
}

/* Name the tracks and look whether the session has them and the caller may see them. */
static int read_tracks(struct dh_call *call, struct dh_session *s, struct dh_preview *p)
{
	const char *sound = dh_arg_str(call->args, "sound");
	const cJSON *v, *list = dh_arg_json(call->args, "tracks");
	uint32_t scopes = 0;
	struct dh_preview_target target;
	p->hears_remote = !strcmp(sound, "all");
	cJSON_ArrayForEach(v, list) {
		for (int i = 0; i < p->track_count; i++)
			if (!strcmp(p->tracks[i].name, v->valuestring))
				return dh_fail(&call->err, DH_EINVAL, "track %.40s is named twice", v->valuestring);
		bool is_own = !strcmp(v->valuestring, "sound"); /* our name of the other parameter */
		int err = dh_preview_resolve(s, is_own ? "" : v->valuestring, p->hears_remote, &target, &call->err);
		if (err)
			return err;
		scopes |= target.scopes;
		dh_strcopy(p->tracks[p->track_count++].name, DH_PREVIEW_TRACK_NAME_MAX, v->valuestring);
	}
	if (!p->track_count)
		return dh_fail(&call->err, DH_EINVAL, "tracks is empty");
	bool is_heard = strcmp(sound, "none") && dh_rtc_can_encode(DH_CODEC_OPUS);
	if (is_heard && !dh_preview_resolve(s, "sound", p->hears_remote, &target, NULL)) {
		scopes |= target.scopes;
		dh_strcopy(p->tracks[p->track_count++].name, DH_PREVIEW_TRACK_NAME_MAX, "sound");
	}
	return dh_call_need(call, scopes);
}

static int add_tracks(struct dh_preview *p, struct dh_err *e)
{
	for (int i = 0; i < p->track_count; i++) {
		struct dh_preview_track *t = &p->tracks[i];
		struct dh_preview_target target;
		enum dh_media_kind kind = strcmp(t->name, "sound") ? DH_MEDIA_VIDEO : DH_MEDIA_AUDIO;
		char id[DH_PREVIEW_TRACK_NAME_MAX];
		dh_strcopy(id, sizeof(id), t->name);
		char *colon = strchr(id, ':'); /* remote:3; RFC 8830 allows none */
		if (colon)
			*colon = '-';
		dh_preview_resolve(p->session, t->name, p->hears_remote, &target, NULL);
		t->preview = p;
		t->number = p->api->add_track(p->peer, kind, target.is_screen, "preview", id, e);
		if (t->number < 0)
			return t->number;
	}
	return DH_OK;
}

static int create_peer(struct dh_preview *p, struct dh_err *e)
{
	struct dh_rtc *rtc = NULL;
	p->api = dh_ctl_rtc(p->ctl, &rtc, e);
	if (!p->api)
		return e->code ? e->code : DH_EFAIL;
	char *name = dh_strfmt("preview %s", p->id);
	struct dh_peer_config c = {.name = name, .is_polite = true, .is_loopback_only = true};
	dh_rtc_video_codecs(c.video);
	int err = p->api->peer_create(&p->peer, rtc, &c, &peer_ops, p, e);
	free(name);
	return err;
}

static struct dh_preview *make_preview(struct dh_call *call, struct dh_session *s)
{
	struct dh_preview *p = dh_alloc(sizeof(*p));
	p->ctl = call->ctl;
	p->session = s;
	p->client = call->client;
	dh_random_hex(p->id, 8);
	dh_log_init(&p->log, "agent/preview %s", p->id);
	dh_strcopy(p->session_id, sizeof(p->session_id), s->id);
	dh_strcopy(p->origin, sizeof(p->origin), call->origin);
	dh_list_init(&p->calls);
	dh_list_init(&p->node);
	p->entry = (struct dh_rtc_entry){.kind = "preview", .preview = p->id, .session = p->session_id, .origin = p->origin};
	return p;
}

/* From here on it is closed, not freed. */
static void start(struct dh_preview *p)
{
	p->entry.peer = p->peer;
	dh_rtc_register(p->ctl, &p->entry);
	dh_list_add(&p->ctl->previews, &p->node);
	p->timers = 2;
	p->gather_timer.data = p->handshake_timer.data = p;
	uv_timer_init(&p->ctl->loop->uv, &p->gather_timer);
	uv_timer_init(&p->ctl->loop->uv, &p->handshake_timer);
	uv_timer_start(&p->handshake_timer, handshake_is_late, DH_PREVIEW_HANDSHAKE_MS, 0);
}

int dh_preview_open(struct dh_call *call, struct dh_session *s)
{
	struct dh_preview *p = make_preview(call, s);
	struct dh_err e = {0};
	int err = read_tracks(call, s, p);
	if (!err)
		err = check_limits(call, s);
	if (!err)
		err = create_peer(p, &call->err);
	if (err) {
		free(p);
		return err;
	}
	start(p);
	p->call = call;
	if (add_tracks(p, &e))
		dh_preview_close(p, &e);
	else
		p->api->remote_description(p->peer, true, dh_arg_str(call->args, "offer"), offer_taken);
	return DH_PENDING;
}

/* ---- candidates of the page ---- */

int dh_call_preview(struct dh_call *call, struct dh_preview **out)
{
	const char *id = dh_arg_str(call->args, "preview");
	dh_list_for_each(pos, &call->ctl->previews) {
		struct dh_preview *p = dh_container_of(pos, struct dh_preview, node);
		if (p->is_closing || strcmp(p->id, id) || (!call->is_cli && strcmp(p->origin, call->origin)))
			continue;
		if (!call->is_cli && p->client != call->client) /* SR-18 */
			return dh_fail(&call->err, DH_EPERM, "preview %s belongs to another page", p->id);
		*out = p;
		return DH_OK;
	}
	dh_fail(&call->err, DH_ENOENT, "there is no preview \"%.40s\"", id);
	return dh_hint(&call->err, "It was closed; event preview.closed said why.");
}

static void candidate_taken(void *arg, const struct dh_err *why)
{
	struct dh_call *call = arg;
	dh_call_finish(call, why ? why->code : DH_OK, why);
}

int dh_preview_candidate(struct dh_call *call, struct dh_preview *p)
{
	const char *candidate = dh_arg_str(call->args, "candidate");
	if (p->candidates >= DH_PREVIEW_CANDIDATES_MAX)
		return dh_fail(&call->err, DH_ELIMIT, "the preview got %d candidates already", DH_PREVIEW_CANDIDATES_MAX);
	p->candidates += candidate[0] != '\0';
	dh_list_add(&p->calls, &call->wait);
	p->api->remote_candidate(p->peer, candidate, candidate_taken, call);
	return DH_PENDING;
}

/* ---- what happens around it ---- */

void dh_previews_client_gone(struct dh_ctl *ctl, struct dh_client *c)
{
	dh_list_for_each_safe(pos, &ctl->previews) {
		struct dh_preview *p = dh_container_of(pos, struct dh_preview, node);
		if (p->client != c)
			continue;
		p->client = NULL;
		close_for(p, DH_ECLOSED, "its page is gone");
	}
}

void dh_previews_session_gone(struct dh_session *s)
{
	dh_list_for_each_safe(pos, &s->ctl->previews) {
		struct dh_preview *p = dh_container_of(pos, struct dh_preview, node);
		if (p->session == s)
			close_for(p, DH_ECLOSED, s->close_reason);
	}
}

void dh_previews_session_changed(struct dh_session *s)
{
	dh_list_for_each_safe(pos, &s->ctl->previews) {
		struct dh_preview *p = dh_container_of(pos, struct dh_preview, node);
		for (int i = 0; p->session == s && i < p->track_count; i++)
			dh_preview_track_feed(&p->tracks[i]);
	}
}

void dh_previews_session_attached(struct dh_session *s)
{
	dh_list_for_each_safe(pos, &s->ctl->previews) {
		struct dh_preview *p = dh_container_of(pos, struct dh_preview, node);
		if (p->session == s && p->client != s->controller && !(p->client && p->client->is_cli))
			close_for(p, DH_EPERM, "another page controls the session now");
	}
}
