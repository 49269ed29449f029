/* The X server and its screens; see x11_display.h. */
#include "agent/sources/x11_display.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xfixes.h>
#include <xcb/xinput.h>

#include "common/alloc.h"

static const char *display_name(void)
{
	const char *name = getenv("DISPLAY");
	return name ? name : "";
}

int dh_x11_gone(struct dh_err *e)
{
	dh_fail(e, DH_ENODEV, "the X server at DISPLAY=%s is gone", display_name());
	return dh_hint(e, "Log in to the desktop again; the screen comes back by itself.");
}

static int no_server(struct dh_err *e)
{
	if (!display_name()[0]) {
		dh_fail(e, DH_ENODEV, "there is no X screen to capture: DISPLAY is not set");
		return dh_hint(e, "Start the agent inside the graphical session, or set DISPLAY (for example DISPLAY=:0).");
	}
	dh_fail(e, DH_ENODEV, "cannot connect to the X server at DISPLAY=%s", display_name());
	return dh_hint(e, "Check that the server runs and that this user may connect to it (XAUTHORITY, xhost).");
}

static const xcb_query_extension_reply_t *extension(struct dh_x11_display *d, xcb_extension_t *ext)
{
	const xcb_query_extension_reply_t *r = xcb_get_extension_data(d->conn, ext);
	return r && r->present ? r : NULL;
}

/* Tell the server which versions we speak: it answers nothing else before that. */
static void exchange_versions(struct dh_x11_display *d)
{
	xcb_damage_query_version_cookie_t damage = xcb_damage_query_version(d->conn, 1, 1);
	xcb_xfixes_query_version_cookie_t fixes = xcb_xfixes_query_version(d->conn, 4, 0);
	xcb_randr_query_version_cookie_t randr = xcb_randr_query_version(d->conn, 1, 5);
	free(xcb_damage_query_version_reply(d->conn, damage, NULL));
	free(xcb_xfixes_query_version_reply(d->conn, fixes, NULL));
	free(xcb_randr_query_version_reply(d->conn, randr, NULL));
	if (!extension(d, &xcb_input_id))
		return;
	/* 2.1 gives raw motion also while a client grabs the pointer */
	xcb_input_xi_query_version_reply_t *r =
		xcb_input_xi_query_version_reply(d->conn, xcb_input_xi_query_version(d->conn, 2, 1), NULL);
	if (r && r->major_version >= 2)
		d->xinput_opcode = extension(d, &xcb_input_id)->major_opcode;
	free(r);
}

static int check_extensions(struct dh_x11_display *d, struct dh_err *e)
{
	xcb_extension_t *const wanted[] = {&xcb_shm_id, &xcb_damage_id, &xcb_xfixes_id, &xcb_randr_id};
	static const char *const names[] = {"MIT-SHM", "DAMAGE", "XFIXES", "RANDR"};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		xcb_prefetch_extension_data(d->conn, wanted[i]);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (extension(d, wanted[i]))
			continue;
		dh_fail(e, DH_ENOTSUP, "the X server at DISPLAY=%s has no %s extension", display_name(), names[i]);
		return dh_hint(e, "Screen capture needs a local X server with MIT-SHM, DAMAGE, XFIXES and RANDR.");
	}
	d->damage_event = extension(d, &xcb_damage_id)->first_event;
	d->xfixes_event = extension(d, &xcb_xfixes_id)->first_event;
	d->randr_event = extension(d, &xcb_randr_id)->first_event;
	exchange_versions(d);
	return DH_OK;
}

static const xcb_visualtype_t *root_visual(const xcb_screen_t *screen)
{
	xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(screen);
	for (; depth.rem; xcb_depth_next(&depth)) {
		xcb_visualtype_iterator_t v = xcb_depth_visuals_iterator(depth.data);
		for (; v.rem; xcb_visualtype_next(&v))
			if (v.data->visual_id == screen->root_visual)
				return v.data;
	}
	return NULL;
}

static int bits_per_pixel(const xcb_setup_t *setup, int depth)
{
	xcb_format_iterator_t f = xcb_setup_pixmap_formats_iterator(setup);
	for (; f.rem; xcb_format_next(&f))
		if (f.data->depth == depth)
			return f.data->bits_per_pixel;
	return 0;
}

/* Only what libyuv calls ARGB: 32 bits a pixel, blue in the lowest byte. */
static int check_pixels(struct dh_x11_display *d, struct dh_err *e)
{
	const xcb_setup_t *setup = xcb_get_setup(d->conn);
	const xcb_visualtype_t *v = root_visual(d->screen);
	const int depth = d->screen->root_depth, bits = bits_per_pixel(setup, depth);
	if ((depth == 24 || depth == 32) && bits == 32 && setup->image_byte_order == XCB_IMAGE_ORDER_LSB_FIRST && v &&
	    v->red_mask == 0xFF0000 && v->green_mask == 0xFF00 && v->blue_mask == 0xFF)
		return DH_OK;
	dh_fail(e, DH_ENOTSUP, "the X screen has %d bit colour (%d bits a pixel), not the usual 24 bit BGRX", depth, bits);
	return dh_hint(e, "Set the desktop to true colour (depth 24).");
}

