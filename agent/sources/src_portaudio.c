/* Microphones and system sound by PortAudio. Where a PulseAudio or PipeWire server runs, each of its sources is a device
 * (pulse_devices.c); elsewhere PortAudio's own devices are, by name. PortAudio's thread pushes the frames; the source
 * thread only watches over it. */
#include <portaudio.h>
#include <stdio.h>
#include <string.h>

#include "agent/media/queue.h"
#include "agent/media/source.h"
#include "agent/sources/portaudio_library.h"
#include "agent/sources/pulse_devices.h"
#include "agent/sources/sound_clock.h"
#include "common/clock.h"

#define BLOCK_S DH_PORTAUDIO_BLOCK_S   /* a frame, and a period of the device */
#define FIRST_US 6000000   /* a null sink that slept gives its first sound 2 s after the start */
#define PLACE_US 6000000   /* how often the server is asked whether it still gives the device that was asked for */
#define SILENT_US 3000000  /* no callback for so long: the device is dead */

struct portaudio {
	PaStream *stream;
	struct dh_source *source;
	struct dh_wake wake; /* set when the stream ended by itself */
	atomic_bool has_ended;
	atomic_llong called_us; /* agent time of the last callback, or of the opening */
	atomic_bool has_called;
	/* -- immutable after open */
	int rate_hz, channels;
	bool has_device_times; /* the device says when it took the samples, and can be believed */
	int64_t latency_us;
	/* -- source thread */
	int64_t place_us;
	int number; /* of the device at the server, when it was seen there; -1: not yet */
	/* -- PortAudio's thread */
	struct dh_sound_clock clock;
};

static const struct dh_param params[] = {
	{"latency_ms", DH_INT, "ms", 0, 500, 0, .doc = "age of the sound when it arrives, for microphones known to be late"},
	{0},
};

/* ---- list ---- */

/* Lock held. */
static void list_cards(struct dh_device_list *out)
{
	for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
		const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
		char key[112];
		dh_portaudio_key(i, key, sizeof(key));
		for (int output = 0; output < 2; output++) {
			if ((output ? info->maxOutputChannels : info->maxInputChannels) <= 0)
				continue;
			enum dh_device_kind kind = output ? DH_DEVICE_SPEAKER : DH_DEVICE_MICROPHONE;
			struct dh_device *d = dh_device_list_add(out, kind, "portaudio");
			snprintf(d->id, sizeof(d->id), "portaudio:%s", key);
			dh_portaudio_name(info->name, d->name, sizeof(d->name));
			d->is_default = i == (output ? Pa_GetDefaultOutputDevice() : Pa_GetDefaultInputDevice());
		}
	}
}

static int portaudio_list(struct dh_device_list *out, struct dh_err *e)
{
	if (dh_pulse_list(out, "portaudio", NULL) == DH_OK)
		return DH_OK;
	int err = dh_portaudio_enter(true, e);
	if (!err)
		list_cards(out);
	dh_portaudio_leave(0);
	return err;
}

/* ---- PortAudio's thread ---- */

static int on_block(const void *input, void *output, unsigned long count, const PaStreamCallbackTimeInfo *times,
		    PaStreamCallbackFlags flags, void *arg)
{
	struct portaudio *p = arg;
	int64_t now_us = dh_now_us(), pts_us, lost;
	bool did_lose = flags & (paInputOverflow | paInputUnderflow);
	atomic_store(&p->called_us, now_us);
	atomic_store(&p->has_called, true);
	int64_t taken_us = now_us - p->latency_us;
	if (p->has_device_times && times->inputBufferAdcTime > 0) {
		/* the first sample's age, less the block's length: the last one's */
		double age_s = times->currentTime - times->inputBufferAdcTime - (double)count / p->rate_hz;
		taken_us -= age_s > 0 && age_s < 0.5 ? (int64_t)(age_s * 1e6) : 0;
	}
	bool is_timed = dh_sound_clock_block(&p->clock, (int)count, taken_us, &pts_us, &lost);
	if (did_lose || lost) /* at least one block; else as many as their sound would fill */
		atomic_fetch_add(&p->source->dropped, 1 + (lost > 0 ? (lost - 1) / (long)count : 0));
	if (!is_timed || !input)
		return paContinue;
	struct dh_frame *f = dh_frame_new_audio((int)count, p->channels, p->rate_hz);
	if (!f) {
		atomic_fetch_add(&p->source->dropped, 1);
		return paContinue;
	}
	memcpy(f->samples, input, sizeof(float) * count * (size_t)p->channels);
	f->pts_us = pts_us;
	dh_source_push(p->source, f);
	return paContinue;
}

