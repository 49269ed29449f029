/* The fake speaker: takes sound at the pace of the agent's clock and lets nobody hear it. */
#include <poll.h>
#include <time.h>

#include "agent/media/speaker.h"
#include "common/clock.h"

#define AHEAD_US 20000 /* as a device that holds two blocks */

struct null {
	int64_t next_us; /* heard */
};

static int null_open(struct dh_speaker *s, struct dh_err *e)
{
	struct null *n = s->priv;
	n->next_us = dh_now_us() + AHEAD_US;
	return DH_OK;
}

static int null_play(struct dh_speaker *s, const float *samples, int64_t *heard_us, struct dh_err *e)
{
	struct null *n = s->priv;
	int64_t wait_us = n->next_us - AHEAD_US - dh_now_us();
	if (wait_us > 0) {
		struct timespec ts = {.tv_nsec = (wait_us < 100000 ? wait_us : 100000) * 1000};
		ppoll(NULL, 0, &ts, NULL);
	}
	*heard_us = n->next_us;
	n->next_us += 10000;
	return DH_OK;
}

static void null_close(struct dh_speaker *s)
{
}

const struct dh_speaker_driver dh_spk_null = {
	.base = {.name = "null", .doc = "Nobody hears it.", .priv_size = sizeof(struct null)},
	.is_fake = true,
	.open = null_open,
	.play = null_play,
	.close = null_close,
};
