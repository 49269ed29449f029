/* What the desk user hears of a call, and what that does to the microphones: a mixer of remote members, a speaker, and a
 * voice (echo, noise, gain) for each microphone. All functions: loop thread, unless they say otherwise. */
#ifndef DH_MEDIA_MONITOR_H
#define DH_MEDIA_MONITOR_H

#include "agent/media/mixer.h"
#include "agent/media/quality_echo.h"
#include "common/loop.h"

struct dh_monitor;
struct dh_monitor_voice;

enum dh_switch { DH_SWITCH_AUTO, DH_SWITCH_OFF, DH_SWITCH_ON }; /* auto: on while a remote member is there */

struct dh_monitor_settings {
	char driver[32]; /* "portaudio" */
	char device[128]; /* KEY: "" the default, "sink:NAME", "card:NAME" */
	int volume;      /* 0..100 % */
	enum dh_switch echo_cancel, noise_suppress, auto_gain;
};

/* driver: of the speaker. No thread runs and no device is open until a remote member comes. Errors: DH_ENOMEM. */
int dh_monitor_create(struct dh_monitor **out, struct dh_loop *loop, const char *log_name, const char *driver,
		      struct dh_err *e);
void dh_monitor_destroy(struct dh_monitor *m, void (*done)(void *arg), void *arg); /* all inputs and voices are gone */

/* At once, also in a call. Errors: DH_ENOTSUP a build without audio processing; DH_EINVAL, DH_ENOENT the speaker. */
int dh_monitor_set(struct dh_monitor *m, const struct dh_monitor_settings *s, struct dh_err *e);
const struct dh_monitor_settings *dh_monitor_settings(const struct dh_monitor *m);

/* A remote member with sound: push to the input, dh_mixer_input_push(). The speaker runs while there is one. */
struct dh_mixer_input *dh_monitor_input_add(struct dh_monitor *m, const char *label);
void dh_monitor_input_remove(struct dh_monitor *m, struct dh_mixer_input *in);

/* A microphone. NULL: there is no audio processing in this build, or no memory. */
struct dh_monitor_voice *dh_monitor_voice_add(struct dh_monitor *m);
void dh_monitor_voice_remove(struct dh_monitor_voice *v); /* no clean() may run or come; NULL is fine */
/* A frame through the voice, see dh_voice_api.capture. The microphone's thread. */
void dh_monitor_voice_clean(struct dh_monitor_voice *v, struct dh_frame *take,
			    void (*deliver)(void *arg, struct dh_frame *take), void *arg);
/* Whether what is played is heard in it after that. NULL: nothing is played. */
void dh_monitor_voice_echo(struct dh_monitor_voice *v, struct dh_echo_facts *out);

#endif
