/* room.join: into a room, or back into it. */
#include <stdlib.h>
#include <string.h>

#include "room-service/call.h"

#define HISTORY_LINES 50

static const char *const creates[] = {"if_missing", "must", "never", NULL};
static const char *const templates[] = {"1v1", "1v2", "1v3", "1v4", NULL};
static const struct dh_param params[] = {
	{"room", DH_STR, .max = DH_NAME_SIZE - 1, .required = true},
	{"user_name", DH_STR, .max = DH_NAME_SIZE - 1},
	{"create", DH_STR, .choices = creates, .def_str = "if_missing"},
	{"name", DH_STR, .max = DH_NAME_SIZE - 1},
	{"template", DH_STR, .choices = templates},
	{"state", DH_OBJ, .fields = dh_state_params},
	{"member", DH_INT, NULL, 1, 1LL << 52},
	{"seq", DH_INT, NULL, 0, 1LL << 52},
	{"chat", DH_INT, NULL, 0, 1LL << 52, -1},
	{0}};

static const struct dh_lines nothing;

static void describe(struct dh_call *call, const struct dh_member *m, const struct dh_lines *history, int64_t seq,
		     bool is_resumed)
{
	call->number = m->number;
	call->seq = seq;
	const struct dh_room_row *row = &m->room->row;
	cJSON *r = dh_call_result(call);
	cJSON_AddStringToObject(r, "room", row->room);
	cJSON_AddStringToObject(r, "name", row->name);
	cJSON_AddStringToObject(r, "kind", "rtc");
	cJSON_AddStringToObject(r, "template", dh_template_name(row->guests_max));
	cJSON_AddStringToObject(r, "creator", row->creator);
	cJSON_AddNumberToObject(r, "member", (double)m->number);
	cJSON_AddStringToObject(r, "role", dh_role_name(m->role));
	cJSON_AddItemToObject(r, "members", dh_room_members_json(m->room));
	cJSON_AddItemToObject(r, "history", dh_lines_json(history));
	dh_ice_add(call->hub->ice, r, m->user->user_id, dh_now_ms() / 1000);
	cJSON_AddNumberToObject(r, "seq", (double)seq);
	cJSON_AddBoolToObject(r, "resumed", is_resumed);
}

/* The one whom this call says to be, if its user still is. */
static struct dh_member *claimed(const struct dh_call *call, const struct dh_room *room)
{
	struct dh_member *m = call->client->user->member;
	return m && m->room == room && m->number == dh_arg_int(&call->args, "member") ? m : NULL;
}

/* Nothing was missed that is not still here. */
static bool resume(struct dh_call *call)
{
	int64_t seq = dh_arg_int(&call->args, "seq");
	struct dh_member *m = call->room->is_loaded ? claimed(call, call->room) : NULL;
	if (!m || !dh_arg_has(&call->args, "seq") || !dh_row_has_after(&m->row, seq))
		return false;
	struct dh_args state = dh_arg_obj(&call->args, "state");
	unsigned wanted = dh_state_of(&state, m->state);
	dh_row_ack(&m->row, seq);
	call->hub->metrics.resumed++;
	m->is_attached = true; /* not away in what it is told */
	describe(call, m, &nothing, seq, true);
	m->is_attached = false;
	if (wanted != m->state) {
		m->state = wanted;
		dh_member_changed(m);
	}
	return true;
}

/* The answer is out; events may follow. */
static void attach(struct dh_call *call)
{
	struct dh_member *m = dh_room_member(call->room, call->number);
	if (m && m->user->client == call->client && !call->client->is_closing)
		dh_member_attach(m, call->seq);
}

static void joined(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	struct dh_member *m = dh_room_member(call->room, call->number);
	bool is_mine = m && call->client && m->user->client == call->client;
	if (op->code && m)
		dh_member_end(m, "lost");
	else if (m && m->is_joining && !is_mine)
		dh_member_detach(m); /* its connection is gone already */
	if (op->code || !is_mine) {
		if (!op->code)
			op->code = dh_fail(&call->err, DH_ECANCELED, "the login or the room ended meanwhile");
		dh_call_finish_io(call, op->code);
		return;
	}
	dh_call_finish(call, DH_OK);
}

