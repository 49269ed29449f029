/* What a PulseAudio or PipeWire server offers, and the ALSA name by which PortAudio reaches each of it.
 * PortAudio 19.6 on Linux knows ALSA only; ALSA's "pulse" plug-in takes a device as argument. */
#ifndef DH_SOURCES_PULSE_DEVICES_H
#define DH_SOURCES_PULSE_DEVICES_H

#include <stddef.h>

#include "agent/media/device.h"

#define DH_PULSE_NAME_BYTES 160

/* Silence what ALSA and JACK print on stderr while PortAudio looks for devices. Call before Pa_Initialize(). */
void dh_pulse_quiet(void);

/* Add microphones, monitors ("system") and speakers. Blocks, 2 s at most. Errors: DH_ENODEV: no server, or no
 * `pactl` to ask it with. */
int dh_pulse_list(struct dh_device_list *out, const char *driver, struct dh_err *e);

/* ALSA name for a device KEY: "" and "default", "monitor" (of the default speaker), "pulse:NAME". Tries whether the
 * server answers. Errors: DH_ENODEV no server or plug-in; DH_EBUSY; DH_EINVAL not such a KEY. */
int dh_pulse_resolve(const char *key, char *out, size_t size, struct dh_err *e);
/* Whether this process records, but not from the source NAME: the server moved the stream elsewhere, because the source
 * went or somebody asked it to. number: of the source NAME, a new one each time it comes; -1: it is not there. Blocks, 2 s
 * at most; false and -1 when the server does not say. */
bool dh_pulse_is_elsewhere(const char *name, int *number);
/* As dh_pulse_resolve(), for a speaker: "" and "default", "sink:NAME". */
int dh_pulse_resolve_sink(const char *key, char *out, size_t size, struct dh_err *e);

#endif
