/* The sound buffer on a virtual clock and link: delay, what is concealed, played faster or slower; and that nobody hears
 * it: no step larger than a sine's own, no other pitch. */
#include "agent/rtc/audio_in.h"

#include "fake_opus.h"
#include "rtc_link.h"
#include "tst.h"

#include <math.h>
#include <stdlib.h>

enum { PACKET = 960, PACKET_US = 20000, RATE = 48000, SLICE = 4800 };
#define S 1000000ll

static struct dh_audio_in *in;
static struct dh_audio_in_stats st;
static struct rtc_link link;
static struct rtc_link_config road;
static double drift;       /* of the sender's clock: +300e-6 sends too fast */
static bool has_fec;
static int64_t start_us, now_us, sent; /* packets */
static int64_t pulled_us;
static uint16_t first_seq;
static uint32_t first_timestamp;
static bool (*is_spoken)(int64_t packet); /* NULL: always */

/* -- what was heard */
static double step_max;          /* largest step from one sample to the next */
static int64_t delay_min_us, delay_max_us, delay_sum_us, delays;
static int64_t slices, quiet_slices, pitch_bad;
static float last, slice[SLICE];
static int slice_at;

static void forget_heard(void)
{
	step_max = 0;
	delay_min_us = INT64_MAX;
	delay_max_us = delay_sum_us = delays = slices = quiet_slices = pitch_bad = 0;
	slice_at = 0;
}

static void begin(void)
{
	start_us = 5 * S + 3333;
	sent = 0;
	now_us = pulled_us = start_us;
	last = 0;
	forget_heard();
	TST_EQ(dh_audio_in_create(&in, NULL), 0);
	rtc_link_init(&link, &road, 3, now_us);
}

static void end(void)
{
	rtc_link_finish(&link);
	dh_audio_in_destroy(in);
	in = NULL;
	road = (struct rtc_link_config){.rate_bps = 10000000, .queue_us = 2 * S, .delay_us = 20000};
	drift = 0;
	has_fec = false;
	is_spoken = NULL;
	fake_opus_hz = 440;
	first_seq = 65400; /* both wrap soon */
	first_timestamp = 0xffff0000u;
}

/* Pitch by the times of the rising zero crossings, to a fraction of a sample. */
static void hear_slice(void)
{
	double first = -1, at = -1;
	int crossings = -1;
	float peak = 0;
	for (int i = 1; i < SLICE; i++) {
		peak = fabsf(slice[i]) > peak ? fabsf(slice[i]) : peak;
		if (slice[i - 1] >= 0 || slice[i] < 0)
			continue;
		at = i - 1 + slice[i - 1] / (double)(slice[i - 1] - slice[i]);
		first = first < 0 ? at : first;
		crossings++;
	}
	slices++;
	if (peak < 0.9 * FAKE_OPUS_LEVEL) {
		quiet_slices++;
		return;
	}
	double hz = crossings * (double)RATE / (at - first);
	pitch_bad += fabs(hz / fake_opus_hz - 1) > 0.005;
}

static void hear(const float *x)
{
	for (int i = 0; i < DH_AUDIO_IN_PULL; i++) {
		double step = fabs(x[2 * i] - last);
		step_max = step > step_max ? step : step_max;
		last = x[2 * i];
		TST_CHECK(x[2 * i] == x[2 * i + 1]);
		slice[slice_at++] = last;
		if (slice_at == SLICE)
			hear_slice();
		slice_at %= SLICE;
	}
}

/* Mouth to ear: when the sample now played was spoken, by the sender's clock. */
static void measure(void)
{
	uint32_t timestamp;
	if (!dh_audio_in_played(in, &timestamp))
		return;
	int64_t spoken_us = start_us + (int64_t)((int32_t)(timestamp - first_timestamp) * (1e6 / RATE) / (1 + drift));
	int64_t delay_us = now_us - spoken_us;
	delay_min_us = delay_us < delay_min_us ? delay_us : delay_min_us;
	delay_max_us = delay_us > delay_max_us ? delay_us : delay_max_us;
	delay_sum_us += delay_us;
	delays++;
}

static void send_due(void)
{
	/* a packet is complete when its last sample is spoken; the times count from there */
	for (; now_us >= start_us + (int64_t)((double)sent * PACKET_US / (1 + drift)); sent++)
		if (!is_spoken || is_spoken(sent))
			rtc_link_send(&link, sent, 80, now_us);
}

