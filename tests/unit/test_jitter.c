/* The jitter buffer on a virtual clock: order, reordering, loss and retransmission, giving up, key-frame requests, jumps,
 * and minutes of a lossy link with pictures taken apart and put together. */
#include "agent/rtc/jitter.h"
#include "agent/rtc/rtp_h264.h"
#include "common/err.h"

#include <stdlib.h>

#include "tst.h"

#define MS 1000

static struct dh_jitter *j;
static struct dh_jitter_packet out;
static uint16_t seqs[DH_JITTER_SLOTS];

static void begin(void)
{
	j = malloc(sizeof(*j));
	dh_jitter_init(j);
	dh_jitter_set_rtt(j, 40 * MS);
}

static void end(void)
{
	dh_jitter_finish(j);
	free(j);
}

static void push(int seq, int64_t now)
{
	uint8_t payload[2] = {(uint8_t)(seq >> 8), (uint8_t)seq};
	TST_EQ(dh_jitter_push(j, (uint16_t)seq, 90 * (uint32_t)(uint16_t)seq, false, payload, 2, now), 0);
}

/* Pop all there is; it must begin with first and have no hole but those given up. Returns how many. */
static int pop(int first, int64_t now)
{
	int n = 0;
	for (; dh_jitter_pop(j, now, &out); n++) {
		TST_EQ(out.seq, (uint16_t)(first + n + (n ? j->given_up : 0)));
		TST_CHECK(out.bytes == 2 && out.payload[0] == out.seq >> 8 && out.payload[1] == (out.seq & 255));
	}
	return n;
}

static void in_order(void)
{
	begin();
	TST_EQ(dh_jitter_due_us(j), INT64_MAX);
	for (int i = 65000; i < 67000; i++) {
		push(i, i);
		TST_EQ(pop(i, i), 1);
	}
	push(66999, 0); /* handed out already */
	TST_EQ(j->late, 1);
	TST_EQ(dh_jitter_nacks(j, 1000 * MS, seqs, 10), 0);
	TST_EQ(dh_jitter_due_us(j), INT64_MAX);
	TST_CHECK(!dh_jitter_ask_key(j, 1000 * MS));
	end();
}

static void reordered(void)
{
	begin();
	push(65534, 0);
	push(0, 1 * MS);
	push(0, 1 * MS);
	TST_EQ(j->repeated, 1);
	TST_EQ(pop(65534, 1 * MS), 1);
	TST_EQ(dh_jitter_nacks(j, 5 * MS, seqs, 10), 0); /* it may be on its way */
	TST_EQ(dh_jitter_due_us(j), 11 * MS);
	push(65535, 6 * MS);
	TST_EQ(pop(65535, 6 * MS), 2);
	TST_CHECK(j->asked == 0 && j->recovered == 0 && j->missing == 0);
	end();
}

static void first_in_disorder(void)
{
	begin();
	push(8, 0);
	TST_EQ(pop(8, 0), 1);
	TST_CHECK(!dh_jitter_ask_key(j, 0));
	push(7, 1 * MS);
	TST_CHECK(pop(9, 1 * MS) == 0 && j->late == 1 && dh_jitter_ask_key(j, 1 * MS));
	end();
}

static void asked_again(void)
{
	begin();
	push(10, 0);
	push(12, 0);
	push(15, 0);
	TST_EQ(pop(10, 0), 1);
	TST_EQ(dh_jitter_nacks(j, 0, seqs, 10), 1); /* 11 is more than three numbers behind, 13 and 14 are not */
	TST_EQ(seqs[0], 11);
	TST_EQ(dh_jitter_nacks(j, 10 * MS, seqs, 10), 2);
	TST_CHECK(seqs[0] == 13 && seqs[1] == 14);
	TST_EQ(dh_jitter_nacks(j, 39 * MS, seqs, 10), 0);
	TST_EQ(dh_jitter_due_us(j), 40 * MS);
	TST_EQ(dh_jitter_nacks(j, 40 * MS, seqs, 10), 1);
	push(11, 45 * MS);
	TST_EQ(pop(11, 45 * MS), 2);
	push(14, 46 * MS);
	push(13, 47 * MS);
	TST_EQ(pop(13, 47 * MS), 3);
	TST_CHECK(j->recovered == 3 && j->given_up == 0);
	end();
}

