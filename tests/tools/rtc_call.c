/* The agent's part of a call, for tests: pattern and tone through the real pipeline, live tracks and peers, signalling as
 * JSON lines on stdin and stdout. What comes in is decoded by the source "remote"; the time painted in the pictures gives
 * their age. Not a product: rooms do this in the agent, with the same
 * agent/room/call_tracks.h.
 *
 * in:  {"offer":{"restart":false}} {"description":{"type","sdp"}} {"candidate":{"candidate"}} {"screen":true} {"close":true}
 *      {"quit":{}}
 * out: {"description":{..}} {"candidate":{..}} {"state":".."} {"stats":{..},"remote":[..]} and {"alive":{..}} each second
 * All but quit and alive with "peer":NAME: several calls at once, each made by the first offer or description of its name,
 * which may add "polite":true, and "loopback":true for a preview. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/pipeline.h"
#include "agent/room/call_tracks.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "rtc_call_numbers.h"
#include "rtc_call_options.h"
#include "rtc_call_remote.h"

#define ENDS 8

struct call;

struct end { /* one connection */
	struct call *call;
	char name[32];
	struct dh_peer *peer;
	struct dh_call_tracks tracks;
	struct rtc_remotes remotes;
	bool is_open, is_closing;
};

struct call {
	struct dh_loop loop;
	struct dh_rtc *rtc;
	struct dh_pipeline *pipeline;
	struct options *options;
	int camera, screen;
	struct end ends[ENDS];
	int open_count;
	bool is_quitting;
	int64_t start_bps;
	uv_timer_t second;
	uv_poll_t input;
	char line[1 << 18];
	size_t have;
};

static void print(const struct end *e, cJSON *take)
{
	if (e && e->name[0])
		cJSON_AddStringToObject(take, "peer", e->name);
	char *text = cJSON_PrintUnformatted(take);
	fprintf(stdout, "%s\n", text);
	fflush(stdout);
	free(text);
	cJSON_Delete(take);
}

/* -- our tracks -- */

static void on_track(void *user, int number, enum dh_codec codec, int unit_max)
{
	dh_call_tracks_agreed(&((struct end *)user)->tracks, number, codec, unit_max);
}

static void on_want_key(void *user, int number)
{
	dh_call_tracks_want_key(&((struct end *)user)->tracks, number);
}

static void on_set_rate(void *user, int number, int64_t bps, bool wants_skip)
{
	dh_call_tracks_set_rate(&((struct end *)user)->tracks, number, bps, wants_skip);
}

static void on_set_loss(void *user, int number, int percent)
{
	dh_call_tracks_set_loss(&((struct end *)user)->tracks, number, percent);
}

/* -- numbers -- */

static void got_stats(void *arg, cJSON *take)
{
	struct end *end = arg;
	cJSON *v = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(v, "remote");
	cJSON_AddItemToObject(v, "stats", take);
	cJSON_AddNumberToObject(v, "at_ms", (double)(dh_now_us() / 1000));
	rtc_remotes_report(&end->remotes, list);
	if (end->tracks.one[DH_CALL_CAMERA].listener)
		cJSON_AddItemToObject(v, "live", rtc_call_live(end->tracks.one[DH_CALL_CAMERA].listener));
	print(end, v);
}

static void print_alive(const char *what)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddItemToObject(v, what, rtc_call_alive());
	print(NULL, v);
}

static void on_second(uv_timer_t *t)
{
	struct call *c = t->data;
	print_alive("alive");
	for (int i = 0; i < ENDS; i++)
		if (c->ends[i].peer)
			dh_peer_stats(c->ends[i].peer, got_stats, &c->ends[i]);
}

static void on_remote(void *user, const struct dh_peer_remote *remote)
{
	struct end *end = user;
	rtc_remotes_take(&end->remotes, remote);
}

/* -- signalling -- */

static void on_description(void *user, bool is_offer, const char *sdp)
{
	cJSON *v = cJSON_CreateObject(), *d = cJSON_AddObjectToObject(v, "description");
	cJSON_AddStringToObject(d, "type", is_offer ? "offer" : "answer");
	cJSON_AddStringToObject(d, "sdp", sdp);
	print(user, v);
}

static void on_candidate(void *user, const char *mid, const char *sdp)
{
	cJSON *v = cJSON_CreateObject(), *d = cJSON_AddObjectToObject(v, "candidate");
	cJSON_AddStringToObject(d, "candidate", sdp ? sdp : "");
	cJSON_AddStringToObject(d, "sdpMid", mid[0] ? mid : "0");
	print(user, v);
}

