/* `deskhand describe [--json]`: everything there is, from the tables. docs/protocol.md, js/src/api.gen.js and the
 * types are made of it. */
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/events.h"
#include "agent/ctl/policy.h"
#include "agent/media/drivers.gen.h"

static cJSON *params_to_json(const struct dh_param *params);

static void add_range(cJSON *v, const struct dh_param *p)
{
	bool is_number = p->type == DH_INT || p->type == DH_NUM;
	if (is_number && p->min < p->max) {
		cJSON_AddNumberToObject(v, "min", (double)p->min);
		cJSON_AddNumberToObject(v, "max", (double)p->max);
		if (!p->required)
			cJSON_AddNumberToObject(v, "default", (double)p->def);
	} else if (!is_number && p->max > 0) {
		cJSON_AddNumberToObject(v, p->type == DH_STR ? "max_bytes" : "max_items", (double)p->max);
	}
	if (p->type == DH_BOOL && p->def)
		cJSON_AddTrueToObject(v, "default");
	if (p->def_str)
		cJSON_AddStringToObject(v, "default", p->def_str);
}

static cJSON *param_to_json(const struct dh_param *p)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "name", p->name);
	cJSON_AddStringToObject(v, "type", dh_type_name(p->type));
	if (p->items)
		cJSON_AddStringToObject(v, "items", dh_type_name(p->items));
	if (p->unit)
		cJSON_AddStringToObject(v, "unit", p->unit);
	if (p->required)
		cJSON_AddTrueToObject(v, "required");
	add_range(v, p);
	if (p->choices) {
		cJSON *choices = cJSON_AddArrayToObject(v, "choices");
		for (const char *const *c = p->choices; *c; c++)
			cJSON_AddItemToArray(choices, cJSON_CreateString(*c));
	}
	if (p->fields)
		cJSON_AddItemToObject(v, "fields", params_to_json(p->fields));
	cJSON_AddStringToObject(v, "doc", p->doc ? p->doc : "");
	return v;
}

static cJSON *params_to_json(const struct dh_param *params)
{
	cJSON *list = cJSON_CreateArray();
	for (const struct dh_param *p = params; p && p->name; p++)
		cJSON_AddItemToArray(list, param_to_json(p));
	return list;
}

static void add_commands(cJSON *all)
{
	char text[200];
	cJSON *list = cJSON_AddArrayToObject(all, "commands");
	for (int i = 0; dh_commands[i]; i++) {
		const struct dh_command *c = dh_commands[i];
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "name", c->name);
		cJSON_AddStringToObject(v, "doc", c->doc);
		cJSON_AddStringToObject(v, "scope",
					c->scope_doc ? c->scope_doc
						     : dh_scopes_text(c->scope, ", ", text, sizeof(text)));
		if (c->flags & DH_CMD_BEFORE_GRANT)
			cJSON_AddTrueToObject(v, "before_grant");
		if (c->flags & DH_CMD_CLI_ONLY)
			cJSON_AddTrueToObject(v, "cli_only");
		cJSON_AddItemToObject(v, "params", params_to_json(c->params));
		cJSON_AddItemToObject(v, "reply", params_to_json(c->reply));
		cJSON_AddItemToArray(list, v);
	}
}

static void add_events(cJSON *all)
{
	char text[200];
	cJSON *list = cJSON_AddArrayToObject(all, "events");
	for (const struct dh_event *e = dh_events; e->name; e++) {
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "name", e->name);
		cJSON_AddStringToObject(v, "doc", e->doc);
		cJSON_AddStringToObject(v, "kind", e->flags & DH_EVENT_STATE ? "state" : "moment");
		cJSON_AddBoolToObject(v, "high_volume", (e->flags & DH_EVENT_HIGH_VOLUME) != 0);
		cJSON_AddStringToObject(v, "scope", dh_scopes_text(e->scope, ", ", text, sizeof(text)));
		cJSON_AddItemToObject(v, "params", params_to_json(e->params));
		cJSON_AddItemToArray(list, v);
	}
}

static void add_code(cJSON *list, const char *name, int code, const char *text)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "name", name);
	cJSON_AddNumberToObject(v, "code", code);
	cJSON_AddStringToObject(v, "text", text);
	cJSON_AddItemToArray(list, v);
}