static void given_up(void)
{
	begin();
	push(1, 0);
	push(3, 0);
	TST_EQ(pop(1, 0), 1);
	TST_EQ(pop(3, 119 * MS), 0); /* 3 round trips */
	TST_EQ(pop(3, 120 * MS), 1);
	TST_EQ(j->given_up, 1);
	TST_EQ(dh_jitter_due_us(j), 0);
	TST_CHECK(dh_jitter_ask_key(j, 120 * MS));
	TST_CHECK(!dh_jitter_ask_key(j, 120 * MS));
	TST_EQ(dh_jitter_due_us(j), 420 * MS);
	TST_CHECK(dh_jitter_ask_key(j, 420 * MS)); /* no answer: again */
	dh_jitter_set_rtt(j, 900 * MS);
	TST_CHECK(!dh_jitter_ask_key(j, 1319 * MS) && dh_jitter_ask_key(j, 1320 * MS));
	dh_jitter_key_came(j);
	TST_CHECK(!dh_jitter_ask_key(j, 9000 * MS));
	dh_jitter_need_key(j);
	TST_CHECK(dh_jitter_ask_key(j, 9000 * MS));
	push(2, 9000 * MS);
	TST_EQ(j->late, 1);
	push(5, 9000 * MS);
	TST_EQ(pop(5, 9599 * MS), 0); /* never longer than 600 ms */
	TST_EQ(pop(5, 9600 * MS), 1);
	end();
}

static void jumps(void)
{
	begin();
	push(100, 0);
	push(400, 0); /* 299 holes: too many to ask for */
	TST_EQ(dh_jitter_nacks(j, 50 * MS, seqs, DH_JITTER_SLOTS), 0);
	TST_EQ(pop(100, 0) + j->given_up, 2 + 299);
	end();
	begin();
	push(100, 0);
	TST_EQ(pop(100, 0), 1);
	push(20000, 0); /* an outage */
	TST_EQ(pop(20000, 0), 1);
	push(100, 0); /* a sender that began anew */
	TST_EQ(pop(100, 0), 1);
	TST_CHECK(j->resets == 2 && j->missing == 0 && dh_jitter_ask_key(j, 0));
	uint8_t big[3000] = {0};
	TST_EQ(dh_jitter_push(j, 101, 0, false, big, sizeof(big), 0), DH_EPROTO);
	TST_EQ(dh_jitter_push(j, 101, 7, true, NULL, 0, 5), 0); /* a probe */
	TST_EQ(dh_jitter_pop(j, 5, &out), 1);
	TST_CHECK(out.bytes == 0 && out.seq == 101 && out.is_marked && out.timestamp == 7 && out.arrival_us == 5);
	end();
}

static uint32_t lcg;

static uint32_t chance(uint32_t below)
{
	lcg = lcg * 1664525 + 1013904223;
	return (lcg >> 8) % below;
}

/* Numbers from a stranger: whatever comes, what is handed out rises but for counted resets, and holes stay bounded. */
static void hostile(void)
{
	begin();
	lcg = 7;
	int64_t now = 0, resets = 0;
	uint16_t last = 0, at = 0;
	bool has_last = false;
	for (int i = 0; i < 100000; i++) {
		now += chance(3000);
		at = (uint16_t)(chance(50) == 0 ? chance(65536) : at + chance(5));
		push(at, now);
		if (j->resets != resets)
			has_last = false;
		resets = j->resets;
		while (dh_jitter_pop(j, now, &out)) {
			TST_CHECK(!has_last || (int16_t)(uint16_t)(out.seq - last) > 0);
			last = out.seq;
			has_last = true;
		}
		TST_CHECK(j->missing >= 0 && j->missing <= DH_JITTER_MISSING_MAX && j->end - j->next <= DH_JITTER_SLOTS);
		TST_CHECK(dh_jitter_nacks(j, now, seqs, 16) <= 16);
	}
	end();
}

/* -- a link: 20 ms there, 20 ms back, loss, some reordering; what is asked for is sent again -- */

#define FLIGHT 4096
static struct {
	int64_t at_us;
	uint16_t seq;
} flight[FLIGHT];
static struct {
	uint8_t data[1200];
	size_t bytes;
	uint32_t timestamp;
	bool is_marked;
} sent[65536];
static int in_flight;

static void send_packet(uint16_t seq, int64_t now, uint32_t loss_percent)
{
	if (chance(100) < loss_percent || in_flight == FLIGHT)
		return;
	flight[in_flight].at_us = now + 20 * MS + chance(4 * MS);
	flight[in_flight++].seq = seq;
}

