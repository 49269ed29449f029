/* Where the places of a template fall on a canvas; see template.h. All places are even and inside the canvas. */
#include <math.h>

#include "agent/media/template_parts.h"

struct item {
	enum dh_role role;
	int index;
	enum dh_fit fit;
};

/* Shape of the pictures a grid is cut for when the template names none. */
#define USUAL_ASPECT (16.0 / 9.0)

static int even_round(double v)
{
	return 2 * (int)floor(v / 2 + 0.5);
}

static double even_floor(double v)
{
	return 2 * floor(v / 2);
}

static bool layout_holds(const struct dh_layout *l, int width_px, int height_px, const int counts[6])
{
	static const enum dh_role roles[] = {DH_ROLE_CAMERA, DH_ROLE_SCREEN, DH_ROLE_REMOTE};
	double aspect = (double)width_px / height_px;
	for (int i = 0; i < 3; i++)
		if (counts[roles[i]] < l->count_min[roles[i]] || counts[roles[i]] > l->count_max[roles[i]])
			return false;
	return aspect >= l->aspect_min && aspect <= l->aspect_max && width_px >= l->width_min &&
	       width_px <= l->width_max;
}

/* What stands in an area, in order. Returns how many. */
static int collect(const struct dh_area *area, const int counts[6], struct item *items, int room)
{
	int n = 0;
	for (int s = 0; s < area->show_count; s++) {
		const struct dh_show *show = &area->shows[s];
		for (int i = 0; i < show->count && n < room; i++) {
			if (show->first + i >= counts[show->role] && i >= show->always)
				break;
			items[n++] = (struct item){show->role, show->first + i, show->fit};
		}
	}
	return n;
}

/* Largest box of an aspect in a cell. */
static void fit_aspect(double aspect, double *width, double *height)
{
	if (*width > *height * aspect)
		*width = *height * aspect;
	else
		*height = *width / aspect;
}

/* The number of columns that shows pictures of the aspect largest; with equals the fewest empty cells, then
 * the one that goes with the area's longer side. */
static int best_columns(int n, double width, double height, double gap, double aspect)
{
	int best = 1, best_empty = 0;
	double best_size = -1;
	for (int columns = 1; columns <= n; columns++) {
		int rows = (n + columns - 1) / columns, empty = rows * columns - n;
		double w = (width - (columns - 1) * gap) / columns, h = (height - (rows - 1) * gap) / rows;
		fit_aspect(aspect, &w, &h);
		bool is_equal = fabs(w - best_size) < 0.01;
		bool is_better = is_equal ? empty < best_empty || (empty == best_empty && width >= height)
					  : w > best_size;
		if (is_better) {
			best = columns;
			best_size = w;
			best_empty = empty;
		}
	}
	return best;
}

static int clamp(int v, int min, int max)
{
	return v < min ? min : v > max ? max : v;
}

/* From edges to a rectangle of even numbers, at least 2x2, inside the canvas. */
static struct dh_rect even_rect(double x, double y, double width, double height, int canvas_width, int canvas_height)
{
	int left = clamp(even_round(x), 0, canvas_width - 2), top = clamp(even_round(y), 0, canvas_height - 2);
	int right = clamp(even_round(x + width), left + 2, canvas_width);
	int bottom = clamp(even_round(y + height), top + 2, canvas_height);
	return (struct dh_rect){left, top, right - left, bottom - top};
}

struct box {
	double x, y, width, height, gap; /* canvas pixels */
};

/* Cut the box into n tiles and give each its place. */
static void place_tiles(const struct dh_area *area, struct box b, const struct item *items, int n, int canvas_width,
			int canvas_height, struct dh_slot_place *out)
{
	double aspect = area->tile_aspect ? area->tile_aspect : USUAL_ASPECT;
	int columns = area->flow == DH_FLOW_ROW ? n :
		      area->flow == DH_FLOW_COLUMN ? 1 : best_columns(n, b.width, b.height, b.gap, aspect);
	int rows = (n + columns - 1) / columns;
	if (b.width < columns * (b.gap + 2) || b.height < rows * (b.gap + 2))
		b.gap = 0; /* a canvas too small for luxury */
	double w = (b.width - (columns - 1) * b.gap) / columns, h = (b.height - (rows - 1) * b.gap) / rows;
	if (area->tile_aspect) {
		fit_aspect(area->tile_aspect, &w, &h);
		w = fmax(2, even_floor(w + 0.01));
		h = fmax(2, even_floor(h + 0.01));
	}
	double block_height = rows * h + (rows - 1) * b.gap;
	double y = b.y + area->anchor_y * (b.height - block_height);
	for (int i = 0; i < n; i++) {
		int row = i / columns, in_row = row < rows - 1 ? columns : n - row * columns;
		double row_width = in_row * w + (in_row - 1) * b.gap;
		double x = b.x + area->anchor_x * (b.width - row_width);
		out[i].role = items[i].role;
		out[i].index = items[i].index;
		out[i].fit = items[i].fit;
		out[i].rect = even_rect(x + i % columns * (w + b.gap), y + row * (h + b.gap), w, h, canvas_width,
					canvas_height);
	}
}

int dh_template_layout(const struct dh_template *t, int width_px, int height_px, const int role_counts[6],
		       struct dh_slot_place *out, struct dh_err *e)
{
	if (width_px < 16 || width_px > 4096 || height_px < 16 || height_px > 4096 || width_px % 2 || height_px % 2)
		return dh_fail(e, DH_EINVAL, "a canvas of %dx%d is not even or not within 16 to 4096", width_px,
			       height_px);
	const struct dh_layout *l = t->layouts;
	while (l < t->layouts + t->layout_count - 1 && !layout_holds(l, width_px, height_px, role_counts))
		l++; /* the last one has no conditions */
	double sx = width_px / l->reference_width, sy = height_px / l->reference_height;
	int n = 0;
	for (int i = 0; i < l->area_count; i++) {
		const struct dh_area *area = &l->areas[i];
		struct item items[DH_TEMPLATE_SLOTS_MAX];
		int k = collect(area, role_counts, items, DH_TEMPLATE_SLOTS_MAX - n);
		if (!k)
			continue;
		struct box b = {area->x * sx, area->y * sy, area->width * sx, area->height * sy,
				area->gap * fmin(sx, sy)};
		place_tiles(area, b, items, k, width_px, height_px, out + n);
		n += k;
	}
	return n;
}
