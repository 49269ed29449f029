/* libFuzzer: what a room service may say. The first byte chooses: frames on an open WebSocket, a handshake, or lines of JSON
 * to a membership that is in its room; each text also as the result of every method. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/room/link.h"
#include "agent/room/ws_frames.h"
#include "tests/unit/fake_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_text(const char *text, size_t size)
{
	static const char *const methods[] = {"room.login", "room.join", "room.chat", "room.ticket", "room.ice", NULL};
	for (int i = 0; methods[i]; i++) {
		struct dh_room_message m;
		struct dh_err e = {0};
		struct dh_args a;
		if (dh_room_message_read(&m, text, size, &e))
			return;
		dh_room_result(&a, methods[i], cJSON_GetObjectItem(m.json, "result"), &e);
		dh_room_message_finish(&m);
	}
}

/* -- WebSocket -- */

static void ws_open(void *user)
{
}

static bool ws_text(void *user, const char *text, size_t size)
{
	if (text[size])
		abort();
	read_text(text, size);
	return true;
}

static void ws_ping(void *user, const uint8_t *data, size_t size)
{
	size_t n;
	free(dh_ws_frame(DH_WS_PONG, data, size, &n));
}

static void ws_close(void *user, int code, const char *reason)
{
	if (strlen(reason) > 123)
		abort();
}

static void read_stream(const char *data, size_t size, bool is_open)
{
	static const struct dh_ws_reader_ops ops = {ws_open, ws_text, ws_ping, ws_close};
	struct dh_ws_reader r = {.is_open = is_open};
	struct dh_err e = {0};
	size_t half = size / 2;
	if (!dh_ws_reader_input(&r, data, half, &ops, NULL, &e))
		dh_ws_reader_input(&r, data + half, size - half, &ops, NULL, &e);
	dh_ws_reader_finish(&r);
}

/* -- membership -- */

static bool is_over;

static void on_joined(void *user, enum dh_room_join_kind kind, const struct dh_args *a)
{
}

static void on_event(void *user, enum dh_room_event event, const struct dh_args *a)
{
	if (event == DH_ROOM_CHAT && !dh_arg_str(a, "text"))
		abort();
}

static void on_away(void *user, const struct dh_err *why, int retry_ms)
{
	is_over = true;
}

static void on_ended(void *user, const struct dh_err *why)
{
	is_over = true;
}

static cJSON *on_state(void *user)
{
	return cJSON_CreateObject();
}

static void on_token(void *user)
{
}

static void be_member(char *lines)
{
	static const struct dh_room_link_ops ops = {on_joined, on_event, on_away, on_ended, on_state, on_token};
	struct dh_loop loop;
	struct dh_room_link *link;
	dh_loop_init(&loop);
	struct dh_room_link_config c = {.loop = &loop, .wire = &fake_wire_driver, .name = "r", .user_id = "u", .token = "t",
					.room = "r", .create = "never"};
	is_over = false;
	fake_wire.ops = NULL;
	dh_room_link_create(&link, &c, &ops, NULL);
	while (!fake_wire.ops)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
	fake_wire_open();
	fake_wire_answer("room.login", "result", "{\"token\":\"t\",\"expires_s\":9}");
	fake_wire_answer("room.join", "result",
			 "{\"room\":\"r\",\"member\":1,\"members\":[],\"history\":[],\"ice_servers\":[],\"seq\":0,"
			 "\"resumed\":false}");
	char *rest = lines;
	for (char *line = strsep(&rest, "\n"); line && !is_over; line = strsep(&rest, "\n"))
		fake_wire_text(line);
	dh_room_link_destroy(link, true);
	dh_loop_finish(&loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (!size)
		return 0;
	char *text = strndup((const char *)bytes + 1, size - 1);
	if (bytes[0] % 3 == 2)
		be_member(text);
	else
		read_stream((const char *)bytes + 1, size - 1, bytes[0] % 3 == 0);
	free(text);
	return 0;
}
