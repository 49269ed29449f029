/* A member's row of events: what a connection that comes back can be served from, and when it cannot. */
#include "room-service/row.h"

#include <stdlib.h>
#include <string.h>

#include "tst.h"

static bool add(struct dh_row *r, size_t text_size)
{
	char *text = malloc(text_size + 1);
	memset(text, 'x', text_size);
	text[text_size] = '\0';
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "text", text);
	struct dh_event *ev = dh_event_create("room.custom", params);
	bool is_held = dh_row_add(r, ev);
	dh_event_unref(ev);
	free(text);
	return is_held;
}

static void an_event_bears_its_seq(void)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "room", "r\"1");
	struct dh_event *ev = dh_event_create("room.chat", params);
	char text[256];
	size_t n = dh_event_write(ev, 7, text);
	TST_CHECK(n == dh_event_size(ev, 7) && n < sizeof(text));
	text[n] = '\0';
	cJSON *json = cJSON_Parse(text), *p = cJSON_GetObjectItem(json, "params");
	TST_STR(cJSON_GetStringValue(cJSON_GetObjectItem(json, "method")), "room.chat");
	TST_EQ((int)cJSON_GetNumberValue(cJSON_GetObjectItem(p, "seq")), 7);
	TST_STR(cJSON_GetStringValue(cJSON_GetObjectItem(p, "room")), "r\"1");
	cJSON_Delete(json);
	dh_event_unref(ev);
}

static void check_text(const char *name, cJSON *take_params, int64_t seq, const char *want)
{
	struct dh_event *ev = dh_event_create(name, take_params);
	char text[256];
	size_t n = dh_event_write(ev, seq, text);
	TST_CHECK(n == dh_event_size(ev, seq) && n < sizeof(text));
	text[n] = '\0';
	TST_STR(text, want);
	dh_event_unref(ev);
}

static void with_and_without_params_and_seq(void)
{
	cJSON *one = cJSON_CreateObject();
	cJSON_AddNumberToObject(one, "retry_ms", 2000);
	check_text("a.b", cJSON_Duplicate(one, true), 0,
		   "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":{\"retry_ms\":2000}}");
	check_text("a.b", one, 10, "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":{\"seq\":10,\"retry_ms\":2000}}");
	check_text("a.b", cJSON_CreateObject(), 0, "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":{}}");
	check_text("a.b", cJSON_CreateObject(), INT64_MAX,
		   "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":{\"seq\":9223372036854775807}}");
}

static void what_is_not_acknowledged_is_held(void)
{
	struct dh_row r = {0};
	for (int i = 0; i < 100; i++)
		TST_CHECK(add(&r, 10));
	TST_CHECK(r.last == 100 && dh_row_has_after(&r, 0) && dh_row_has_after(&r, 100) && !dh_row_has_after(&r, 101));
	dh_row_ack(&r, 60);
	TST_CHECK(r.count == 40 && !dh_row_has_after(&r, 59) && dh_row_has_after(&r, 60));
	TST_CHECK(dh_row_at(&r, 61) && dh_row_at(&r, 100));
	dh_row_ack(&r, 100);
	TST_CHECK(!r.count && !r.bytes && dh_row_has_after(&r, 100) && !dh_row_has_after(&r, 99));
	dh_row_finish(&r);
}

static void too_many_are_forgotten_together(void)
{
	struct dh_row r = {0};
	for (int i = 0; i < DH_ROW_EVENTS_MAX; i++)
		TST_CHECK(add(&r, 1));
	TST_CHECK(!add(&r, 1));
	TST_CHECK(!dh_row_has_after(&r, 0) && !dh_row_has_after(&r, r.last - 1));
	dh_row_finish(&r);
}

static void too_large_are_forgotten_together(void)
{
	struct dh_row r = {0};
	int held = 0;
	while (held < 100 && add(&r, 60000))
		held++;
	TST_CHECK(held >= 16 && held <= 17);
	TST_CHECK(!dh_row_has_after(&r, 0) && r.bytes <= DH_ROW_BYTES_MAX);
	dh_row_finish(&r);
}

static void a_new_beginning_takes_nobody_in(void)
{
	struct dh_row r = {0};
	for (int i = 0; i < 5; i++)
		add(&r, 1);
	dh_row_restart(&r, 40); /* somebody says it has seen 40 */
	TST_CHECK(!r.count && r.last > 40);
	add(&r, 1);
	TST_CHECK(!dh_row_has_after(&r, 40) && !dh_row_has_after(&r, 5));
	dh_row_finish(&r);
}

TST_MAIN({"an event bears its seq", an_event_bears_its_seq},
	 {"with and without params and seq", with_and_without_params_and_seq},
	 {"what is not acknowledged is held", what_is_not_acknowledged_is_held},
	 {"too many are forgotten together", too_many_are_forgotten_together},
	 {"too large are forgotten together", too_large_are_forgotten_together},
	 {"a new beginning takes nobody in", a_new_beginning_takes_nobody_in})
