/* Run the beauty filter over raw I420 pictures and print the CPU time of one picture and of copying it, in milliseconds.
 *
 * bench_beauty FILE WxH PICTURES STYLE SMOOTH WHITEN RUDDY SHARPEN [PATH [OUT]]
 *
 * The file is read into memory first and used round and round; the copy of the pictures into the filter's frames is
 * the memcpy that is printed. PATH is best, scalar or avx2. OUT gets the filtered pictures. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/filters/beauty.h"

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int fail(const char *what)
{
	fprintf(stderr, "bench_beauty: %s\n", what);
	return 2;
}

struct clip {
	int width, height, count;
	struct dh_frame **pictures;
};

static size_t plane_bytes(const struct clip *c, int p, int *rows)
{
	*rows = p ? (c->height + 1) / 2 : c->height;
	return (size_t)(p ? (c->width + 1) / 2 : c->width);
}

static bool read_picture(const struct clip *c, FILE *in, struct dh_frame *f)
{
	for (int p = 0; p < 3; p++) {
		int rows;
		size_t n = plane_bytes(c, p, &rows);
		for (int y = 0; y < rows; y++)
			if (fread(f->plane[p] + (ptrdiff_t)y * f->stride[p], 1, n, in) != n)
				return false;
	}
	return true;
}

static void write_picture(const struct clip *c, FILE *out, const struct dh_frame *f)
{
	for (int p = 0; p < 3; p++) {
		int rows;
		size_t n = plane_bytes(c, p, &rows);
		for (int y = 0; y < rows; y++)
			fwrite(f->plane[p] + (ptrdiff_t)y * f->stride[p], 1, n, out);
	}
}

static bool read_clip(struct clip *c, const char *path)
{
	FILE *in = fopen(path, "rb");
	if (!in)
		return false;
	for (;;) {
		struct dh_frame *f = dh_frame_new_video(c->width, c->height);
		if (!read_picture(c, in, f)) {
			dh_frame_unref(f);
			break;
		}
		c->pictures = realloc(c->pictures, sizeof(*c->pictures) * (size_t)(c->count + 1));
		c->pictures[c->count++] = f;
	}
	fclose(in);
	return c->count > 0;
}

static void copy_picture(struct dh_frame *to, const struct dh_frame *from)
{
	for (int p = 0; p < 3; p++)
		memcpy(to->plane[p], from->plane[p],
		       (size_t)from->stride[p] * (size_t)(p ? (from->height_px + 1) / 2 : from->height_px));
}

static int style_from(const char *name)
{
	return !strcmp(name, "smooth") ? DH_BEAUTY_SMOOTH : !strcmp(name, "blur") ? DH_BEAUTY_BLUR : DH_BEAUTY_NATURAL;
}

/* All pictures are copied, then all are filtered: each step finds the pictures as the one before it left them, which is
 * out of the inner caches, as in a pipeline of threads. */
static void run(struct clip *c, struct dh_beauty *b, const struct dh_beauty_levels *l, int pictures, FILE *out)
{
	double start = 0, copy = 0, apply = 0;
	int done = 0, counted = 0, n = c->count;
	struct dh_frame **work = calloc((size_t)n, sizeof(*work));
	for (int i = 0; i < n; i++)
		work[i] = dh_frame_new_video(c->width, c->height);
	for (int round = 0; done < pictures; round++) {
		n = pictures - done < n ? pictures - done : n;
		start = cpu_ms();
		for (int i = 0; i < n; i++)
			copy_picture(work[i], c->pictures[i]);
		double middle = cpu_ms();
		for (int i = 0; i < n; i++)
			dh_beauty_apply(b, work[i], l);
		double end = cpu_ms();
		for (int i = 0; out && i < n; i++)
			write_picture(c, out, work[i]);
		done += n;
		if (round == 0 && pictures > c->count) /* memory is fresh, and the first picture searches for the person */
			continue;
		copy += middle - start;
		apply += end - middle;
		counted += n;
	}
	fprintf(stdout, "%.5f %.5f\n", apply / counted, copy / counted);
	for (int i = 0; i < c->count; i++)
		dh_frame_unref(work[i]);
	free(work);
}

int main(int argc, char **argv)
{
	struct clip c = {0};
	if (argc < 9 || sscanf(argv[2], "%dx%d", &c.width, &c.height) != 2)
		return fail("usage: bench_beauty FILE WxH PICTURES STYLE SMOOTH WHITEN RUDDY SHARPEN [PATH [OUT]]");
	struct dh_beauty_levels l = {(enum dh_beauty_style)style_from(argv[4]), atoi(argv[5]), atoi(argv[6]), atoi(argv[7]),
				     atoi(argv[8])};
	struct dh_beauty *b = NULL;
	if (!read_clip(&c, argv[1]))
		return fail("cannot read a picture");
	if (dh_beauty_create(&b, c.width, c.height))
		return fail("the filter does not take this size");
	const char *path = argc > 9 ? argv[9] : "best";
	if (strcmp(path, "best") != 0 &&
	    !dh_beauty_use_path(b, *path == 's' ? DH_BEAUTY_PATH_SCALAR : DH_BEAUTY_PATH_AVX2))
		return fail("this machine has no AVX2");
	FILE *out = argc > 10 ? fopen(argv[10], "wb") : NULL;
	run(&c, b, &l, atoi(argv[3]), out);
	if (out && fclose(out))
		return fail("cannot write");
	dh_beauty_destroy(b);
	for (int i = 0; i < c.count; i++)
		dh_frame_unref(c.pictures[i]);
	free(c.pictures);
	return 0;
}
