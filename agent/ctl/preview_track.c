/* The tracks of a preview: which source each shows now, and the listener that feeds it. A track follows its name: when the
 * camera becomes another device, the preview shows that one. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/preview_priv.h"
#include "common/alloc.h"

/* ---- what a name means ---- */

static bool is_sound(enum dh_role role)
{
	return role == DH_ROLE_MICROPHONE || role == DH_ROLE_SYSTEM;
}

static uint32_t scope_of(enum dh_role role)
{
	return role == DH_ROLE_REMOTE ? DH_SCOPE_ROOM : dh_role_scope(role);
}

static int resolve_program(const struct dh_session *s, struct dh_preview_target *out)
{
	out->kind = DH_LIVE_PROGRAM;
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		const struct dh_session_source *src = &s->sources[i];
		if (!src->source || is_sound(src->role))
			continue;
		out->scopes |= scope_of(src->role);
		out->is_screen |= src->role == DH_ROLE_SCREEN;
	}
	return DH_OK;
}

static int resolve_sound(const struct dh_session *s, bool hears_remote, struct dh_preview_target *out, struct dh_err *e)
{
	bool has_any = false;
	out->kind = hears_remote ? DH_LIVE_PROGRAM_SOUND : DH_LIVE_LOCAL_SOUND;
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		const struct dh_session_source *src = &s->sources[i];
		if (!src->source || !(is_sound(src->role) || (hears_remote && src->role == DH_ROLE_REMOTE)))
			continue;
		has_any = true;
		out->scopes |= scope_of(src->role);
	}
	return has_any ? DH_OK : dh_fail(e, DH_ENOENT, "the session has no sound");
}

/* number: of the source towards clients; 0: the first of the role. */
static int resolve_source(const struct dh_session *s, enum dh_role role, long number, struct dh_preview_target *out,
			  struct dh_err *e)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		const struct dh_session_source *src = &s->sources[i];
		if (!src->source || src->role != role || (number && src->source != number))
			continue;
		*out = (struct dh_preview_target){DH_LIVE_SOURCE, src->pipeline_source, scope_of(role),
						  role == DH_ROLE_SCREEN};
		return DH_OK;
	}
	if (number)
		dh_fail(e, DH_ENOENT, "the session has no %s %ld", dh_role_name(role), number);
	else
		dh_fail(e, DH_ENOENT, "the session has no %s", dh_role_name(role));
	return dh_hint(e, "session.list shows the sources; source.add adds one.");
}

int dh_preview_resolve(const struct dh_session *s, const char *name, bool hears_remote, struct dh_preview_target *out,
		       struct dh_err *e)
{
	*out = (struct dh_preview_target){0};
	if (!strcmp(name, "program"))
		return resolve_program(s, out);
	if (!strcmp(name, "sound"))
		return resolve_sound(s, hears_remote, out, e);
	if (!strcmp(name, "camera"))
		return resolve_source(s, DH_ROLE_CAMERA, 0, out, e);
	if (!strcmp(name, "screen"))
		return resolve_source(s, DH_ROLE_SCREEN, 0, out, e);
	char *end = NULL;
	long number = strncmp(name, "remote:", 7) ? 0 : strtol(name + 7, &end, 10);
	if (number > 0 && !*end)
		return resolve_source(s, DH_ROLE_REMOTE, number, out, e);
	dh_fail(e, DH_EINVAL, "\"%.40s\" is no track", name);
	return dh_hint(e, "Tracks are: program, camera, screen, remote:NUMBER with the source's number of session.list.");
}

/* ---- listening ---- */

/* Encode thread. The peer and its number stand until the listener is gone. */
static void on_packet(void *user, struct dh_packet *packet, const struct dh_stream *stream)
{
	struct dh_preview_track *t = user;
	t->preview->api->send(t->preview->peer, t->number, packet, stream);
}

static void on_ended(void *user, const struct dh_err *why)
{
	struct dh_preview_track *t = user;
	if (why)
		t->ended = *why;
	if (!t->ended.code)
		dh_fail(&t->ended, DH_ENODEV, "the source is gone");
	dh_preview_track_stop(t);
}

static const struct dh_live_ops live_ops = {on_packet, on_ended};

/* The same source once more after it ended by itself: that would go round and round. */
static bool has_failed(const struct dh_preview_track *t, const struct dh_preview_target *target)
{
	return t->ended.code && target->source == t->source;
}

void dh_preview_track_feed(struct dh_preview_track *t)
{
	struct dh_preview *p = t->preview;
	struct dh_preview_target target;
	struct dh_err e = {0};
	if (p->is_closing || !p->is_connected || !t->codec || t->listener || t->is_removing)
		return;
	if (dh_preview_resolve(p->session, t->name, p->hears_remote, &target, NULL))
		return; /* not now: the picture stands until session.changed brings another */
	if (has_failed(t, &target)) {
		dh_preview_close(p, &t->ended);
		return;
	}
	struct dh_live_request r = {.kind = target.kind, .source = target.source, .codec = t->codec,
				    .is_screen = target.is_screen, .unit_max = t->unit_max};
	t->source = target.source;
	t->ended = (struct dh_err){0};
	int err = dh_live_add(&t->listener, p->session->pipeline, &r, &live_ops, t, &e);
	if (err && err != DH_ENOENT)
		dh_preview_close(p, &e);
}

static void listener_gone(void *arg)
{
	struct dh_preview_track *t = arg;
	t->is_removing = false;
	t->preview->removing--;
	if (t->preview->is_closing)
		dh_preview_removed(t->preview);
	else
		dh_preview_track_feed(t);
}

void dh_preview_track_stop(struct dh_preview_track *t)
{
	struct dh_live_listener *l = t->listener;
	if (!l)
		return;
	t->listener = NULL;
	t->is_removing = true;
	t->preview->removing++;
	dh_live_remove(l, listener_gone, t);
}

/* ---- what the connection says ---- */

void dh_preview_on_track(void *user, int track, enum dh_codec codec, int unit_max)
{
	struct dh_preview *p = user;
	for (int i = 0; i < p->track_count; i++) {
		struct dh_preview_track *t = &p->tracks[i];
		if (t->number != track || (t->codec == codec && t->unit_max == unit_max))
			continue;
		t->codec = codec;
		t->unit_max = unit_max;
		dh_preview_track_stop(t);
		dh_preview_track_feed(t);
	}
}

/* Loop thread: the listener may have gone since it was asked. */
static void key_wanted(void *arg)
{
	struct dh_preview_track *t = arg;
	atomic_store(&t->is_key_wanted, false);
	if (t->listener)
		dh_live_want_key(t->listener);
}

void dh_preview_on_want_key(void *user, int track)
{
	struct dh_preview *p = user;
	for (int i = 0; i < p->track_count; i++) {
		struct dh_preview_track *t = &p->tracks[i];
		if (t->number == track && !atomic_exchange(&t->is_key_wanted, true))
			dh_loop_post(p->ctl->loop, key_wanted, t);
	}
}
