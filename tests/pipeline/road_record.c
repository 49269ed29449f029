/* Records pattern and tone through the whole pipeline and prints what every counter says:
 * road_record FILE MILLISECONDS [ENCODER [ENCODER_ARGS_JSON [TONE_ARGS_JSON]]] -> one line of JSON */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/tst_check.h"
#include "road.h"

int tst_failures;

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	struct road r;
	road_open(&r, 1280, 720, 30, "1v1", argc > 3 ? argv[3] : "x264", argc > 4 && argv[4][0] ? argv[4] : NULL);
	int camera = road_source(&r, DH_ROLE_CAMERA, "pattern", "camera", NULL);
	int microphone = road_source(&r, DH_ROLE_MICROPHONE, "tone", "microphone", argc > 5 ? argv[5] : NULL);
	TST_CHECK(road_wait(&r, road_source_is_live, camera, 5000));
	TST_CHECK(road_wait(&r, road_source_is_live, microphone, 5000));
	int out = road_output(&r, "mp4", argv[1]);
	TST_CHECK(road_wait(&r, road_output_is_running, out, 5000));
	road_run_ms(&r, atoi(argv[2]));
	struct dh_source_stats in;
	struct dh_pipeline_stats all;
	dh_pipeline_source_stats(r.pipeline, camera, &in);
	dh_pipeline_stats(r.pipeline, &all);
	dh_pipeline_output_stop(r.pipeline, out);
	TST_CHECK(road_wait(&r, road_output_has_ended, out, 10000));
	TST_EQ(r.output_state[out], DH_OUTPUT_DONE);
	fprintf(stdout,
		"{\"source_frames\":%lld,\"source_dropped\":%lld,\"composed\":%lld,"
		"\"compose_dropped\":%lld,\"encoded\":%lld,"
		"\"sink_dropped\":%lld,\"written\":%lld,\"audio_packets\":%lld,\"duration_us\":%lld,\"compose_us\":%lld,"
		"\"encode_us\":%lld}\n",
		(long long)in.frames, (long long)in.dropped, (long long)all.composed, (long long)all.compose_dropped,
		(long long)all.encoded, (long long)r.facts[out].dropped, (long long)r.facts[out].video_frames,
		(long long)r.facts[out].audio_frames, (long long)r.facts[out].duration_us, (long long)all.compose_us,
		(long long)all.encode_us);
	road_close(&r);
	return tst_failures > 0;
}
