/* Speakers by PortAudio: a sink of the PulseAudio or PipeWire server where one runs, else a sound card. PortAudio's thread
 * pulls the sound; the speaker's thread only watches over it. */
#include <string.h>

#include "agent/media/speaker.h"
#include "agent/sources/portaudio_library.h"
#include "agent/sources/pulse_devices.h"
#include "common/clock.h"

#define SILENT_US 3000000 /* no callback for so long: the device is dead */

enum { RATE = 48000, BLOCK = 480 };

struct portaudio {
	PaStream *stream;
	struct dh_speaker_device *device;
	atomic_bool has_ended;
	atomic_llong called_us; /* agent time of the last callback, or of the opening */
	int channels;           /* immutable after open */
	int64_t latency_us;     /* what the library says of the whole; for devices without times */
	float stereo[2 * BLOCK];
};

/* PortAudio's thread. */
static int on_block(const void *input, void *output, unsigned long count, const PaStreamCallbackTimeInfo *times,
		    PaStreamCallbackFlags flags, void *arg)
{
	struct portaudio *p = arg;
	int64_t now_us = dh_now_us();
	double ahead_s = times->outputBufferDacTime - times->currentTime;
	int64_t heard_us = now_us + (ahead_s > 0 && ahead_s < 1 ? (int64_t)(ahead_s * 1e6) : p->latency_us);
	atomic_store(&p->called_us, now_us);
	float *out = output;
	for (unsigned long at = 0; at < count; at += BLOCK) {
		int n = count - at < BLOCK ? (int)(count - at) : BLOCK;
		dh_speaker_pull(p->device, p->stereo, n, heard_us + (int64_t)at * 1000000 / RATE);
		for (int i = 0; i < n; i++, out += p->channels) {
			out[0] = p->channels == 1 ? (p->stereo[2 * i] + p->stereo[2 * i + 1]) / 2 : p->stereo[2 * i];
			if (p->channels == 2)
				out[1] = p->stereo[2 * i + 1];
		}
	}
	return paContinue;
}

static void on_end(void *arg)
{
	struct portaudio *p = arg;
	atomic_store(&p->has_ended, true);
	dh_speaker_wake(p->device);
}

/* Open and start the stream. The library is entered. */
static int start(struct portaudio *p, const char *key, const char *alsa_name, struct dh_err *e)
{
	struct dh_portaudio_place place;
	int no_place = dh_portaudio_choose(&place, key, alsa_name, true, e);
	if (no_place)
		return no_place;
	p->channels = place.parameters.channelCount;
	PaError err = Pa_OpenStream(&p->stream, NULL, &place.parameters, RATE, BLOCK, paClipOff | paDitherOff, on_block, p);
	if (err != paNoError)
		return dh_portaudio_explain(err, key, e);
	const PaStreamInfo *info = Pa_GetStreamInfo(p->stream);
	p->latency_us = info ? (int64_t)(info->outputLatency * 1e6) : (int64_t)(DH_PORTAUDIO_BUFFER_S * 1e6);
	return dh_portaudio_start(p->stream, key, on_end, e);
}

static int portaudio_open(struct dh_speaker_device *d, struct dh_err *e)
{
	struct portaudio *p = d->priv;
	char alsa_name[DH_PULSE_NAME_BYTES];
	bool is_card = !strncmp(d->key, "card:", 5), is_default = !d->key[0] || !strcmp(d->key, "default");
	int no_server = is_card ? DH_ENODEV : dh_pulse_resolve_sink(d->key, alsa_name, sizeof(alsa_name), e);
	if (no_server && !is_card && !is_default)
		return no_server;
	p->device = d;
	atomic_store(&p->called_us, dh_now_us());
	int err = dh_portaudio_enter(false, e);
	if (!err)
		err = start(p, d->key, no_server ? NULL : alsa_name, e);
	dh_portaudio_leave(!err);
	return err;
}

static int portaudio_check(struct dh_speaker_device *d, int64_t *next_us, struct dh_err *e)
{
	struct portaudio *p = d->priv;
	if (atomic_load(&p->has_ended))
		return dh_fail(e, DH_ENODEV, "the speaker is gone: unplugged, or the sound server stopped");
	if (dh_now_us() - atomic_load(&p->called_us) > SILENT_US)
		return dh_fail(e, DH_ENODEV, "the speaker took nothing for %d s", (int)(SILENT_US / 1000000));
	return DH_OK;
}

static void portaudio_close(struct dh_speaker_device *d)
{
	struct portaudio *p = d->priv;
	dh_portaudio_close(p->stream);
}

const struct dh_speaker_driver dh_spk_portaudio = {
	.base = {.name = "portaudio", .doc = "Speakers, by PortAudio.", .priv_size = sizeof(struct portaudio)},
	.open = portaudio_open,
	.check = portaudio_check,
	.close = portaudio_close,
};