static uint16_t seq_of(int64_t packet)
{
	int64_t seq = packet;
	if (is_spoken) /* numbers count packets, times go on */
		for (seq = 0; packet > 0; packet--)
			seq += is_spoken(packet - 1);
	return (uint16_t)(first_seq + seq);
}

static void receive_due(void)
{
	struct rtc_link_packet p;
	uint8_t data[16];
	while (rtc_link_receive(&link, &p, now_us)) {
		size_t bytes = fake_opus_packet(data, p.id * PACKET, has_fec);
		if (is_spoken && !is_spoken(p.id + 1))
			bytes = 1; /* the last one before a pause */
		TST_EQ(dh_audio_in_push(in, seq_of(p.id), first_timestamp + (uint32_t)(p.id * PACKET), data, bytes,
					p.arrive_us), 0);
	}
}

static void run(int64_t for_us)
{
	float x[2 * DH_AUDIO_IN_PULL];
	for (int64_t end_us = now_us + for_us; now_us < end_us; now_us += 1000) {
		send_due();
		receive_due();
		if (now_us < pulled_us)
			continue;
		pulled_us += DH_AUDIO_IN_PULL_US;
		dh_audio_in_pull(in, now_us, x);
		hear(x);
		measure();
	}
	dh_audio_in_get_stats(in, &st);
}

static void say(const char *what)
{
	double n = (double)(st.samples ? st.samples : 1) / 100;
	fprintf(stdout, "# %s: delay %.1f/%.1f/%.1f ms, target %.1f, concealed %.2f %%, repaired %.2f, silent %.2f, "
		"faster %.2f, slower %.2f, skipped %.2f, late %lld, step %.4f, "
		"pitch off in %lld of %lld slices, quiet %lld\n", what,
		(double)delay_min_us / 1e3, (double)delay_sum_us / 1e3 / (double)(delays ? delays : 1),
		(double)delay_max_us / 1e3, (double)st.target_us / 1e3, (double)st.concealed / n, (double)st.repaired / n,
		(double)st.silent / n, (double)st.accelerated / n, (double)st.stretched / n, (double)st.skipped / n,
		(long long)st.late, step_max, (long long)pitch_bad, (long long)slices, (long long)quiet_slices);
}

static double share(int64_t samples)
{
	return (double)samples / (double)st.samples;
}

/* The steepest step of the sine itself. */
static double own_step(void)
{
	return FAKE_OPUS_LEVEL * 2 * sin(M_PI * fake_opus_hz / RATE);
}

static void clean_link(void)
{
	begin();
	run(2 * S);
	forget_heard();
	run(60 * S);
	say("clean");
	TST_EQ(st.concealed + st.accelerated + st.stretched + st.late + st.skipped, 0);
	TST_CHECK(delay_max_us <= 20000 + 24000 && st.target_us <= 12000);
	TST_CHECK(step_max < own_step() * 1.01 && pitch_bad == 0 && quiet_slices == 0);
	end();
}

static void jitter(int64_t us, int64_t delay_most_us, double concealed_most)
{
	road.jitter_us = us;
	begin();
	run(10 * S);
	forget_heard();
	int64_t before = st.concealed;
	run(120 * S);
	say("jitter");
	TST_CHECK((double)(st.concealed - before) / (120.0 * RATE) <= concealed_most);
	TST_CHECK(delay_sum_us / delays <= 20000 + delay_most_us);
	TST_CHECK(step_max < own_step() * 1.2 && pitch_bad * 50 <= slices && quiet_slices == 0);
	TST_CHECK(share(st.accelerated) < 0.05 && share(st.stretched) < 0.05);
	end();
}

static void jittery_links(void)
{
	jitter(20000, 90000, 0.02);
	jitter(60000, 230000, 0.03);
}

static void loss(double lost, bool fec, double concealed_most)
{
	road.loss = lost;
	has_fec = fec;
	begin();
	run(60 * S);
	say(fec ? "loss, fec" : "loss");
	TST_CHECK(share(st.concealed) <= concealed_most && share(st.concealed) + share(st.repaired) > lost * 0.6);
	TST_CHECK(delay_max_us < 20000 + 120000 && step_max < own_step() * 1.2);
	end();
}

static void lossy_links(void)
{
	loss(0.05, false, 0.07);
	loss(0.15, false, 0.20);
	loss(0.05, true, 0.025); /* what tells of a lost packet is waited for */
	TST_CHECK(st.repaired > st.concealed);
	road.jitter_us = 15000;
	loss(0.15, true, 0.08);
	TST_CHECK(st.repaired > st.concealed);
}

