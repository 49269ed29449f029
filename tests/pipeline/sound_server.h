/* A private PulseAudio server with two null sinks for tests: "lab", the default speaker, and "mic", whose monitor is the
 * default microphone. Each has a tone played into it. */
#ifndef DH_TEST_SOUND_SERVER_H
#define DH_TEST_SOUND_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#define SOUND_SERVER_LAB_HZ 1000
#define SOUND_SERVER_LAB_PEAK 0.5012 /* -6 dB */
#define SOUND_SERVER_MIC_HZ 440
#define SOUND_SERVER_MIC_PEAK 0.2512 /* -12 dB */

/* Make the directories and the tones, point the environment at them. False: there is no pulseaudio here. */
bool sound_server_prepare(void);

/* Start the server, wait until it answers, start the tones. */
bool sound_server_start(void);

/* One more null sink, silent. */
bool sound_server_add_sink(const char *name);

/* Kill the server as a crash would, and the players. */
void sound_server_kill(void);

/* Kill all and remove the directories. */
void sound_server_clean(void);

/* Wait for us microseconds of the agent clock: for foreign programs that send no event. */
void sound_server_pause(int64_t us);

#endif
