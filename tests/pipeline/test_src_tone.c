/* The tone source: pitch, level, pacing, its clock error, and beeps on the agent's seconds. */
#include <stdlib.h>

#include "agent/media/drivers.gen.h"
#include "common/clock.h"
#include "tests/pipeline/src_host.h"
#include "tests/sound_meter.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_tone;

/* The first channel of all frames, in a row; free() it. */
static float *joined(const struct src_host *h, int *count)
{
	*count = 0;
	float *x = malloc(sizeof(float) * 1920 * (size_t)h->count);
	for (int i = 0; i < h->count; i++)
		for (int k = 0; k < h->frames[i]->sample_count; k++)
			x[(*count)++] = h->frames[i]->samples[k * h->frames[i]->channels];
	return x;
}

static void keeps_time_and_pitch(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_tone, "microphone", 0, 0, 0,
			     "{\"frequency_hz\":1000,\"level_db\":-6,\"rate_hz\":44100,\"channels\":1}"), DH_OK);
	int64_t start_us = dh_now_us();
	TST_EQ(src_host_read(&h, DH_MEDIA_AUDIO, 50, 5000000), DH_OK);
	TST_CHECK(dh_now_us() - start_us > 490000); /* never ahead of time */
	for (int i = 0; i < h.count; i++) {
		TST_EQ(h.frames[i]->sample_count, 441);
		TST_CHECK(llabs(h.frames[i]->pts_us - h.frames[0]->pts_us - i * 10000) <= 1);
	}
	TST_CHECK(llabs(h.frames[0]->pts_us - start_us) < 50000);
	int count;
	float *x = joined(&h, &count);
	TST_CHECK(fabs(sound_frequency(x, count, 1, 1000.3, 44100) - 1000) < 0.01);
	struct sound_fit f = sound_fit(x, count, 1, 1000, 44100);
	TST_CHECK(fabs(20 * log10(f.peak) + 6) < 0.01);
	TST_CHECK(sound_distortion_db(&f) < -100);
	free(x);
	src_host_close(&h);
}

static void drifts_when_told(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_tone, "", 0, 0, 0, "{\"drift_ppm\":10000}"), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_AUDIO, 30, 5000000), DH_OK);
	/* one percent fast: 10 ms of sound last 9.901 ms of the agent clock */
	TST_CHECK(llabs(h.frames[29]->pts_us - h.frames[0]->pts_us - 290000 * 100 / 101) <= 1);
	src_host_close(&h);
}

static void beeps_on_the_second(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_tone, "system", 0, 0, 0, "{\"beep\":true,\"level_db\":0}"), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_AUDIO, 220, 9000000), DH_OK);
	int count, beeps = 0, silent = 48000;
	float *x = joined(&h, &count);
	for (int i = 0; i < count; i++) {
		if (fabsf(x[i]) > 0.5f && silent > 4800) {
			double us = (double)h.frames[0]->pts_us + i / 0.048;
			TST_CHECK(i == 0 || fabs(remainder(us, 1e6)) < 50);
			beeps++;
		}
		silent = fabsf(x[i]) > 0 ? 0 : silent + 1;
	}
	TST_CHECK(beeps == 2 || beeps == 3);
	free(x);
	src_host_close(&h);
}

static void refuses_nonsense(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_tone, "camera", 0, 0, 0, NULL), DH_ENODEV);
	TST_EQ(src_host_open(&h, &dh_src_tone, "", 0, 0, 0, "{\"rate_hz\":8000,\"frequency_hz\":4000}"), DH_EINVAL);
	TST_EQ(src_host_open(&h, &dh_src_tone, "", 0, 0, 0, "{\"level_db\":3}"), DH_EINVAL);
	struct dh_device_list l = {0};
	TST_EQ(dh_src_tone.list(&l, NULL), DH_OK);
	TST_EQ(l.count, 2);
	TST_STR(l.devices[0].id, "tone:microphone");
	TST_STR(l.devices[1].id, "tone:system");
	dh_device_list_finish(&l);
	TST_EQ(dh_frame_live_count(), 0);
}

TST_MAIN({"keeps time and pitch", keeps_time_and_pitch}, {"drifts when told", drifts_when_told},
	 {"beeps on the second", beeps_on_the_second}, {"refuses nonsense", refuses_nonsense})