static void on_state(void *user, enum dh_peer_state state, const struct dh_err *why)
{
	static const char *const names[] = {"", "new", "connecting", "connected", "lost", "failed", "closed"};
	cJSON *v = cJSON_CreateObject();
	struct end *end = user;
	if (state == DH_PEER_CONNECTED)
		dh_call_tracks_connected(&end->tracks);
	cJSON_AddStringToObject(v, "state", names[state]);
	cJSON_AddNumberToObject(v, "at_ms", (double)(dh_now_us() / 1000));
	if (why)
		cJSON_AddStringToObject(v, "why", why->text);
	print(user, v);
}

static const struct dh_peer_ops peer_ops = {on_description, on_candidate, on_state, on_track, on_remote,
					    on_want_key, on_set_rate, on_set_loss};

static void described(void *user, const struct dh_err *why)
{
	if (why)
		fprintf(stderr, "description refused: %s\n", why->text);
}

static void add_track(struct end *end, enum dh_call_track_kind kind, int source)
{
	struct dh_err e = {0};
	bool needs_offer;
	if (dh_call_tracks_set(&end->tracks, kind, source, &needs_offer, &e))
		fprintf(stderr, "no track: %s\n", e.text);
}

static void quit(struct call *c);
static void close_end(struct end *end);
static struct end *find_end(struct call *c, const char *name);
static struct end *open_end(struct call *c, const char *name, bool is_polite, bool is_loopback);

static void read_line(struct call *c, const char *line)
{
	cJSON *v = cJSON_Parse(line), *d;
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(v, "peer"));
	if (cJSON_GetObjectItem(v, "quit")) {
		quit(c);
		cJSON_Delete(v);
		return;
	}
	struct end *end = find_end(c, name ? name : "");
	if (!end && (cJSON_GetObjectItem(v, "description") || cJSON_GetObjectItem(v, "offer")))
		end = open_end(c, name ? name : "", cJSON_IsTrue(cJSON_GetObjectItem(v, "polite")),
			       cJSON_IsTrue(cJSON_GetObjectItem(v, "loopback")));
	if (end && (d = cJSON_GetObjectItem(v, "description")))
		dh_peer_remote_description(end->peer, !strcmp(cJSON_GetObjectItem(d, "type")->valuestring, "offer"),
					   cJSON_GetObjectItem(d, "sdp")->valuestring, described);
	if (end && (d = cJSON_GetObjectItem(v, "candidate")))
		dh_peer_remote_candidate(end->peer, cJSON_GetObjectItem(d, "candidate")->valuestring, NULL, NULL);
	if (end && (d = cJSON_GetObjectItem(v, "offer")))
		dh_peer_offer(end->peer, cJSON_IsTrue(cJSON_GetObjectItem(d, "restart")));
	if (end && cJSON_GetObjectItem(v, "screen")) {
		add_track(end, DH_CALL_SCREEN, c->screen);
		dh_peer_offer(end->peer, false);
	}
	if (end && cJSON_GetObjectItem(v, "close"))
		close_end(end);
	cJSON_Delete(v);
}

static void on_input(uv_poll_t *p, int status, int events)
{
	struct call *c = p->data;
	ssize_t n = read(STDIN_FILENO, c->line + c->have, sizeof(c->line) - c->have - 1);
	char *end;
	if (n <= 0) {
		quit(c);
		return;
	}
	c->have += (size_t)n;
	c->line[c->have] = '\0';
	while (!c->is_quitting && (end = strchr(c->line, '\n'))) {
		*end = '\0';
		read_line(c, c->line);
		c->have -= (size_t)(end + 1 - c->line);
		memmove(c->line, end + 1, c->have + 1);
	}
}

/* -- end: listeners, peer, pipeline -- */

static void pipeline_gone(void *arg)
{
	struct call *c = arg;
	dh_loop_stop(&c->loop);
}

static void peer_gone(void *arg)
{
	struct end *end = arg;
	dh_call_tracks_finish(&end->tracks);
	rtc_remotes_stop(&end->remotes);
	end->is_open = false;
	if (!--end->call->open_count && end->call->is_quitting)
		dh_pipeline_destroy(end->call->pipeline, pipeline_gone, end->call);
}

static void tracks_stopped(void *arg)
{
	struct end *end = arg;
	struct dh_peer *p = end->peer;
	end->peer = NULL;
	dh_peer_close(p, peer_gone, end);
}

static void close_end(struct end *end)
{
	if (end->is_open && !end->is_closing) {
		end->is_closing = true;
		dh_call_tracks_stop(&end->tracks, tracks_stopped, end);
	}
}

static void quit(struct call *c)
{
	if (c->is_quitting)
		return;
	c->is_quitting = true;
	uv_close((uv_handle_t *)&c->input, NULL);
	uv_close((uv_handle_t *)&c->second, NULL);
	if (!c->open_count)
		dh_pipeline_destroy(c->pipeline, pipeline_gone, c);
	for (int i = 0; i < ENDS; i++)
		close_end(&c->ends[i]);
}

