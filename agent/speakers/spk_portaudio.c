/* Speakers by PortAudio, which on Linux means ALSA and its "pulse" plug-in. */
#include <string.h>

#include <pa_linux_alsa.h>
#include <portaudio.h>

#include "agent/media/speaker.h"
#include "agent/sources/pulse_devices.h"
#include "common/clock.h"

#define BUFFER_S 0.04 /* what the device shall hold: less, and a busy machine is heard */

struct portaudio {
	PaStream *stream;
	double latency_s;
};

static int fail(PaError err, const char *key, struct dh_err *e)
{
	return dh_fail(e, err == paDeviceUnavailable ? DH_EBUSY : DH_ENODEV, "the speaker \"%.80s\" cannot be opened: %s",
		       key[0] ? key : "default", Pa_GetErrorText(err));
}

static int open_stream(struct portaudio *p, const char *key, struct dh_err *e)
{
	char alsa_name[DH_PULSE_NAME_BYTES];
	PaAlsaStreamInfo alsa;
	PaStreamParameters out = {.sampleFormat = paFloat32, .suggestedLatency = BUFFER_S, .channelCount = 2};
	if (!dh_pulse_resolve(key, alsa_name, sizeof(alsa_name), NULL)) {
		PaAlsa_InitializeStreamInfo(&alsa);
		alsa.deviceString = alsa_name;
		out.device = paUseHostApiSpecificDeviceSpecification;
		out.hostApiSpecificStreamInfo = &alsa;
	} else if (!key[0] || !strcmp(key, "default")) {
		out.device = Pa_GetDefaultOutputDevice();
		if (out.device == paNoDevice)
			return dh_fail(e, DH_ENODEV, "there is no speaker");
	} else {
		return dh_fail(e, DH_ENODEV, "there is no speaker \"%.80s\"", key);
	}
	PaError err = Pa_OpenStream(&p->stream, NULL, &out, 48000, DH_SPEAKER_SAMPLES, paClipOff | paDitherOff, NULL, NULL);
	if (err != paNoError)
		return fail(err, key, e);
	err = Pa_StartStream(p->stream);
	if (err != paNoError) {
		Pa_CloseStream(p->stream);
		return fail(err, key, e);
	}
	p->latency_s = Pa_GetStreamInfo(p->stream)->outputLatency;
	return DH_OK;
}

static int portaudio_open(struct dh_speaker *s, struct dh_err *e)
{
	dh_pulse_quiet();
	PaError err = Pa_Initialize();
	if (err != paNoError)
		return dh_fail(e, DH_ENODEV, "PortAudio: %s", Pa_GetErrorText(err));
	int failed = open_stream(s->priv, s->device, e);
	if (failed)
		Pa_Terminate();
	return failed;
}

static int portaudio_play(struct dh_speaker *s, const float *samples, int64_t *heard_us, struct dh_err *e)
{
	struct portaudio *p = s->priv;
	PaError err = Pa_WriteStream(p->stream, samples, DH_SPEAKER_SAMPLES);
	if (err != paNoError && err != paOutputUnderflowed) /* an underflow was heard already: go on */
		return dh_fail(e, DH_ENODEV, "the speaker is gone: %s", Pa_GetErrorText(err));
	/* what was just written stands at the end of the device's buffer */
	*heard_us = dh_now_us() + (int64_t)(p->latency_s * 1e6) - 10000;
	return DH_OK;
}

static void portaudio_close(struct dh_speaker *s)
{
	struct portaudio *p = s->priv;
	Pa_AbortStream(p->stream);
	Pa_CloseStream(p->stream);
	Pa_Terminate();
}

const struct dh_speaker_driver dh_spk_portaudio = {
	.base = {.name = "portaudio", .doc = "Speakers by PortAudio.", .priv_size = sizeof(struct portaudio)},
	.open = portaudio_open,
	.play = portaudio_play,
	.close = portaudio_close,
};
