/* Choosing a camera's mode; see camera_mode.h. */
#include "agent/sources/camera_mode.h"

int dh_camera_fps(const struct dh_camera_mode *m)
{
	return m->interval_num > 0 ? (m->interval_den + m->interval_num / 2) / m->interval_num : 0;
}

static int64_t size_badness(const struct dh_camera_mode *m, int width_px, int height_px)
{
	const int64_t area = (int64_t)m->width_px * m->height_px, wished = (int64_t)width_px * height_px;
	if (m->width_px >= width_px && m->height_px >= height_px)
		return area - wished;
	return ((int64_t)1 << 40) - area; /* too small is worse than any size too large */
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Negative when a suits better. */
static int compare_modes(const struct dh_camera_mode *a, const struct dh_camera_mode *b, int width_px, int height_px,
			 int fps)
{
	const int a_fps = dh_camera_fps(a), b_fps = dh_camera_fps(b);
	int c = compare(size_badness(a, width_px, height_px), size_badness(b, width_px, height_px));
	if (!c)
		c = compare(a_fps < fps ? fps - a_fps : 0, b_fps < fps ? fps - b_fps : 0);
	if (!c)
		c = compare(a->pixel, b->pixel);
	return c ? c : compare(a_fps, b_fps);
}

int dh_camera_choose(const struct dh_camera_mode *modes, int n, int width_px, int height_px, int fps)
{
	int best = n > 0 ? 0 : -1;
	for (int i = 1; i < n; i++)
		if (compare_modes(&modes[i], &modes[best], width_px, height_px, fps) < 0)
			best = i;
	return best;
}
