/* A remote participant as a source: a sender's thread fills the inbox, the driver is read on the test's own. */
#include <math.h>
#include <stdlib.h>

#include "agent/sources/pattern_code.h"
#include "common/clock.h"
#include "tests/pipeline/remote_sender.h"
#include "tests/pipeline/src_host.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_remote;

#define S 1000000ll

static struct src_host h;
static struct remote_sender sender;

/* -- what came */
static int64_t pictures, sounds, last_number, out_of_order, sound_gaps, last_sound_us, last_picture_us;
static int64_t flash_us, beep_us, skews, skew_max_us, quiet_samples;
static int width_px;
static int64_t delays[64]; /* of the first pictures, from capture to the time they are shown */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void prepare(void)
{
	sender = (struct remote_sender){.has_pictures = true, .has_sound = true, .codec = DH_CODEC_H264,
		.width_px = 320, .height_px = 180};
	pictures = sounds = out_of_order = sound_gaps = last_sound_us = flash_us = beep_us = skews = skew_max_us = 0;
	last_picture_us = 0;
	last_number = -1;
	quiet_samples = 0;
}

static void begin(void)
{
	TST_CHECK(!remote_sender_start(&sender));
	TST_EQ(src_host_open(&h, &dh_src_remote, dh_inbox_key(sender.inbox), 0, 0, 0, NULL), DH_OK);
}

