/* Speech-like sound and a room; see echo_room.h. */
#include "tests/echo_room.h"

#include <math.h>
#include <string.h>

#define REVERB_S 0.09   /* of the echo's tail that is made */
#define DECAY_S 0.025   /* in which it falls by 8.7 dB */
enum { REFLECTIONS = 160 };

static double chance(unsigned *seed) /* 0..1 */
{
	*seed = *seed * 1664525u + 1013904223u; /* Numerical Recipes, 7.1 */
	return (*seed >> 8) / 16777216.0;
}

struct formant {
	double a1, a2, b0, y1, y2;
};

static void tune(struct formant *f, double hz, double width_hz)
{
	double r = exp(-M_PI * width_hz / ROOM_RATE_HZ);
	f->a1 = 2 * r * cos(2 * M_PI * hz / ROOM_RATE_HZ);
	f->a2 = -r * r;
	f->b0 = 1 - r;
}

static double ring(struct formant *f, double x)
{
	double y = f->b0 * x + f->a1 * f->y1 + f->a2 * f->y2;
	f->y2 = f->y1;
	f->y1 = y;
	return y;
}

static void scale_to(float *x, int count, double level_db)
{
	double sum = 0;
	int loud = 0;
	for (int i = 0; i < count; i++) {
		sum += (double)x[i] * x[i];
		loud += x[i] != 0;
	}
	double by = pow(10, level_db / 20) / sqrt(sum / (loud + 1) + 1e-20);
	for (int i = 0; i < count; i++)
		x[i] = (float)(x[i] * by);
}

void room_speech(float *out, int count, unsigned seed, double level_db)
{
	struct formant f[4] = {0};
	double phase = 0, pitch_hz = 120;
	int left = 0, length = 1, kind = 0;
	for (int i = 0; i < count; i++) {
		if (!left) { /* the next syllable: 0 pause, 1 hiss, else voiced */
			length = left = (int)((0.08 + 0.2 * chance(&seed)) * ROOM_RATE_HZ);
			kind = (int)(chance(&seed) * 6);
			pitch_hz = 90 + 120 * chance(&seed);
			tune(&f[0], 250 + 600 * chance(&seed), 80);
			tune(&f[1], 900 + 1400 * chance(&seed), 120);
			tune(&f[2], 2400 + 800 * chance(&seed), 180);
			tune(&f[3], 4500 + 3000 * chance(&seed), 1500);
		}
		double swell = sin(M_PI * (length - left--) / length), noise = chance(&seed) * 2 - 1;
		phase += pitch_hz * (1 + 0.1 * swell) / ROOM_RATE_HZ;
		double pulse = phase >= 1 ? 30 : 0;
		phase -= floor(phase);
		double voiced = kind > 1 ? pulse + noise * 0.1 : 0, hiss = kind == 1 ? noise * 0.5 : 0;
		double sum = ring(&f[0], voiced) + ring(&f[1], voiced) + ring(&f[2], voiced);
		sum += ring(&f[3], voiced * 0.3 + hiss);
		out[i] = kind ? (float)(sum * swell) : 0;
	}
	scale_to(out, count, level_db);
}

void room_noise(float *out, int count, unsigned seed, double level_db)
{
	for (int i = 0; i < count; i++)
		out[i] = (float)(chance(&seed) * 2 - 1);
	scale_to(out, count, level_db);
}

/* x at a fractional place; Catmull and Rom's cubic. */
static double at(const float *x, int count, double place)
{
	int i = (int)floor(place);
	if (i < 1 || i + 2 >= count)
		return 0;
	double t = place - i, a = x[i - 1], b = x[i], c = x[i + 1], d = x[i + 2];
	return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

void room_echo(float *out, const float *far, int count, const struct echo_path *path)
{
	unsigned seed = 7;
	int when[REFLECTIONS];
	double gain[REFLECTIONS], energy = 0;
	for (int k = 0; k < REFLECTIONS; k++) {
		double s = k ? REVERB_S * chance(&seed) : 0;
		when[k] = (int)(s * ROOM_RATE_HZ);
		gain[k] = (k ? 0.5 : 1) * exp(-s / DECAY_S) * (k ? chance(&seed) * 2 - 1 : 1);
		energy += gain[k] * gain[k];
	}
	double by = pow(10, path->gain_db / 20) / sqrt(energy);
	static float dry[ROOM_RATE_HZ * 60];
	for (int i = 0; i < count; i++) {
		double delay_s = path->delay_s + (i > path->jump_at_s * ROOM_RATE_HZ ? path->jump_s : 0);
		dry[i] = (float)(by * at(far, count, i * (1 - path->drift_ppm * 1e-6) - delay_s * ROOM_RATE_HZ));
	}
	for (int i = 0; i < count; i++) {
		double sum = 0;
		for (int k = 0; k < REFLECTIONS; k++)
			sum += i >= when[k] ? gain[k] * dry[i - when[k]] : 0;
		out[i] = (float)sum;
	}
}

double room_rms_db(const float *x, int count)
{
	double sum = 0;
	for (int i = 0; i < count; i++)
		sum += (double)x[i] * x[i];
	return 10 * log10(sum / count + 1e-12);
}

int room_lag(const float *late, const float *early, int count, int most)
{
	double best = -1;
	int lag = 0;
	for (int k = 0; k <= most; k++) {
		double sum = 0;
		for (int i = 0; i < count - most; i++)
			sum += (double)late[i + k] * early[i];
		if (sum > best) {
			best = sum;
			lag = k;
		}
	}
	return lag;
}

void room_compare(const float *x, const float *wanted, int count, double *kept_db, double *rest_db)
{
	double xw = 0, ww = 1e-20, rest = 1e-20;
	for (int i = 0; i < count; i++) {
		xw += (double)x[i] * wanted[i];
		ww += (double)wanted[i] * wanted[i];
	}
	double gain = xw / ww;
	for (int i = 0; i < count; i++) {
		double d = x[i] - gain * wanted[i];
		rest += d * d;
	}
	*kept_db = 20 * log10(fabs(gain) + 1e-10);
	*rest_db = 10 * log10(rest / (gain * gain * ww));
}