static void bursts(void)
{
	road.burst_enter = 0.005;
	road.burst_leave = 0.1; /* ten packets: 200 ms */
	begin();
	run(60 * S);
	say("bursts");
	TST_CHECK(share(st.concealed) < 0.12 && share(st.concealed) > 0.01 && quiet_slices > 0);
	TST_CHECK(step_max < own_step() * 1.2 && delay_max_us < 20000 + 200000);
	end();
}

static void reordering(void)
{
	road.reorder = 0.05;
	road.reorder_us = 30000;
	begin();
	run(10 * S);
	int64_t late = st.late, concealed = st.concealed;
	run(60 * S);
	say("reordered");
	TST_CHECK(st.late - late < 30 && st.concealed - concealed < RATE / 2);
	TST_CHECK(st.target_us >= 25000 && st.target_us < 60000);
	TST_CHECK(step_max < own_step() * 1.2);
	end();
}

static void drifting(void)
{
	const int seconds = TST_HAS_SANITIZER ? 200 : 600;
	for (int i = -1; i <= 1; i += 2) {
		drift = i * 300e-6;
		road.jitter_us = 2000;
		begin();
		run(10 * S);
		forget_heard();
		run((seconds - 10) * S);
		say("drift");
		double moved_s = (double)(i > 0 ? st.accelerated : st.stretched) / RATE;
		TST_CHECK(moved_s > 200e-6 * seconds && moved_s < 830e-6 * seconds);
		TST_CHECK(share(st.concealed) < 0.003 && delay_max_us - delay_min_us < 80000);
		TST_CHECK(delay_max_us < 20000 + 80000 && step_max < own_step() * 1.2 && pitch_bad == 0);
		end();
	}
}

static void delay_steps(void)
{
	begin();
	run(20 * S);
	forget_heard();
	link.config.delay_us += 200000;
	run(30 * S);
	say("+200 ms");
	TST_CHECK(st.concealed >= 0.15 * RATE && st.concealed < 0.4 * RATE); /* once */
	TST_CHECK(step_max < own_step() * 1.2);
	int64_t before = st.concealed;
	forget_heard();
	run(10 * S);
	TST_CHECK(st.concealed == before && delay_max_us < 220000 + 60000); /* settled at the new delay */
	link.config.delay_us -= 200000;
	run(5 * S);
	forget_heard();
	run(20 * S);
	say("-200 ms");
	TST_CHECK(delay_max_us < 20000 + 60000 && st.concealed - before < RATE / 10 && pitch_bad == 0);
	end();
}

static void stall(void)
{
	begin();
	run(5 * S);
	int64_t was_us = now_us;
	while (now_us < was_us + 1500000) /* everything waits, then comes at once */
		link.config.delay_us = 20000 + was_us + 1500000 - now_us, run(1000);
	link.config.delay_us = 20000;
	run(10 * S);
	forget_heard();
	run(5 * S);
	say("stall");
	TST_CHECK(delay_max_us < 20000 + 80000 && step_max < own_step() * 1.2 && st.skipped > 0);
	end();
}

/* Nothing comes for half a minute, and after some seconds nobody pulls: then it goes on at once. */
static void outage(void)
{
	begin();
	run(5 * S);
	link.config.is_down = true;
	run(3 * S);
	for (int64_t end_us = now_us + 27 * S; now_us < end_us; now_us += 1000)
		send_due();
	pulled_us = now_us;
	link.config.is_down = false;
	run(S / 5);
	forget_heard();
	run(5 * S);
	say("outage");
	TST_CHECK(quiet_slices == 0 && pitch_bad == 0 && delay_max_us < 20000 + 40000);
	TST_CHECK(st.concealed > 2.5 * RATE && st.concealed < 3.5 * RATE);
	end();
}

static bool speaks(int64_t packet)
{
	return packet % 100 < 40; /* 800 ms of 2 s */
}

static void pauses(void)
{
	road.jitter_us = 5000;
	is_spoken = speaks;
	begin();
	run(60 * S);
	say("pauses");
	TST_CHECK(share(st.silent) > 0.5 && share(st.silent) < 0.7 && share(st.concealed) < 0.01);
	TST_CHECK(st.late == 0 && step_max < own_step() * 1.5 && delay_sum_us / delays < 20000 + 60000);
	end();
}

static size_t packet(uint8_t *data, int64_t number)
{
	return fake_opus_packet(data, number * PACKET, 0);
}

