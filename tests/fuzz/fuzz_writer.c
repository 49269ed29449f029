/* libFuzzer: what an agent with damaged memory may send to the writer of its recording, behind a sound beginning or (first
 * byte odd) none. The writer must come to its end, and what it leaves must be finished, or nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/writer/message.h"
#include "agent/writer/writer.h"
#include "common/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void begin(int socket, int file)
{
	struct dh_writer_open o = {.stream_count = 1, .log_name = "fuzz"};
	o.streams[0] = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 64, .height_px = 64};
	struct dh_writer_packet p = {.kind = DH_MEDIA_VIDEO, .is_key = 1};
	dh_writer_send(socket, DH_WRITER_OPEN, &(struct iovec){&o, sizeof(o)}, 1, file, 0, NULL);
	dh_writer_send(socket, DH_WRITER_PACKET, &(struct iovec){&p, sizeof(p)}, 1, -1, 0, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int pair[2], file = memfd_create("mp4", MFD_CLOEXEC);
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
	if (write(pair[0], bytes + 1, size - 1) != (ssize_t)size - 1)
		abort();
	shutdown(pair[0], SHUT_WR);
	dh_writer_run(pair[1]);
	close(pair[0]);
	int err = dh_mp4_recover(file, NULL, NULL, &facts, &e);
	if (has_begun && (err || !facts.was_finished))
		abort();
	close(file);
	return 0;
}
