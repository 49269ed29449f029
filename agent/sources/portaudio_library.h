/* PortAudio is one per process: its lock, its start, its devices. Shared by microphones and speakers. */
#ifndef DH_SOURCES_PORTAUDIO_LIBRARY_H
#define DH_SOURCES_PORTAUDIO_LIBRARY_H

#include <pa_linux_alsa.h>
#include <portaudio.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define DH_PORTAUDIO_BLOCK_S 0.01
#define DH_PORTAUDIO_BUFFER_S 0.1 /* how late a callback may be before sound is lost */

/* Take the lock and start the library. must_look: look for devices anew, if no stream is open. Leave it in any case, also
 * after an error. new_streams: opened (1) or closed (-1) meanwhile. Any thread. Errors: DH_EIO. */
int dh_portaudio_enter(bool must_look, struct dh_err *e);
void dh_portaudio_leave(int new_streams);

/* -- between enter and leave */
/* PortAudio's name without the numbers of card and device, which change: "USB Mic: Audio (hw:1,0)". */
void dh_portaudio_name(const char *name, char *out, size_t size);
/* "card:NAME", with "#2" for the second of that name. */
void dh_portaudio_key(PaDeviceIndex index, char *out, size_t size);
/* Where to open a stream. Not to be copied: parameters points into it. */
struct dh_portaudio_place {
	PaStreamParameters parameters; /* 32 bit floats; 2 channels, or 1 of a device that has no more */
	PaAlsaStreamInfo alsa;
	int rate_hz; /* the device's own; 48000 of a server */
};
/* alsa_name: of a sound server's device, else NULL: the card with this KEY. The default is a real card: "default" and
 * "pulse" of a server that is gone may still be in PortAudio's list. Errors: DH_ENODEV. */
int dh_portaudio_choose(struct dh_portaudio_place *out, const char *key, const char *alsa_name, bool is_output,
			struct dh_err *e);
/* Start a stream that was opened; on_end(arg of the stream) when it ends by itself. It is closed after an error. */
int dh_portaudio_start(PaStream *stream, const char *key, PaStreamFinishedCallback *on_end, struct dh_err *e);
int dh_portaudio_explain(PaError err, const char *key, struct dh_err *e); /* returns its code */

/* -- outside of enter and leave */
/* Joins PortAudio's thread. */
void dh_portaudio_close(PaStream *stream);

#endif
