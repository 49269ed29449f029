/* Inside of a template: shared by template.c, which reads it, and template_layout.c, which places by it. */
#ifndef DH_MEDIA_TEMPLATE_PARTS_H
#define DH_MEDIA_TEMPLATE_PARTS_H

#include "agent/media/template.h"

#define DH_TEMPLATE_LAYOUTS_MAX 12
#define DH_LAYOUT_AREAS_MAX 6
#define DH_AREA_SHOWS_MAX 6

enum dh_flow { DH_FLOW_GRID, DH_FLOW_ROW, DH_FLOW_COLUMN };

struct dh_show {
	enum dh_role role;
	int first, count; /* sources first .. first + count - 1 of the role, those that are there */
	int always;       /* at least so many places */
	enum dh_fit fit;
};

struct dh_area {
	double x, y, width, height; /* reference pixels */
	double gap;                 /* reference pixels */
	double tile_aspect;         /* width / height; 0: tiles fill the area */
	double anchor_x, anchor_y;  /* 0, 0.5 or 1 */
	enum dh_flow flow;
	struct dh_show shows[DH_AREA_SHOWS_MAX];
	int show_count;
};

struct dh_layout {
	int count_min[6], count_max[6]; /* by enum dh_role */
	double aspect_min, aspect_max, width_min, width_max;
	double reference_width, reference_height;
	struct dh_area areas[DH_LAYOUT_AREAS_MAX];
	int area_count;
};

struct dh_template {
	char name[32];
	char doc[204];
	struct dh_layout layouts[DH_TEMPLATE_LAYOUTS_MAX];
	int layout_count;
};

#endif
