/* Events; see events.h. A client whose out-queue is long gets no more of them: state events wait, one for each
 * key, newest wins; moment events are dropped and counted, and the next event that goes out says how many. */
#include "agent/ctl/events.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/push.h"
#include "agent/upload/uploads.h"
#include "common/clock.h"

#define SESSION {"session", DH_STR, .doc = "from session.open"}
#define PREVIEW {"preview", DH_STR, .doc = "from preview.open"}
#define RECORDING {"recording", DH_STR, .doc = "from recording.start"}
#define CHAIN {"chain", DH_OBJ, .doc = "seq, head: the newest link of the evidence; keep it away from the desk"}
#define FACTS                                                                                    \
	{"duration_ms", DH_INT, "ms", .doc = "of what is in the file, pauses excluded"},         \
	{"bytes", DH_INT, "B", .doc = "in the file"},                                            \
	{"video_frames", DH_INT, .doc = "in the file"},                                          \
	{"dropped", DH_INT, .doc = "packets the writer could not take"},                         \
	CHAIN
#define ROOM {"room", DH_STR, .doc = "from room.join"}
#define ROOM_MEMBERS {"members", DH_ARR, .items = DH_OBJ, .doc = "as room.get"}
#define MEMBER                                                                                   \
	{"member", DH_INT, .doc = "number"}, {"user_id", DH_STR, .doc = "who"},                  \
	{"user_name", DH_STR, .doc = "for people"}, {"role", DH_STR, .doc = "host, member, guest"}, \
	{"camera", DH_BOOL, .doc = "sent"}, {"microphone", DH_BOOL, .doc = "sent"},              \
	{"screen", DH_BOOL, .doc = "sent"}, {"recording", DH_BOOL, .doc = "records the room: show it"}, \
	{"away", DH_BOOL, .doc = "its way to the service is cut"},                               \
	{"connection", DH_STR, .doc = "connecting, connected, lost, failed, none"},              \
	{"sources", DH_OBJ, .doc = "camera?, screen?, sound?: numbers for track remote:NUMBER"}
#define PARAMS (const struct dh_param[])

