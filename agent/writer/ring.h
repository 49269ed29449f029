/* Packets on their way from the agent to the writer of a recording: memory that both have, one puts, the other takes, and
 * neither makes a system call for it. What was put is there for whoever takes, though the one who put it has died since;
 * what was being put then does not exist. Nobody is told when something comes: who takes looks by itself, or hears of it by
 * the socket (message.h). Each end belongs to one thread, and believes nothing that the other end may have written. */
#ifndef DH_WRITER_RING_H
#define DH_WRITER_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/err.h"

#define DH_RING_BYTES (4u << 20) /* 8 s at 0.5 MB a second; larger packets go by the socket */

struct dh_ring_memory;

struct dh_ring { /* one end */
	struct dh_ring_memory *memory; /* NULL: none */
	uint64_t at;   /* where it puts or takes next, in bytes since the beginning */
	uint64_t base; /* of the one who puts: the position at the begin of the memory */
};

/* Memory for one. The caller closes it; its size can never change, so that it cannot vanish under the other end. Any thread.
 * Errors: DH_ENOMEM. */
int dh_ring_memory_create(int *fd, struct dh_err *e);

/* Make an end of memory that is as it was created; fd is borrowed. Errors: DH_EPROTO it is none; DH_ENOMEM. */
int dh_ring_open(struct dh_ring *r, int fd, struct dh_err *e);
void dh_ring_close(struct dh_ring *r);

/* Put all pieces as one entry. Errors: DH_AGAIN no room until something is taken; DH_EINVAL larger than the ring;
 * DH_EPROTO what the other end says of itself is not possible. */
int dh_ring_put(struct dh_ring *r, const struct iovec *pieces, int count);
/* Bytes that were put and not yet taken, as far as the other end is to be believed. */
uint64_t dh_ring_waiting(const struct dh_ring *r);

/* Up to where there is something to take. */
uint64_t dh_ring_end(const struct dh_ring *r);
/* Whether a position is neither in front of what is next nor behind what there is. */
bool dh_ring_reaches(const struct dh_ring *r, uint64_t position);
/* Take the next entry in front of `until`. It lies in shared memory, and may change while it is read, until it is let go of.
 * Errors: DH_AGAIN nothing is there; DH_EPROTO what is there is no entry, or until is out of reach. */
int dh_ring_take(struct dh_ring *r, uint64_t until, struct iovec *entry);
/* Let go of what was taken: its place can be used again. */
void dh_ring_let_go(struct dh_ring *r);

#endif
