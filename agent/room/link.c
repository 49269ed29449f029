/* See link.h. One request at a time of login and join; all others are numbered and answered in any order. */
#include "agent/room/link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/alloc.h"
#include "common/log.h"

enum phase { WAITING, CONNECTING, LOGGING_IN, JOINING, IN, ENDED };

struct request {
	struct dh_list node;
	int64_t id;
	enum dh_room_keep keep;
	char *text;
	void (*fn)(void *arg, cJSON *result, const struct dh_err *why);
	void *arg;
};

struct dh_room_link {
	struct dh_log log;
	const struct dh_room_wire *wire_driver;
	const void *wire_arg;
	const struct dh_room_link_ops *ops;
	void *user;
	void *wire; /* NULL: no connection */
	enum phase phase;
	int64_t sdk_app_id;
	char *user_id, *user_sig, *user_name, *room, *create, *room_name, *template_name;
	char *token;
	bool has_joined, is_patient; /* patient: begins as one that comes back */
	bool is_by_token;            /* the login under way */
	int64_t member, seq, chat;   /* newest seen; 0: none */
	int64_t last_id, step_id;    /* of the login or join under way */
	struct dh_list requests;
	int request_count, attempts, drain_ms;
	uv_timer_t *retry, *refresh;
};

/* ---- the end ---- */

static void free_timer(uv_handle_t *h)
{
	free(h);
}

static void hang_up(struct dh_room_link *l)
{
	if (l->wire)
		l->wire_driver->close(l->wire);
	l->wire = NULL;
}

static void finish_request(struct dh_room_link *l, struct request *r, cJSON *result, const struct dh_err *why)
{
	dh_list_del(&r->node);
	l->request_count--;
	if (r->fn)
		r->fn(r->arg, result, why);
	free(r->text);
	free(r);
}

/* Those that would not be sent again. */
static void fail_requests(struct dh_room_link *l, enum dh_room_keep most, const char *what)
{
	struct dh_err why = {0};
	dh_fail(&why, DH_ECLOSED, "%s", what);
	dh_list_for_each_safe(pos, &l->requests) {
		struct request *r = dh_container_of(pos, struct request, node);
		if (r->keep <= most)
			finish_request(l, r, NULL, &why);
	}
}

static void end(struct dh_room_link *l, const struct dh_err *why)
{
	if (l->phase == ENDED)
		return;
	l->phase = ENDED;
	hang_up(l);
	uv_timer_stop(l->retry);
	uv_timer_stop(l->refresh);
	fail_requests(l, DH_ROOM_KEEP, why->text);
	l->ops->ended(l->user, why);
}

void dh_room_link_destroy(struct dh_room_link *l, bool leaves)
{
	if (!l)
		return;
	if (leaves && l->phase == IN)
		l->wire_driver->send(l->wire, "{\"jsonrpc\":\"2.0\",\"id\":9007199254740991,\"method\":\"room.leave\","
					      "\"params\":{}}");
	l->phase = ENDED;
	hang_up(l);
	fail_requests(l, DH_ROOM_KEEP, "the room was left");
	uv_close((uv_handle_t *)l->retry, free_timer);
	uv_close((uv_handle_t *)l->refresh, free_timer);
	dh_free_secret(l->user_sig);
	dh_free_secret(l->token);
	free(l->user_id);
	free(l->user_name);
	free(l->room);
	free(l->create);
	free(l->room_name);
	free(l->template_name);
	free(l);
}

/* ---- back-off: full jitter ---- */

static void connect_now(struct dh_room_link *l);

static void retry_now(uv_timer_t *timer)
{
	connect_now(timer->data);
}

static int random_below(int most)
{
	unsigned v;
	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		abort();
	return (int)(v % (unsigned)(most + 1));
}

static int next_delay_ms(struct dh_room_link *l)
{
	int most = DH_ROOM_BACK_OFF_MIN_MS;
	for (int i = 0; i < l->attempts && most < DH_ROOM_BACK_OFF_MAX_MS; i++)
		most *= 2;
	l->attempts++;
	int delay = l->drain_ms + random_below(most < DH_ROOM_BACK_OFF_MAX_MS ? most : DH_ROOM_BACK_OFF_MAX_MS);
	l->drain_ms = 0;
	return delay;
}

