/* The membership at a room service: first join, resumed, kept, anew; what waits, what fails, what is seen once. */
#include "agent/room/link.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "fake_wire.h"
#include "tst.h"

#define LOGIN "{\"token\":\"t1\",\"expires_s\":3600,\"later\":{\"unknown\":1}}"

static struct dh_loop loop;
static struct dh_room_link *membership;
static enum dh_room_join_kind kind;
static int joins, aways, ends, tokens, chats, events;
static int end_code;
static char last_text[64];

static void on_joined(void *user, enum dh_room_join_kind k, const struct dh_args *a)
{
	kind = k;
	joins++;
}

static void on_event(void *user, enum dh_room_event event, const struct dh_args *a)
{
	events++;
	if (event != DH_ROOM_CHAT)
		return;
	chats++;
	dh_strcopy(last_text, sizeof(last_text), dh_arg_str(a, "text"));
}

static void on_away(void *user, const struct dh_err *why, int retry_ms)
{
	TST_CHECK(retry_ms >= 0 && retry_ms <= DH_ROOM_BACK_OFF_MAX_MS);
	aways++;
}

static void on_ended(void *user, const struct dh_err *why)
{
	end_code = why->code;
	ends++;
}

static cJSON *on_state(void *user)
{
	return cJSON_CreateObject();
}

static void on_token(void *user)
{
	tokens++;
}

static const struct dh_room_link_ops ops = {on_joined, on_event, on_away, on_ended, on_state, on_token};

static void begin(const char *token)
{
	struct dh_room_link_config c = {.loop = &loop, .wire = &fake_wire_driver, .name = "r", .sdk_app_id = 7,
					.user_id = "u", .user_sig = "sig", .token = token, .room = "r",
					.create = "if_missing"};
	joins = aways = ends = tokens = chats = events = end_code = 0;
	kind = DH_ROOM_JOIN_NONE;
	fake_wire = (struct fake_wire){.sent = fake_wire.sent};
	dh_loop_init(&loop);
	dh_room_link_create(&membership, &c, &ops, NULL);
	while (!fake_wire.connects)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void finish(void)
{
	dh_room_link_destroy(membership, false);
	dh_loop_finish(&loop);
}

static bool answer_join(int member, int seq, bool resumed, const char *history)
{
	char *json = dh_strfmt("{\"room\":\"r\",\"member\":%d,\"members\":[],\"history\":[%s],\"ice_servers\":[],"
			       "\"seq\":%d,\"resumed\":%s}", member, history, seq, resumed ? "true" : "false");
	bool is_it = fake_wire_answer("room.join", "result", json);
	free(json);
	return is_it;
}

static void come_in(void)
{
	fake_wire_open();
	TST_CHECK(fake_wire_answer("room.login", "result", LOGIN));
	TST_CHECK(answer_join(3, 10, false, "{\"id\":4,\"user_id\":\"x\",\"text\":\"old\",\"ts_ms\":1}"));
	TST_EQ(kind, DH_ROOM_JOIN_FIRST);
}

static void wait_connect(void)
{
	int before = fake_wire.connects;
	while (fake_wire.connects == before)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void say_chat(int seq, int id, const char *text)
{
	char *json = dh_strfmt("{\"method\":\"room.chat\",\"params\":{\"seq\":%d,\"id\":%d,\"user_id\":\"x\","
			       "\"text\":\"%s\",\"ts_ms\":1,\"new\":true}}", seq, id, text);
	fake_wire_text(json);
	free(json);
}

static double sent_number(const cJSON *m, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(m, "params"), name));
}

static int answers, answer_code;

static void answered(void *arg, cJSON *result, const struct dh_err *why)
{
	answers++;
	answer_code = why ? why->code : DH_OK;
}

static void ask(const char *method, enum dh_room_keep keep)
{
	answers = 0;
	answer_code = 1;
	TST_EQ(dh_room_link_request(membership, method, cJSON_CreateObject(), keep, answered, NULL, NULL), DH_OK);
}

static void first_join(void)
{
	begin(NULL);
	come_in();
	TST_EQ(tokens, 1);
	TST_CHECK(dh_room_link_is_in(membership) && !strcmp(dh_room_link_token(membership), "t1"));
	ask("room.custom", DH_ROOM_KEEP_NOT);
	TST_CHECK(fake_wire_answer("room.custom", "error",
				   "{\"code\":-32002,\"message\":\"no\",\"data\":{\"name\":\"EPERM\",\"hint\":\"h\"}}"));
	TST_EQ(answers, 1);
	TST_EQ(answer_code, DH_EPERM);
	finish();
}

static void first_join_fails(void)
{
	begin(NULL);
	fake_wire_cut();
	TST_EQ(ends, 1);
	TST_EQ(end_code, DH_ECLOSED);
	finish();
	begin(NULL);
	fake_wire_open();
	TST_CHECK(fake_wire_answer("room.login", "error",
		"{\"code\":-32002,\"message\":\"no\",\"data\":{\"name\":\"EPERM\"}}"));
	TST_EQ(ends, 1);
	TST_EQ(end_code, DH_EPERM);
	TST_EQ(fake_wire.closes, 1);
	finish();
}