static void on_end(void *arg)
{
	struct portaudio *p = arg;
	atomic_store(&p->has_ended, true);
	dh_wake_set(&p->wake);
}

/* ---- source thread ---- */

/* Open and start the stream. Lock held. */
static int start(struct portaudio *p, const char *key, const char *alsa_name, struct dh_err *e)
{
	struct dh_portaudio_place place;
	int no_place = dh_portaudio_choose(&place, key, alsa_name, false, e);
	if (no_place)
		return no_place;
	p->has_device_times = !alsa_name;
	p->rate_hz = place.rate_hz;
	p->channels = place.parameters.channelCount;
	dh_sound_clock_init(&p->clock, p->rate_hz);
	PaError err = Pa_OpenStream(&p->stream, &place.parameters, NULL, p->rate_hz, (unsigned long)(p->rate_hz * BLOCK_S),
				    paClipOff | paDitherOff, on_block, p);
	if (err != paNoError)
		return dh_portaudio_explain(err, key, e);
	return dh_portaudio_start(p->stream, key, on_end, e);
}

static int portaudio_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct portaudio *p = s->priv;
	char alsa_name[DH_PULSE_NAME_BYTES];
	struct dh_err card_why = {0};
	bool is_card = !strncmp(s->device, "card:", 5), is_default = !s->device[0] || !strcmp(s->device, "default");
	int no_server = is_card ? DH_ENODEV : dh_pulse_resolve(s->device, alsa_name, sizeof(alsa_name), e);
	if (no_server && !is_card && !is_default)
		return no_server;
	memset(p, 0, sizeof(*p));
	p->source = s;
	p->latency_us = dh_arg_int(a, "latency_ms") * 1000;
	atomic_store(&p->called_us, dh_now_us());
	p->number = -1;
	atomic_store(&s->has_other_device, false);
	dh_wake_init(&p->wake);
	int err = dh_portaudio_enter(false, &card_why);
	if (!err)
		err = start(p, s->device, no_server ? NULL : alsa_name, &card_why);
	dh_portaudio_leave(!err);
	if (!err)
		return DH_OK;
	dh_wake_finish(&p->wake);
	if (no_server && is_default) /* without a server and without a card: what the server said helps more */
		return no_server;
	if (e)
		*e = card_why;
	return err;
}

/* A server does not end a stream whose source goes, if it has another one for it. Once the source is back, under a new
 * number, the stream is opened again: PulseAudio leaves it where it is. One that somebody moved, stays. */
static int check_place(struct dh_source *s, struct dh_err *e)
{
	struct portaudio *p = s->priv;
	int number;
	if (strncmp(s->device, "pulse:", 6) != 0 || dh_now_us() < p->place_us)
		return DH_OK;
	bool is_elsewhere = dh_pulse_is_elsewhere(s->device + 6, &number);
	if (is_elsewhere && number >= 0 && p->number >= 0 && number != p->number)
		return dh_fail(e, DH_ENODEV, "the sound device was unplugged, and is back");
	if (!is_elsewhere && number >= 0)
		p->number = number;
	atomic_store(&s->has_other_device, is_elsewhere);
	p->place_us = dh_now_us() + PLACE_US;
	return DH_OK;
}

static int portaudio_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct portaudio *p = s->priv;
	const int64_t end_us = dh_now_us() + timeout_us;
	dh_wake_wait(&p->wake, end_us);
	if (atomic_load(&p->has_ended))
		return dh_fail(e, DH_ENODEV, "the sound device is gone: unplugged, or the sound server stopped");
	if (dh_now_us() - end_us > SILENT_US / 2)
		return DH_AGAIN; /* this process stood still, not the device */
	int err = check_place(s, e);
	if (err)
		return err;
	int64_t silent_us = dh_now_us() - atomic_load(&p->called_us);
	if (silent_us > (atomic_load(&p->has_called) ? SILENT_US : FIRST_US))
		return dh_fail(e, DH_ENODEV, "the sound device gave nothing for %d s", (int)(silent_us / 1000000));
	return DH_AGAIN;
}

static void portaudio_close(struct dh_source *s)
{
	struct portaudio *p = s->priv;
	dh_portaudio_close(p->stream);
	dh_wake_finish(&p->wake);
}

const struct dh_source_driver dh_src_portaudio = {
	.base = {.name = "portaudio", .doc = "Microphones and what the computer plays, by PortAudio.", .params = params,
		 .priv_size = sizeof(struct portaudio)},
	.list = portaudio_list,
	.open = portaudio_open,
	.read = portaudio_read,
	.close = portaudio_close,
};