static void arrive(int64_t now)
{
	for (int i = 0; i < in_flight;) {
		if (flight[i].at_us > now) {
			i++;
			continue;
		}
		uint16_t s = flight[i].seq;
		flight[i] = flight[--in_flight];
		dh_jitter_push(j, s, sent[s].timestamp, sent[s].is_marked, sent[s].data, sent[s].bytes, now);
	}
}

static uint16_t send_picture(int number, bool is_key, uint16_t seq, int64_t now, uint32_t loss_percent)
{
	static uint8_t sample[20000];
	static const uint8_t avcc[] = {1, 66, 0xe0, 31, 0xff, 0xe1, 0, 4, 0x67, 66, 0xe0, 31, 1, 0, 2, 0x68, 0xce};
	struct dh_rtp_h264_pack p;
	uint32_t bytes = is_key ? 15000 : 3000 + chance(3000);
	memset(sample, number, sizeof(sample));
	memcpy(sample, (uint8_t[]){0, 0, (uint8_t)(bytes >> 8), (uint8_t)bytes, is_key ? 0x65 : 0x41, 0x88}, 6);
	TST_EQ(dh_rtp_h264_pack(&p, sample, bytes + 4, avcc, sizeof(avcc), 1, 1100), 0);
	while ((sent[seq].bytes = dh_rtp_h264_pack_next(&p, sent[seq].data, &sent[seq].is_marked)) > 0) {
		sent[seq].timestamp = (uint32_t)number * 3000;
		send_packet(seq++, now, loss_percent);
	}
	return seq;
}

struct result {
	int frames, sound, keys;
};

/* seconds at 30 pictures a second; a picture is sound when no picture before it is missing since a key frame. */
static struct result run(int seconds, uint32_t loss_percent, bool has_rtx)
{
	struct dh_rtp_h264_unpack u = {0};
	struct dh_rtp_frame f;
	struct result r = {0};
	uint16_t seq = 60000;
	bool is_sound = false, wants_key = true;
	int number = 0;
	in_flight = 0;
	begin();
	for (int64_t now = 0; now < (int64_t)seconds * 1000 * MS; now += MS) {
		if (now >= (int64_t)number * 33333) {
			r.keys += wants_key;
			seq = send_picture(number++, wants_key, seq, now, loss_percent);
			wants_key = false;
		}
		arrive(now);
		while (dh_jitter_pop(j, now, &out)) {
			int got = dh_rtp_h264_unpack_push(&u, out.seq, out.timestamp, out.is_marked, out.payload,
							  out.bytes, &f);
			TST_CHECK(got == 0 || got == 1);
			if (got != 1)
				continue;
			is_sound = f.is_key || (is_sound && !f.is_after_loss);
			TST_EQ(f.data[f.size - 1], f.timestamp / 3000 & 255);
			if (f.is_key)
				dh_jitter_key_came(j);
			r.frames++;
			r.sound += is_sound;
		}
		int n = dh_jitter_nacks(j, now, seqs, 100);
		for (int i = 0; has_rtx && i < n; i++)
			send_packet(seqs[i], now + 20 * MS, loss_percent);
		wants_key |= dh_jitter_ask_key(j, now);
	}
	dh_rtp_h264_unpack_finish(&u);
	TST_CHECK(j->missing <= DH_JITTER_MISSING_MAX);
	end();
	return r;
}

static void lossy_link(void)
{
	lcg = 1;
	struct result r = run(60, 0, true);
	fprintf(stdout, "# no loss: %d pictures, %d sound, %d key frames\n", r.frames, r.sound, r.keys);
	TST_CHECK(r.frames >= 1797 && r.sound >= r.frames - 6 && r.keys <= 2); /* the first packets came in disorder */
	r = run(60, 5, true);
	TST_CHECK(r.frames >= 1790 && r.sound >= r.frames - 10 && r.keys <= 5);
	r = run(60, 15, true);
	TST_CHECK(r.frames >= 1750 && r.sound >= 1600);
	struct result without = run(60, 5, false);
	TST_CHECK(without.keys > 20 && without.sound < r.sound); /* each loss costs a key frame */
	fprintf(stdout, "# 15 %% loss: %d pictures, %d sound, %d key frames\n", r.frames, r.sound, r.keys);
	fprintf(stdout, "# 5 %%, none sent again: %d, %d, %d\n", without.frames, without.sound, without.keys);
}

TST_MAIN({"in_order", in_order}, {"reordered", reordered}, {"first_in_disorder", first_in_disorder},
	 {"asked_again", asked_again}, {"given_up", given_up}, {"jumps", jumps}, {"hostile", hostile},
	 {"lossy_link", lossy_link})