/* Come back later; before the first join that is a failure. */
static void lose(struct dh_room_link *l, const struct dh_err *why)
{
	if (l->phase == ENDED)
		return;
	hang_up(l);
	if (!l->has_joined && !l->is_patient) {
		end(l, why);
		return;
	}
	l->phase = WAITING;
	uv_timer_stop(l->refresh);
	int delay = next_delay_ms(l);
	uv_timer_start(l->retry, retry_now, (uint64_t)delay, 0);
	DH_INFO(l, "away from the room service: %s; trying again in %d ms", why->text, delay);
	fail_requests(l, DH_ROOM_KEEP_NOT, "the connection to the room service was lost");
	l->ops->away(l->user, why, delay);
}

/* ---- requests ---- */

static char *request_text(struct dh_room_link *l, const char *method, cJSON *take_params, int64_t *id)
{
	cJSON *v = cJSON_CreateObject();
	*id = ++l->last_id;
	cJSON_AddStringToObject(v, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(v, "id", (double)*id);
	cJSON_AddStringToObject(v, "method", method);
	cJSON_AddItemToObject(v, "params", take_params);
	char *text = cJSON_PrintUnformatted(v);
	cJSON_Delete(v);
	return text;
}

/* A step of coming in: its answer is taken by step_answered(). */
static void send_step(struct dh_room_link *l, enum phase phase, const char *method, cJSON *take_params)
{
	char *text = request_text(l, method, take_params, &l->step_id);
	l->phase = phase;
	l->wire_driver->send(l->wire, text);
	dh_free_secret(text);
}

int dh_room_link_request(struct dh_room_link *l, const char *method, cJSON *take_params, enum dh_room_keep keep,
			 void (*fn)(void *arg, cJSON *result, const struct dh_err *why), void *arg, struct dh_err *e)
{
	int err = DH_OK;
	if (l->phase == ENDED || (keep == DH_ROOM_KEEP_NOT && l->phase != IN))
		err = dh_fail(e, DH_ECLOSED, "the room service is away");
	else if (l->request_count >= DH_ROOM_REQUESTS_MAX)
		err = dh_fail(e, DH_ELIMIT, "%d requests wait for the room service already", DH_ROOM_REQUESTS_MAX);
	if (err) {
		cJSON_Delete(take_params);
		return err;
	}
	struct request *r = dh_alloc(sizeof(*r));
	r->text = request_text(l, method, take_params, &r->id);
	r->keep = keep;
	r->fn = fn;
	r->arg = arg;
	dh_list_add(&l->requests, &r->node);
	l->request_count++;
	if (l->phase == IN)
		l->wire_driver->send(l->wire, r->text); /* what does not fit is sent again with the next connection */
	return DH_OK;
}

static void send_again(struct dh_room_link *l)
{
	dh_list_for_each(pos, &l->requests)
		l->wire_driver->send(l->wire, dh_container_of(pos, struct request, node)->text);
}

static void answered(struct dh_room_link *l, const struct dh_room_message *m)
{
	dh_list_for_each_safe(pos, &l->requests) {
		struct request *r = dh_container_of(pos, struct request, node);
		if (r->id != m->id)
			continue;
		finish_request(l, r, (cJSON *)(uintptr_t)m->args.json, m->error.code ? &m->error : NULL);
		return;
	}
}

/* ---- login ---- */

static void log_in(struct dh_room_link *l)
{
	cJSON *p = cJSON_CreateObject();
	l->is_by_token = l->token != NULL;
	if (l->token) {
		cJSON_AddStringToObject(p, "token", l->token);
	} else {
		cJSON_AddNumberToObject(p, "sdk_app_id", (double)l->sdk_app_id);
		cJSON_AddStringToObject(p, "user_id", l->user_id);
		cJSON_AddStringToObject(p, "user_sig", l->user_sig);
		if (l->user_name)
			cJSON_AddStringToObject(p, "user_name", l->user_name);
	}
	send_step(l, LOGGING_IN, "room.login", p);
}

static void refreshed(void *arg, cJSON *result, const struct dh_err *why);

static void refresh_now(uv_timer_t *timer)
{
	struct dh_room_link *l = timer->data;
	dh_room_link_request(l, "room.refresh", cJSON_CreateObject(), DH_ROOM_KEEP_NOT, refreshed, l, NULL);
}

/* Another one is asked for when four fifths of this one's time are over. */
static void take_token(struct dh_room_link *l, const struct dh_args *a)
{
	dh_free_secret(l->token);
	l->token = dh_strdup(dh_arg_str(a, "token"));
	uv_timer_start(l->refresh, refresh_now, (uint64_t)dh_arg_int(a, "expires_s") * 800, 0);
	l->ops->token(l->user);
}

static void refreshed(void *arg, cJSON *result, const struct dh_err *why)
{
	struct dh_room_link *l = arg;
	struct dh_args a;
	struct dh_err e = {0};
	if (!why && !dh_room_result(&a, "room.refresh", result, &e))
		take_token(l, &a);
	else if (l->phase == IN)
		DH_WARN(l, "the login was not renewed: %s", why ? why->text : e.text);
}

/* ---- join ---- */

static void add_text(cJSON *p, const char *name, const char *value)
{
	if (value)
		cJSON_AddStringToObject(p, name, value);
}

static void join(struct dh_room_link *l)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddStringToObject(p, "room", l->room);
	cJSON_AddStringToObject(p, "create", l->has_joined ? "never" : l->create);
	add_text(p, "user_name", l->user_name);
	add_text(p, "name", l->room_name);
	add_text(p, "template", l->template_name);
	cJSON_AddItemToObject(p, "state", l->ops->state(l->user));
	if (l->has_joined) {
		cJSON_AddNumberToObject(p, "member", (double)l->member);
		cJSON_AddNumberToObject(p, "seq", (double)l->seq);
		cJSON_AddNumberToObject(p, "chat", (double)l->chat);
	}
	send_step(l, JOINING, "room.join", p);
}

