/* PortAudio is one per process: its lock, its start, its devices. Shared by microphones and speakers. */
#ifndef DH_SOURCES_PORTAUDIO_LIBRARY_H
#define DH_SOURCES_PORTAUDIO_LIBRARY_H

#include <portaudio.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define DH_PORTAUDIO_BLOCK_S 0.01
#define DH_PORTAUDIO_BUFFER_S 0.1

/* Take the lock and start the library. must_look: look for devices anew, if no stream is open. Leave it in any case, also
 * after an error. new_streams: opened (1) or closed (-1) meanwhile. Any thread. Errors: DH_EIO. */
int dh_portaudio_enter(bool must_look, struct dh_err *e);
void dh_portaudio_leave(int new_streams);

/* -- between enter and leave */
/* PortAudio's name without the numbers of card and device, which change: "USB Mic: Audio (hw:1,0)". */
void dh_portaudio_name(const char *name, char *out, size_t size);
/* "card:NAME", with "#2" for the second of that name. */
void dh_portaudio_key(PaDeviceIndex index, char *out, size_t size);
/* PortAudio's device for a KEY; paNoDevice when there is none. The default is a real card: "default" and "pulse" of a
 * server that is gone may still be in PortAudio's list. */
PaDeviceIndex dh_portaudio_find(const char *key, bool is_output);
int dh_portaudio_explain(PaError err, const char *key, struct dh_err *e); /* returns its code */

#endif