/* -- beginning -- */

static void on_pipeline_source(void *arg, int source, enum dh_source_state state, const struct dh_err *why)
{
	if (why)
		fprintf(stderr, "source %d: %s\n", source, why->text);
}

static void on_pipeline_output(void *arg, int output, enum dh_output_state state, const struct dh_output_facts *facts,
			       const struct dh_err *why)
{
}

static int open_pipeline(struct call *c, const struct options *o, struct dh_err *e)
{
	static const struct dh_pipeline_events events = {on_pipeline_source, on_pipeline_output, NULL};
	struct dh_pipeline_config config = {.name = "call", .width_px = o->width, .height_px = o->height, .fps = o->fps,
					    .template_name = "1v1", .video_encoder = "x264"};
	int err = dh_pipeline_create(&c->pipeline, &c->loop, &config, &events, c, e), sound;
	cJSON *options = cJSON_CreateObject();
	cJSON_AddStringToObject(options, "motion", o->motion);
	struct dh_source_spec camera = {.role = DH_ROLE_CAMERA, .driver = "pattern", .device = "camera",
					.options = options};
	struct dh_source_spec screen = {.role = DH_ROLE_SCREEN, .driver = "pattern", .device = "screen"};
	struct dh_source_spec tone = {.role = DH_ROLE_MICROPHONE, .driver = "tone", .device = "microphone"};
	if (!err)
		err = dh_pipeline_source_add(c->pipeline, &camera, &c->camera, e);
	if (!err)
		err = dh_pipeline_source_add(c->pipeline, &screen, &c->screen, e);
	if (!err)
		err = dh_pipeline_source_add(c->pipeline, &tone, &sound, e);
	cJSON_Delete(options);
	return err;
}

static struct end *find_end(struct call *c, const char *name)
{
	for (int i = 0; i < ENDS; i++)
		if (c->ends[i].is_open && !c->ends[i].is_closing && !strcmp(c->ends[i].name, name))
			return &c->ends[i];
	return NULL;
}

static struct end *free_end(struct call *c)
{
	for (int i = 0; i < ENDS; i++)
		if (!c->ends[i].is_open && !c->ends[i].remotes.running)
			return &c->ends[i];
	return NULL;
}

static struct end *open_end(struct call *c, const char *name, bool is_polite, bool is_loopback)
{
	struct dh_peer_config config = c->options->peer;
	struct dh_err e = {0};
	struct end *end = free_end(c);
	if (!end)
		return NULL;
	memset(end, 0, sizeof(*end));
	end->call = c;
	end->is_open = true;
	dh_strcopy(end->name, sizeof(end->name), name);
	rtc_remotes_init(&end->remotes, &c->loop);
	config.is_polite |= is_polite;
	config.is_loopback_only = is_loopback;
	if (dh_peer_create(&end->peer, c->rtc, &config, &peer_ops, end, &e)) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	dh_call_tracks_init(&end->tracks, &dh_rtc_api, c->pipeline, c->start_bps);
	end->tracks.peer = end->peer;
	c->open_count++;
	if (!c->options->receives_only && !c->options->has_no_sound)
		add_track(end, DH_CALL_SOUND, 0);
	if (!c->options->receives_only)
		add_track(end, DH_CALL_CAMERA, c->camera);
	return end;
}

static bool are_remotes_running(const struct call *c)
{
	for (int i = 0; i < ENDS; i++)
		if (c->ends[i].remotes.running)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static struct call call;
	struct call *c = &call;
	struct options o;
	struct dh_err e = {0};
	if (rtc_call_read_options(&o, argc, argv)) {
		fputs(rtc_call_usage, stderr);
		return 2;
	}
	dh_loop_init(&c->loop);
	c->options = &o;
	c->start_bps = o.peer.start_bps ? o.peer.start_bps : DH_CALL_START_BPS;
	if (open_pipeline(c, &o, &e) || dh_rtc_create(&c->rtc, &c->loop, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	uv_poll_init(&c->loop.uv, &c->input, STDIN_FILENO);
	uv_timer_init(&c->loop.uv, &c->second);
	c->input.data = c->second.data = c;
	uv_poll_start(&c->input, UV_READABLE, on_input);
	uv_timer_start(&c->second, on_second, 1000, 1000);
	dh_loop_run(&c->loop);
	while (are_remotes_running(c))
		uv_run(&c->loop.uv, UV_RUN_ONCE);
	dh_rtc_destroy(c->rtc);
	uv_run(&c->loop.uv, UV_RUN_NOWAIT);
	dh_loop_finish(&c->loop);
	print_alive("left");
	return 0;
}
