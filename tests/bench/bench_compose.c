/* Compose pictures read from raw I420 files and print the CPU time of one draw in milliseconds.
 *
 * bench_compose FRAMES OVERLAY CANVAS_WxH { FILE WxH X,Y,WxH }...
 *
 * Reading is not counted (the peer's is subtracted by g8_compose.py). Each layer's picture is new on each draw. OVERLAY
 * is "none" or "all": clock, text and watermark that do not change. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/media/compositor.h"

extern const struct dh_compositor_driver dh_cmp_cpu;

#define INPUTS_MAX 8
#define RING 4 /* pictures per input, so that none is written while the compositor holds it */

struct input {
	int fd, width, height;
	struct dh_frame *ring[RING];
	struct dh_rect rect;
};

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int fail(const char *what)
{
	fprintf(stderr, "bench_compose: %s\n", what);
	return 2;
}

static bool read_bytes(struct input *in, uint8_t *to, size_t n)
{
	while (n) {
		ssize_t got = read(in->fd, to, n);
		if (got < 0 || (!got && lseek(in->fd, 0, SEEK_SET)))
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

static bool read_picture(struct input *in, struct dh_frame *f)
{
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? in->height / 2 : in->height); y++)
			if (!read_bytes(in, f->plane[p] + (ptrdiff_t)y * f->stride[p],
					(size_t)(p ? in->width / 2 : in->width)))
				return false;
	return true;
}

static bool open_input(struct input *in, char **args)
{
	in->fd = open(args[0], O_RDONLY);
	struct dh_rect *r = &in->rect;
	if (in->fd < 0 || sscanf(args[1], "%dx%d", &in->width, &in->height) != 2 ||
	    sscanf(args[2], "%d,%d,%dx%d", &r->x_px, &r->y_px, &r->width_px, &r->height_px) != 4)
		return false;
	for (int i = 0; i < RING; i++)
		if (!(in->ring[i] = dh_frame_new_video(in->width, in->height)))
			return false;
	return true;
}

static double run(struct dh_compositor *c, struct input *in, int n, int frames, const struct dh_overlay *o)
{
	double total = 0;
	for (int k = 0; k < frames; k++) {
		struct dh_layer layers[INPUTS_MAX] = {0};
		for (int i = 0; i < n; i++) {
			if (!read_picture(&in[i], in[i].ring[k % RING]))
				return -1;
			layers[i] = (struct dh_layer){.frame = in[i].ring[k % RING], .rect = in[i].rect,
						      .fit = DH_FIT_COVER, .has_changed = true};
		}
		struct dh_frame *out = NULL;
		double start = cpu_ms();
		if (c->driver->draw(c, layers, n, o, 0, &out))
			return -1;
		if (k >= RING) /* the first ones make the scalers and the writing */
			total += cpu_ms() - start;
		dh_frame_unref(out);
	}
	return total / (frames - RING);
}

int main(int argc, char **argv)
{
	struct input in[INPUTS_MAX] = {0};
	struct dh_compositor c = {.driver = &dh_cmp_cpu};
	int n = (argc - 4) / 3, frames = argc > 1 ? atoi(argv[1]) : 0;
	if (argc < 7 || (argc - 4) % 3 || n > INPUTS_MAX || frames <= RING ||
	    sscanf(argv[3], "%dx%d", &c.width_px, &c.height_px) != 2)
		return fail("usage: FRAMES none|all WxH { FILE WxH X,Y,WxH }...");
	for (int i = 0; i < n; i++)
		if (!open_input(&in[i], argv + 4 + 3 * i))
			return fail("an input cannot be opened or its sizes cannot be read");
	struct dh_overlay o = {0};
	if (!strcmp(argv[2], "all"))
		o = (struct dh_overlay){.clock = true, .text = "Case 2026-11-0042\nCustomer: Zhang Wei",
					.watermark = "CONFIDENTIAL"};
	c.priv = calloc(1, dh_cmp_cpu.base.priv_size);
	c.pool = dh_frame_pool_create(4);
	if (dh_cmp_cpu.open(&c, NULL))
		return fail("the compositor does not open");
	double ms = run(&c, in, n, frames, &o);
	dh_cmp_cpu.close(&c);
	dh_frame_pool_destroy(c.pool);
	free(c.priv);
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < RING; k++)
			dh_frame_unref(in[i].ring[k]);
		close(in[i].fd);
	}
	if (ms < 0)
		return fail("reading or drawing failed");
	fprintf(stdout, "%.5f\n", ms);
	return 0;
}