static void note_chat(struct dh_room_link *l, int64_t id)
{
	if (id > l->chat)
		l->chat = id;
}

static void joined(struct dh_room_link *l, const struct dh_args *a)
{
	int64_t member = dh_arg_int(a, "member");
	enum dh_room_join_kind kind = !l->has_joined ? DH_ROOM_JOIN_FIRST :
				      member != l->member ? DH_ROOM_JOIN_ANEW :
				      dh_arg_bool(a, "resumed") ? DH_ROOM_JOIN_RESUMED : DH_ROOM_JOIN_KEPT;
	l->phase = IN;
	l->has_joined = true;
	l->attempts = 0;
	l->member = member;
	if (kind != DH_ROOM_JOIN_RESUMED)
		l->seq = dh_arg_int(a, "seq");
	if (kind == DH_ROOM_JOIN_ANEW)
		fail_requests(l, DH_ROOM_KEEP_MEMBER, "it was meant as another member of the room");
	l->ops->joined(l->user, kind, a);
	const cJSON *line;
	cJSON_ArrayForEach(line, dh_arg_json(a, "history"))
		note_chat(l, dh_arg_int(&(struct dh_args){dh_room_line_params, line}, "id"));
	if (l->phase == IN)
		send_again(l);
}

/* A login or join that was refused: another way in, later again, or never. */
static void refused(struct dh_room_link *l, const struct dh_err *why)
{
	if (l->phase == LOGGING_IN && l->is_by_token && l->user_sig && !dh_err_is_retriable(why->code)) {
		dh_free_secret(l->token);
		l->token = NULL;
		log_in(l);
	} else if (dh_err_is_retriable(why->code)) {
		lose(l, why);
	} else {
		end(l, why);
	}
}

