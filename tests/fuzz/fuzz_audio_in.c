/* libFuzzer: the sound buffer, fed by a stranger: each step is a packet with a number, a time and a size, then some pulls.
 * Whatever comes, each pull is filled with finite samples, and nothing is kept for ever. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/audio_in.h"
#include "tests/unit/fake_opus.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { STEP = 8 };

static void pull(struct dh_audio_in *in, int64_t now_us)
{
	float out[2 * DH_AUDIO_IN_PULL];
	uint32_t timestamp;
	for (int i = 0; i < 2 * DH_AUDIO_IN_PULL; i++)
		out[i] = NAN;
	dh_audio_in_pull(in, now_us, out);
	for (int i = 0; i < 2 * DH_AUDIO_IN_PULL; i++)
		if (!isfinite(out[i]) || fabsf(out[i]) > 1)
			abort();
	dh_audio_in_played(in, &timestamp);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_audio_in_stats st;
	struct dh_audio_in *in;
	uint8_t packet[16];
	uint16_t seq = 0;
	uint32_t timestamp = 0;
	int64_t now_us = 1000000, number = 0;
	if (dh_audio_in_create(&in, NULL))
		return 0;
	for (; size >= STEP; bytes += STEP, size -= STEP) {
		bool is_far = bytes[0] & 1;
		seq += is_far ? (uint16_t)(bytes[1] << 8 | bytes[2]) : (uint16_t)(bytes[1] & 7);
		timestamp += is_far ? (uint32_t)bytes[3] << 24 | (uint32_t)bytes[4] << 12 : (uint32_t)(bytes[3] & 7) * 480;
		size_t n = fake_opus_packet(packet, number++ * 960, bytes[0] & 2);
		packet[0] = bytes[0] & 4 && bytes[5] > 250 ? bytes[5] : packet[0];
		dh_audio_in_push(in, seq, timestamp, packet, bytes[0] & 8 ? bytes[5] & 3 : n, now_us);
		if (bytes[0] & 16)
			dh_audio_in_set_extra(in, (int64_t)(int8_t)bytes[5] * 10000);
		for (int i = bytes[6] & 3; i > 0; i--, now_us += DH_AUDIO_IN_PULL_US)
			pull(in, now_us);
		now_us += bytes[7] * (is_far ? 20000 : 100);
	}
	dh_audio_in_get_stats(in, &st);
	if (st.buffer_us < 0 || st.buffer_us > 60000000 || st.concealed + st.silent > st.samples + 48000 || st.samples < 0)
		abort();
	dh_audio_in_destroy(in);
	return 0;
}