/* With the room as it is, or made now. */
static int may_enter(struct dh_call *call)
{
	struct dh_room *room = call->room;
	const struct dh_client *c = call->client;
	const char *create = dh_arg_str(&call->args, "create"), *guests = dh_arg_str(&call->args, "template");
	if (room->is_open && dh_room_is_banned(room, c->user->user_id))
		return dh_fail(&call->err, DH_EPERM, "the host removed this user from the room");
	if (room->is_open)
		return strcmp(create, "must") ? DH_OK : dh_fail(&call->err, DH_EEXIST, "the room exists already");
	if (c->guest_room)
		return dh_fail(&call->err, DH_ENOENT, "the room is closed");
	if (!strcmp(create, "never"))
		return dh_fail(&call->err, DH_ENOENT, "there is no such room");
	struct dh_store_op *op = dh_room_open(room, dh_arg_str(&call->args, "name"), c->user->user_id,
					      guests ? guests[2] - '0' : 0);
	dh_store_submit(call->hub->store, op, NULL, NULL);
	return DH_OK;
}

static enum dh_role role_in(const struct dh_room *room, const struct dh_client *c)
{
	return c->guest_room ? DH_ROLE_GUEST : strcmp(room->row.creator, c->user->user_id) ? DH_ROLE_MEMBER : DH_ROLE_HOST;
}

/* The room is known: who it is now, a member that came back or a new one. */
static int enter(struct dh_call *call, const struct dh_store_room_load *load)
{
	struct dh_room *room = call->room;
	struct dh_user *user = call->client->user;
	int err = may_enter(call);
	if (err)
		return err;
	struct dh_member *m = claimed(call, room);
	struct dh_args state = dh_arg_obj(&call->args, "state");
	if (m) {
		dh_row_restart(&m->row, dh_arg_int(&call->args, "seq"));
		dh_list_del(&m->away);
		m->is_joining = true;
		call->hub->metrics.not_resumed++;
		m->state = dh_state_of(&state, m->state);
		dh_room_tell(room, dh_event_create("room.member_changed", dh_member_json(m)), m);
	} else {
		if (user->member) /* a client that does not know of it; the user has this connection and stays */
			dh_member_end(user->member, user->member->room == room ? "replaced" : "left");
		if (room->member_count > room->row.guests_max)
			return dh_fail(&call->err, DH_ELIMIT, "the room is full: %d are in it", room->member_count);
		m = dh_member_create(room, user, role_in(room, call->client), dh_state_of(&state, 0));
	}
	describe(call, m, room->row.id == load->room.id ? &load->lines : &nothing, m->row.last, false);
	return dh_call_ask(call, dh_member_save(m), joined);
}

static void loaded(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	struct dh_store_room_load *load = &op->u.room_load;
	int code = op->code == DH_ENOENT ? DH_OK : op->code;
	if (!code && load->must_load && !call->room->is_loaded)
		dh_room_loaded(call->room, load);
	if (!code)
		code = call->client && call->client->user ? enter(call, load)
							  : dh_fail(&call->err, DH_ECANCELED, "the login ended meanwhile");
	if (code != DH_PENDING)
		dh_call_finish_io(call, code);
}

static int join(struct dh_call *call)
{
	struct dh_client *c = call->client;
	const char *name = dh_arg_str(&call->args, "room"), *user_name = dh_arg_str(&call->args, "user_name");
	int err = dh_call_check_name(call, "room");
	if (!err)
		err = dh_call_check_name(call, "user_name");
	if (!err)
		err = dh_call_check_name(call, "name");
	if (err)
		return err;
	if (dh_client_member(c))
		return dh_fail(&call->err, DH_ESTATE, "in a room already: room.leave comes first");
	if (c->guest_room && strcmp(name, c->guest_room))
		return dh_fail(&call->err, DH_EPERM, "the link is for another room");
	if (user_name)
		dh_user_rename(c->user, user_name);
	call->room = dh_room_get(call->hub, c->user->node.app_id, name);
	call->replied = attach;
	if (resume(call))
		return DH_OK;
	struct dh_store_op *op = dh_store_op(DH_STORE_ROOM_LOAD);
	op->u.room_load.room = call->room->row;
	op->u.room_load.must_load = !call->room->is_loaded;
	if (!call->room->is_open)
		op->u.room_load.room.id = 0; /* one of this name was closed */
	op->u.room_load.after = dh_arg_int(&call->args, "chat");
	op->u.room_load.limit = HISTORY_LINES;
	return dh_call_ask(call, op, loaded);
}

const struct dh_method dh_method_join = {"room.join", params, DH_METHOD_BARRIER, join};
