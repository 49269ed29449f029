/* Reading templates and laying them out; see template.h. The arithmetic of places is in template_layout.c. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/template_parts.h"
#include "common/alloc.h"
#include "common/json.h"

static const char *const role_names[] = {"camera", "screen", "remote", NULL};
static const char *const fit_names[] = {"letterbox", "cover", NULL};
static const char *const flow_names[] = {"grid", "row", "column", NULL};
static const char *const anchor_names[] = {"top-left", "top", "top-right", "left", "center", "right",
					   "bottom-left", "bottom", "bottom-right", NULL};

static const struct dh_param size_params[] = {
	{"width", DH_INT, "px", 16, 4096, .required = true, .doc = "of the reference canvas"},
	{"height", DH_INT, "px", 16, 4096, .required = true, .doc = "of the reference canvas"}, {0}};
static const struct dh_param when_params[] = {
	{"camera", DH_ARR, .max = 2, .items = DH_INT, .doc = "least and greatest number of cameras"},
	{"screen", DH_ARR, .max = 2, .items = DH_INT, .doc = "the same for screens"},
	{"remote", DH_ARR, .max = 2, .items = DH_INT, .doc = "the same for remote members"},
	{"aspect", DH_ARR, .max = 2, .items = DH_NUM, .doc = "least and greatest width / height of the canvas"},
	{"width", DH_ARR, "px", .max = 2, .items = DH_INT, .doc = "least and greatest width of the canvas"}, {0}};
static const struct dh_param show_params[] = {
	{"role", DH_STR, .required = true, .choices = role_names, .doc = "whose pictures"},
	{"first", DH_INT, NULL, 0, DH_TEMPLATE_SLOTS_MAX - 1, 0, .doc = "number of the first one, from 0"},
	{"count", DH_INT, NULL, 1, DH_TEMPLATE_SLOTS_MAX, DH_TEMPLATE_SLOTS_MAX, .doc = "at most so many"},
	{"always", DH_INT, NULL, 0, DH_TEMPLATE_SLOTS_MAX, 0, .doc = "at least so many places, with placards"},
	{"fit", DH_STR, .choices = fit_names, .doc = "instead of the area's"}, {0}};
static const struct dh_param area_params[] = {
	{"rect", DH_ARR, "px", .max = 4, .items = DH_NUM, .required = true, .doc = "x, y, width, height"},
	{"show", DH_ARR, .max = DH_AREA_SHOWS_MAX, .items = DH_OBJ, .fields = show_params, .required = true,
	 .doc = "what stands in the area, in this order"},
	{"flow", DH_STR, .def_str = "grid", .choices = flow_names, .doc = "how several share the area"},
	{"tile_aspect", DH_ARR, .max = 2, .items = DH_NUM, .doc = "width and height of each tile, as a ratio"},
	{"gap", DH_NUM, "px", 0, 1024, 0, .doc = "between tiles"},
	{"anchor", DH_STR, .def_str = "center", .choices = anchor_names, .doc = "where the tiles gather"},
	{"fit", DH_STR, .def_str = "letterbox", .choices = fit_names, .doc = "whole picture or filled tile"}, {0}};
static const struct dh_param layout_params[] = {
	{"when", DH_OBJ, .fields = when_params, .doc = "conditions, all of which must hold"},
	{"reference", DH_OBJ, .fields = size_params, .doc = "instead of the template's"},
	{"areas", DH_ARR, .max = DH_LAYOUT_AREAS_MAX, .items = DH_OBJ, .fields = area_params, .required = true,
	 .doc = "back to front"}, {0}};
static const struct dh_param template_params[] = {
	{"name", DH_STR, .max = 31, .required = true, .doc = "as sessions ask for it"},
	{"doc", DH_STR, .max = 200, .required = true, .doc = "one sentence for people"},
	{"reference", DH_OBJ, .fields = size_params, .required = true, .doc = "canvas the numbers are meant for"},
	{"layouts", DH_ARR, .max = DH_TEMPLATE_LAYOUTS_MAX, .items = DH_OBJ, .fields = layout_params,
	 .required = true, .doc = "the first whose conditions hold is taken"}, {0}};

static int index_of(const char *const *names, const char *name)
{
	int i = 0;
	while (strcmp(names[i], name))
		i++; /* the parameter table has checked it */
	return i;
}

static enum dh_fit fit_of(const char *name)
{
	return index_of(fit_names, name) ? DH_FIT_COVER : DH_FIT_LETTERBOX;
}

/* An array of exactly n numbers into v. */
static int read_numbers(const cJSON *array, int n, double *v, const char *path, struct dh_err *e)
{
	if (cJSON_GetArraySize(array) != n)
		return dh_fail(e, DH_EINVAL, "%s must have %d numbers, not %d", path, n, cJSON_GetArraySize(array));
	for (int i = 0; i < n; i++)
		v[i] = cJSON_GetArrayItem(array, i)->valuedouble;
	return DH_OK;
}

