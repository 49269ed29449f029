/* The ring between the agent and the writer of a recording: everything comes out once, in order and unchanged, whatever the
 * sizes; full and empty; two threads at it; and what one end may find when the other has gone mad. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/writer/ring.h"
#include "common/thread.h"
#include "tst.h"

#define LARGEST (DH_RING_BYTES - 16)
#define DATA_AT 4096

struct ends {
	int memory;
	struct dh_ring put, take;
};

static void open_ends(struct ends *x)
{
	TST_EQ(dh_ring_memory_create(&x->memory, NULL), DH_OK);
	TST_EQ(dh_ring_open(&x->put, x->memory, NULL), DH_OK);
	x->take = x->put; /* in the same place, so that ThreadSanitizer sees both */
}

static void close_ends(struct ends *x)
{
	dh_ring_close(&x->put);
	close(x->memory);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Mostly small ones, now and then one of up to a sixth of the ring. */
static size_t any_size(uint32_t *seed)
{
	uint32_t n = next(seed);
	return n % 50 ? n / 50 % 9000 : n % (DH_RING_BYTES / 6);
}

static int put_made(struct ends *x, uint8_t *room, uint32_t number, size_t size)
{
	memset(room, (int)(number % 251), size);
	return dh_ring_put(&x->put, (struct iovec[]){{&number, sizeof(number)}, {NULL, 0}, {room, size}}, 3);
}

static bool is_made(const struct iovec *entry, uint32_t number, size_t size)
{
	const uint8_t *p = entry->iov_base;
	bool is_good = entry->iov_len == size + sizeof(number) && !memcmp(p, &number, sizeof(number));
	for (size_t i = 0; is_good && i < size; i++)
		is_good = p[sizeof(number) + i] == number % 251;
	return is_good;
}

static void in_order(void)
{
	struct ends x;
	uint8_t *room = malloc(DH_RING_BYTES);
	uint32_t put_seed = 1, take_seed = 1, put = 0, taken = 0, bad = 0, full = 0;
	size_t size = any_size(&put_seed);
	open_ends(&x);
	while (taken < 3000) {
		int err = put_made(&x, room, put, size);
		put += !err;
		size = err ? size : any_size(&put_seed);
		full += err == DH_AGAIN;
		struct iovec entry;
		uint64_t end = dh_ring_end(&x.take);
		while (err && !dh_ring_take(&x.take, end, &entry)) {
			bad += !is_made(&entry, taken, any_size(&take_seed));
			taken++;
		}
		if (err)
			dh_ring_let_go(&x.take);
	}
	TST_EQ(bad, 0);
	TST_CHECK(full > 3);
	close_ends(&x);
	free(room);
}

/* What is in front of `until`, and no more; its place is used again only when it was let go of. */
static void up_to_a_place(void)
{
	struct ends x;
	struct iovec entry;
	static uint8_t half[DH_RING_BYTES / 2];
	open_ends(&x);
	TST_EQ(put_made(&x, half, 0, 10), DH_OK);
	uint64_t place = x.put.at;
	TST_EQ(put_made(&x, half, 1, 10), DH_OK);
	TST_EQ(dh_ring_take(&x.take, place, &entry), DH_OK);
	TST_CHECK(is_made(&entry, 0, 10));
	TST_EQ(dh_ring_take(&x.take, place, &entry), DH_AGAIN);
	TST_EQ(dh_ring_take(&x.take, dh_ring_end(&x.take), &entry), DH_OK);
	TST_EQ(dh_ring_take(&x.take, dh_ring_end(&x.take), &entry), DH_AGAIN);
	dh_ring_let_go(&x.take);
	TST_EQ(dh_ring_waiting(&x.put), 0);
	TST_EQ(put_made(&x, half, 2, sizeof(half) - 100), DH_OK);
	TST_EQ(put_made(&x, half, 3, sizeof(half) / 2), DH_OK);
	TST_EQ(dh_ring_take(&x.take, dh_ring_end(&x.take), &entry), DH_OK);
	TST_EQ(put_made(&x, half, 4, sizeof(half) - 200), DH_AGAIN);
	dh_ring_let_go(&x.take);
	TST_EQ(put_made(&x, half, 4, sizeof(half) - 200), DH_OK);
	for (uint32_t i = 3; i < 5; i++) {
		TST_EQ(dh_ring_take(&x.take, dh_ring_end(&x.take), &entry), DH_OK);
		TST_CHECK(is_made(&entry, i, i == 3 ? sizeof(half) / 2 : sizeof(half) - 200));
	}
	close_ends(&x);
}

/* Wherever the ring stands: there is room as soon as all was taken. */
static void large_ones(void)
{
	struct ends x;
	struct iovec entry;
	uint8_t *room = malloc(DH_RING_BYTES);
	int bad = 0;
	open_ends(&x);
	TST_EQ(put_made(&x, room, 0, LARGEST - 3), DH_EINVAL);
	for (uint32_t i = 0; i < 40; i++) {
		size_t size = i % 2 ? LARGEST - 4 : 100000 * (size_t)i;
		bad += put_made(&x, room, i, size) || dh_ring_take(&x.take, dh_ring_end(&x.take), &entry) ||
		       !is_made(&entry, i, size);
		dh_ring_let_go(&x.take);
	}
	TST_EQ(bad, 0);
	close_ends(&x);
	free(room);
}

/* As a recording does it: what is taken each time is little, and so is the memory that is ever touched. */
static void few_pages(void)
{
	struct ends x;
	struct iovec entry;
	static uint8_t room[8000];
	unsigned char pages[(DATA_AT + DH_RING_BYTES) / 4096];
	size_t touched = 0;
	open_ends(&x);
	for (uint32_t i = 0; i < 5000; i++) {
		TST_EQ(put_made(&x, room, i, sizeof(room)), DH_OK);
		if (i % 10)
			continue;
		while (!dh_ring_take(&x.take, dh_ring_end(&x.take), &entry))
			;
		dh_ring_let_go(&x.take);
	}
	TST_EQ(mincore(x.put.memory, sizeof(pages) * 4096, pages), 0);
	for (size_t i = 0; i < sizeof(pages); i++)
		touched += pages[i] & 1;
	TST_CHECK(touched <= 64);
	close_ends(&x);
}

#define MANY 20000

static void *put_many(void *arg)
{
	struct ends *x = arg;
	uint8_t *room = malloc(DH_RING_BYTES);
	uint32_t seed = 7;
	for (uint32_t i = 0; i < MANY; i++) {
		size_t size = any_size(&seed) / 8;
		int err;
		while ((err = put_made(x, room, i, size)) == DH_AGAIN)
			sched_yield();
		TST_EQ(err, DH_OK);
	}
	free(room);
	return NULL;
}

static void two_threads(void)
{
	struct ends x;
	pthread_t thread;
	uint32_t seed = 7, taken = 0, bad = 0;
	open_ends(&x);
	TST_CHECK(dh_thread_start(&thread, "puts", put_many, &x));
	while (taken < MANY && !bad) {
		struct iovec entry;
		int err = dh_ring_take(&x.take, dh_ring_end(&x.take), &entry);
		if (err == DH_AGAIN) {
			dh_ring_let_go(&x.take);
			sched_yield();
			continue;
		}
		bad += err || !is_made(&entry, taken++, any_size(&seed) / 8);
		if (taken % 16 == 0)
			dh_ring_let_go(&x.take);
	}
	dh_ring_let_go(&x.take);
	pthread_join(thread, NULL);
	TST_EQ(bad, 0);
	TST_EQ(dh_ring_take(&x.take, dh_ring_end(&x.take), &(struct iovec){0}), DH_AGAIN);
	close_ends(&x);
}

/* The one who takes against every wrong byte: an entry within the memory, or DH_EPROTO, and it comes to an end. */
static void nonsense(void)
{
	int bad = 0, found = 0;
	for (size_t at = 0; at < DATA_AT + 400; at += at == 128 ? DATA_AT - 128 : 1) {
		struct ends x;
		struct iovec entry;
		uint8_t byte, room[100];
		int err = DH_OK, count = 0;
		open_ends(&x);
		for (uint32_t i = 0; i < 3; i++)
			bad += put_made(&x, room, i, sizeof(room)) != DH_OK;
		bad += pread(x.memory, &byte, 1, (off_t)at) != 1;
		byte ^= 0xff;
		bad += pwrite(x.memory, &byte, 1, (off_t)at) != 1;
		for (uint64_t end = dh_ring_end(&x.take); !err && count < 10; count += !err) {
			err = dh_ring_take(&x.take, end, &entry);
			const uint8_t *data = (const uint8_t *)x.take.memory + DATA_AT, *p = entry.iov_base;
			bad += !err && (p < data || p + entry.iov_len > data + DH_RING_BYTES);
		}
		bad += count > 3;
		found += err == DH_EPROTO;
		close_ends(&x);
	}
	TST_EQ(bad, 0);
	TST_CHECK(found >= 3 * 12); /* each head's position and kind */
}

/* The one who puts against an other end that says it took more than there was, or gave back more than there is. */
static void nonsense_taken(void)
{
	static const uint64_t said[] = {1u << 20, UINT64_MAX - DH_RING_BYTES, UINT64_MAX / 2};
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct ends x;
		uint8_t room[100];
		open_ends(&x);
		TST_EQ(put_made(&x, room, 0, sizeof(room)), DH_OK);
		x.take.at = said[i];
		dh_ring_let_go(&x.take);
		TST_EQ(put_made(&x, room, 0, sizeof(room)), DH_EPROTO);
		close_ends(&x);
	}
}

static void only_sealed_memory(void)
{
	struct dh_ring r;
	int fd = memfd_create("size", MFD_CLOEXEC | MFD_ALLOW_SEALING), memory;
	TST_EQ(ftruncate(fd, DATA_AT + DH_RING_BYTES), 0);
	TST_EQ(dh_ring_open(&r, fd, NULL), DH_EPROTO);
	TST_EQ(dh_ring_open(&r, -1, NULL), DH_EPROTO);
	TST_EQ(dh_ring_memory_create(&memory, NULL), DH_OK);
	TST_EQ(ftruncate(memory, DATA_AT), -1);
	close(memory);
	close(fd);
}

TST_MAIN({"in order, at all sizes", in_order}, {"up to a place", up_to_a_place}, {"as large as the ring", large_ones},
	 {"few pages are used", few_pages}, {"two threads", two_threads}, {"nonsense to take", nonsense},
	 {"nonsense taken", nonsense_taken}, {"only memory that cannot shrink", only_sealed_memory})
