/* A participant of a call, without its network: numbered pictures with a flash and sound with a beep at the start of each
 * second, encoded and put into an inbox by a thread of its own, in real time. */
#ifndef DH_TEST_REMOTE_SENDER_H
#define DH_TEST_REMOTE_SENDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/media/queue.h"
#include "agent/rtc/inbox.h"

enum { REMOTE_FPS = 30, REMOTE_FLASH_US = 100000 };

struct remote_sender {
	struct dh_inbox *inbox;
	/* -- set before start; codec, size, breaks and pauses may change any time */
	bool has_pictures, has_sound;
	int64_t picture_late_us;        /* on their way */
	_Atomic(enum dh_codec) codec;
	atomic_int width_px, height_px;
	atomic_bool breaks;             /* spoil the next picture that is no key frame */
	atomic_bool is_quiet;           /* send nothing */
	/* -- results */
	atomic_int sent, keys_wanted;
	/* -- its thread */
	pthread_t thread;
	struct dh_wake wake;
	atomic_bool is_stopping, wants_key;
	void *encoder, *sound_encoder;  /* AVCodecContext */
	enum dh_codec encoder_codec;
	int64_t start_us, next_sound, next_picture;
};

/* Make the inbox and begin. Returns NULL, or why it cannot be (an encoder is missing). */
const char *remote_sender_start(struct remote_sender *s);

/* Stop, and close the inbox. */
void remote_sender_stop(struct remote_sender *s);

#endif
