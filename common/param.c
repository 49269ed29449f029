/* Checks and access for table-described parameters; see param.h. */
#include "common/param.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct place;
static int check_object(const struct dh_param *params, const cJSON *json, const struct place *at,
			struct dh_err *e);

const char *dh_type_name(enum dh_type type)
{
	static const char *const names[] = {"none", "bool", "int", "number", "string", "object", "array", "any"};
	return names[type];
}

static const struct dh_param *find(const struct dh_param *params, const char *name)
{
	for (const struct dh_param *p = params; p && p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

static bool has_type(const cJSON *v, enum dh_type type)
{
	switch (type) {
	case DH_BOOL: return cJSON_IsBool(v);
	case DH_INT: return cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble) &&
			    fabs(v->valuedouble) <= 9007199254740992.0;
	case DH_NUM: return cJSON_IsNumber(v) && isfinite(v->valuedouble);
	case DH_STR: return cJSON_IsString(v);
	case DH_OBJ: return cJSON_IsObject(v);
	case DH_ARR: return cJSON_IsArray(v);
	case DH_ANY: return true;
	default: return false;
	}
}

static const char *what_is(const cJSON *v)
{
	return cJSON_IsBool(v) ? "bool" : cJSON_IsNumber(v) ? "number" : cJSON_IsString(v) ? "string" :
	       cJSON_IsObject(v) ? "object" : cJSON_IsArray(v) ? "array" : "null";
}

/* Where in the parameters a value stands; spelt out only for an error. */
struct place {
	const struct place *in; /* NULL at the top */
	const char *name;       /* of a member, or NULL for an item */
	int index;
};

struct path {
	char text[160];
};

static struct path spell(const struct place *at)
{
	struct path p = {""}, up = {""};
	if (!at)
		return p;
	if (at->in)
		up = spell(at->in);
	if (at->name)
		snprintf(p.text, sizeof(p.text), "%s%s%.60s", up.text, up.text[0] ? "." : "", at->name);
	else
		snprintf(p.text, sizeof(p.text), "%s[%d]", up.text, at->index);
	return p;
}

static int check_number(const struct dh_param *p, const cJSON *v, const struct place *at, struct dh_err *e)
{
	if (p->min < p->max && (v->valuedouble < (double)p->min || v->valuedouble > (double)p->max))
		return dh_fail(e, DH_EINVAL, "%s is %.15g, must be %lld to %lld%s%s", spell(at).text, v->valuedouble,
			       (long long)p->min, (long long)p->max, p->unit ? " " : "", p->unit ? p->unit : "");
	return DH_OK;
}

static int check_string(const struct dh_param *p, const cJSON *v, const struct place *at, struct dh_err *e)
{
	size_t len = strlen(v->valuestring);
	if (p->max > 0 && len > (size_t)p->max)
		return dh_fail(e, DH_EINVAL, "%s has %zu bytes, at most %lld are allowed", spell(at).text, len,
			       (long long)p->max);
	if (!p->choices)
		return DH_OK;
	char all[120] = "";
	for (const char *const *c = p->choices; *c; c++) {
		if (!strcmp(*c, v->valuestring))
			return DH_OK;
		size_t n = strlen(all);
		snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "", *c);
	}
	return dh_fail(e, DH_EINVAL, "%s is \"%.40s\", must be one of: %s", spell(at).text, v->valuestring, all);
}

static int check_array(const struct dh_param *p, const cJSON *v, const struct place *at, struct dh_err *e)
{
	int n = cJSON_GetArraySize(v), i = 0;
	if (p->max > 0 && n > p->max)
		return dh_fail(e, DH_EINVAL, "%s has %d items, at most %lld are allowed", spell(at).text, n,
			       (long long)p->max);
	const cJSON *item;
	cJSON_ArrayForEach(item, v) {
		struct place here = {at, NULL, i++};
		if (p->items && !has_type(item, p->items))
			return dh_fail(e, DH_EINVAL, "%s must be of type %s, not %s", spell(&here).text,
				       dh_type_name(p->items), what_is(item));
		if (p->choices && cJSON_IsString(item)) {
			int err = check_string(&(struct dh_param){.choices = p->choices}, item, &here, e);
			if (err)
				return err;
		}
		if (p->fields) {
			int err = check_object(p->fields, item, &here, e);
			if (err)
				return err;
		}
	}
	return DH_OK;
}

static int check_value(const struct dh_param *p, const cJSON *v, const struct place *at, struct dh_err *e)
{
	if (!has_type(v, p->type))
		return dh_fail(e, DH_EINVAL, "%s must be of type %s, not %s", spell(at).text, dh_type_name(p->type),
			       what_is(v));
	switch (p->type) {
	case DH_INT:
	case DH_NUM: return check_number(p, v, at, e);
	case DH_STR: return check_string(p, v, at, e);
	case DH_ARR: return check_array(p, v, at, e);
	case DH_OBJ: return p->fields ? check_object(p->fields, v, at, e) : DH_OK;
	default: return DH_OK;
	}
}

static int check_object(const struct dh_param *params, const cJSON *json, const struct place *at, struct dh_err *e)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, json) {
		const struct dh_param *p = find(params, v->string);
		struct place here = {at, v->string, 0};
		if (!p)
			return dh_fail(e, DH_EINVAL, "unknown parameter %s", spell(&here).text);
		int err = check_value(p, v, &here, e);
		if (err)
			return err;
	}
	for (const struct dh_param *p = params; p && p->name; p++)
		if (p->required && !cJSON_GetObjectItemCaseSensitive(json, p->name))
			return dh_fail(e, DH_EINVAL, "missing parameter %s", spell(&(struct place){at, p->name, 0}).text);
	return DH_OK;
}

int dh_args_check(const struct dh_param *params, const cJSON *json, struct dh_err *e)
{
	if (json && !cJSON_IsObject(json))
		return dh_fail(e, DH_EINVAL, "parameters must be an object, not %s", what_is(json));
	return check_object(params, json, NULL, e);
}

static const cJSON *value(const struct dh_args *a, const char *name, const struct dh_param **p)
{
	*p = find(a->params, name);
	assert(*p);
	return a->json ? cJSON_GetObjectItemCaseSensitive(a->json, name) : NULL;
}

bool dh_arg_has(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	return value(a, name, &p) != NULL;
}

bool dh_arg_bool(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	const cJSON *v = value(a, name, &p);
	return v ? cJSON_IsTrue(v) : p->def != 0;
}

int64_t dh_arg_int(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	const cJSON *v = value(a, name, &p);
	return v ? (int64_t)v->valuedouble : p->def;
}

double dh_arg_num(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	const cJSON *v = value(a, name, &p);
	return v ? v->valuedouble : (double)p->def;
}

const char *dh_arg_str(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	const cJSON *v = value(a, name, &p);
	return v ? v->valuestring : p->def_str;
}

const cJSON *dh_arg_json(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	return value(a, name, &p);
}

struct dh_args dh_arg_obj(const struct dh_args *a, const char *name)
{
	const struct dh_param *p;
	const cJSON *v = value(a, name, &p);
	return (struct dh_args){.params = p->fields, .json = v};
}