/* An optional [least, greatest]; min and max keep their values when it is absent. */
static int read_range(const struct dh_args *a, const char *name, double *min, double *max, const char *path,
		      struct dh_err *e)
{
	char sub[96];
	double v[2] = {0};
	if (!dh_arg_has(a, name))
		return DH_OK;
	snprintf(sub, sizeof(sub), "%s.%s", path, name);
	int err = read_numbers(dh_arg_json(a, name), 2, v, sub, e);
	if (err)
		return err;
	if (v[0] < 0 || v[0] > v[1])
		return dh_fail(e, DH_EINVAL, "%s is [%.6g, %.6g], must be [least, greatest]", sub, v[0], v[1]);
	*min = v[0];
	*max = v[1];
	return DH_OK;
}

static int read_when(const struct dh_args *a, struct dh_layout *l, const char *path, struct dh_err *e)
{
	static const enum dh_role roles[] = {DH_ROLE_CAMERA, DH_ROLE_SCREEN, DH_ROLE_REMOTE};
	for (int i = 0; i < 3; i++) {
		double min = 0, max = 1e6;
		int err = read_range(a, role_names[i], &min, &max, path, e);
		if (err)
			return err;
		l->count_min[roles[i]] = (int)min;
		l->count_max[roles[i]] = (int)fmin(max, 1e6);
	}
	l->aspect_max = l->width_max = 1e6;
	int err = read_range(a, "aspect", &l->aspect_min, &l->aspect_max, path, e);
	return err ? err : read_range(a, "width", &l->width_min, &l->width_max, path, e);
}

static int read_show(const struct dh_args *a, struct dh_show *s, enum dh_fit area_fit, const char *path,
		     struct dh_err *e)
{
	static const enum dh_role roles[] = {DH_ROLE_CAMERA, DH_ROLE_SCREEN, DH_ROLE_REMOTE};
	s->role = roles[index_of(role_names, dh_arg_str(a, "role"))];
	s->first = (int)dh_arg_int(a, "first");
	s->count = (int)dh_arg_int(a, "count");
	s->always = (int)dh_arg_int(a, "always");
	s->fit = dh_arg_has(a, "fit") ? fit_of(dh_arg_str(a, "fit")) : area_fit;
	if (s->always > s->count)
		return dh_fail(e, DH_EINVAL, "%s.always is %d, more than count, which is %d", path, s->always, s->count);
	return DH_OK;
}

static int read_rect(const struct dh_args *a, struct dh_area *area, const struct dh_layout *l, const char *path,
		     struct dh_err *e)
{
	char sub[96];
	double v[4] = {0};
	snprintf(sub, sizeof(sub), "%s.rect", path);
	int err = read_numbers(dh_arg_json(a, "rect"), 4, v, sub, e);
	if (err)
		return err;
	if (v[0] < 0 || v[1] < 0 || v[2] <= 0 || v[3] <= 0 || v[0] + v[2] > l->reference_width ||
	    v[1] + v[3] > l->reference_height)
		return dh_fail(e, DH_EINVAL, "%s [%.6g, %.6g, %.6g, %.6g] is empty or leaves the reference canvas of %gx%g",
			       sub, v[0], v[1], v[2], v[3], l->reference_width, l->reference_height);
	area->x = v[0];
	area->y = v[1];
	area->width = v[2];
	area->height = v[3];
	return DH_OK;
}

static int read_area(const struct dh_args *a, struct dh_area *area, const struct dh_layout *l, const char *path,
		     struct dh_err *e)
{
	char sub[96];
	int err = read_rect(a, area, l, path, e);
	if (err)
		return err;
	area->flow = (enum dh_flow)index_of(flow_names, dh_arg_str(a, "flow"));
	area->gap = dh_arg_num(a, "gap");
	int anchor = index_of(anchor_names, dh_arg_str(a, "anchor"));
	area->anchor_x = anchor % 3 / 2.0;
	area->anchor_y = anchor / 3 / 2.0;
	if (dh_arg_has(a, "tile_aspect")) {
		double v[2] = {0};
		snprintf(sub, sizeof(sub), "%s.tile_aspect", path);
		err = read_numbers(dh_arg_json(a, "tile_aspect"), 2, v, sub, e);
		if (err)
			return err;
		if (v[0] < 1 || v[1] < 1 || v[0] > 100 * v[1] || v[1] > 100 * v[0])
			return dh_fail(e, DH_EINVAL, "%s is [%.6g, %.6g], must be like [16, 9]", sub, v[0], v[1]);
		area->tile_aspect = v[0] / v[1];
	}
	const cJSON *item;
	cJSON_ArrayForEach(item, dh_arg_json(a, "show")) {
		snprintf(sub, sizeof(sub), "%s.show[%d]", path, area->show_count);
		struct dh_args show = {.params = show_params, .json = item};
		err = read_show(&show, &area->shows[area->show_count++], fit_of(dh_arg_str(a, "fit")), sub, e);
		if (err)
			return err;
	}
	if (!area->show_count)
		return dh_fail(e, DH_EINVAL, "%s.show is empty", path);
	return DH_OK;
}

