/* The loop thread's side of a peer: calls become tasks of the rtc thread, and what happens there comes back as tasks of the
 * loop, in order. The work is in peer_negotiate.c, peer_send.c, peer_receive.c and peer_rtcp.c. */
#include "agent/rtc/peer.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define PEERS_MAX 64
#define START_BPS 600000
#define MAX_BPS 4000000
#define QUEUED_MAX 256 /* packets between an encode thread and the rtc thread: seconds of them */

static atomic_int live;

int dh_peer_live_count(void)
{
	return atomic_load(&live);
}

static void free_road(struct dh_peer *p)
{
	for (int i = 0; i < p->ice.server_count; i++) {
		dh_free_secret(p->servers[i].username);
		dh_free_secret(p->servers[i].password);
	}
	free((char *)p->ice.proxy.host);
	dh_free_secret(p->ice.proxy.username);
	dh_free_secret(p->ice.proxy.password);
	free((char *)p->ice.ca_file);
}

void dh_peer_unref(struct dh_peer *p)
{
	if (atomic_fetch_sub(&p->refs, 1) > 1)
		return;
	free_road(p);
	free(p);
	atomic_fetch_sub(&live, 1);
}

static struct dh_peer *ref(struct dh_peer *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

/* -- to the rtc thread -- */

struct task {
	struct dh_peer *peer;
	void (*fn)(struct dh_peer *p, void *arg);
	void *arg;
};

static void run_task(void *arg)
{
	struct task *t = arg;
	t->fn(t->peer, t->arg);
	dh_peer_unref(t->peer);
	free(t);
}

void dh_peer_post(struct dh_peer *p, void (*fn)(struct dh_peer *p, void *arg), void *arg)
{
	struct task *t = dh_alloc(sizeof(*t));
	*t = (struct task){ref(p), fn, arg};
	dh_rtc_post(p->rtc->thread, run_task, t);
}

/* -- to the loop thread -- */

enum note_kind { NOTE_DESCRIPTION = 1, NOTE_CANDIDATE, NOTE_STATE, NOTE_TRACK, NOTE_REMOTE };

struct note {
	struct dh_peer *peer;
	enum note_kind kind;
	bool is_offer, has_audio, has_video;
	char *text, *other;
	enum dh_peer_state state;
	struct dh_err why;
	int track, unit_max;
	enum dh_codec codec;
};

static void deliver(const struct note *n)
{
	const struct dh_peer *p = n->peer;
	const struct dh_peer_ops *ops = p->ops;
	switch (n->kind) {
	case NOTE_DESCRIPTION: ops->description(p->user, n->is_offer, n->text); break;
	case NOTE_CANDIDATE: ops->candidate(p->user, n->other, n->text); break;
	case NOTE_STATE: ops->state(p->user, n->state, n->why.code ? &n->why : NULL); break;
	case NOTE_TRACK: ops->track(p->user, n->track, n->codec, n->unit_max); break;
	case NOTE_REMOTE:
		ops->remote(p->user, &(struct dh_peer_remote){n->text, n->other, n->has_audio, n->has_video});
		break;
	}
}

static void tell(void *arg)
{
	struct note *n = arg;
	if (!n->peer->is_closing)
		deliver(n);
	dh_peer_unref(n->peer);
	free(n->text);
	free(n->other);
	free(n);
}

static void post_note(struct dh_peer *p, struct note n)
{
	struct note *copy = dh_alloc(sizeof(*copy));
	*copy = n;
	copy->peer = ref(p);
	dh_loop_post(p->rtc->loop, tell, copy);
}

void dh_peer_tell_description(struct dh_peer *p, bool is_offer, const char *sdp)
{
	post_note(p, (struct note){.kind = NOTE_DESCRIPTION, .is_offer = is_offer, .text = dh_strdup(sdp)});
}

void dh_peer_tell_candidate(struct dh_peer *p, const char *sdp)
{
	post_note(p, (struct note){.kind = NOTE_CANDIDATE, .text = dh_strdup(sdp), .other = dh_strdup(p->mid)});
}

void dh_peer_tell_track(struct dh_peer *p, int track, enum dh_codec codec, int unit_max)
{
	post_note(p, (struct note){.kind = NOTE_TRACK, .track = track, .codec = codec, .unit_max = unit_max});
}

void dh_peer_tell_remote(struct dh_peer *p, const struct dh_peer_stream *s)
{
	post_note(p, (struct note){.kind = NOTE_REMOTE, .text = dh_strdup(s->name), .has_audio = s->has_audio,
				   .other = dh_strdup(dh_inbox_key(s->inbox)), .has_video = s->has_video});
}

void dh_peer_set_state(struct dh_peer *p, enum dh_peer_state state, const struct dh_err *why)
{
	if (p->state == state)
		return;
	p->state = state;
	atomic_store(&p->is_connected, state == DH_PEER_CONNECTED);
	post_note(p, (struct note){.kind = NOTE_STATE, .state = state, .why = why ? *why : (struct dh_err){0}});
}

/* -- create and close -- */

/* Servers and proxy, copied: the road is made later. */
static int copy_road(struct dh_peer *p, const struct dh_peer_config *c, struct dh_err *e)
{
	if (c->server_count < 0 || c->server_count > DH_ICE_SERVERS_MAX)
		return dh_fail(e, DH_EINVAL, "%d ICE servers; at most %d", c->server_count, DH_ICE_SERVERS_MAX);
	p->ice.is_loopback_only = c->is_loopback_only;
	p->ice.is_relay_only = c->is_relay_only;
	p->ice.servers = p->servers;
	for (int i = 0; i < c->server_count; i++) {
		const struct dh_peer_server *s = &c->servers[i];
		int err = dh_ice_server_parse(&p->servers[i], s->url, s->username, s->password, e);
		if (err)
			return err;
		p->servers[i].username = dh_strdup(s->username);
		p->servers[i].password = dh_strdup(s->password);
		p->ice.server_count++;
	}
	int err = c->proxy.kind ? dh_proxy_check(&c->proxy, e) : DH_OK;
	if (err)
		return err;
	p->ice.proxy = (struct dh_proxy){c->proxy.kind, dh_strdup(c->proxy.host), c->proxy.port,
					 dh_strdup(c->proxy.username), dh_strdup(c->proxy.password)};
	p->ice.ca_file = dh_strdup(c->ca_file);
	return DH_OK;
}

int dh_peer_create(struct dh_peer **out, struct dh_rtc *rtc, const struct dh_peer_config *c, const struct dh_peer_ops *ops,
		   void *user, struct dh_err *e)
{
	if (rtc->peers >= PEERS_MAX)
		return dh_fail(e, DH_ELIMIT, "%d connections are open already", PEERS_MAX);
	struct dh_peer *p = dh_alloc(sizeof(*p));
	int err = copy_road(p, c, e);
	if (err) {
		free_road(p);
		free(p);
		return err;
	}
	dh_log_init(&p->log, "agent/rtc/%s", c->name ? c->name : "peer");
	p->rtc = rtc;
	p->ops = ops;
	p->user = user;
	p->refs = 1;
	p->is_polite = c->is_polite;
	p->is_loopback_only = c->is_loopback_only;
	p->receives_audio = c->receives_audio;
	p->receives_video = c->receives_video;
	memcpy(p->video, c->video, sizeof(p->video));
	p->start_bps = c->start_bps ? c->start_bps : START_BPS;
	p->max_bps = c->max_bps ? c->max_bps : MAX_BPS;
	p->state = DH_PEER_NEW;
	uint64_t name;
	RAND_bytes((unsigned char *)&name, sizeof(name));
	snprintf(p->cname, sizeof(p->cname), "%016llx", (unsigned long long)name);
	dh_peer_senders_init(p);
	rtc->peers++;
	atomic_fetch_add(&live, 1);
	*out = p;
	return DH_OK;
}

static void closed(void *arg)
{
	struct dh_peer *p = arg;
	p->rtc->peers--;
	p->closed(p->closed_arg);
	dh_peer_unref(p);
}

static void finish(struct dh_peer *p, void *arg)
{
	p->is_finished = true;
	atomic_store(&p->is_connected, false);
	dh_peer_send_bye(p);
	dh_rtc_timer_stop(&p->pace_timer);
	dh_rtc_timer_stop(&p->tick_timer);
	dh_rtc_timer_stop(&p->report_timer);
	dh_rtc_timer_stop(&p->feedback_timer);
	dh_rtc_timer_stop(&p->jitter_timer);
	dh_peer_receivers_finish(p);
	dh_peer_senders_finish(p);
	dh_rtc_transport_close(p->transport);
	dh_jsep_destroy(p->jsep);
	for (int i = 0; i < p->early_count; i++)
		free(p->early[i]);
	dh_loop_post(p->rtc->loop, closed, p);
}

void dh_peer_close(struct dh_peer *p, void (*done)(void *arg), void *arg)
{
	assert(!p->is_closing);
	p->is_closing = true;
	p->closed = done;
	p->closed_arg = arg;
	dh_peer_post(p, finish, NULL);
}

/* -- tracks -- */

struct new_track {
	int track;
	bool is_audio, is_screen;
	char stream[DH_JSEP_ID_MAX + 1], id[DH_JSEP_ID_MAX + 1];
};

static void do_add_track(struct dh_peer *p, void *arg)
{
	struct new_track *n = arg;
	struct dh_peer_sender *s = &p->senders[n->track];
	uint32_t random[4];
	RAND_bytes((unsigned char *)random, sizeof(random));
	*s = (struct dh_peer_sender){.is_used = true, .is_audio = n->is_audio, .is_screen = n->is_screen, .jsep_track = -1,
				     .ssrc = random[0] | 1, .rtx_ssrc = n->is_audio ? 0 : random[1] | 1,
				     .seq = (uint16_t)(random[2] & 0x7fff), .rtx_seq = (uint16_t)(random[2] >> 16),
				     .timestamp_base = random[3], .told_loss = -1};
	dh_strcopy(s->stream, sizeof(s->stream), n->stream);
	dh_strcopy(s->id, sizeof(s->id), n->id);
	dh_rate_init(&s->rate);
	free(n);
	if (p->jsep)
		dh_peer_add_to_jsep(p, (int)(s - p->senders));
}

int dh_peer_add_track(struct dh_peer *p, enum dh_media_kind kind, bool is_screen, const char *stream, const char *id,
		      struct dh_err *e)
{
	int track = 0;
	while (track < DH_PEER_TRACKS_MAX && (p->tracks_used & 1u << track))
		track++;
	if (track == DH_PEER_TRACKS_MAX)
		return dh_fail(e, DH_ELIMIT, "a connection carries at most %d tracks", DH_PEER_TRACKS_MAX);
	if (!stream[0] || strlen(stream) > DH_JSEP_ID_MAX || strpbrk(stream, " \r\n") || !id[0] ||
	    strlen(id) > DH_JSEP_ID_MAX || strpbrk(id, " \r\n"))
		return dh_fail(e, DH_EINVAL, "\"%.40s\" or \"%.40s\" cannot name a stream or a track", stream, id);
	struct new_track *n = dh_alloc(sizeof(*n));
	*n = (struct new_track){.track = track, .is_audio = kind == DH_MEDIA_AUDIO, .is_screen = is_screen};
	dh_strcopy(n->stream, sizeof(n->stream), stream);
	dh_strcopy(n->id, sizeof(n->id), id);
	p->tracks_used |= 1u << track;
	dh_peer_post(p, do_add_track, n);
	return track;
}

static void do_remove_track(struct dh_peer *p, void *arg)
{
	int track = (int)(intptr_t)arg;
	struct dh_peer_sender *s = &p->senders[track];
	if (p->is_finished)
		return;
	dh_peer_agree_sender(p, track, NULL);
	if (p->jsep && s->jsep_track >= 0)
		dh_jsep_remove_track(p->jsep, s->jsep_track);
	s->is_used = false;
}

void dh_peer_remove_track(struct dh_peer *p, int track)
{
	assert(track >= 0 && track < DH_PEER_TRACKS_MAX && (p->tracks_used & 1u << track));
	p->tracks_used &= ~(1u << track);
	dh_peer_post(p, do_remove_track, (void *)(intptr_t)track);
}

/* -- packets of ours -- */

struct outgoing {
	int track;
	enum dh_codec codec;
	struct dh_packet *packet;
	size_t extradata_bytes;
	uint8_t extradata[];
};

static void do_send(struct dh_peer *p, void *arg)
{
	struct outgoing *o = arg;
	struct dh_peer_sender *s = &p->senders[o->track];
	atomic_fetch_sub(&p->queued, 1);
	if (!p->is_finished && s->is_used)
		dh_peer_send_packet(p, s, o->packet, o->codec, o->extradata, o->extradata_bytes);
	dh_packet_unref(o->packet);
	free(o);
}

void dh_peer_send(struct dh_peer *p, int track, struct dh_packet *packet, const struct dh_stream *stream)
{
	if (!atomic_load(&p->is_connected))
		return;
	if (atomic_fetch_add(&p->queued, 1) >= QUEUED_MAX) { /* the numbers stay whole, the picture does not */
		atomic_fetch_sub(&p->queued, 1);
		p->ops->want_key(p->user, track);
		return;
	}
	size_t extra = packet->is_key && stream->codec == DH_CODEC_H264 ? (size_t)stream->extradata_bytes : 0;
	struct outgoing *o = dh_alloc(sizeof(*o) + extra);
	*o = (struct outgoing){track, stream->codec, dh_packet_ref(packet), extra};
	memcpy(o->extradata, stream->extradata, extra);
	dh_peer_post(p, do_send, o);
}

/* -- negotiation -- */

static void do_offer(struct dh_peer *p, void *arg)
{
	if (!p->is_finished)
		dh_peer_make_offer(p, arg != NULL);
}

void dh_peer_offer(struct dh_peer *p, bool restarts_ice)
{
	dh_peer_post(p, do_offer, restarts_ice ? p : NULL);
}

struct remote_text {
	struct dh_peer *peer;
	bool is_offer, is_candidate;
	void (*done)(void *arg, const struct dh_err *why);
	void *arg;
	int code;
	struct dh_err why;
	char text[];
};

static void taken(void *arg)
{
	struct remote_text *r = arg;
	if (r->done && !r->peer->is_closing)
		r->done(r->arg, r->code ? &r->why : NULL);
	dh_peer_unref(r->peer);
	free(r);
}

static void take(struct dh_peer *p, void *arg)
{
	struct remote_text *r = arg;
	if (p->is_finished)
		r->code = dh_fail(&r->why, DH_ECLOSED, "the connection is closed");
	else
		r->code = r->is_candidate ? dh_peer_take_candidate(p, r->text, &r->why)
					  : dh_peer_take_description(p, r->is_offer, r->text, &r->why);
	if (r->code && !r->why.code)
		dh_fail(&r->why, r->code, "%s", dh_err_text(r->code));
	dh_loop_post(p->rtc->loop, taken, r);
}

static void post_text(struct dh_peer *p, struct remote_text head, const char *text)
{
	size_t size = strlen(text) + 1;
	struct remote_text *r = dh_alloc(sizeof(*r) + size);
	*r = head;
	r->peer = ref(p);
	memcpy(r->text, text, size);
	dh_peer_post(p, take, r);
}

void dh_peer_remote_description(struct dh_peer *p, bool is_offer, const char *sdp,
				void (*done)(void *user, const struct dh_err *why))
{
	post_text(p, (struct remote_text){.is_offer = is_offer, .done = done, .arg = p->user}, sdp);
}

void dh_peer_remote_candidate(struct dh_peer *p, const char *sdp, void (*done)(void *arg, const struct dh_err *why),
			      void *arg)
{
	post_text(p, (struct remote_text){.is_candidate = true, .done = done, .arg = arg}, sdp ? sdp : "");
}

/* -- statistics -- */

struct stats {
	struct dh_peer *peer;
	void (*fn)(void *arg, cJSON *take);
	void *arg;
	cJSON *json;
};

static void give_stats(void *arg)
{
	struct stats *s = arg;
	s->fn(s->arg, s->json);
	dh_peer_unref(s->peer);
	free(s);
}

static void do_stats(struct dh_peer *p, void *arg)
{
	struct stats *s = arg;
	s->json = dh_peer_make_stats(p);
	dh_loop_post(p->rtc->loop, give_stats, s);
}

void dh_peer_stats(struct dh_peer *p, void (*fn)(void *arg, cJSON *take), void *arg)
{
	struct stats *s = dh_alloc(sizeof(*s));
	*s = (struct stats){.peer = ref(p), .fn = fn, .arg = arg};
	dh_peer_post(p, do_stats, s);
}
