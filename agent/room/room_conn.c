/* One WebRTC connection to one member: introductions, what is sent, what comes and becomes sources of the session. The
 * member with the greater number offers first and is the polite side (docs/rooms.md, "Introductions"). */
#include <stdlib.h>
#include <string.h>

#include "agent/media/driver.h"
#include "agent/room/room_priv.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/text.h"

#define CANDIDATE_MAX 1024

/* ---- closing: tracks, then the peer, then the memory ---- */

static void peer_closed(void *arg)
{
	struct dh_room_conn *c = arg;
	struct dh_room *r = c->room;
	dh_call_tracks_finish(&c->tracks);
	dh_list_del(&c->node);
	free(c);
	dh_room_check_gone(r);
}

static void tracks_stopped(void *arg)
{
	struct dh_room_conn *c = arg;
	c->room->api->peer_close(c->peer, peer_closed, c);
}

static void remove_stream(struct dh_room_conn *c, struct dh_room_stream *s)
{
	struct dh_session *session = c->room->session;
	struct dh_session_source *src = session && !session->is_closing ? dh_session_source(session, s->source) : NULL;
	*s = (struct dh_room_stream){0};
	if (!src)
		return;
	dh_session_remove_source(session, src);
	dh_session_changed(session);
}

void dh_room_conn_close(struct dh_room_conn *c)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	struct dh_room_member *m = dh_room_member(c->room, c->member);
	if (m && m->conn == c)
		m->conn = NULL;
	for (int i = 0; i < DH_ROOM_STREAMS_MAX; i++)
		if (c->streams[i].key[0])
			remove_stream(c, &c->streams[i]);
	dh_rtc_unregister(&c->entry);
	dh_call_tracks_stop(&c->tracks, tracks_stopped, c);
}

void dh_room_conn_remake(struct dh_room *r, struct dh_room_member *m)
{
	if (m->conn)
		dh_room_conn_close(m->conn);
	dh_room_conn_open(r, m);
}

bool dh_room_conn_stands(const struct dh_room_conn *c)
{
	return c->state == DH_PEER_CONNECTED || c->state == DH_PEER_LOST;
}

/* ---- what comes: streams of theirs ---- */

static struct dh_room_stream *find_stream(struct dh_room_conn *c, const char *key)
{
	for (int i = 0; i < DH_ROOM_STREAMS_MAX; i++)
		if (!strcmp(c->streams[i].key, key))
			return &c->streams[i];
	return NULL;
}

static void add_source(struct dh_room_conn *c, struct dh_room_stream *s, const struct dh_room_member *m)
{
	struct dh_session *session = c->room->session;
	struct dh_err e = {0};
	char *label = s->is_screen ? dh_strfmt("%s · %s", m->user_name, dh_text(DH_TEXT_SCREEN)) : dh_strdup(m->user_name);
	if (!session || session->is_closing)
		dh_fail(&e, DH_ECLOSED, "the session is closed");
	else
		dh_session_add_remote(session, s->key, label, s->is_screen, &s->source, &e);
	free(label);
	if (e.code)
		DH_WARN(c, "what member %lld sends is not shown: %s", (long long)c->member, e.text);
	else
		dh_session_changed(session);
}

void dh_room_conn_show_state(struct dh_room_conn *c, const struct dh_room_member *m)
{
	struct dh_session *session = c->room->session;
	for (int i = 0; session && !session->is_closing && i < DH_ROOM_STREAMS_MAX; i++) {
		const struct dh_room_stream *s = &c->streams[i];
		const struct dh_session_source *src = dh_session_source(session, s->source);
		if (src && !s->is_screen)
			dh_pipeline_source_set_placard(session->pipeline, src->pipeline_source,
						       m->camera ? NULL : dh_text(DH_TEXT_CAMERA_OFF));
	}
}