/* The X server inside a Wayland session sees X windows only: the rest would be black. */
static int check_not_xwayland(struct dh_x11_display *d, struct dh_err *e)
{
	static const char name[] = "XWAYLAND";
	xcb_query_extension_reply_t *r = xcb_query_extension_reply(
		d->conn, xcb_query_extension(d->conn, sizeof(name) - 1, name), NULL);
	struct dh_x11_monitor m[DH_X11_MONITORS_MAX];
	bool is_xwayland = r && r->present;
	free(r);
	if (!is_xwayland && dh_x11_monitors(d, m) > 0)
		is_xwayland = !strncmp(m[0].name, name, sizeof(name) - 1);
	if (!is_xwayland)
		return DH_OK;
	dh_fail(e, DH_ENOTSUP, "this is a Wayland session: its screen cannot be captured through X11");
	return dh_hint(e, "Choose the \"Xorg\" session at the login screen.");
}

int dh_x11_display_open(struct dh_x11_display *d, struct dh_err *e)
{
	int preferred = 0;
	*d = (struct dh_x11_display){.conn = xcb_connect(NULL, &preferred)};
	if (xcb_connection_has_error(d->conn)) {
		dh_x11_display_close(d);
		return no_server(e);
	}
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(d->conn));
	for (; preferred > 0 && it.rem > 1; preferred--)
		xcb_screen_next(&it);
	d->screen = it.data;
	int err = check_extensions(d, e);
	if (!err)
		err = check_pixels(d, e);
	if (!err)
		err = check_not_xwayland(d, e);
	if (!err && xcb_connection_has_error(d->conn))
		err = dh_x11_gone(e);
	if (err)
		dh_x11_display_close(d);
	return err;
}

void dh_x11_display_close(struct dh_x11_display *d)
{
	if (d->conn)
		xcb_disconnect(d->conn);
	d->conn = NULL;
}

static void atom_name(struct dh_x11_display *d, xcb_atom_t atom, char *out, size_t size)
{
	xcb_get_atom_name_reply_t *r = xcb_get_atom_name_reply(d->conn, xcb_get_atom_name(d->conn, atom), NULL);
	size_t len = r ? (size_t)xcb_get_atom_name_name_length(r) : 0;
	len = len < size - 1 ? len : size - 1;
	if (len)
		memcpy(out, xcb_get_atom_name_name(r), len);
	out[len] = '\0';
	free(r);
}

int dh_x11_monitors(struct dh_x11_display *d, struct dh_x11_monitor m[DH_X11_MONITORS_MAX])
{
	int n = 0;
	xcb_randr_get_monitors_reply_t *r =
		xcb_randr_get_monitors_reply(d->conn, xcb_randr_get_monitors(d->conn, d->screen->root, 1), NULL);
	if (!r)
		return 0;
	xcb_randr_monitor_info_iterator_t it = xcb_randr_get_monitors_monitors_iterator(r);
	for (; it.rem && n < DH_X11_MONITORS_MAX; xcb_randr_monitor_info_next(&it), n++) {
		m[n].rect = (struct dh_rect){it.data->x, it.data->y, it.data->width, it.data->height};
		m[n].is_primary = it.data->primary;
		atom_name(d, it.data->name, m[n].name, sizeof(m[n].name));
	}
	free(r);
	return n;
}

/* Clip to the root window as it is now: right after a change of size a monitor may still hang over its edge. */
static int fit_to_root(struct dh_x11_display *d, struct dh_rect *r, struct dh_err *e)
{
	xcb_get_geometry_reply_t *g = xcb_get_geometry_reply(d->conn, xcb_get_geometry(d->conn, d->screen->root), NULL);
	if (!g)
		return dh_x11_gone(e);
	const struct dh_rect root = {0, 0, g->width, g->height};
	free(g);
	if (!r->width_px)
		*r = root;
	bool is_inside = dh_rect_clip(r, &root);
	r->width_px &= ~1;
	r->height_px &= ~1;
	return is_inside && r->width_px && r->height_px ? DH_OK : dh_fail(e, DH_ENODEV, "the screen is switched off");
}

int dh_x11_find(struct dh_x11_display *d, const char *key, struct dh_rect *out, struct dh_err *e)
{
	struct dh_rect found = {0};
	if (key[0] && strcmp(key, "desktop") != 0) {
		struct dh_x11_monitor m[DH_X11_MONITORS_MAX];
		int n = dh_x11_monitors(d, m);
		for (int i = 0; i < n; i++)
			if (!strcmp(m[i].name, key))
				found = m[i].rect;
		if (!found.width_px) {
			dh_fail(e, DH_ENODEV, "there is no active screen \"%s\"", key);
			return dh_hint(e, "Switch the screen on or choose another one; \"deskhand devices\" lists them.");
		}
	}
	int err = fit_to_root(d, &found, e);
	if (!err)
		*out = found;
	return err;
}
