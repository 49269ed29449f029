/* See call_tracks.h. */
#include "agent/room/call_tracks.h"

void dh_call_tracks_init(struct dh_call_tracks *c, const struct dh_rtc_api *api, struct dh_pipeline *pipeline,
			 int64_t start_bps)
{
	*c = (struct dh_call_tracks){.api = api, .pipeline = pipeline, .start_bps = start_bps};
	for (int i = 0; i < DH_CALL_TRACKS; i++) {
		c->one[i] = (struct dh_call_track){.all = c, .number = -1, .source = -1};
		pthread_mutex_init(&c->one[i].lock, NULL);
	}
}

void dh_call_tracks_finish(struct dh_call_tracks *c)
{
	for (int i = 0; i < DH_CALL_TRACKS; i++)
		pthread_mutex_destroy(&c->one[i].lock);
}

/* ---- listening ---- */

static void stop_listening(struct dh_call_track *t);

/* Encode thread. The peer stands until the listener is gone. */
static void on_packet(void *user, struct dh_packet *p, const struct dh_stream *stream)
{
	struct dh_call_track *t = user;
	int number = t->number;
	if (number >= 0)
		t->all->api->send(t->all->peer, number, p, stream);
}

static void on_ended(void *user, const struct dh_err *why)
{
	struct dh_call_track *t = user;
	t->has_failed = true;
	stop_listening(t);
}

static const struct dh_live_ops live_ops = {on_packet, on_ended};

static void set_listener(struct dh_call_track *t, struct dh_live_listener *l)
{
	pthread_mutex_lock(&t->lock);
	t->listener = l;
	pthread_mutex_unlock(&t->lock);
}

/* As far as it can be: agreed on, connected (before, nobody would receive the first key frame), its source there. */
static void feed(struct dh_call_track *t)
{
	struct dh_call_tracks *c = t->all;
	struct dh_live_listener *l = NULL;
	int kind = (int)(t - c->one);
	bool is_wanted = t->codec && t->number >= 0 && t->source >= 0 && !t->is_quiet && !t->has_failed;
	if (!is_wanted || t->listener || t->is_removing || !c->is_connected || c->is_stopping)
		return;
	struct dh_live_request r = {.kind = kind == DH_CALL_SOUND ? DH_LIVE_LOCAL_SOUND : DH_LIVE_SOURCE,
				    .source = t->source, .codec = t->codec, .is_screen = kind == DH_CALL_SCREEN,
				    .unit_max = t->unit_max, .start_bps = kind == DH_CALL_SOUND ? 0 : c->start_bps};
	struct dh_err e = {0};
	if (!dh_live_add(&l, c->pipeline, &r, &live_ops, t, &e))
		set_listener(t, l);
	else
		t->has_failed = true; /* until its source is another one */
}

static void listener_gone(void *arg)
{
	struct dh_call_track *t = arg;
	struct dh_call_tracks *c = t->all;
	t->is_removing = false;
	c->removing--;
	if (c->is_stopping && !c->removing)
		c->stopped(c->stopped_arg);
	else
		feed(t);
}

static void stop_listening(struct dh_call_track *t)
{
	struct dh_live_listener *l = t->listener;
	if (!l)
		return;
	set_listener(t, NULL);
	t->is_removing = true;
	t->all->removing++;
	dh_live_remove(l, listener_gone, t);
}

/* ---- which tracks there are ---- */

static int add(struct dh_call_track *t, struct dh_err *e)
{
	static const char *const ids[] = {"sound", "camera", "screen"};
	struct dh_call_tracks *c = t->all;
	int kind = (int)(t - c->one);
	bool is_screen = kind == DH_CALL_SCREEN;
	int number = c->api->add_track(c->peer, kind == DH_CALL_SOUND ? DH_MEDIA_AUDIO : DH_MEDIA_VIDEO, is_screen,
				       is_screen ? DH_CALL_SCREEN_STREAM : DH_CALL_CAMERA_STREAM, ids[kind], e);
	if (number < 0)
		return number;
	t->number = number;
	return DH_OK;
}

int dh_call_tracks_set(struct dh_call_tracks *c, enum dh_call_track_kind kind, int source, bool *is_offer_needed,
		       struct dh_err *e)
{
	struct dh_call_track *t = &c->one[kind];
	if (t->source == source)
		return DH_OK;
	if (t->source < 0) {
		int err = add(t, e);
		if (err)
			return err;
		*is_offer_needed = true;
	}
	stop_listening(t);
	t->source = source;
	t->has_failed = false;
	if (source < 0) {
		c->api->remove_track(c->peer, t->number);
		t->number = -1;
		t->codec = DH_CODEC_NONE;
		*is_offer_needed = true;
	}
	feed(t);
	return DH_OK;
}

void dh_call_tracks_mute(struct dh_call_tracks *c, enum dh_call_track_kind kind, bool is_quiet)
{
	struct dh_call_track *t = &c->one[kind];
	t->is_quiet = is_quiet;
	if (is_quiet)
		stop_listening(t);
	else
		feed(t);
}

/* ---- what the peer says ---- */

static struct dh_call_track *find(struct dh_call_tracks *c, int number)
{
	for (int i = 0; i < DH_CALL_TRACKS; i++)
		if (number >= 0 && c->one[i].number == number)
			return &c->one[i];
	return NULL;
}

void dh_call_tracks_connected(struct dh_call_tracks *c)
{
	c->is_connected = true;
	for (int i = 0; i < DH_CALL_TRACKS; i++)
		feed(&c->one[i]);
}

void dh_call_tracks_agreed(struct dh_call_tracks *c, int number, enum dh_codec codec, int unit_max)
{
	struct dh_call_track *t = find(c, number);
	if (!t || (t->codec == codec && t->unit_max == unit_max))
		return;
	t->codec = codec;
	t->unit_max = unit_max;
	stop_listening(t);
	feed(t);
}

void dh_call_tracks_want_key(struct dh_call_tracks *c, int number)
{
	struct dh_call_track *t = find(c, number);
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	if (t->listener)
		dh_live_want_key(t->listener);
	pthread_mutex_unlock(&t->lock);
}

void dh_call_tracks_set_rate(struct dh_call_tracks *c, int number, int64_t bps, bool wants_skip)
{
	struct dh_call_track *t = find(c, number);
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	if (t->listener)
		dh_live_set_rate(t->listener, bps, wants_skip);
	pthread_mutex_unlock(&t->lock);
}

void dh_call_tracks_set_loss(struct dh_call_tracks *c, int number, int percent)
{
	struct dh_call_track *t = find(c, number);
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	if (t->listener)
		dh_live_set_loss(t->listener, percent);
	pthread_mutex_unlock(&t->lock);
}

void dh_call_tracks_stop(struct dh_call_tracks *c, void (*done)(void *arg), void *arg)
{
	c->is_stopping = true;
	c->stopped = done;
	c->stopped_arg = arg;
	for (int i = 0; i < DH_CALL_TRACKS; i++)
		stop_listening(&c->one[i]);
	if (!c->removing)
		done(arg);
}
