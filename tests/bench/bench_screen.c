/* The whole screen recorder in one process, for G3 to G5: X11 source, composition, x264, MP4.
 *
 * bench_screen FILE SECONDS ENCODER_ARGS_JSON     1920x1080 at 30/s from $DISPLAY; prints its counters as JSON */
#include <stdio.h>
#include <stdlib.h>

#include "tests/pipeline/road.h"
#include "tests/unit/tst_check.h"

int tst_failures;

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bench_screen FILE SECONDS ENCODER_ARGS_JSON\n");
		return 2;
	}
	struct road r;
	road_open(&r, 1920, 1080, 30, "desk", "x264", argv[3]);
	int screen = road_source(&r, DH_ROLE_SCREEN, "x11", "desktop", NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, screen, 5000));
	int out = road_output(&r, "mp4", argv[1]);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	road_run_ms(&r, (int)(atof(argv[2]) * 1000));
	struct dh_source_stats in;
	struct dh_pipeline_stats all;
	dh_pipeline_source_stats(r.pipeline, screen, &in);
	dh_pipeline_stats(r.pipeline, &all);
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 10000));
	fprintf(stdout, "{\"source_frames\":%lld,\"source_dropped\":%lld,\"composed\":%lld,\"compose_dropped\":%lld,"
		"\"written\":%lld,\"compose_us\":%lld,\"encode_us\":%lld}\n", (long long)in.frames, (long long)in.dropped,
		(long long)all.composed, (long long)all.compose_dropped, (long long)r.facts[out].video_frames,
		(long long)all.compose_us, (long long)all.encode_us);
	road_close(&r);
	return tst_failures > 0;
}
