/* Templates: every built-in one on many canvases with every mix of sources, known geometry, and the loader's
 * strictness. */
#include "agent/media/template.h"

#include <stdlib.h>

#include "tst.h"

static const int canvases[][2] = {{16, 16},   {16, 4096},  {4096, 16},   {18, 34},     {160, 160},  {320, 240},
				  {620, 390}, {622, 392},  {640, 360},   {640, 572},   {854, 480},  {1080, 1920},
				  {720, 1280}, {1280, 720}, {1366, 768}, {1920, 1080}, {3840, 2160}, {4096, 4096}};

static const struct dh_slot_place *find(const struct dh_slot_place *p, int n, enum dh_role role, int index)
{
	for (int i = 0; i < n; i++)
		if (p[i].role == role && p[i].index == index)
			return &p[i];
	return NULL;
}

static int places(const char *name, int w, int h, int cameras, int screens, int remotes, struct dh_slot_place *out)
{
	int counts[6] = {0};
	counts[DH_ROLE_CAMERA] = cameras;
	counts[DH_ROLE_SCREEN] = screens;
	counts[DH_ROLE_REMOTE] = remotes;
	struct dh_err e;
	return dh_template_places(name, w, h, counts, out, &e);
}

static bool overlap(struct dh_rect a, struct dh_rect b)
{
	return a.x_px < b.x_px + b.width_px && b.x_px < a.x_px + a.width_px && a.y_px < b.y_px + b.height_px &&
	       b.y_px < a.y_px + a.height_px;
}

static bool is_good(struct dh_rect r, int w, int h)
{
	return !((r.x_px | r.y_px | r.width_px | r.height_px) & 1) && r.x_px >= 0 && r.y_px >= 0 && r.width_px >= 2 &&
	       r.height_px >= 2 && r.x_px + r.width_px <= w && r.y_px + r.height_px <= h;
}

static void check_mix(const char *name, const int canvas[2], int cameras, int screens, int remotes)
{
	struct dh_slot_place p[DH_TEMPLATE_SLOTS_MAX];
	int w = canvas[0], h = canvas[1], shown = 0;
	int there[6] = {[DH_ROLE_CAMERA] = cameras, [DH_ROLE_SCREEN] = screens, [DH_ROLE_REMOTE] = remotes};
	int n = places(name, w, h, cameras, screens, remotes, p);
	bool over_main = !strcmp(name, "1v1") || !strcmp(name, "desk");
	bool ok = n >= 1 && n <= DH_TEMPLATE_SLOTS_MAX;
	for (int i = 0; i < n; i++) {
		ok &= is_good(p[i].rect, w, h);
		shown += p[i].index < there[p[i].role];
		for (int j = i + 1; j < n; j++) {
			ok &= p[i].role != p[j].role || p[i].index != p[j].index;
			bool is_inset = over_main && p[i].fit == DH_FIT_LETTERBOX && p[j].fit == DH_FIT_COVER;
			if (w >= 160 && h >= 160 && !is_inset)
				ok &= !overlap(p[i].rect, p[j].rect);
		}
	}
	/* nobody is left out, while there is room for everybody */
	if (cameras + screens + remotes <= 8)
		ok &= shown == cameras + screens + remotes;
	if (!ok)
		fprintf(stdout, "# %s on %dx%d with %d cameras, %d screens, %d remotes: %d places, %d shown\n", name, w, h,
			cameras, screens, remotes, n, shown);
	TST_CHECK(ok);
}

static void every_mix(void)
{
	static const int counts[] = {0, 1, 2, 3, 4, 5, 9, 16};
	for (const char *const *name = dh_template_names(); *name; name++)
		for (size_t c = 0; c < sizeof(canvases) / sizeof(canvases[0]); c++)
			for (int cameras = 0; cameras < 3; cameras++)
				for (int screens = 0; screens < 3; screens++)
					for (size_t r = 0; r < sizeof(counts) / sizeof(counts[0]); r++)
						check_mix(*name, canvases[c], cameras, screens, counts[r]);
}

static void check_rect(const struct dh_slot_place *p, int x, int y, int w, int h)
{
	TST_CHECK(p);
	if (!p)
		return;
	TST_EQ(p->rect.x_px, x);
	TST_EQ(p->rect.y_px, y);
	TST_EQ(p->rect.width_px, w);
	TST_EQ(p->rect.height_px, h);
}