static void resumed(void)
{
	begin(NULL);
	come_in();
	say_chat(11, 5, "one");
	say_chat(11, 5, "one"); /* once is enough */
	TST_EQ(chats, 1);
	ask("room.signal", DH_ROOM_KEEP_MEMBER);
	fake_wire_cut();
	TST_EQ(aways, 1);
	wait_connect();
	fake_wire_open();
	cJSON *m = fake_wire_take(); /* by token this time */
	TST_CHECK(cJSON_GetObjectItem(cJSON_GetObjectItem(m, "params"), "token") != NULL);
	TST_CHECK(cJSON_GetObjectItem(cJSON_GetObjectItem(m, "params"), "user_sig") == NULL);
	cJSON_AddItemToArray(fake_wire.sent, m);
	TST_CHECK(fake_wire_answer("room.login", "result", LOGIN));
	m = fake_wire_take();
	TST_EQ((int)sent_number(m, "member"), 3);
	TST_EQ((int)sent_number(m, "seq"), 11);
	TST_EQ((int)sent_number(m, "chat"), 5);
	cJSON_AddItemToArray(fake_wire.sent, m);
	TST_CHECK(answer_join(3, 11, true, ""));
	TST_EQ(kind, DH_ROOM_JOIN_RESUMED);
	say_chat(12, 6, "two");
	TST_EQ(chats, 2);
	TST_CHECK(fake_wire_answer("room.signal", "result", "{}")); /* it was sent again */
	TST_EQ(answer_code, DH_OK);
	finish();
}

static void kept_and_anew(void)
{
	begin(NULL);
	come_in();
	fake_wire_cut();
	TST_EQ(dh_room_link_request(membership, "room.kick", cJSON_CreateObject(), DH_ROOM_KEEP_NOT, answered, NULL,
		NULL), DH_ECLOSED);
	ask("room.chat", DH_ROOM_KEEP); /* waits */
	wait_connect();
	fake_wire_open();
	TST_CHECK(fake_wire_answer("room.login", "result", LOGIN));
	TST_CHECK(answer_join(3, 0, false, ""));
	TST_EQ(kind, DH_ROOM_JOIN_KEPT);
	say_chat(1, 6, "after"); /* the row begins anew */
	TST_EQ(chats, 1);
	fake_wire_cut();
	ask("room.signal", DH_ROOM_KEEP_MEMBER);
	wait_connect();
	fake_wire_open();
	TST_CHECK(fake_wire_answer("room.login", "result", LOGIN));
	TST_CHECK(answer_join(9, 0, false, ""));
	TST_EQ(kind, DH_ROOM_JOIN_ANEW);
	TST_EQ(answer_code, DH_ECLOSED); /* it was meant as member 3 */
	TST_CHECK(fake_wire_answer("room.chat", "result", "{\"id\":7,\"ts_ms\":1}")); /* it still waits, once */
	TST_CHECK(!fake_wire_take());
	finish();
}

static void token_is_over(void)
{
	begin("old");
	fake_wire_open();
	TST_CHECK(fake_wire_answer("room.login", "error",
		"{\"code\":-32002,\"message\":\"over\",\"data\":{\"name\":\"EPERM\"}}"));
	cJSON *m = fake_wire_take();
	TST_CHECK(cJSON_GetObjectItem(cJSON_GetObjectItem(m, "params"), "user_sig") != NULL);
	cJSON_Delete(m);
	fake_wire_cut(); /* with a token it is one that comes back: it tries again */
	TST_EQ(ends, 0);
	TST_EQ(aways, 1);
	finish();
}

static void hostile(void)
{
	static const char *const bad[] = {"", "[]", "{}", "7", "{\"id\":null}", "{\"method\":\"room.chat\"}",
		"{\"method\":\"room.chat\",\"params\":{\"seq\":-1}}",
			"{\"method\":\"room.signal\",\"params\":{\"seq\":99,\"from\":\"x\"}}",
		"{\"method\":\"room.member_joined\",\"params\":{\"seq\":99,\"member\":0,\"user_id\":\"u\"}}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(NULL);
		come_in();
		fake_wire_text(bad[i]);
		TST_EQ(aways, 1); /* not trusted any further */
		TST_EQ(events, 0);
		finish();
	}
	begin(NULL);
	come_in();
	fake_wire_text("{\"id\":4711,\"result\":{}}"); /* nobody asked */
	fake_wire_text("{\"method\":\"room.invented\",\"params\":{}}"); /* of a later version */
	TST_EQ(aways, 0);
	for (int i = 0; i < DH_ROOM_REQUESTS_MAX; i++)
		ask("room.chat", DH_ROOM_KEEP);
	TST_EQ(dh_room_link_request(membership, "room.chat", cJSON_CreateObject(), DH_ROOM_KEEP, answered, NULL,
		NULL), DH_ELIMIT);
	answers = 0;
	finish();
	TST_EQ(answers, DH_ROOM_REQUESTS_MAX);
}

TST_MAIN({"the first join: login, token, answers and errors", first_join},
	 {"a first join that fails ends", first_join_fails},
	 {"resumed: by token, missed events follow, requests are sent again, nothing is seen twice", resumed},
	 {"kept after a restart of the service; anew when its time was over", kept_and_anew},
	 {"a token that is over: user_sig is the other way in", token_is_over},
	 {"bad input: a hostile service", hostile})
