/* Sound for tests of echo cancelling, the same at each run: something like speech, noise, and a room in which a speaker
 * is heard by a microphone. All at 48 kHz, mono, nominal range -1..1. */
#ifndef DH_TEST_ECHO_ROOM_H
#define DH_TEST_ECHO_ROOM_H

enum { ROOM_RATE_HZ = 48000 };

struct echo_path {
	double delay_s;     /* from the speaker's sample to the microphone's */
	double gain_db;     /* of the echo against what is played */
	double drift_ppm;   /* the speaker's clock is so much slower than the microphone's */
	double jump_at_s, jump_s; /* the delay grows by jump_s at that time */
};

/* Syllables of voiced sound and hisses with pauses, about level_db (dBFS, rms while it sounds). */
void room_speech(float *out, int count, unsigned seed, double level_db);
void room_noise(float *out, int count, unsigned seed, double level_db); /* white */
void room_echo(float *out, const float *far, int count, const struct echo_path *path);

double room_rms_db(const float *x, int count); /* dBFS; -120 for silence */
/* Samples by which `late` lags behind `early`, 0..most: where their correlation is largest. */
int room_lag(const float *late, const float *early, int count, int most);
/* How much of `wanted` is in x, in dB (0: all of it), and how far below that all else lies. */
void room_compare(const float *x, const float *wanted, int count, double *kept_db, double *rest_db);

#endif