const struct dh_event dh_events[] = {
	{"agent.state", "The agent's own state changed.",
	 PARAMS{{"state", DH_STR, .doc = "running, stopping"}, {0}}, DH_EVENT_STATE},
	{"agent.stats", "Load and rates, each second.",
	 PARAMS{{"cpu_percent", DH_NUM, "%", .doc = "of one core"}, {"rss_bytes", DH_INT, "B", .doc = "memory in use"},
		{"disk_free_bytes", DH_INT, "B", .doc = "where recordings go"},
		{"sessions", DH_ARR, .items = DH_OBJ, .doc = "per session: sources, pictures, encoder"},
		{"peers", DH_ARR, .items = DH_OBJ, .doc = "per connection: round trip, losses"}, {0}},
	 DH_EVENT_STATE | DH_EVENT_HIGH_VOLUME, DH_SCOPE_STATS},
	{"audio.levels", "Sound levels, ten a second.",
	 PARAMS{SESSION, {"source", DH_INT, .doc = "0: the mix"}, {"rms_db", DH_NUM, "dBFS", .doc = "mean; -100 is silence"},
		{"peak_db", DH_NUM, "dBFS", .doc = "greatest"}, {0}},
	 DH_EVENT_STATE | DH_EVENT_HIGH_VOLUME, 0, "source"},
	{"devices.changed", "Devices came or went.",
	 PARAMS{{"added", DH_ARR, .items = DH_STR, .doc = "ids"}, {"removed", DH_ARR, .items = DH_STR, .doc = "ids"}, {0}},
	 0, DH_SCOPE_DEVICES_LIST},
	{"disk.low", "A running recording's disk, or its folder's quota, lasts not much longer; or does again.",
	 PARAMS{RECORDING, SESSION, {"folder", DH_STR, .doc = "alias"}, {"state", DH_STR, .doc = "start, end"},
		{"limit", DH_STR, .doc = "disk or quota: what ends the recording first"},
		{"free_bytes", DH_INT, "B", .doc = "left on its disk"},
		{"minutes_left", DH_INT, "min", .doc = "until the recording is ended; absent: nothing grows"},
		{"hint", DH_STR, .doc = "what to do; at the start"}, {0}}, 0},
	{"grants.changed", "This origin's grants are others now.",
	 PARAMS{{"granted", DH_ARR, .items = DH_STR, .doc = "scopes"}, {0}}, DH_EVENT_STATE},
	{"session.changed", "A session, one of its sources or its controller changed; as session.list shows it.",
	 PARAMS{SESSION, {"state", DH_STR, .doc = "open, closed"}, {"template", DH_STR, .doc = "layout"},
		{"canvas", DH_OBJ, .doc = "width, height, fps"},
		{"sources", DH_ARR, .items = DH_OBJ, .doc = "source, role, device, state"},
		{"is_controlled", DH_BOOL, .doc = "a client holds it"}, {"reason", DH_STR, .doc = "why it was closed"}, {0}},
	 DH_EVENT_STATE, 0, "session"},
	{"source.lost", "A device of a session failed or is gone; the session goes on with a placard.",
	 PARAMS{SESSION, {"source", DH_INT, .doc = "number"}, {"role", DH_STR, .doc = "camera, screen, ..."},
		{"name", DH_STR, .doc = "error name"}, {"reason", DH_STR, .doc = "a sentence"},
		{"hint", DH_STR, .doc = "what to do"}, {0}}, 0},
	{"source.back", "A lost device works again.",
	 PARAMS{SESSION, {"source", DH_INT, .doc = "number"}, {"role", DH_STR, .doc = "camera, screen, ..."}, {0}}, 0},
	{"quality.warning", "Something is wrong with a source, or no longer so: to be mended while the people are there.",
	 PARAMS{SESSION, {"source", DH_INT, .doc = "number"}, {"role", DH_STR, .doc = "camera, microphone, remote, ..."},
		{"kind", DH_STR, .doc = "black, covered, frozen, dark, bright, silent, clipping, skew, format, device"},
		{"state", DH_STR, .doc = "start, end"}, {"since_ms", DH_INT, "ms", .doc = "how long it has been so"},
		{"value", DH_NUM, .doc = "measured; what of: docs/quality.md"}, {"threshold", DH_NUM, .doc = "of value"},
		{"hint", DH_STR, .doc = "what to do; at the start"}, {0}}, 0},
	{"preview.candidate", "One more address of this computer, towards the client that opened the preview.",
	 PARAMS{PREVIEW, {"mid", DH_STR, .doc = "m-line of the answer"},
		{"candidate", DH_STR, .doc = "candidate:..., empty after the last"}, {0}}, 0},
	{"preview.closed", "A preview ended.",
	 PARAMS{SESSION, PREVIEW, {"name", DH_STR, .doc = "error name; ECLOSED where nothing went wrong"},
		{"reason", DH_STR, .doc = "a sentence"}, {0}}, 0},
	{"rtc.stats", "Each connection's numbers, each second; as rtc.stats replies.",
	 PARAMS{{"peers", DH_ARR, .items = DH_OBJ, .doc = "see docs/rtc.md"}, {0}},
	 DH_EVENT_STATE | DH_EVENT_HIGH_VOLUME, DH_SCOPE_STATS},
	{"room.joined", "This agent is in a room; as room.get replies.", PARAMS{ROOM, SESSION, ROOM_MEMBERS, {0}}, 0,
	 DH_SCOPE_ROOM},
	{"room.member_joined", "A member came; as in members of room.get.", PARAMS{ROOM, MEMBER, {0}}, 0, DH_SCOPE_ROOM},
	{"room.member_changed", "A member's state, connection or sources are others now.", PARAMS{ROOM, MEMBER, {0}},
	 DH_EVENT_STATE, DH_SCOPE_ROOM, "member"},
	{"room.member_left", "A member is gone.",
	 PARAMS{ROOM, {"member", DH_INT, .doc = "number"}, {"user_id", DH_STR, .doc = "who"},
		{"user_name", DH_STR, .doc = "for people"}, {"reason", DH_STR, .doc = "left, lost, kicked, replaced"}, {0}},
	 0, DH_SCOPE_ROOM},
	{"room.chat", "A line of chat, also one's own.",
	 PARAMS{ROOM, {"id", DH_INT, .doc = "grows"}, {"user_id", DH_STR, .doc = "who"},
		{"user_name", DH_STR, .doc = "for people"}, {"text", DH_STR, .doc = "what"},
		{"ts_ms", DH_INT, "ms", .doc = "since 1970"}, {0}}, 0, DH_SCOPE_ROOM},
	{"room.custom", "Data from another member's page.",
	 PARAMS{ROOM, {"from", DH_INT, .doc = "member"}, {"user_id", DH_STR, .doc = "who"},
		{"data", DH_ANY, .doc = "as it was sent"}, {0}}, 0, DH_SCOPE_ROOM},
	{"room.muted", "The host asked, and it is done: nothing is sent of these.",
	 PARAMS{ROOM, {"by", DH_INT, .doc = "member"}, {"camera", DH_BOOL, .doc = "true: off"},
		{"microphone", DH_BOOL, .doc = "true: off"}, {0}}, 0, DH_SCOPE_ROOM},
	{"room.reconnecting", "The room service is away; pictures and sound go on. Again with each try that failed.",
	 PARAMS{ROOM, {"name", DH_STR, .doc = "error name"}, {"reason", DH_STR, .doc = "a sentence"},
		{"retry_ms", DH_INT, "ms", .doc = "the next try comes in"}, {0}}, 0, DH_SCOPE_ROOM},
	{"room.reconnected", "The room service is back.",
	 PARAMS{ROOM, {"member", DH_INT, .doc = "own number"},
		{"resumed", DH_BOOL, .doc = "nothing was missed; else members of room.get are the truth"}, {0}},
	 0, DH_SCOPE_ROOM},
	{"room.closed", "This agent is in the room no longer.",
	 PARAMS{ROOM, SESSION,
		{"reason", DH_STR,
		 .doc = "left, closed, kicked, replaced, expired, refused, session_closed, revoked, shutdown"},
		{"text", DH_STR, .doc = "a sentence"}, {0}}, 0, DH_SCOPE_ROOM},
	{"push.state", "A push changed, and each second while it is live.", dh_push_params, DH_EVENT_STATE, 0, "push"},
	{"recording.started", "The file has begun.", PARAMS{RECORDING, SESSION, CHAIN, {0}}, 0},
	{"recording.progress", "How far a recording is, each second.",
	 PARAMS{RECORDING, SESSION, {"state", DH_STR, .doc = "recording, paused"}, FACTS,
		{"disk_free_bytes", DH_INT, "B", .doc = "left in its folder"},
		{"disk_minutes_left", DH_INT, "min", .doc = "until disk or quota end it; absent: nothing grows"}, {0}},
	 DH_EVENT_STATE, 0, "recording"},
	{"recording.segment", "One of the recording's files is finished; the recording goes on in the next.",
	 PARAMS{RECORDING, SESSION, {"segment", DH_INT, .doc = "number, from 1"}, {"name", DH_STR, .doc = "of the file"},
		{"bytes", DH_INT, "B", .doc = "of the file"}, {"duration_ms", DH_INT, "ms", .doc = "of the file"},
		{"video_frames", DH_INT, .doc = "in the file"}, CHAIN, {0}}, 0},
	{"recording.continued", "What wrote a recording died; it goes on in another file by itself.",
	 PARAMS{RECORDING, SESSION, {"segment", DH_INT, .doc = "number of the file, from 1"},
		{"name", DH_STR, .doc = "of the file"}, {"gap_ms", DH_INT, "ms", .doc = "missing between the two files"},
		{"reason", DH_STR, .doc = "a sentence"}, {0}}, 0},
	{"recording.verifying", "How far a check is, each second. Only to the page that asked for it.",
	 PARAMS{RECORDING, {"bytes", DH_INT, "B", .doc = "read so far"},
		{"total_bytes", DH_INT, "B", .doc = "of all its files"}, {0}},
	 DH_EVENT_STATE, 0, "recording"},
	{"recording.marker", "A marker was set.",
	 PARAMS{RECORDING, SESSION, {"t_ms", DH_INT, "ms", .doc = "in the file"}, {"text", DH_STR, .doc = "as given"},
		{"step", DH_STR, .doc = "as given"}, {0}}, 0},
	{"recording.paused", "The recording pauses.", PARAMS{RECORDING, SESSION, {0}}, 0},
	{"recording.resumed", "The recording goes on.", PARAMS{RECORDING, SESSION, {0}}, 0},
	{"recording.clock_step", "The computer's clock was set during a recording; the file's own times stand.",
	 PARAMS{RECORDING, SESSION, {"step_ms", DH_INT, "ms", .doc = "forward, or back when negative"},
		{"hint", DH_STR, .doc = "what to do"}, {0}}, 0},
	{"recording.stopped", "The file is finished.",
	 PARAMS{RECORDING, SESSION, FACTS,
		{"reason", DH_STR, .doc = "asked, disk_full, quota_full, session_closed, shutdown"}, {0}}, 0},
	{"recording.failed", "The recording ended by an error; what was written so far is playable.",
	 PARAMS{RECORDING, SESSION, FACTS, {"name", DH_STR, .doc = "error name"}, {"reason", DH_STR, .doc = "a sentence"},
		{"hint", DH_STR, .doc = "what to do"}, {0}}, 0},
	{"recording.recovered", "A recording that was cut off earlier has been finished.",
	 PARAMS{RECORDING, {"duration_ms", DH_INT, "ms", .doc = "that could be saved"},
		{"bytes", DH_INT, "B", .doc = "in the file"}, CHAIN, {0}}, 0},
	{"upload.progress", "How far an upload is, and what is in its way.", dh_upload_params, DH_EVENT_STATE,
	 DH_SCOPE_FILES_LIST, "upload"},
	{"upload.done", "A recording is in the archive.", dh_upload_params, 0, DH_SCOPE_FILES_LIST},
	{"upload.failed", "An upload has ended without success.", dh_upload_params, 0, DH_SCOPE_FILES_LIST},
	{0},
};