static void step_answered(struct dh_room_link *l, struct dh_room_message *m)
{
	const char *method = l->phase == LOGGING_IN ? "room.login" : "room.join";
	struct dh_args a;
	struct dh_err e = {0};
	if (m->error.code) {
		refused(l, &m->error);
		return;
	}
	if (dh_room_result(&a, method, (cJSON *)(uintptr_t)m->args.json, &e)) {
		lose(l, &e);
		return;
	}
	if (l->phase == JOINING) {
		joined(l, &a);
		return;
	}
	take_token(l, &a);
	join(l);
}

/* ---- what the wire says ---- */

/* Whether it is new: what was seen before a connection ended may come once more. */
static bool is_new(struct dh_room_link *l, const struct dh_room_message *m)
{
	int64_t seq = m->event == DH_ROOM_DRAINING ? 0 : dh_arg_int(&m->args, "seq");
	if (seq && seq <= l->seq)
		return false;
	if (seq)
		l->seq = seq;
	if (m->event != DH_ROOM_CHAT)
		return true;
	bool is_new_line = dh_arg_int(&m->args, "id") > l->chat;
	note_chat(l, dh_arg_int(&m->args, "id"));
	return is_new_line;
}

static void take_event(struct dh_room_link *l, const struct dh_room_message *m)
{
	if (m->event == DH_ROOM_DRAINING)
		l->drain_ms = (int)dh_arg_int(&m->args, "retry_ms");
	else if (l->phase == IN && is_new(l, m))
		l->ops->event(l->user, m->event, &m->args);
}

static void on_open(void *user)
{
	log_in(user);
}

static void on_text(void *user, const char *text, size_t size)
{
	struct dh_room_link *l = user;
	struct dh_room_message m;
	struct dh_err e = {0};
	int err = l->phase == ENDED ? DH_ENOTSUP : dh_room_message_read(&m, text, size, &e);
	if (err == DH_ENOTSUP)
		return; /* an event of a later version */
	if (err) {
		lose(l, &e);
		return;
	}
	if (m.event)
		take_event(l, &m);
	else if (m.id == l->step_id && (l->phase == LOGGING_IN || l->phase == JOINING))
		step_answered(l, &m);
	else
		answered(l, &m);
	dh_room_message_finish(&m);
}

static void on_closed(void *user, const struct dh_err *why)
{
	struct dh_room_link *l = user;
	l->wire = NULL;
	lose(l, why);
}

static const struct dh_room_wire_ops wire_ops = {on_open, on_text, on_closed};

static void connect_now(struct dh_room_link *l)
{
	struct dh_err e = {0};
	l->phase = CONNECTING;
	if (l->wire_driver->connect(&l->wire, l->wire_arg, &wire_ops, l, &e))
		lose(l, &e);
}

static uv_timer_t *make_timer(struct dh_room_link *l, struct dh_loop *loop)
{
	uv_timer_t *t = dh_alloc(sizeof(*t));
	uv_timer_init(&loop->uv, t);
	t->data = l;
	return t;
}

void dh_room_link_create(struct dh_room_link **out, const struct dh_room_link_config *c, const struct dh_room_link_ops *ops,
			 void *user)
{
	struct dh_room_link *l = dh_alloc(sizeof(*l));
	dh_log_init(&l->log, "agent/room %.40s", c->name);
	l->wire_driver = c->wire;
	l->wire_arg = c->wire_arg;
	l->ops = ops;
	l->user = user;
	l->sdk_app_id = c->sdk_app_id;
	l->user_id = dh_strdup(c->user_id);
	l->user_sig = dh_strdup(c->user_sig);
	l->user_name = dh_strdup(c->user_name);
	l->token = dh_strdup(c->token);
	l->is_patient = c->token != NULL;
	l->room = dh_strdup(c->room);
	l->create = dh_strdup(c->create);
	l->room_name = dh_strdup(c->room_name);
	l->template_name = dh_strdup(c->template_name);
	dh_list_init(&l->requests);
	l->retry = make_timer(l, c->loop);
	l->refresh = make_timer(l, c->loop);
	uv_timer_start(l->retry, retry_now, 0, 0);
	*out = l;
}

bool dh_room_link_is_in(const struct dh_room_link *l)
{
	return l->phase == IN;
}

const char *dh_room_link_token(const struct dh_room_link *l)
{
	return l->token;
}