static int read_layout(const struct dh_args *a, struct dh_layout *l, const struct dh_args *reference, int number,
		       struct dh_err *e)
{
	char path[64];
	struct dh_args own = dh_arg_obj(a, "reference"), when = dh_arg_obj(a, "when");
	const struct dh_args *size = own.json ? &own : reference;
	l->reference_width = (double)dh_arg_int(size, "width");
	l->reference_height = (double)dh_arg_int(size, "height");
	snprintf(path, sizeof(path), "layouts[%d].when", number);
	int err = read_when(&when, l, path, e);
	if (err)
		return err;
	const cJSON *item;
	cJSON_ArrayForEach(item, dh_arg_json(a, "areas")) {
		snprintf(path, sizeof(path), "layouts[%d].areas[%d]", number, l->area_count);
		struct dh_args area = {.params = area_params, .json = item};
		err = read_area(&area, &l->areas[l->area_count++], l, path, e);
		if (err)
			return err;
	}
	if (!l->area_count)
		return dh_fail(e, DH_EINVAL, "layouts[%d].areas is empty", number);
	return DH_OK;
}

static int read_template(const struct dh_args *a, struct dh_template *t, struct dh_err *e)
{
	dh_strcopy(t->name, sizeof(t->name), dh_arg_str(a, "name"));
	dh_strcopy(t->doc, sizeof(t->doc), dh_arg_str(a, "doc"));
	if (!t->name[0])
		return dh_fail(e, DH_EINVAL, "name is empty");
	struct dh_args reference = dh_arg_obj(a, "reference");
	const cJSON *item, *last = NULL;
	cJSON_ArrayForEach(item, dh_arg_json(a, "layouts")) {
		struct dh_args layout = {.params = layout_params, .json = last = item};
		int number = t->layout_count++;
		int err = read_layout(&layout, &t->layouts[number], &reference, number, e);
		if (err)
			return err;
	}
	if (!last)
		return dh_fail(e, DH_EINVAL, "layouts is empty");
	if (cJSON_GetObjectItemCaseSensitive(last, "when")) {
		dh_fail(e, DH_EINVAL, "layouts[%d], the last one, has conditions", t->layout_count - 1);
		dh_hint(e, "Remove its \"when\", so that one layout always fits.");
		return DH_EINVAL;
	}
	return DH_OK;
}

int dh_template_create(struct dh_template **out, const char *text, size_t size, struct dh_err *e)
{
	cJSON *json = dh_json_parse(text, size, e);
	if (!json)
		return e && e->code == DH_ELIMIT ? DH_ELIMIT : DH_EPROTO;
	struct dh_template *t = dh_alloc(sizeof(*t));
	int err = cJSON_IsObject(json) ? dh_args_check(template_params, json, e)
				       : dh_fail(e, DH_EINVAL, "a template is a JSON object");
	if (!err) {
		struct dh_args a = {.params = template_params, .json = json};
		err = read_template(&a, t, e);
	}
	cJSON_Delete(json);
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return DH_OK;
}

void dh_template_destroy(struct dh_template *t)
{
	free(t);
}

const char *dh_template_name(const struct dh_template *t)
{
	return t->name;
}

const char *dh_template_doc(const struct dh_template *t)
{
	return t->doc;
}

const char *const *dh_template_names(void)
{
	return dh_template_file_names;
}

/* The built-in templates stay, like the text they are made from. */
static pthread_mutex_t builtin_lock = PTHREAD_MUTEX_INITIALIZER;
/* -- protected by builtin_lock */
static struct dh_template *builtin[32];

static int find_builtin(const char *name, const struct dh_template **out, struct dh_err *e)
{
	int i = 0, err = DH_OK;
	while (dh_template_files[i].name && strcmp(dh_template_files[i].name, name))
		i++;
	if (!dh_template_files[i].name || i >= (int)(sizeof(builtin) / sizeof(builtin[0]))) {
		char all[160] = "";
		for (i = 0; dh_template_files[i].name; i++) {
			size_t n = strlen(all);
			snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "", dh_template_files[i].name);
		}
		dh_fail(e, DH_ENOENT, "there is no template \"%.31s\"", name);
		dh_hint(e, "Use one of: %s.", all);
		return DH_ENOENT;
	}
	pthread_mutex_lock(&builtin_lock);
	if (!builtin[i])
		err = dh_template_create(&builtin[i], dh_template_files[i].text, dh_template_files[i].size, e);
	*out = builtin[i];
	pthread_mutex_unlock(&builtin_lock);
	return err;
}

int dh_template_places(const char *name, int width_px, int height_px, const int role_counts[6],
		       struct dh_slot_place *out, struct dh_err *e)
{
	const struct dh_template *t;
	int err = find_builtin(name, &t, e);
	return err ? err : dh_template_layout(t, width_px, height_px, role_counts, out, e);
}
