/* Parameter tables: types, ranges, names, nesting. */
#include "common/param.h"

#include <stdlib.h>

#include "tst.h"

static const char *const fits[] = {"cover", "letterbox", NULL};
static const struct dh_param params[] = {
	{"fps", DH_INT, "Hz", 1, 240, 30},
	{"fit", DH_STR, .choices = fits, .def_str = "cover"},
	{"name", DH_STR, .max = 8, .required = true},
	{"canvas", DH_OBJ, .fields = (const struct dh_param[]){{"width", DH_INT, "px", 16, 4096, 1280}, {0}}},
	{"list", DH_ARR, .max = 2, .items = DH_STR},
	{0},
};

static int check(const char *text, struct dh_err *e)
{
	cJSON *json = cJSON_Parse(text);
	int err = dh_args_check(params, json, e);
	cJSON_Delete(json);
	return err;
}

static void refuses_with_the_name(void)
{
	struct dh_err e;
	TST_EQ(check("{\"name\":\"a\"}", &e), DH_OK);
	TST_EQ(check("{\"name\":\"a\",\"fps\":0}", &e), DH_EINVAL);
	TST_STR(e.text, "fps is 0, must be 1 to 240 Hz");
	TST_EQ(check("{\"name\":\"a\",\"fps\":1.5}", &e), DH_EINVAL);
	TST_EQ(check("{\"name\":\"a\",\"fps\":\"30\"}", &e), DH_EINVAL);
	TST_STR(e.text, "fps must be of type int, not string");
	TST_EQ(check("{}", &e), DH_EINVAL);
	TST_STR(e.text, "missing parameter name");
	TST_EQ(check("{\"name\":\"123456789\"}", &e), DH_EINVAL);
	TST_EQ(check("{\"name\":\"a\",\"fit\":\"x\"}", &e), DH_EINVAL);
	TST_STR(e.text, "fit is \"x\", must be one of: cover, letterbox");
	TST_EQ(check("{\"name\":\"a\",\"canvas\":{\"width\":4097}}", &e), DH_EINVAL);
	TST_STR(e.text, "canvas.width is 4097, must be 16 to 4096 px");
	TST_EQ(check("{\"name\":\"a\",\"canvas\":{\"hight\":2}}", &e), DH_EINVAL);
	TST_STR(e.text, "unknown parameter canvas.hight");
	TST_EQ(check("{\"name\":\"a\",\"list\":[\"a\",1]}", &e), DH_EINVAL);
	TST_STR(e.text, "list[1] must be of type string, not number");
	TST_EQ(check("{\"name\":\"a\",\"list\":[\"a\",\"b\",\"c\"]}", &e), DH_EINVAL);
	TST_EQ(check("[]", &e), DH_EINVAL);
}

static void gives_values_and_defaults(void)
{
	cJSON *json = cJSON_Parse("{\"name\":\"x\",\"canvas\":{}}");
	struct dh_args a = {params, json};
	TST_EQ(dh_arg_int(&a, "fps"), 30);
	TST_STR(dh_arg_str(&a, "fit"), "cover");
	TST_STR(dh_arg_str(&a, "name"), "x");
	struct dh_args canvas = dh_arg_obj(&a, "canvas");
	TST_EQ(dh_arg_int(&canvas, "width"), 1280);
	TST_CHECK(!dh_arg_has(&a, "list"));
	cJSON_Delete(json);
}

TST_MAIN({"refuses with the name", refuses_with_the_name}, {"gives values and defaults", gives_values_and_defaults})
