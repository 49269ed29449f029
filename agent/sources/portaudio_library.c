/* The one PortAudio of this process; see portaudio_library.h. */
#include "agent/sources/portaudio_library.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "agent/sources/pulse_devices.h"

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;
/* -- protected by library_lock */
static bool is_initialised;
static int streams;

/* Lock held. */
static int initialise(struct dh_err *e)
{
	if (is_initialised)
		return DH_OK;
	dh_pulse_quiet();
	PaError err = Pa_Initialize();
	if (err != paNoError)
		return dh_fail(e, DH_EIO, "PortAudio does not start: %s", Pa_GetErrorText(err));
	PaAlsa_SetNumPeriods((int)(DH_PORTAUDIO_BUFFER_S / DH_PORTAUDIO_BLOCK_S));
	is_initialised = true;
	return DH_OK;
}

int dh_portaudio_enter(bool must_look, struct dh_err *e)
{
	pthread_mutex_lock(&library_lock);
	if (must_look && is_initialised && !streams) { /* PortAudio looks for devices only while it starts */
		Pa_Terminate();
		is_initialised = false;
	}
	return initialise(e);
}

void dh_portaudio_leave(int new_streams)
{
	streams += new_streams;
	pthread_mutex_unlock(&library_lock);
}

void dh_portaudio_name(const char *name, char *out, size_t size)
{
	const char *numbers = strstr(name, " (hw:");
	snprintf(out, size, "%.*s", numbers ? (int)(numbers - name) : (int)strlen(name), name);
}

void dh_portaudio_key(PaDeviceIndex index, char *out, size_t size)
{
	char name[96], other[96];
	int nth = 1;
	dh_portaudio_name(Pa_GetDeviceInfo(index)->name, name, sizeof(name));
	for (PaDeviceIndex i = 0; i < index; i++) {
		dh_portaudio_name(Pa_GetDeviceInfo(i)->name, other, sizeof(other));
		nth += !strcmp(name, other);
	}
	if (nth == 1)
		snprintf(out, size, "card:%s", name);
	else
		snprintf(out, size, "card:%s#%d", name, nth);
}

/* paNoDevice when there is none. */
static PaDeviceIndex find(const char *key, bool is_output)
{
	bool is_default = strncmp(key, "card:", 5) != 0;
	for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
		const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
		char other[112];
		dh_portaudio_key(i, other, sizeof(other));
		int channels = is_output ? info->maxOutputChannels : info->maxInputChannels;
		if (channels > 0 && (is_default ? strstr(info->name, "(hw:") != NULL : !strcmp(other, key)))
			return i;
	}
	return paNoDevice;
}

int dh_portaudio_choose(struct dh_portaudio_place *out, const char *key, const char *alsa_name, bool is_output,
			struct dh_err *e)
{
	PaStreamParameters *p = &out->parameters;
	*p = (PaStreamParameters){.sampleFormat = paFloat32, .suggestedLatency = DH_PORTAUDIO_BUFFER_S, .channelCount = 2};
	out->rate_hz = 48000;
	if (alsa_name) {
		PaAlsa_InitializeStreamInfo(&out->alsa);
		out->alsa.deviceString = alsa_name;
		p->device = paUseHostApiSpecificDeviceSpecification;
		p->hostApiSpecificStreamInfo = &out->alsa;
		return DH_OK;
	}
	p->device = find(key, is_output);
	const PaDeviceInfo *info = p->device == paNoDevice ? NULL : Pa_GetDeviceInfo(p->device);
	if (!info)
		return dh_fail(e, DH_ENODEV, "there is no %s \"%.80s\"", is_output ? "speaker" : "sound device",
			       key[0] ? key : "default");
	p->channelCount = (is_output ? info->maxOutputChannels : info->maxInputChannels) < 2 ? 1 : 2;
	out->rate_hz = (int)info->defaultSampleRate;
	return DH_OK;
}

int dh_portaudio_start(PaStream *stream, const char *key, PaStreamFinishedCallback *on_end, struct dh_err *e)
{
	Pa_SetStreamFinishedCallback(stream, on_end);
	PaError err = Pa_StartStream(stream);
	if (err == paNoError)
		return DH_OK;
	Pa_CloseStream(stream);
	return dh_portaudio_explain(err, key, e);
}

void dh_portaudio_close(PaStream *stream)
{
	dh_portaudio_enter(false, NULL);
	Pa_AbortStream(stream);
	Pa_CloseStream(stream);
	dh_portaudio_leave(-1);
}

int dh_portaudio_explain(PaError err, const char *key, struct dh_err *e)
{
	const char *name = key[0] ? key : "default";
	if (err == paDeviceUnavailable)
		return dh_fail(e, DH_EBUSY, "the sound device %.80s is used by another program", name);
	/* a server that has no such source says so only now, as a host error */
	return dh_fail(e, err == paUnanticipatedHostError || err == paInvalidDevice ? DH_ENODEV : DH_EIO,
		       "the sound device %.80s cannot be opened: %s", name, Pa_GetErrorText(err));
}
