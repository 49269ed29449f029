/* The one PortAudio of this process; see portaudio_library.h. */
#include "agent/sources/portaudio_library.h"

#include <pa_linux_alsa.h>
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

PaDeviceIndex dh_portaudio_find(const char *key, bool is_output)
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

int dh_portaudio_explain(PaError err, const char *key, struct dh_err *e)
{
	const char *name = key[0] ? key : "default";
	if (err == paDeviceUnavailable)
		return dh_fail(e, DH_EBUSY, "the sound device %.80s is used by another program", name);
	/* a server that has no such source says so only now, as a host error */
	return dh_fail(e, err == paUnanticipatedHostError || err == paInvalidDevice ? DH_ENODEV : DH_EIO,
		       "the sound device %.80s cannot be opened: %s", name, Pa_GetErrorText(err));
}