static void original_geometry(void)
{
	struct dh_slot_place p[DH_TEMPLATE_SLOTS_MAX];
	int n = places("1v1", 620, 390, 1, 0, 1, p); /* the predecessor's smallest window */
	check_rect(find(p, n, DH_ROLE_REMOTE, 0), 0, 0, 620, 390);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 470, 240, 150, 150);
	n = places("1v1", 1280, 720, 1, 0, 1, p);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 1080, 520, 200, 200);
	n = places("1v3", 620, 510, 1, 0, 1, p); /* tiles of 98x120, 15 apart, all of them always */
	TST_EQ(n, 4);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 0, 0, 620, 390);
	check_rect(find(p, n, DH_ROLE_REMOTE, 0), 0, 390, 98, 120);
	check_rect(find(p, n, DH_ROLE_REMOTE, 2), 226, 390, 98, 120);
	n = places("1v3", 640, 572, 1, 0, 3, p); /* the predecessor's mixed recording */
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 0, 0, 640, 360);
	check_rect(find(p, n, DH_ROLE_REMOTE, 0), 0, 360, 212, 212);
	check_rect(find(p, n, DH_ROLE_REMOTE, 1), 212, 360, 212, 212);
	check_rect(find(p, n, DH_ROLE_REMOTE, 2), 424, 360, 212, 212);
}

static void sensible_mixes(void)
{
	struct dh_slot_place p[DH_TEMPLATE_SLOTS_MAX];
	int n = places("1v1", 1280, 720, 1, 0, 0, p); /* nobody came yet: no empty box */
	TST_EQ(n, 1);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 0, 0, 1280, 720);
	n = places("desk", 1280, 720, 1, 0, 0, p);
	TST_EQ(n, 1);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 0, 0, 1280, 720);
	n = places("desk", 1280, 720, 1, 1, 1, p);
	TST_EQ(n, 3);
	check_rect(find(p, n, DH_ROLE_SCREEN, 0), 0, 0, 1280, 720);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 944, 524, 320, 180);
	check_rect(find(p, n, DH_ROLE_REMOTE, 0), 944, 332, 320, 180);
	n = places("grid", 1280, 720, 1, 0, 3, p);
	check_rect(find(p, n, DH_ROLE_REMOTE, 2), 640, 360, 640, 360);
	n = places("grid", 1280, 720, 1, 0, 2, p); /* the last row is centred */
	check_rect(find(p, n, DH_ROLE_REMOTE, 1), 320, 360, 640, 360);
	n = places("portrait", 720, 1280, 1, 1, 0, p);
	check_rect(find(p, n, DH_ROLE_SCREEN, 0), 0, 0, 720, 640);
	check_rect(find(p, n, DH_ROLE_CAMERA, 0), 0, 640, 720, 640);
	n = places("desk", 1280, 720, 0, 0, 0, p); /* a placard rather than nothing */
	TST_EQ(n, 1);
}

static void bad_calls(void)
{
	struct dh_slot_place p[DH_TEMPLATE_SLOTS_MAX];
	struct dh_err e = {0};
	TST_EQ(dh_template_places("1v9", 1280, 720, (int[6]){0}, p, &e), DH_ENOENT);
	TST_CHECK(strstr(e.text, "1v9") && strstr(e.hint, "portrait"));
	TST_EQ(dh_template_places("grid", 1281, 720, (int[6]){0}, p, &e), DH_EINVAL);
	TST_EQ(dh_template_places("grid", 1280, 8, (int[6]){0}, p, &e), DH_EINVAL);
	TST_EQ(dh_template_places("grid", 8192, 720, (int[6]){0}, p, &e), DH_EINVAL);
}

#define HEAD "{\"name\":\"x\",\"doc\":\"d\",\"reference\":{\"width\":100,\"height\":50},\"layouts\":["
#define SHOW "\"show\":[{\"role\":\"camera\"}]"