static void add_codes(cJSON *all)
{
	cJSON *errors = cJSON_AddArrayToObject(all, "errors");
#define XX(name, value, text)                                                                    \
	add_code(errors, #name, -32000 + (value), text);                                         \
	cJSON_AddBoolToObject(cJSON_GetArrayItem(errors, cJSON_GetArraySize(errors) - 1), "retriable", \
			      dh_err_is_retriable(value));
	DH_ERR_MAP(XX)
#undef XX
	cJSON *closes = cJSON_AddArrayToObject(all, "close_codes");
#define XX(name, value, text) add_code(closes, #name, value, text);
	DH_CLOSE_MAP(XX)
#undef XX
	cJSON *scopes = cJSON_AddArrayToObject(all, "scopes");
#define XX(id, bit, name, text) add_code(scopes, name, 1 << bit, text);
	DH_SCOPE_MAP(XX)
#undef XX
}

static void add_driver(cJSON *list, const char *kind, const struct dh_driver *d)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "kind", kind);
	cJSON_AddStringToObject(v, "name", d->name);
	cJSON_AddStringToObject(v, "doc", d->doc);
	cJSON_AddItemToObject(v, "params", params_to_json(d->params));
	cJSON_AddItemToArray(list, v);
}

static void add_drivers(cJSON *all)
{
	struct dh_err e = {0};
	const struct dh_driver_tables *t = dh_drivers(&e);
	cJSON *list = cJSON_AddArrayToObject(all, "drivers");
	if (!t) {
		dh_cli_complain(&e);
		return;
	}
	for (int i = 0; t->sources[i]; i++)
		add_driver(list, "source", &t->sources[i]->base);
	for (int i = 0; t->filters[i]; i++)
		add_driver(list, "filter", &t->filters[i]->base);
	for (int i = 0; t->compositors[i]; i++)
		add_driver(list, "compositor", &t->compositors[i]->base);
	for (int i = 0; t->encoders[i]; i++)
		add_driver(list, "encoder", &t->encoders[i]->base);
	for (int i = 0; t->sinks[i]; i++)
		add_driver(list, "sink", &t->sinks[i]->base);
}

cJSON *dh_describe(bool with_drivers)
{
	cJSON *all = cJSON_CreateObject();
	cJSON_AddStringToObject(all, "version", DH_VERSION);
	cJSON_AddNumberToObject(all, "protocol", DH_PROTOCOL_VERSION);
	add_commands(all);
	add_events(all);
	add_codes(all);
	cJSON_AddItemToObject(all, "policy", params_to_json(dh_policy_params));
	if (with_drivers)
		add_drivers(all);
	return all;
}

static void show(const cJSON *all)
{
	const cJSON *c, *p;
	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(all, "commands")) {
		fprintf(stdout, "%s - %s\n", dh_json_text(c, "name"), dh_json_text(c, "doc"));
		cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(c, "params"))
			fprintf(stdout, "    %s: %s%s - %s\n", dh_json_text(p, "name"), dh_json_text(p, "type"),
				cJSON_HasObjectItem(p, "required") ? ", required" : "", dh_json_text(p, "doc"));
	}
	fprintf(stdout, "\nEvents:\n");
	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(all, "events"))
		fprintf(stdout, "%s - %s\n", dh_json_text(c, "name"), dh_json_text(c, "doc"));
	fprintf(stdout, "\nDrivers:\n");
	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(all, "drivers"))
		fprintf(stdout, "%s %s - %s\n", dh_json_text(c, "kind"), dh_json_text(c, "name"), dh_json_text(c, "doc"));
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	bool is_json;
	int code;
	if (!dh_cli_takes_json_only(cmd, argc, argv, &is_json, &code))
		return code;
	cJSON *all = dh_describe(true);
	if (is_json)
		dh_cli_print_json(all, true);
	else
		show(all);
	cJSON_Delete(all);
	return DH_EXIT_OK;
}

const struct dh_cli_command dh_cli_describe = {
	"describe", "[--json]", "Print commands, events, errors, close codes and drivers.", run};
