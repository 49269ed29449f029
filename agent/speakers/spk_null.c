/* A speaker that nobody hears: takes sound at the clock's pace. The fake for tests and machines without sound. */
#include "agent/media/speaker.h"
#include "common/clock.h"

enum { BLOCK = 480 };
#define BLOCK_US 10000

struct null {
	int64_t next_us; /* when the next block is heard */
	float block[2 * BLOCK];
};

static int null_open(struct dh_speaker_device *d, struct dh_err *e)
{
	struct null *n = d->priv;
	n->next_us = dh_now_us() + BLOCK_US;
	return DH_OK;
}

static int null_check(struct dh_speaker_device *d, int64_t *next_us, struct dh_err *e)
{
	struct null *n = d->priv;
	int64_t now_us = dh_now_us();
	if (now_us - n->next_us > 1000000)
		n->next_us = now_us; /* this process stood still */
	for (; n->next_us <= now_us + BLOCK_US; n->next_us += BLOCK_US)
		dh_speaker_pull(d, n->block, BLOCK, n->next_us);
	*next_us = n->next_us - BLOCK_US;
	return DH_OK;
}

static void null_close(struct dh_speaker_device *d)
{
}

const struct dh_speaker_driver dh_spk_null = {
	.base = {.name = "null", .doc = "Nobody hears it.", .priv_size = sizeof(struct null)},
	.is_fake = true,
	.open = null_open,
	.check = null_check,
	.close = null_close,
};
