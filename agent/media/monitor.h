/* What the desk hears: the remote members' sound, mixed, played by a speaker on a thread of its own, and told to the
 * voices of the microphones as what they must take out. A speaker that is lost is opened again, meanwhile sound is thrown away. */
#ifndef DH_MEDIA_MONITOR_H
#define DH_MEDIA_MONITOR_H

#include "agent/media/mixer.h"
#include "agent/media/speaker.h"
#include "agent/media/voice.h"
#include "common/loop.h"

struct dh_monitor;

/* Loop thread. driver: of the speaker, device: its KEY. Errors: DH_ENOMEM. */
int dh_monitor_create(struct dh_monitor **out, const char *log_name, const struct dh_speaker_driver *driver,
		      const char *device);
/* Its inputs are removed, its voices too. Waits for the speaker's 10 ms. Loop thread. */
void dh_monitor_destroy(struct dh_monitor *m);

/* Another device, from the next 10 ms on. Loop thread. */
void dh_monitor_set_device(struct dh_monitor *m, const struct dh_speaker_driver *driver, const char *device);
void dh_monitor_set_volume(struct dh_monitor *m, int percent); /* 0 to 100, smoothly; loop thread */

/* A member's place in the mix: dh_mixer_input_push(), dh_mixer_input_remove(). It plays while there is one. Loop thread. */
struct dh_mixer_input *dh_monitor_input_add(struct dh_monitor *m, const char *label);
void dh_monitor_input_removed(struct dh_monitor *m); /* after dh_mixer_input_remove() */

/* A microphone's voice hears what is played. Loop thread. */
void dh_monitor_add_voice(struct dh_monitor *m, const struct dh_voice_api *api, struct dh_voice *v);
void dh_monitor_remove_voice(struct dh_monitor *m, struct dh_voice *v);

struct dh_monitor_stats {
	int64_t played, missing; /* pieces of 10 ms; missing: silence for want of sound */
	bool is_open;
};
void dh_monitor_get_stats(struct dh_monitor *m, struct dh_monitor_stats *out); /* any thread */

#endif
