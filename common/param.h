/* Parameters as data: a table names each one with type, unit, range and meaning. From the table come
 * the checks, the defaults, `deskhand describe`, docs/protocol.md and the SDK's types. */
#ifndef DH_COMMON_PARAM_H
#define DH_COMMON_PARAM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum dh_type { DH_NONE, DH_BOOL, DH_INT, DH_NUM, DH_STR, DH_OBJ, DH_ARR, DH_ANY };

struct dh_param {
	const char *name; /* lower_snake, on the wire; NULL ends a table */
	enum dh_type type;
	const char *unit;      /* "Hz", "px", "ms"; NULL for none */
	int64_t min, max, def; /* numbers: range when min < max. DH_STR, DH_ARR: max is the
				* greatest length in bytes or items when > 0 */
	bool required;
	const char *def_str;          /* default of a DH_STR */
	const char *const *choices;   /* DH_STR: NULL-ended allowed values; NULL for any */
	const struct dh_param *fields; /* DH_OBJ, or the items of a DH_ARR of objects; NULL for free form */
	enum dh_type items;           /* DH_ARR: type of the items */
	const char *doc;              /* one phrase for people */
};

/* A checked JSON object together with its table. Borrowed from both. */
struct dh_args {
	const struct dh_param *params;
	const cJSON *json; /* NULL: every value is its default */
};

/* Check json (NULL or an object) against a table: unknown names, missing or ill-typed values, ranges.
 * e->text names the parameter by its path ("canvas.fps"). Any thread. Errors: DH_EINVAL. */
int dh_args_check(const struct dh_param *params, const cJSON *json, struct dh_err *e);

/* Value of a parameter, or its default. name must be in the table. Any thread.
 * dh_arg_str and dh_arg_json give NULL when absent without default. dh_arg_obj gives the arguments
 * of a nested DH_OBJ with fields (json NULL when absent). */
bool dh_arg_has(const struct dh_args *a, const char *name);
bool dh_arg_bool(const struct dh_args *a, const char *name);
int64_t dh_arg_int(const struct dh_args *a, const char *name);
double dh_arg_num(const struct dh_args *a, const char *name);
const char *dh_arg_str(const struct dh_args *a, const char *name);
const cJSON *dh_arg_json(const struct dh_args *a, const char *name);
struct dh_args dh_arg_obj(const struct dh_args *a, const char *name);

/* Wire name of a type: "int", "string", ... */
const char *dh_type_name(enum dh_type type);

#endif
