/* See fake_wire.h. */
#include "fake_wire.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

struct fake_wire fake_wire;

static int wire_connect(void **out, const void *arg, const struct dh_room_wire_ops *ops, void *user, struct dh_err *e)
{
	fake_wire.connects++;
	if (fake_wire.refuses)
		return dh_fail(e, DH_EIO, "nobody there");
	fake_wire.ops = ops;
	fake_wire.user = user;
	cJSON_Delete(fake_wire.sent);
	fake_wire.sent = cJSON_CreateArray();
	*out = &fake_wire;
	return DH_OK;
}

static int wire_send(void *wire, const char *text)
{
	cJSON_AddItemToArray(fake_wire.sent, cJSON_Parse(text));
	return DH_OK;
}

static void wire_close(void *wire)
{
	fake_wire.closes++;
	fake_wire.ops = NULL;
}

const struct dh_room_wire fake_wire_driver = {wire_connect, wire_send, wire_close};

void fake_wire_open(void)
{
	fake_wire.ops->open(fake_wire.user);
}

void fake_wire_text(const char *text)
{
	if (fake_wire.ops)
		fake_wire.ops->text(fake_wire.user, text, strlen(text));
}

void fake_wire_cut(void)
{
	const struct dh_room_wire_ops *ops = fake_wire.ops;
	struct dh_err why = {0};
	dh_fail(&why, DH_ECLOSED, "cut");
	fake_wire.ops = NULL;
	ops->closed(fake_wire.user, &why);
}

cJSON *fake_wire_take(void)
{
	return fake_wire.sent ? cJSON_DetachItemFromArray(fake_wire.sent, 0) : NULL;
}

bool fake_wire_answer(const char *method, const char *field, const char *json)
{
	cJSON *m = fake_wire_take();
	const char *got = cJSON_GetStringValue(cJSON_GetObjectItem(m, "method"));
	bool is_it = got && !strcmp(got, method);
	double id = is_it ? cJSON_GetNumberValue(cJSON_GetObjectItem(m, "id")) : 0;
	char *text = dh_strfmt("{\"jsonrpc\":\"2.0\",\"id\":%.0f,\"%s\":%s}", id, field, json);
	if (is_it)
		fake_wire_text(text);
	free(text);
	cJSON_Delete(m);
	return is_it;
}