static const struct dh_event *find(const char *name)
{
	for (const struct dh_event *e = dh_events; e->name; e++)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static bool has_prefix(const struct dh_client *c, const char *name)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, c->prefixes)
		if (v->valuestring[0] && !strncmp(name, v->valuestring, strlen(v->valuestring)))
			return true;
	return false;
}

static bool is_subscribed(const struct dh_client *c, const struct dh_event *e)
{
	if (has_prefix(c, e->name))
		return true;
	return !(e->flags & DH_EVENT_HIGH_VOLUME) && !c->is_only_prefixes;
}

/* Events of an origin go to that origin; the command line sees all (api.md). */
static bool is_concerned(struct dh_ctl *ctl, const struct dh_client *c, const struct dh_event *e, const char *origin)
{
	if (c->is_closing || c->state != DH_CLIENT_READY || !is_subscribed(c, e))
		return false;
	if (c->is_cli)
		return true;
	if (origin && strcmp(origin, c->id.origin))
		return false;
	uint32_t scopes = dh_ctl_scopes(ctl, c->id.origin);
	return scopes && (scopes & e->scope) == e->scope;
}

static void held_key(char *out, size_t size, const struct dh_event *e, const cJSON *params)
{
	const cJSON *k = e->key_param ? cJSON_GetObjectItemCaseSensitive(params, e->key_param) : NULL;
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(params, "session");
	snprintf(out, size, "%s %.64s %.64s %d", e->name, cJSON_IsString(s) ? s->valuestring : "",
		 cJSON_IsString(k) ? k->valuestring : "", cJSON_IsNumber(k) ? k->valueint : 0);
}

