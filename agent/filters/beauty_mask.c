/* The adaptive skin model: two colour histograms, of the face ellipse and of what lies around it, and Bayes' rule
 * between them (Jones and Rehg 2002), times a broad prior of where skin of any tone can lie; the ellipse follows the
 * centre and spread of what counts as skin (Bradski 1998). */
#include "agent/filters/beauty_mask.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define SLICE (DH_BEAUTY_TABLE_SIZE / 8) /* colours of one luma bin */
#define ACROSS_BINS 40                   /* of chroma across the line of skin, one level each, 0 in the middle */
#define SIDE 32                          /* chroma bins each way */
#define ROUGHEST_SKIN 350                /* luma variance of a block; above: hair, cloth, foliage whatever the noise */
#define CALMEST_HAIR 60
#define KEEP_PER_ROUND 0.70f             /* of the histograms, each time a slice comes round (32 pictures) */

static float clamp_float(float v, float lo, float hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* 0 below lo, 1 above hi, smooth between */
static float smooth_step(float lo, float hi, float v)
{
	float t = clamp_float((v - lo) / (hi - lo), 0, 1);

	return t * t * (3 - 2 * t);
}

/* Chroma in axes in which skin of one person is a narrow cloud: along the line on which skin of every tone lies, because
 * one pigment and blood make it (Chai and Ngan 1999; Hsu et al. 2002), and across it; chroma shrinks in the dark. */
static void skin_axes(int y, int u, int v, float *along, float *across)
{
	float reach = clamp_float((float)(y - 16) / 110, 0.45f, 1);
	float cb = (128 - (float)u) / reach, cr = ((float)v - 128) / reach;

	*along = 0.62f * cb + 0.78f * cr;
	*across = 0.78f * cb - 0.62f * cr;
}

static int bin_y(int i)
{
	return (i / SLICE) * 32 + 16;
}

static int bin_u(int i)
{
	return DH_BEAUTY_U_LOW + (i & 31) * 2 + 1;
}

static int bin_v(int i)
{
	return DH_BEAUTY_V_LOW + ((i >> 5) & 31) * 2 + 1;
}

/* How likely a colour is skin, 0..1: of anyone's. */
static float anyones(int i)
{
	float along, across;

	skin_axes(bin_y(i), bin_u(i), bin_v(i), &along, &across);
	float a = (along - 27) / (along > 27 ? 28 : 20), b = (across + 1) / 14;

	return (1 - smooth_step(0.7f, 1.3f, a * a + b * b)) * smooth_step(26, 44, (float)bin_y(i));
}

/* The same for telling faces from other things: wood, hair and beige walls mostly lie on the yellow side of skin. */
static float reds(int i)
{
	float along, across;

	skin_axes(bin_y(i), bin_u(i), bin_v(i), &along, &across);
	return anyones(i) * (1 - 0.6f * smooth_step(1.5f, 7, across));
}

/* The same, of this person's. */
static float prior(const struct dh_beauty_mask *m, int i)
{
	float along, across;

	if (m->anyone[i] <= 0)
		return 0;
	skin_axes(bin_y(i), bin_u(i), bin_v(i), &along, &across);
	float a = (along - m->along) / m->along_sd, b = (across - m->across) / m->across_sd;

	return m->anyone[i] * (1 - smooth_step(5, 11, a * a + b * b));
}

static float ellipse_at(const struct dh_beauty_mask *m, float x, float y)
{
	float dx = (x - m->face_at.x) / m->face_at.rx, dy = (y - m->face_at.y) / m->face_at.ry;

	return dx * dx + dy * dy;
}

static void put_default_ellipse(struct dh_beauty_mask *m)
{
	m->face_at.x = 0.5f * (float)m->width;
	m->face_at.y = 0.45f * (float)m->height;
	m->face_at.ry = 0.32f * (float)m->height;
	m->face_at.rx = fminf(0.72f * m->face_at.ry, 0.3f * (float)m->width);
}

/* One value of a histogram, smoothed over the neighbouring bins of chroma (1 2 1) and luma (1 4 1). */
static void smooth_slice(const float *h, int slice, float *out)
{
	float mixed[SLICE], rows[SLICE];
	const float *mid = h + slice * SLICE;
	const float *below = slice > 0 ? mid - SLICE : mid, *above = slice < 7 ? mid + SLICE : mid;

	for (int i = 0; i < SLICE; i++)
		mixed[i] = (below[i] + 4 * mid[i] + above[i]) * (1.0f / 6);
	for (int i = 0; i < SLICE; i++) {
		int u = i & 31;

		rows[i] = mixed[u ? i - 1 : i] + 2 * mixed[i] + mixed[u < 31 ? i + 1 : i];
	}
	for (int i = 0; i < SLICE; i++) {
		int v = i >> 5;

		out[i] = (rows[v ? i - SIDE : i] + 2 * rows[i] + rows[v < 31 ? i + SIDE : i]) * (1.0f / 16);
	}
}

/* Remake one luma slice of the table from the histograms. */
static void make_slice(struct dh_beauty_mask *m, int slice)
{
	m->remade |= 1u << slice;
	float face[SLICE], around[SLICE], f_scale = 1000 / (m->face_total + 50), b_scale = 1000 / (m->around_total + 50);

	smooth_slice(m->face, slice, face);
	smooth_slice(m->around, slice, around);
	for (int i = 0; i < SLICE; i++) {
		int at = slice * SLICE + i;
		float p = prior(m, at);
		uint16_t in = 0, out = 0;

		if (p > 0) {
			float f = face[i] * f_scale, b = around[i] * b_scale;
			/* seen on the face more than around it; 0.25 per mille stands for "hardly seen" */
			float inside = (f + 0.15f) / (f + 0.25f + 0.25f * b);
			float outside = f / (f + 0.5f + 1.5f * b);

			in = (uint16_t)(255 * m->presence * p * smooth_step(0.35f, 0.65f, inside));
			out = (uint16_t)(255 * m->presence * p * smooth_step(0.35f, 0.75f, outside));
		}
		m->table[at] = (uint16_t)(in << 8 | out);
	}
}

void dh_beauty_mask_init(struct dh_beauty_mask *m, int width, int height)
{
	memset(m, 0, sizeof(*m));
	m->width = width;
	m->height = height;
	for (int i = 0; i < DH_BEAUTY_TABLE_SIZE; i++) {
		m->anyone[i] = anyones(i);
		m->red[i] = reds(i);
	}
	m->presence = 1;
	m->along = 27; /* anyone's skin */
	m->across = -1;
	m->along_sd = 9;
	m->across_sd = 6;
	m->rough_var = ROUGHEST_SKIN;
	m->step = width > 400 ? 8 : 4;
	put_default_ellipse(m);
}

/* Sort the samples into the two histograms. Between face and surroundings lies hair: its rough blocks count as
 * surroundings, its smooth ones do not count. */
static void count_samples(struct dh_beauty_mask *m)
{
	for (int i = 0; i < m->sample_count; i++) {
		const struct dh_beauty_sample *s = &m->samples[i];
		float q = ellipse_at(m, s->x, s->y), weight = 0;

		if (q < 0.45f) {
			weight = s->var < m->rough_var ? 1 : 0.2f;
			m->face[s->index] += weight;
			m->face_total += weight;
			continue;
		}
		if (q > 2.6f)
			weight = 1;
		else if (q > 1.8f && s->y < m->face_at.y + 0.4f * m->face_at.ry) /* not the neck */
			weight = 0.5f;
		else if (s->var >= m->rough_var && q > 0.9f)
			weight = 0.8f;
		m->around[s->index] += weight;
		m->around_total += weight;
	}
}

/* Skin is redder than hair, wood and beige walls, which share its line: the reddest of the strong peaks across it. */
static float reddest_peak(const float *h)
{
	float best = 0, smooth[ACROSS_BINS] = {0};

	for (int i = 1; i < ACROSS_BINS - 1; i++) {
		smooth[i] = h[i - 1] + 2 * h[i] + h[i + 1];
		best = fmaxf(best, smooth[i]);
	}
	for (int i = 1; i < ACROSS_BINS - 1; i++)
		if (smooth[i] > 0.4f * best && smooth[i] >= smooth[i - 1] && smooth[i] > smooth[i + 1])
			return (float)i + 0.5f - ACROSS_BINS / 2;
	return -1;
}

/* Weight of a sample in the colour of the middle of the ellipse, with its chroma; 0: not there. */
static float centre_weight(const struct dh_beauty_mask *m, const struct dh_beauty_sample *s, float *along, float *across)
{
	if (s->var >= m->rough_var || ellipse_at(m, s->x, s->y) > 0.7f)
		return 0;
	skin_axes(bin_y(s->index), bin_u(s->index), bin_v(s->index), along, across);
	return m->anyone[s->index];
}

/* Move the person's chroma towards what the middle of the ellipse shows. step 1: take it as it is. */
static void centre_colour(struct dh_beauty_mask *m, float step)
{
	float h[ACROSS_BINS] = {0}, along, across;
	double n = 0, sa = 0, sc = 0, saa = 0, scc = 0, var = 0;

	for (int i = 0; i < m->sample_count; i++) {
		float w = centre_weight(m, &m->samples[i], &along, &across);

		if (w > 0)
			h[(int)clamp_float(across + ACROSS_BINS / 2, 0, ACROSS_BINS - 1)] += w;
	}
	float peak = reddest_peak(h);

	for (int i = 0; i < m->sample_count; i++) {
		float w = centre_weight(m, &m->samples[i], &along, &across);

		if (w <= 0 || fabsf(across - peak) > 4)
			continue;
		n += w;
		var += w * m->samples[i].var;
		sa += w * along;
		sc += w * across;
		saa += w * along * along;
		scc += w * across * across;
	}
	if (n < 8)
		return;
	float a_sd = sqrtf((float)fmax(saa / n - (sa / n) * (sa / n), 0));
	float c_sd = sqrtf((float)fmax(scc / n - (sc / n) * (sc / n), 0));

	m->along += ((float)(sa / n) - m->along) * step;
	m->across += ((float)(sc / n) - m->across) * step;
	m->along_sd += (clamp_float(a_sd, 5, 7) - m->along_sd) * step;
	m->across_sd += (clamp_float(c_sd, 2, 3) - m->across_sd) * step;
	/* noise and pores of this camera and person, four times */
	m->rough_var += (clamp_float((float)(4 * var / n), CALMEST_HAIR, ROUGHEST_SKIN) - m->rough_var) * step;
}

/* Let old counts of a slice fade, all totals with them. */
static void fade_slice(struct dh_beauty_mask *m, int slice, float keep)
{
	for (int i = slice * SLICE; i < (slice + 1) * SLICE; i++) {
		m->face_total -= m->face[i] * (1 - keep);
		m->face[i] *= keep;
		m->around_total -= m->around[i] * (1 - keep);
		m->around[i] *= keep;
	}
	m->face_total = fmaxf(m->face_total, 0);
	m->around_total = fmaxf(m->around_total, 0);
}

/* Move the ellipse towards the skin near it. window: of how far samples count, in squared radii. */
static void follow(struct dh_beauty_mask *m, float window, float step, float size_step)
{
	double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0;

	for (int i = 0; i < m->sample_count; i++) {
		const struct dh_beauty_sample *s = &m->samples[i];
		float q = ellipse_at(m, s->x, s->y);
		double w = (m->table[s->index] >> 8) * (s->var < m->rough_var ? 1.0 : 0.3);

		if (q >= window)
			continue;
		w *= 1 - q / window;
		n += w;
		sx += w * s->x;
		sy += w * s->y;
		sxx += w * s->x * s->x;
		syy += w * s->y * s->y;
	}
	/* less than 1/400 of the picture is no face to follow */
	if (n < 255.0 * m->width * m->height / (m->step * m->step) / 400)
		return;
	float cx = (float)(sx / n), cy = (float)(sy / n);
	/* a filled ellipse has twice its standard deviation as radius; the falling window takes a part of it away */
	float rx = 2 * sqrtf((float)fmax(sxx / n - (sx / n) * (sx / n), 1));
	float ry = 2 * sqrtf((float)fmax(syy / n - (sy / n) * (sy / n), 1));

	ry = clamp_float(ry, 0.06f * (float)m->height, 0.5f * (float)m->height);
	rx = clamp_float(rx, fmaxf(0.55f * ry, 2), 0.9f * ry);
	m->face_at.x += (cx - m->face_at.x) * step;
	m->face_at.y += (cy - m->face_at.y) * step;
	m->face_at.rx += (rx - m->face_at.rx) * size_step;
	m->face_at.ry += (ry - m->face_at.ry) * size_step;
}

/* Settle on the one frame there is, beginning with m->face_at. */
static void settle(struct dh_beauty_mask *m)
{
	for (int round = 0; round < 5; round++) {
		memset(m->face, 0, sizeof(m->face));
		memset(m->around, 0, sizeof(m->around));
		m->face_total = m->around_total = 0;
		centre_colour(m, 1);
		count_samples(m);
		for (int s = 0; s < 8; s++)
			make_slice(m, s);
		follow(m, 2.5f, 0.7f, 0.7f);
	}
}

/* Start from the most face-like ellipse, if there is any. */
static void learn_first(struct dh_beauty_mask *m)
{
	float score = 0.15f;

	dh_beauty_face_search(m, &m->trial, INT_MAX, &m->face_at, &score);
	settle(m);
	m->presence = smooth_step(0.43f, 0.55f, dh_beauty_face_score(m, &m->face_at));
	for (int s = 0; s < 8; s++)
		make_slice(m, s);
}

/* Now and then something looks more like a face than what is followed: the person moved fast, sat down, or left. */
static void look_elsewhere(struct dh_beauty_mask *m)
{
	struct dh_beauty_ellipse e;
	float now = dh_beauty_face_score(m, &m->face_at);
	float best = fmaxf(1.5f * now, now + 0.2f);

	m->presence += (smooth_step(0.43f, 0.55f, now) - m->presence) * 0.3f;

	if (dh_beauty_face_search(m, &m->trial, now < 0.5f ? 24 : 4, &e, &best)) {
		m->face_at = e;
		m->presence = fmaxf(m->presence, smooth_step(0.43f, 0.55f, best));
		settle(m);
	}
}

/* A quarter of the work with each picture, so that none costs much; the face is followed with every other one. */
static void learn_some(struct dh_beauty_mask *m)
{
	switch (m->turn++ % 4) {
	case 0:
		count_samples(m);
		fade_slice(m, m->slice, KEEP_PER_ROUND);
		make_slice(m, m->slice);
		m->slice = (m->slice + 1) % 8;
		break;
	case 2:
		centre_colour(m, 0.2f);
		look_elsewhere(m);
		break;
	default:
		follow(m, 2.5f, 0.5f, 0.2f);
	}
}

void dh_beauty_mask_learn(struct dh_beauty_mask *m, bool is_first)
{
	m->remade = 0;
	if (is_first)
		learn_first(m);
	else
		learn_some(m);
	m->sample_count = 0;
}

void dh_beauty_mask_columns(const struct dh_beauty_mask *m, uint16_t *columns, int count)
{
	for (int x = 0; x < count; x++) {
		float d = ((float)x - m->face_at.x) / m->face_at.rx;

		columns[x] = (uint16_t)fminf(d * d * DH_BEAUTY_ELLIPSE_ONE, 30000);
	}
}

uint16_t dh_beauty_mask_row(const struct dh_beauty_mask *m, int y)
{
	float d = ((float)y - m->face_at.y) / m->face_at.ry;

	return (uint16_t)fminf(d * d * DH_BEAUTY_ELLIPSE_ONE, 30000);
}