static void end(void)
{
	remote_sender_stop(&sender);
	src_host_close(&h);
	TST_EQ(dh_frame_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

static void note_skew(void)
{
	int64_t skew_us = beep_us - flash_us;
	if (!beep_us || !flash_us || llabs(skew_us) > 500000)
		return;
	fprintf(stdout, "# sound after picture: %.1f ms\n", (double)skew_us / 1e3);
	skew_max_us = llabs(skew_us) > skew_max_us ? llabs(skew_us) : skew_max_us;
	skews++;
	beep_us = flash_us = 0;
}

static void see(const struct dh_frame *f)
{
	static bool was_white;
	struct dh_pattern_mark m;
	TST_EQ(dh_pattern_read(f, NULL, &m), DH_OK);
	out_of_order += m.number <= last_number || f->pts_us <= last_picture_us;
	last_number = m.number;
	last_picture_us = f->pts_us;
	width_px = f->width_px;
	bool is_white = f->plane[0][0] > 150;
	if (is_white && !was_white && m.number % REMOTE_FPS == 0)
		flash_us = f->pts_us;
	was_white = is_white;
	if (pictures < 64)
		delays[pictures] = f->pts_us - m.pts_us;
	pictures++;
}

static void hear(const struct dh_frame *f)
{
	TST_CHECK(f->sample_count == 480 && f->channels == 2 && f->rate_hz == 48000);
	sound_gaps += last_sound_us && f->pts_us != last_sound_us + 10000;
	last_sound_us = f->pts_us;
	sounds++;
	for (int i = 0; i < f->sample_count; i++) {
		if (fabsf(f->samples[2 * i]) < 0.2f) {
			quiet_samples++;
			continue;
		}
		if (quiet_samples > 24000)
			beep_us = f->pts_us + i * 1000 / 48;
		quiet_samples = 0;
	}
}

/* Read for a while; returns the last error. */
static int run(int64_t for_us)
{
	int err = DH_OK;
	for (int64_t end_us = dh_now_us() + for_us; dh_now_us() < end_us;) {
		err = src_host_read(&h, DH_MEDIA_NONE, 20, 100000);
		for (int i = 0; i < h.count; i++) {
			if (h.frames[i]->kind == DH_MEDIA_VIDEO)
				see(h.frames[i]);
			else
				hear(h.frames[i]);
			note_skew();
		}
		src_host_clear(&h);
		if (err && err != DH_ETIMEDOUT)
			break;
	}
	return err;
}

static void in_order_and_in_sync(void)
{
	struct dh_inbox_stats st;
	prepare();
	sender.picture_late_us = 150000;
	begin();
	run(8 * S); /* sound is held back by 80, then 20 ms a second */
	skews = skew_max_us = 0;
	run(3 * S);
	dh_inbox_get_stats(sender.inbox, &st);
	fprintf(stdout, "# %lld pictures of %d, %lld dropped, %lld freezes, sound delay %.1f ms, concealed %lld of %lld, "
		"skew %.1f ms\n", (long long)pictures, atomic_load(&sender.sent), (long long)st.frames_dropped,
		(long long)st.freezes, (double)st.sound_delay_us / 1e3, (long long)st.concealed_samples,
		(long long)st.samples, (double)st.skew_us / 1e3);
	TST_CHECK(skews >= 2 && skew_max_us <= 20000 && st.is_skew_known);
	TST_EQ(out_of_order, 0);
	TST_CHECK(pictures * 10 >= atomic_load(&sender.sent) * 9 && sounds > 1000);
	TST_CHECK(sound_gaps <= 1); /* a machine that stood still for half a second */
	TST_CHECK(st.frames_decoded + 15 >= pictures && st.width_px == 320 && st.height_px == 180);
	TST_CHECK(st.concealed_samples * 20 < st.samples);
	end();
}

static void broken_picture(void)
{
	prepare();
	begin();
	run(S);
	int wanted = atomic_load(&sender.keys_wanted);
	int64_t before = pictures;
	atomic_store(&sender.breaks, true);
	run(2 * S);
	TST_CHECK(atomic_load(&sender.keys_wanted) > wanted);
	TST_EQ(out_of_order, 0);
	TST_CHECK(pictures > before + 30); /* it goes on */
	struct dh_inbox_stats st;
	dh_inbox_get_stats(sender.inbox, &st);
	TST_CHECK(st.frames_dropped >= 1 && st.keys_wanted >= 1);
	end();
}

static void codec_and_size_change(void)
{
	prepare();
	begin();
	run(S);
	TST_CHECK(pictures > 15 && width_px == 320);
	int64_t before = pictures;
	atomic_store(&sender.width_px, 640);
	atomic_store(&sender.height_px, 360);
	run(S);
	TST_CHECK(pictures > before + 15 && width_px == 640);
	before = pictures;
	atomic_store(&sender.codec, DH_CODEC_VP8);
	run(S);
	TST_CHECK(pictures > before + 15);
	atomic_store(&sender.codec, DH_CODEC_H264);
	before = pictures;
	run(S);
	TST_CHECK(pictures > before + 15);
	TST_EQ(out_of_order, 0);
	end();
}

static void one_kind_alone(void)
{
	prepare();
	sender.has_sound = false;
	begin();
	run(3 * S);
	TST_CHECK(pictures > 64 && sounds == 0);
	qsort(delays, 64, sizeof(delays[0]), compare);
	fprintf(stdout, "# picture shown %.1f ms after it was captured (median, encoded in between), p90 %.1f\n",
		(double)delays[32] / 1e3, (double)delays[57] / 1e3);
	TST_CHECK(delays[32] < 25000); /* 15 on a machine of its own */
	end();
	prepare();
	sender.has_pictures = false;
	begin();
	run(S);
	TST_CHECK(pictures == 0 && sounds > 80);
	end();
}

static void quiet_then_closed(void)
{
	prepare();
	begin();
	run(S);
	atomic_store(&sender.is_quiet, true);
	run(S / 2);
	int64_t before = pictures;
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 1, S), DH_ETIMEDOUT); /* live, without pictures */
	src_host_clear(&h);
	TST_EQ(pictures, before);
	last_sound_us = 0;
	atomic_store(&sender.is_quiet, false);
	run(S);
	TST_CHECK(pictures > before + 15);
	TST_EQ(out_of_order, 0);
	remote_sender_stop(&sender);
	TST_EQ(run(2 * S), DH_ENODEV);
	TST_CHECK(h.err.text[0]);
	src_host_close(&h);
	TST_EQ(dh_frame_live_count() + dh_packet_live_count(), 0);
}

static void who_may_open(void)
{
	struct src_host second;
	prepare();
	TST_EQ(src_host_open(&h, &dh_src_remote, "", 0, 0, 0, NULL), DH_ENODEV);
	TST_EQ(src_host_open(&h, &dh_src_remote, "no-such-key", 0, 0, 0, NULL), DH_ENODEV);
	begin();
	TST_EQ(src_host_open(&second, &dh_src_remote, dh_inbox_key(sender.inbox), 0, 0, 0, NULL), DH_ENODEV);
	TST_CHECK(dh_src_remote.gives_sound_too && !dh_src_remote.is_fake && !dh_src_remote.list);
	end();
}

static const char *set_up(void)
{
	prepare();
	const char *why = remote_sender_start(&sender);
	if (!why)
		remote_sender_stop(&sender);
	return why;
}

TST_MAIN_WITH(set_up, {"in_order_and_in_sync", in_order_and_in_sync}, {"broken_picture", broken_picture},
	      {"codec_and_size_change", codec_and_size_change}, {"one_kind_alone", one_kind_alone},
	      {"quiet_then_closed", quiet_then_closed}, {"who_may_open", who_may_open})