static void hold(struct dh_client *c, const struct dh_event *e, const cJSON *message)
{
	char key[200];
	held_key(key, sizeof(key), e, cJSON_GetObjectItemCaseSensitive(message, "params"));
	if (!(e->flags & DH_EVENT_STATE)) {
		c->events_dropped++;
	} else if (cJSON_GetObjectItemCaseSensitive(c->held, key)) {
		cJSON_ReplaceItemInObjectCaseSensitive(c->held, key, cJSON_Duplicate(message, true));
	} else if (cJSON_GetArraySize(c->held) < DH_EVENTS_HELD_MAX) {
		cJSON_AddItemToObject(c->held, key, cJSON_Duplicate(message, true));
	} else {
		c->events_dropped++;
	}
}

static void deliver(struct dh_client *c, const struct dh_event *e, cJSON *message)
{
	if (c->ops->queued(c->arg) > DH_EVENT_QUEUE_BYTES) {
		hold(c, e, message);
		return;
	}
	if (c->held->child)
		dh_events_flush(c);
	cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
	if (c->events_dropped)
		cJSON_AddNumberToObject(params, "events_dropped", (double)c->events_dropped);
	c->events_dropped = 0;
	dh_client_send_json(c, message);
	cJSON_DeleteItemFromObjectCaseSensitive(params, "events_dropped");
}