static void on_remote(void *user, const struct dh_peer_remote *remote)
{
	struct dh_room_conn *c = user;
	struct dh_room_member *m = dh_room_member(c->room, c->member);
	struct dh_room_stream *s = find_stream(c, remote->key);
	bool is_there = remote->has_audio || remote->has_video, is_first = !s && is_there;
	if (is_first)
		s = find_stream(c, "");
	if (c->is_closing || !s || !m)
		return;
	if (is_first) {
		dh_strcopy(s->key, sizeof(s->key), remote->key);
		dh_strcopy(s->id, sizeof(s->id), remote->stream);
		s->is_screen = c->screen_id[0] && !strcmp(s->id, c->screen_id);
	}
	s->has_audio = remote->has_audio;
	s->has_video = remote->has_video;
	if (is_first)
		add_source(c, s, m);
	else if (!is_there)
		remove_stream(c, s);
	dh_room_conn_show_state(c, m);
	dh_room_emit(c->room, "room.member_changed", dh_room_member_to_json(c->room, m));
}

/* ---- what is sent ---- */

static const struct dh_session_source *first_source(const struct dh_session *s, enum dh_role role)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source && s->sources[i].role == role)
			return &s->sources[i];
	return NULL;
}

static void set_track(struct dh_room_conn *c, enum dh_call_track_kind kind, int source, bool *needs_offer)
{
	struct dh_err e = {0};
	if (dh_call_tracks_set(&c->tracks, kind, source, needs_offer, &e))
		DH_WARN(c, "a track is not sent: %s", e.text);
}

void dh_room_conn_sync(struct dh_room_conn *c)
{
	struct dh_room *r = c->room;
	struct dh_session *s = r->session;
	bool needs_offer = false;
	if (c->is_closing || !s || s->is_closing)
		return;
	const struct dh_session_source *camera = first_source(s, DH_ROLE_CAMERA);
	const struct dh_session_source *screen = dh_session_source(s, r->screen_source);
	bool has_sound = first_source(s, DH_ROLE_MICROPHONE) || first_source(s, DH_ROLE_SYSTEM);
	dh_call_tracks_mute(&c->tracks, DH_CALL_SOUND, r->is_microphone_off);
	dh_call_tracks_mute(&c->tracks, DH_CALL_CAMERA, r->is_camera_off);
	set_track(c, DH_CALL_SOUND, has_sound ? 0 : -1, &needs_offer);
	set_track(c, DH_CALL_CAMERA, camera ? camera->pipeline_source : -1, &needs_offer);
	set_track(c, DH_CALL_SCREEN, screen ? screen->pipeline_source : -1, &needs_offer);
	if (needs_offer && c->has_begun)
		r->api->offer(c->peer, false);
}

static void on_track(void *user, int track, enum dh_codec codec, int unit_max)
{
	dh_call_tracks_agreed(&((struct dh_room_conn *)user)->tracks, track, codec, unit_max);
}

static void on_want_key(void *user, int track)
{
	dh_call_tracks_want_key(&((struct dh_room_conn *)user)->tracks, track);
}

static void on_set_rate(void *user, int track, int64_t bps, bool wants_skip)
{
	dh_call_tracks_set_rate(&((struct dh_room_conn *)user)->tracks, track, bps, wants_skip);
}

static void on_set_loss(void *user, int track, int percent)
{
	dh_call_tracks_set_loss(&((struct dh_room_conn *)user)->tracks, track, percent);
}

/* ---- introductions, out ---- */

static void send_signal(struct dh_room_conn *c, cJSON *take_params)
{
	struct dh_err e = {0};
	cJSON_AddNumberToObject(take_params, "to", (double)c->member);
	if (dh_room_link_request(c->room->link, "room.signal", take_params, DH_ROOM_KEEP_MEMBER, NULL, NULL, &e))
		DH_WARN(c, "member %lld cannot be told: %s", (long long)c->member, e.text);
}

