/* libFuzzer: what an agent with damaged memory may send to the writer of its recording, or (second bit of the first byte)
 * leave in its ring, behind a sound beginning or (first byte odd) none. The writer must come to its end, and what it leaves
 * must be finished, or nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/writer/message.h"
#include "agent/writer/ring.h"
#include "agent/writer/writer.h"
#include "common/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void begin(int socket, int file)
{
	struct dh_writer_open o = {.stream_count = 1, .log_name = "fuzz"};
	o.streams[0] = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 64, .height_px = 64};
	struct dh_writer_packet p = {.kind = DH_MEDIA_VIDEO, .is_key = 1};
	struct dh_writer_road road = {.fd = socket, .passed_fd = file};
	dh_writer_send(&road, DH_WRITER_OPEN, &(struct iovec){&o, sizeof(o)}, 1, NULL);
	road.passed_fd = -1;
	dh_writer_send(&road, DH_WRITER_PACKET, &(struct iovec){&p, sizeof(p)}, 1, NULL);
}

/* Packets that make some sense or none, and over them and the head of the memory what damages it. */
static void fill_ring(int memory, const uint8_t *bytes, size_t size)
{
	struct dh_ring ring;
	if (dh_ring_open(&ring, memory, NULL))
		abort();
	for (size_t at = 0, n; at < size; at += n) {
		const uint8_t *b = bytes + at;
		n = size - at < 64 ? size - at : 64;
		struct dh_writer_packet p = {.kind = 1 + (b[0] & 1), .is_key = b[0] & 2};
		p.pts_us = (int64_t)(at + b[0]) * 9999;
		struct iovec pieces[] = {{&p, b[0] & 4 ? 0 : sizeof(p)}, {(void *)(uintptr_t)b, n}};
		dh_ring_put(&ring, pieces, 2);
	}
	dh_ring_close(&ring);
	for (size_t at = 0; at + 3 <= size && at < 24; at += 3) {
		off_t where = bytes[at] & 1 ? 4096 + bytes[at + 1] : bytes[at + 1];
		if (bytes[at] & 2 && pwrite(memory, bytes + at + 2, 1, where) != 1)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int pair[2], memory, file = memfd_create("mp4", MFD_CLOEXEC);
	struct dh_mp4_facts facts;
	struct dh_err e;
	dh_log_configure(DH_LOG_OFF, false);
	if (size < 1 || size > 1 << 16 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		close(file);
		return 0;
	}
	bool has_begun = !(bytes[0] & 1);
	if (has_begun)
		begin(pair[0], file);
	if (dh_ring_memory_create(&memory, NULL))
		abort();
	if (bytes[0] & 2)
		fill_ring(memory, bytes + 1, size - 1);
	else if (write(pair[0], bytes + 1, size - 1) != (ssize_t)size - 1)
		abort();
	shutdown(pair[0], SHUT_WR);
	dh_writer_run(pair[1], memory);
	close(pair[0]);
	int err = dh_mp4_recover(file, NULL, NULL, &facts, &e);
	if (has_begun && (err || !facts.was_finished))
		abort();
	close(file);
	return 0;
}
