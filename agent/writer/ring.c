/* See ring.h. An entry is a head and its bytes, in one piece: where it does not fit before the end of the memory, an entry
 * that is to be skipped fills that. An empty ring goes on at the begin of the memory, so that few of its pages are ever
 * used: the one who puts says which position is there now, and nobody looks at one in front of it any more. */
#include "agent/writer/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define LINE_BYTES 64 /* of the processor's cache: the two ends write to different ones */
#define PAGE_BYTES 4096

struct dh_ring_memory {
	_Alignas(LINE_BYTES) atomic_ullong put;   /* all in front of it may be taken */
	atomic_ullong base; /* the position that stands at the begin of the memory; it changes when all was taken */
	_Alignas(LINE_BYTES) atomic_ullong taken; /* all in front of it may be overwritten */
	_Alignas(PAGE_BYTES) uint8_t data[DH_RING_BYTES];
};

enum { ENTRY = 1, SKIP };

struct head {
	uint64_t at; /* where it stands: tells it from what was here a round ago */
	uint32_t kind;
	uint32_t size; /* of what follows */
};

/* An entry begins at a multiple of a head, so that there is always room for the one that fills the end. */
static uint64_t bytes_of(uint64_t size)
{
	return sizeof(struct head) + (size + sizeof(struct head) - 1) / sizeof(struct head) * sizeof(struct head);
}

int dh_ring_memory_create(int *out, struct dh_err *e)
{
	int fd = memfd_create("deskhand-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && !ftruncate(fd, sizeof(struct dh_ring_memory)) && !fcntl(fd, F_ADD_SEALS, SEALS)) {
		*out = fd;
		return DH_OK;
	}
	int failed = errno;
	if (fd >= 0)
		close(fd);
	return dh_fail(e, DH_ENOMEM, "no memory for the packets of a recording: %s", strerror(failed));
}

int dh_ring_open(struct dh_ring *r, int fd, struct dh_err *e)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) || st.st_size != sizeof(struct dh_ring_memory))
		return dh_fail(e, DH_EPROTO, "this is no memory for the packets of a recording");
	void *memory = mmap(NULL, sizeof(struct dh_ring_memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return dh_fail(e, DH_ENOMEM, "no memory for the packets of a recording: %s", strerror(errno));
	*r = (struct dh_ring){.memory = memory};
	return DH_OK;
}

void dh_ring_close(struct dh_ring *r)
{
	if (r->memory)
		munmap(r->memory, sizeof(*r->memory));
	*r = (struct dh_ring){0};
}

/* ---- putting ---- */

/* Returns where its bytes begin. */
static uint8_t *put_head(struct dh_ring *r, uint32_t kind, uint64_t size)
{
	struct head h = {r->at, kind, (uint32_t)size};
	uint8_t *p = r->memory->data + (r->at - r->base) % DH_RING_BYTES;
	memcpy(p, &h, sizeof(h));
	return p + sizeof(h);
}

/* From here on it is there. */
static void commit(struct dh_ring *r, uint64_t bytes)
{
	r->at += bytes;
	atomic_store_explicit(&r->memory->put, r->at, memory_order_release);
}

uint64_t dh_ring_waiting(const struct dh_ring *r)
{
	return r->at - atomic_load_explicit(&r->memory->taken, memory_order_acquire);
}

int dh_ring_put(struct dh_ring *r, const struct iovec *pieces, int count)
{
	uint64_t size = 0, waiting = dh_ring_waiting(r);
	for (int i = 0; i < count; i++)
		size += pieces[i].iov_len;
	uint64_t need = bytes_of(size);
	if (size > DH_RING_BYTES || need > DH_RING_BYTES)
		return DH_EINVAL;
	if (waiting > DH_RING_BYTES)
		return DH_EPROTO;
	if (!waiting) {
		r->base = r->at;
		atomic_store_explicit(&r->memory->base, r->base, memory_order_relaxed); /* commit() makes it known */
	}
	uint64_t to_end = DH_RING_BYTES - (r->at - r->base) % DH_RING_BYTES, skip = need > to_end ? to_end : 0;
	if (waiting + skip + need > DH_RING_BYTES)
		return DH_AGAIN;
	if (skip) {
		put_head(r, SKIP, skip - sizeof(struct head));
		commit(r, skip);
	}
	uint8_t *to = put_head(r, ENTRY, size);
	for (int i = 0; i < count; to += pieces[i++].iov_len)
		if (pieces[i].iov_len)
			memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
	commit(r, need);
	return DH_OK;
}

/* ---- taking ---- */

uint64_t dh_ring_end(const struct dh_ring *r)
{
	return atomic_load_explicit(&r->memory->put, memory_order_acquire);
}

bool dh_ring_reaches(const struct dh_ring *r, uint64_t position)
{
	uint64_t here = dh_ring_end(r) - r->at;
	return position == r->at || (here <= DH_RING_BYTES && position - r->at <= here);
}

int dh_ring_take(struct dh_ring *r, uint64_t until, struct iovec *entry)
{
	if (!dh_ring_reaches(r, until))
		return DH_EPROTO;
	uint64_t base = atomic_load_explicit(&r->memory->base, memory_order_relaxed);
	while (r->at != until) {
		struct head h;
		uint64_t place = (r->at - base) % DH_RING_BYTES, bytes;
		uint8_t *p = r->memory->data + place;
		if (until - r->at < sizeof(h) || place % sizeof(h))
			return DH_EPROTO;
		memcpy(&h, p, sizeof(h)); /* once: it may change */
		bytes = bytes_of(h.size);
		if (h.at != r->at || bytes > DH_RING_BYTES - place || bytes > until - r->at ||
		    (h.kind != ENTRY && h.kind != SKIP))
			return DH_EPROTO;
		r->at += bytes;
		if (h.kind == ENTRY) {
			*entry = (struct iovec){p + sizeof(h), h.size};
			return DH_OK;
		}
	}
	return DH_AGAIN;
}

void dh_ring_let_go(struct dh_ring *r)
{
	atomic_store_explicit(&r->memory->taken, r->at, memory_order_release);
}