void dh_events_flush(struct dh_client *c)
{
	while (c->held->child && !c->is_closing && c->ops->queued(c->arg) <= DH_EVENT_QUEUE_BYTES) {
		cJSON *message = cJSON_DetachItemViaPointer(c->held, c->held->child);
		dh_client_send_json(c, message);
		cJSON_Delete(message);
	}
}

static cJSON *make_message(struct dh_ctl *ctl, const char *event, cJSON *take_params)
{
	cJSON *params = take_params ? take_params : cJSON_CreateObject();
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	cJSON_AddStringToObject(message, "method", event);
	cJSON_AddItemToObject(message, "params", params);
	cJSON_AddNumberToObject(params, "seq", (double)++ctl->event_seq);
	cJSON_AddNumberToObject(params, "ts_us", (double)dh_now_us());
	return message;
}

void dh_emit(struct dh_ctl *ctl, const char *event, const char *origin, cJSON *take_params)
{
	const struct dh_event *e = find(event);
	assert(e);
	cJSON *message = make_message(ctl, event, take_params);
	dh_list_for_each_safe(pos, &ctl->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		if (is_concerned(ctl, c, e, origin))
			deliver(c, e, message);
	}
	cJSON_Delete(message);
}

void dh_emit_to(struct dh_client *c, const char *event, cJSON *take_params)
{
	cJSON *message = make_message(c->ctl, event, take_params);
	deliver(c, find(event), message);
	cJSON_Delete(message);
}

bool dh_event_is_wanted_by(struct dh_client *c, const char *event)
{
	const struct dh_event *e = find(event);
	assert(e);
	return is_concerned(c->ctl, c, e, c->id.origin);
}

bool dh_event_is_wanted(struct dh_ctl *ctl, const char *event, const char *origin)
{
	const struct dh_event *e = find(event);
	assert(e);
	dh_list_for_each(pos, &ctl->clients)
		if (is_concerned(ctl, dh_container_of(pos, struct dh_client, node), e, origin))
			return true;
	return false;
}