static void strict_loader(void)
{
	static const struct {
		const char *text, *says;
		int code;
	} bad[] = {
		{"{", "", DH_EPROTO},
		{"[]", "object", DH_EINVAL},
		{"{\"name\":\"x\"}", "doc", DH_EINVAL},
		{HEAD "]}", "layouts is empty", DH_EINVAL},
		{HEAD "{\"areas\":[]}]}", "layouts[0].areas is empty", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,100,50],\"show\":[]}]}]}", "layouts[0].areas[0].show is empty", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,100],"SHOW"}]}]}", "areas[0].rect must have 4", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,101,50],"SHOW"}]}]}", "leaves the reference canvas", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,0,50],"SHOW"}]}]}", "is empty", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,9,9],"SHOW",\"colour\":1}]}]}", "colour", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,9,9],"SHOW",\"fit\":\"zoom\"}]}]}", "fit", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,9,9],"SHOW",\"tile_aspect\":[16]}]}]}", "tile_aspect must", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,9,9],"SHOW",\"tile_aspect\":[0,9]}]}]}", "tile_aspect is", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,9,9],\"show\":[{\"role\":\"camera\",\"count\":1,\"always\":2}]}]}]}",
		 "always is 2", DH_EINVAL},
		{HEAD "{\"areas\":[{\"rect\":[0,0,9,9],\"show\":[{\"role\":\"boss\"}]}]}]}", "role", DH_EINVAL},
		{HEAD "{\"when\":{\"camera\":[1,2]},\"areas\":[{\"rect\":[0,0,9,9],"SHOW"}]}]}", "the last one", DH_EINVAL},
		{HEAD "{\"when\":{\"camera\":[2,1]},\"areas\":[{\"rect\":[0,0,9,9],"SHOW"}]}]}", "when.camera", DH_EINVAL},
		{HEAD "{\"when\":{\"moon\":[2,1]},\"areas\":[{\"rect\":[0,0,9,9],"SHOW"}]}]}", "moon", DH_EINVAL},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dh_template *t = NULL;
		struct dh_err e = {0};
		TST_EQ(dh_template_create(&t, bad[i].text, strlen(bad[i].text), &e), bad[i].code);
		TST_CHECK(!t);
		TST_CHECK(strstr(e.text, bad[i].says));
		if (!strstr(e.text, bad[i].says))
			fprintf(stdout, "# case %zu says \"%s\", not \"%s\"\n", i, e.text, bad[i].says);
	}
}

static void own_template(void)
{
	static const char text[] = HEAD "{\"when\":{\"screen\":[1,1]},\"areas\":[{\"rect\":[0,0,100,50],\"show\":"
		"[{\"role\":\"screen\"}]}]},{\"areas\":[{\"rect\":[50,0,50,50],\"show\":[{\"role\":\"remote\",\"first\":1,"
		"\"always\":2}],\"flow\":\"column\",\"gap\":10,\"fit\":\"cover\"}]}]}";
	struct dh_template *t = NULL;
	struct dh_err e = {0};
	TST_EQ(dh_template_create(&t, text, sizeof(text) - 1, &e), DH_OK);
	if (!t)
		return;
	TST_STR(dh_template_name(t), "x");
	TST_STR(dh_template_doc(t), "d");
	struct dh_slot_place p[DH_TEMPLATE_SLOTS_MAX];
	int counts[6] = {0};
	int n = dh_template_layout(t, 200, 100, counts, p, &e);
	TST_EQ(n, 2);
	check_rect(find(p, n, DH_ROLE_REMOTE, 1), 100, 0, 100, 40);
	check_rect(find(p, n, DH_ROLE_REMOTE, 2), 100, 60, 100, 40);
	TST_EQ(p[0].fit, DH_FIT_COVER);
	counts[DH_ROLE_SCREEN] = 1;
	n = dh_template_layout(t, 200, 100, counts, p, &e);
	TST_EQ(n, 1);
	check_rect(find(p, n, DH_ROLE_SCREEN, 0), 0, 0, 200, 100);
	TST_EQ(p[0].fit, DH_FIT_LETTERBOX);
	dh_template_destroy(t);
}

TST_MAIN({"every template, canvas and mix", every_mix}, {"geometry of the predecessor", original_geometry},
	 {"sensible mixes", sensible_mixes}, {"bad calls", bad_calls}, {"strict loader", strict_loader},
	 {"a template of one's own", own_template})