static void on_description(void *user, bool is_offer, const char *sdp)
{
	struct dh_room_conn *c = user;
	cJSON *p = cJSON_CreateObject(), *d = cJSON_AddObjectToObject(p, "description");
	cJSON *streams = cJSON_AddObjectToObject(p, "streams");
	if (c->is_closing) {
		cJSON_Delete(p);
		return;
	}
	cJSON_AddStringToObject(d, "type", is_offer ? "offer" : "answer");
	cJSON_AddStringToObject(d, "sdp", sdp);
	if (c->tracks.one[DH_CALL_CAMERA].number >= 0 || c->tracks.one[DH_CALL_SOUND].number >= 0)
		cJSON_AddStringToObject(streams, "camera", DH_CALL_CAMERA_STREAM);
	if (c->tracks.one[DH_CALL_SCREEN].number >= 0)
		cJSON_AddStringToObject(streams, "screen", DH_CALL_SCREEN_STREAM);
	send_signal(c, p);
}

static void on_candidate(void *user, const char *mid, const char *sdp)
{
	struct dh_room_conn *c = user;
	cJSON *p = cJSON_CreateObject();
	if (c->is_closing) {
		cJSON_Delete(p);
		return;
	}
	if (sdp) {
		cJSON *v = cJSON_AddObjectToObject(p, "candidate");
		cJSON_AddStringToObject(v, "candidate", sdp);
		cJSON_AddStringToObject(v, "sdpMid", mid[0] ? mid : "0");
		cJSON_AddNumberToObject(v, "sdpMLineIndex", 0); /* one road for all lines: the first has it */
	} else {
		cJSON_AddNullToObject(p, "candidate");
	}
	send_signal(c, p);
}

/* ---- introductions, in ---- */

/* The session of an o= line: "o=USER SESSION VERSION ..." (RFC 8866, 5.2). A connection keeps it for life (RFC 8829, 5.2.2),
 * so another one means that the other side began anew. */
static void read_session(const char *sdp, char *out, size_t size)
{
	const char *o = strstr(sdp, "\no=");
	out[0] = '\0';
	if (!o)
		return;
	o += 3 + strcspn(o + 3, " \r\n");
	o += *o == ' ';
	size_t n = strcspn(o, " \r\n");
	dh_strcopy(out, n + 1 < size ? n + 1 : size, o);
}

static void described(void *user, const struct dh_err *why)
{
	struct dh_room_conn *c = user;
	if (why && !c->is_closing)
		DH_WARN(c, "a description of member %lld was refused: %s", (long long)c->member, why->text);
}

static void take_description(struct dh_room *r, struct dh_room_member *m, const struct dh_args *signal)
{
	struct dh_args d = dh_arg_obj(signal, "description"), streams = dh_arg_obj(signal, "streams");
	const char *sdp = dh_arg_str(&d, "sdp");
	bool is_offer = !strcmp(dh_arg_str(&d, "type"), "offer");
	char session[sizeof(m->conn->remote_session)];
	read_session(sdp, session, sizeof(session));
	if (is_offer && m->conn &&
	    ((m->conn->remote_session[0] && strcmp(session, m->conn->remote_session)) ||
	     m->conn->state == DH_PEER_FAILED || m->conn->state == DH_PEER_CLOSED))
		dh_room_conn_close(m->conn);
	if (!m->conn && is_offer)
		dh_room_conn_open(r, m);
	if (!m->conn)
		return;
	dh_strcopy(m->conn->remote_session, sizeof(m->conn->remote_session), session);
	if (streams.json)
		dh_strcopy(m->conn->screen_id, sizeof(m->conn->screen_id), dh_arg_str(&streams, "screen"));
	m->conn->has_begun = true;
	r->api->remote_description(m->conn->peer, is_offer, sdp, described);
}

