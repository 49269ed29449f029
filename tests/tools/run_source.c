/* Runs one source driver for a while and prints what came, as one JSON line. For tests and benches.
 *
 * run_source DRIVER DEVICE WIDTH HEIGHT FPS SECONDS [OPTIONS-JSON]   0 for a wish that does not matter
 * run_source --list DRIVER                                           its devices, a JSON line each
 * Exit: 0, 1 with the driver's words on stderr, 2 bad usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/sources/pattern_code.h"
#include "common/clock.h"
#include "tests/pipeline/src_host.h"

static int64_t cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

struct sums {
	long frames, sound_frames;
	long marked, missing, doubled; /* by the pattern's numbers */
	uint32_t number;
	int width_px, height_px;
	int64_t first_us, last_us;
};

static void count_mark(struct sums *s, const struct dh_frame *f)
{
	struct dh_pattern_mark m;
	if (dh_pattern_read(f, NULL, &m))
		return;
	if (s->marked && m.number == s->number)
		s->doubled++;
	else if (s->marked)
		s->missing += (int32_t)(m.number - s->number - 1);
	s->marked++;
	s->number = m.number;
}

static void take(struct src_host *h, struct sums *s)
{
	for (int i = 0; i < h->count; i++) {
		const struct dh_frame *f = h->frames[i];
		if (f->kind == DH_MEDIA_AUDIO) {
			s->sound_frames += f->sample_count;
			continue;
		}
		count_mark(s, f);
		s->width_px = f->width_px;
		s->height_px = f->height_px;
		s->first_us = s->frames++ ? s->first_us : f->pts_us;
		s->last_us = f->pts_us;
	}
	src_host_clear(h);
}

static int run(struct src_host *h, double seconds)
{
	struct sums s = {0};
	const int64_t start_us = dh_now_us(), end_us = start_us + (int64_t)(seconds * 1e6);
	int err = DH_OK;
	while (dh_now_us() < end_us && (err == DH_OK || err == DH_ETIMEDOUT)) {
		int64_t left_us = end_us - dh_now_us();
		err = src_host_read(h, DH_MEDIA_NONE, 1, left_us < 250000 ? left_us : 250000);
		take(h, &s);
	}
	fprintf(stdout, "{\"frames\":%ld,\"dropped\":%lld,\"width\":%d,\"height\":%d,\"span_us\":%lld,\"samples\":%ld,"
		"\"marked\":%ld,\"missing\":%ld,\"doubled\":%ld,\"cpu_us\":%lld,\"wall_us\":%lld}\n",
		s.frames, (long long)h->source.dropped, s.width_px, s.height_px, (long long)(s.last_us - s.first_us),
		s.sound_frames, s.marked, s.missing, s.doubled, (long long)cpu_us(),
		(long long)(dh_now_us() - start_us));
	fflush(stdout);
	return err == DH_OK || err == DH_ETIMEDOUT ? DH_OK : err;
}

static int list(const struct dh_source_driver *d, struct dh_err *e)
{
	struct dh_device_list l = {0};
	int err = d->list ? d->list(&l, e) : DH_OK;
	for (int i = 0; i < l.count; i++) {
		const struct dh_device *dev = &l.devices[i];
		fprintf(stdout, "{\"id\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\",\"formats\":[", dev->id, dev->name,
			dh_device_kind_name(dev->kind));
		for (int k = 0; k < dev->format_count; k++)
			fprintf(stdout, "%s[\"%s\",%d,%d,%d]", k ? "," : "", dev->formats[k].pixel, dev->formats[k].width_px,
				dev->formats[k].height_px, dev->formats[k].fps);
		fprintf(stdout, "]}\n");
	}
	dh_device_list_finish(&l);
	return err;
}

int main(int argc, char **argv)
{
	const bool is_list = argc == 3 && !strcmp(argv[1], "--list");
	if (argc < 7 && !is_list) {
		fprintf(stderr, "usage: run_source DRIVER DEVICE WIDTH HEIGHT FPS SECONDS [OPTIONS-JSON]\n");
		return 2;
	}
	struct src_host h;
	struct dh_err e = {0};
	const struct dh_source_driver *d = dh_source_driver_find(argv[is_list ? 2 : 1], &e);
	if (!d) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	if (is_list)
		return list(d, &e) != DH_OK;
	int err = src_host_open(&h, d, argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), argc > 7 ? argv[7] : NULL);
	if (!err) {
		err = run(&h, atof(argv[6]));
		src_host_close(&h);
	}
	if (err)
		fprintf(stderr, "%s: %s %s\n", dh_err_name(err), h.err.text, h.err.hint);
	return err != DH_OK;
}