static void restarts(void)
{
	uint8_t data[16];
	float x[2 * DH_AUDIO_IN_PULL];
	begin();
	run(2 * S);
	int64_t before = st.packets;
	/* one stray changes nothing */
	TST_EQ(dh_audio_in_push(in, 7, 99, data, packet(data, 5), now_us), 0);
	run(S);
	TST_EQ(st.restarts, 0);
	TST_EQ(st.packets, before + 51);
	/* another stream is followed */
	first_seq = 20000;
	first_timestamp += 0x40000000u;
	run(S);
	forget_heard();
	run(S);
	TST_EQ(st.restarts, 1);
	TST_CHECK(quiet_slices == 0 && pitch_bad == 0 && step_max < own_step() * 1.01);
	/* foreign bytes: a named error, and no harm */
	TST_EQ(dh_audio_in_push(in, 1, 2, data, 0, now_us), DH_EPROTO);
	data[0] = 0xff;
	TST_EQ(dh_audio_in_push(in, 1, 2, data, 1, now_us), DH_EPROTO);
	dh_audio_in_get_stats(in, &st);
	TST_EQ(st.bad, 2);
	/* the same packet twice */
	before = st.repeated + st.late;
	packet(data, sent);
	for (int i = 0; i < 2; i++)
		dh_audio_in_push(in, seq_of(sent), first_timestamp + (uint32_t)(sent * PACKET), data, 10, now_us);
	dh_audio_in_get_stats(in, &st);
	TST_EQ(st.repeated + st.late, before + 1);
	for (int i = 0; i < 300; i++) /* nothing comes any more: silence */
		dh_audio_in_pull(in, now_us += DH_AUDIO_IN_PULL_US, x);
	for (int i = 0; i < 2 * DH_AUDIO_IN_PULL; i++)
		TST_CHECK(x[i] == 0);
	end();
}

/* Lip sync asks for more: it comes slowly, and goes again. */
static void held_back(void)
{
	begin();
	run(5 * S);
	dh_audio_in_set_extra(in, 150000);
	run(10 * S);
	forget_heard();
	run(5 * S);
	say("held back");
	TST_CHECK(delay_min_us > 20000 + 150000 && delay_max_us < 20000 + 150000 + 40000);
	TST_CHECK(step_max < own_step() * 1.1 && pitch_bad == 0);
	dh_audio_in_set_extra(in, -5);
	run(10 * S);
	forget_heard();
	run(5 * S);
	TST_CHECK(delay_max_us < 20000 + 40000 && st.concealed == 0);
	end();
}

/* Any numbers and times from a stranger: always filled, nothing breaks. */
static void hostile(void)
{
	uint8_t data[16];
	float x[2 * DH_AUDIO_IN_PULL];
	uint16_t seq = 0;
	uint32_t timestamp = 0;
	begin();
	for (int i = 0; i < 100000; i++) {
		double r = rtc_link_random(&link);
		seq = (uint16_t)(int)(r < 0.02 ? rtc_link_random(&link) * 65536 : seq + rtc_link_random(&link) * 3);
		timestamp = r < 0.01 ? (uint32_t)(rtc_link_random(&link) * 4e9) :
				       timestamp + (uint32_t)(rtc_link_random(&link) * 2000);
		size_t bytes = r > 0.5 ? packet(data, i) : 1 + (packet(data, i) & 0);
		dh_audio_in_push(in, seq, timestamp, data, bytes, now_us);
		now_us += (int64_t)(rtc_link_random(&link) * 20000);
		if (rtc_link_random(&link) < 0.9)
			dh_audio_in_pull(in, now_us, x);
		for (int k = 0; k < 2 * DH_AUDIO_IN_PULL; k += 97)
			TST_CHECK(fabsf(x[k]) <= 1);
	}
	dh_audio_in_get_stats(in, &st);
	TST_CHECK(st.restarts > 100 && st.samples > 0);
	end();
}

static const char *set_up(void)
{
	end();
	return NULL;
}

TST_MAIN_WITH(set_up, {"clean_link", clean_link}, {"jittery_links", jittery_links}, {"lossy_links", lossy_links},
	 {"bursts", bursts}, {"reordering", reordering}, {"drifting", drifting}, {"delay_steps", delay_steps},
	 {"stall", stall}, {"outage", outage}, {"pauses", pauses}, {"restarts", restarts}, {"held_back", held_back},
	 {"hostile", hostile})
