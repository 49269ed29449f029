/* Framing shared by the agent's socket, the native host and the command line: 4-byte length, then that many bytes
 * of JSON. Knows lengths only, never what is inside. Not the pictures: those are agent/media/frame.h. */
#ifndef DH_TRANSPORTS_FRAME_H
#define DH_TRANSPORTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DH_MSG_HEADER 4
/* SR-19: the absolute cap. Browsers take as much from a host and close the port over it. */
#define DH_MSG_MAX (1024 * 1024)
/* SR-19: what we send towards a host at most. */
#define DH_MSG_HOST_MAX (768 * 1024)

/* Takes a byte stream apart, in pieces of any size. */
struct dh_msg_reader {
	size_t limit;    /* greatest body, bytes */
	uint8_t head[DH_MSG_HEADER];
	size_t head_len; /* bytes of the length field seen */
	size_t want;     /* body size of the message under way */
	size_t got;      /* bytes of it in buf */
	uint64_t skip;   /* bytes of a refused body still to pass by */
	char *buf;
	size_t cap;
};

/* limit: greatest body in bytes. Any thread, one at a time. */
void dh_msg_reader_init(struct dh_msg_reader *r, size_t limit);
void dh_msg_reader_finish(struct dh_msg_reader *r);

/* Take bytes from *data (advanced, *size lowered) until one message is whole.
 * Returns 1: *msg (not NUL-ended, valid until the next call or until the input goes away) has *msg_size bytes.
 *         0: the input is used up, nothing whole yet.
 *         DH_ELIMIT: a message of *msg_size bytes is over the limit; its body is passed by in the calls that follow.
 *         DH_ENOMEM: as DH_ELIMIT. */
int dh_msg_reader_next(struct dh_msg_reader *r, const char **data, size_t *size, const char **msg, size_t *msg_size);

/* Whether the stream stands between two messages (an end of stream elsewhere lost something). */
bool dh_msg_reader_is_idle(const struct dh_msg_reader *r);

/* Write the length field for a body of size bytes. Native messaging uses the machine's order, and all machines
 * we run on are little-endian. */
void dh_msg_header(uint8_t out[DH_MSG_HEADER], size_t size);

#endif
