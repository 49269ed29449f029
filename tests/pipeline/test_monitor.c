/* The monitor: its speaker and the voices' defaults come and go with remote members. */
#include "agent/media/monitor.h"

#include <poll.h>
#include <string.h>

#include "agent/media/driver.h"
#include "agent/media/voice.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "tests/unit/tst.h"

struct stage {
	struct dh_loop loop;
	struct dh_monitor *monitor;
	struct dh_frame *last; /* compared only */
	bool is_gone;
};

static void keep(void *arg, struct dh_frame *take)
{
	((struct stage *)arg)->last = take;
	dh_frame_unref(take);
}

static void gone(void *arg)
{
	((struct stage *)arg)->is_gone = true;
}

/* Whether a frame comes out as it went in: the same object. */
static bool is_untouched(struct stage *s, struct dh_monitor_voice *v, int64_t pts_us)
{
	struct dh_frame *f = dh_frame_new_audio(960, 1, 48000);
	memset(f->samples, 0, sizeof(float) * 960);
	f->pts_us = pts_us;
	dh_frame_ref(f);
	s->last = NULL;
	dh_monitor_voice_clean(v, f, keep, s);
	bool is_same = s->last == f;
	dh_frame_unref(f);
	return is_same;
}

static void begin(struct stage *s)
{
	struct dh_err e = {0};
	memset(s, 0, sizeof(*s));
	TST_CHECK(dh_loop_init(&s->loop) == DH_OK);
	TST_CHECK(dh_monitor_create(&s->monitor, &s->loop, "test", "null", &e) == DH_OK);
}

static void end(struct stage *s)
{
	dh_monitor_destroy(s->monitor, gone, s);
	while (!s->is_gone)
		uv_run(&s->loop.uv, UV_RUN_ONCE);
	dh_loop_finish(&s->loop);
	TST_EQ(dh_frame_live_count(), 0);
}

static void follows_remote_members(void)
{
	struct stage s;
	begin(&s);
	struct dh_monitor_voice *v = dh_monitor_voice_add(s.monitor);
	TST_CHECK(v != NULL);
	TST_CHECK(is_untouched(&s, v, 1000000));
	struct dh_mixer_input *one = dh_monitor_input_add(s.monitor, "one"), *two = dh_monitor_input_add(s.monitor, "two");
	TST_CHECK(!is_untouched(&s, v, 1020000));
	dh_monitor_input_remove(s.monitor, one);
	TST_CHECK(!is_untouched(&s, v, 1040000));
	dh_monitor_input_remove(s.monitor, two);
	TST_CHECK(is_untouched(&s, v, 1060000));
	two = dh_monitor_input_add(s.monitor, "two"); /* while the speaker is still on its way out */
	TST_CHECK(!is_untouched(&s, v, 1080000));
	dh_monitor_input_remove(s.monitor, two);
	dh_monitor_voice_remove(v);
	end(&s);
}

static void does_what_is_asked(void)
{
	struct stage s;
	struct dh_err e = {0};
	begin(&s);
	struct dh_monitor_voice *v = dh_monitor_voice_add(s.monitor);
	struct dh_monitor_settings m = *dh_monitor_settings(s.monitor);
	m.noise_suppress = DH_SWITCH_ON;
	TST_CHECK(dh_monitor_set(s.monitor, &m, &e) == DH_OK);
	TST_CHECK(!is_untouched(&s, v, 1000000));
	m.noise_suppress = m.echo_cancel = m.auto_gain = DH_SWITCH_OFF;
	TST_CHECK(dh_monitor_set(s.monitor, &m, &e) == DH_OK);
	struct dh_mixer_input *in = dh_monitor_input_add(s.monitor, "one");
	TST_CHECK(is_untouched(&s, v, 1020000));
	m.volume = 10;
	dh_strcopy(m.device, sizeof(m.device), "sink:other");
	TST_CHECK(dh_monitor_set(s.monitor, &m, &e) == DH_OK);
	TST_EQ(dh_monitor_settings(s.monitor)->volume, 10);
	dh_strcopy(m.device, sizeof(m.device), "pulse:DEVICE=x");
	TST_EQ(dh_monitor_set(s.monitor, &m, &e), DH_EINVAL);
	dh_strcopy(m.driver, sizeof(m.driver), "nope");
	TST_EQ(dh_monitor_set(s.monitor, &m, &e), DH_ENOENT);
	TST_EQ(strcmp(dh_monitor_settings(s.monitor)->driver, "null"), 0);
	dh_monitor_input_remove(s.monitor, in);
	dh_monitor_voice_remove(v);
	end(&s);
}

/* What is played and what the microphones hear are compared: both have a road there. */
static void hears_echo(void)
{
	struct stage s;
	struct dh_echo_facts facts = {0};
	begin(&s);
	struct dh_monitor_voice *v = dh_monitor_voice_add(s.monitor);
	struct dh_mixer_input *in = dh_monitor_input_add(s.monitor, "one");
	int64_t begin_us = dh_now_us(), at_us = begin_us;
	while (!facts.is_known && at_us < begin_us + 30000000) {
		for (; at_us <= dh_now_us(); at_us += 20000) {
			struct dh_frame *f = dh_frame_new_audio(960, 1, 48000);
			for (int i = 0; i < 960; i++)
				f->samples[i] = i % 48 < 24 ? 0.2f : -0.2f;
			f->pts_us = at_us;
			dh_mixer_input_push(in, dh_frame_ref(f));
			dh_monitor_voice_clean(v, f, keep, &s);
		}
		dh_monitor_voice_echo(v, &facts);
		uv_run(&s.loop.uv, UV_RUN_NOWAIT);
		poll(NULL, 0, 10);
	}
	TST_CHECK(facts.is_playing && facts.is_known);
	dh_monitor_input_remove(s.monitor, in);
	dh_monitor_voice_remove(v);
	dh_monitor_voice_echo(NULL, &facts);
	TST_CHECK(!facts.is_playing && !facts.is_known);
	end(&s);
}

static const char *set_up(void)
{
	struct dh_err e;
	const struct dh_driver_tables *t = dh_drivers(&e);
	return t && t->voice ? NULL : "built without voice";
}

TST_MAIN_WITH(set_up, {"follows remote members", follows_remote_members}, {"does what is asked", does_what_is_asked},
	      {"hears what is played", hears_echo})
