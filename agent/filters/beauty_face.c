/* Where a face is likely, for the skin model to start from: the ellipse whose skin-like colours are found inside of it
 * much more than around it. A wall or a door, however skin-coloured, has the same colour around; a face does not. It is
 * no face detector: it only has to tell which skin-coloured patch stands alone. */
#include "agent/filters/beauty_mask.h"

#include <math.h>
#include <string.h>

#define SIZES 4
#define RING 2.6f /* squared radii: how far around the ellipse counts */

/* Colour classes: 4 of luma, 8 of V, 16 of U, from the bins of the skin table. */
#define CLASSES 512

static int class_of(int index)
{
	return (index >> 11) << 7 | ((index >> 7) & 7) << 4 | (index & 31) >> 1;
}

/* First sample of block row y or below; samples are in the order of rows. */
static int first_in_row(const struct dh_beauty_mask *m, float y)
{
	int lo = 0, hi = m->sample_count;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (m->samples[mid].y < y)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

float dh_beauty_face_score(const struct dh_beauty_mask *m, const struct dh_beauty_ellipse *e)
{
	float inside[CLASSES] = {0}, around[CLASSES] = {0}, reach = sqrtf(RING), score = 0;
	float area = (float)M_PI * e->rx * e->ry / (float)(m->step * m->step);
	int end = first_in_row(m, e->y + e->ry * reach);

	for (int i = first_in_row(m, e->y - e->ry * reach); i < end; i++) {
		const struct dh_beauty_sample *s = &m->samples[i];
		float dx = (s->x - e->x) / e->rx, dy = (s->y - e->y) / e->ry, q = dx * dx + dy * dy;

		if (q < 1)
			inside[class_of(s->index)] += m->red[s->index];
		else if (q < RING && dy < 0.5f) /* below is the neck */
			around[class_of(s->index)] += m->red[s->index];
	}
	/* the ring has RING - 1 times the area, of which about 0.7 is counted */
	for (int i = 0; i < CLASSES; i++)
		score += fmaxf(0, inside[i] - around[i] / ((RING - 1) * 0.7f));
	return score / (area + 4);
}

/* Number n of the ellipses to try, in rows of growing size; false when n is past the last one. */
static bool trial(const struct dh_beauty_mask *m, int n, struct dh_beauty_ellipse *e)
{
	static const float sizes[SIZES] = {0.13f, 0.19f, 0.27f, 0.38f}; /* of the picture's height, half a face */

	for (int i = 0; i < SIZES; i++) {
		float ry = sizes[i] * (float)m->height, rx = 0.75f * ry;
		int across = (int)((float)m->width / (0.9f * rx)), down = (int)((float)m->height / (0.75f * ry));

		if (n < across * down) {
			*e = (struct dh_beauty_ellipse){.rx = rx, .ry = ry};
			e->x = ((float)(n % across) + 0.5f) * (float)m->width / (float)across;
			e->y = ((float)(n / across) + 0.5f) * (float)m->height / (float)down;
			return true;
		}
		n -= across * down;
	}
	return false;
}

/* People sit near the middle, heads are in the upper part: a mild preference. */
static float preference(const struct dh_beauty_mask *m, const struct dh_beauty_ellipse *e)
{
	float dx = e->x / (float)m->width - 0.5f, dy = e->y / (float)m->height - 0.42f;

	return 1 - 1.6f * dx * dx - dy * dy;
}

bool dh_beauty_face_search(const struct dh_beauty_mask *m, int *trial_number, int count, struct dh_beauty_ellipse *best,
		float *best_score)
{
	struct dh_beauty_ellipse e;
	bool found = false;

	for (int i = 0; i < count; i++) {
		if (!trial(m, *trial_number, &e)) {
			*trial_number = 0;
			break;
		}
		(*trial_number)++;
		float score = dh_beauty_face_score(m, &e) * preference(m, &e);

		if (score > *best_score) {
			*best_score = score;
			*best = e;
			found = true;
		}
	}
	return found;
}