void dh_room_conn_signal(struct dh_room *r, struct dh_room_member *m, const struct dh_args *signal)
{
	if (dh_arg_has(signal, "description"))
		take_description(r, m, signal);
	if (!dh_arg_has(signal, "candidate") || !m->conn)
		return;
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(dh_arg_json(signal, "candidate"), "candidate");
	if (!text)
		r->api->remote_candidate(m->conn->peer, NULL, NULL, NULL);
	else if (cJSON_IsString(text) && strlen(text->valuestring) <= CANDIDATE_MAX)
		r->api->remote_candidate(m->conn->peer, text->valuestring, NULL, NULL);
}

/* ---- state ---- */

static void on_state(void *user, enum dh_peer_state state, const struct dh_err *why)
{
	struct dh_room_conn *c = user;
	struct dh_room_member *m = dh_room_member(c->room, c->member);
	if (c->is_closing || !m || c->state == state)
		return;
	c->state = state;
	c->since_us = dh_now_us();
	if (why)
		DH_INFO(c, "the connection to member %lld: %s", (long long)c->member, why->text);
	if (state == DH_PEER_CONNECTED)
		dh_call_tracks_connected(&c->tracks);
	else
		dh_room_mend_soon(c->room);
	dh_room_emit(c->room, "room.member_changed", dh_room_member_to_json(c->room, m));
}

static const struct dh_peer_ops peer_ops = {
	on_description, on_candidate, on_state, on_track, on_remote, on_want_key, on_set_rate, on_set_loss,
};

/* ---- opening ---- */

static int read_servers(const cJSON *list, struct dh_peer_server *out, int most)
{
	int n = 0;
	const cJSON *server, *url;
	cJSON_ArrayForEach(server, list) {
		const cJSON *user = cJSON_GetObjectItemCaseSensitive(server, "username");
		const cJSON *password = cJSON_GetObjectItemCaseSensitive(server, "credential");
		cJSON_ArrayForEach(url, cJSON_GetObjectItemCaseSensitive(server, "urls"))
			if (n < most)
				out[n++] = (struct dh_peer_server){url->valuestring, cJSON_GetStringValue(user),
								   cJSON_GetStringValue(password)};
	}
	return n;
}

static int create_peer(struct dh_room_conn *c, struct dh_err *e)
{
	struct dh_room *r = c->room;
	struct dh_peer_server servers[16];
	struct dh_peer_config config = {
		.name = c->log.name, .is_polite = c->is_offerer, .is_relay_only = r->is_relay_only, .servers = servers,
		.server_count = read_servers(r->ice_servers, servers, 16), .proxy = r->wire.proxy, .ca_file = r->ca_file,
		.receives_audio = true, .receives_video = true,
	};
	dh_rtc_video_codecs(config.video);
	return r->api->peer_create(&c->peer, r->rtc, &config, &peer_ops, c, e);
}

void dh_room_conn_open(struct dh_room *r, struct dh_room_member *m)
{
	struct dh_room_conn *c = dh_alloc(sizeof(*c));
	struct dh_err e = {0};
	c->room = r;
	c->member = m->member;
	c->is_offerer = r->member > m->member;
	c->state = DH_PEER_NEW;
	c->since_us = dh_now_us();
	dh_log_init(&c->log, "agent/room %.30s/member %lld", r->id, (long long)m->member);
	if (create_peer(c, &e)) {
		DH_WARN(r, "no connection to member %lld: %s", (long long)m->member, e.text);
		free(c);
		return;
	}
	c->entry = (struct dh_rtc_entry){.peer = c->peer, .kind = "member", .room = r->id, .member = m->member,
					 .session = r->session->id, .origin = r->origin};
	dh_call_tracks_init(&c->tracks, r->api, r->session->pipeline, DH_CALL_START_BPS);
	c->tracks.peer = c->peer;
	dh_rtc_register(r->ctl, &c->entry);
	dh_list_add(&r->conns, &c->node);
	m->conn = c;
	dh_room_conn_sync(c);
	c->has_begun = c->is_offerer;
	if (c->is_offerer)
		r->api->offer(c->peer, false);
	dh_room_mend_soon(r);
}
