/* What the agent and the writer of a recording say to each other over their socket: a head, then a body by its kind.
 * Packets go by the ring (ring.h), but for those that are larger than it; each message says behind which of them it comes.
 * Both are the same program, started from the same file, so structs go over as they lie in memory. The other side may still
 * be an agent whose memory is damaged: every size and number is checked before it is used. */
#ifndef DH_WRITER_MESSAGE_H
#define DH_WRITER_MESSAGE_H

#include <sys/uio.h>

#include "agent/media/note.h"
#include "agent/media/sink.h"
#include "common/err.h"

enum dh_writer_kind {
	DH_WRITER_NONE,
	/* to the writer */
	DH_WRITER_OPEN,   /* struct dh_writer_open, the sink's params as JSON; the file's descriptor beside it */
	DH_WRITER_PACKET, /* struct dh_writer_packet, its data */
	DH_WRITER_NOTE,   /* struct dh_note */
	DH_WRITER_CLOCK,  /* struct dh_writer_clock: a pause begins or is over */
	DH_WRITER_CLOSE,  /* int64_t: the output's clock at its end */
	DH_WRITER_WAKE,   /* nothing: look into the ring now. It is answered by a report */
	/* to the agent */
	DH_WRITER_REPORT,   /* struct dh_writer_report */
	DH_WRITER_WANT_KEY, /* nothing */
	DH_WRITER_SEGMENT,  /* struct dh_sink_segment */
	DH_WRITER_KIND_COUNT,
};

#define DH_WRITER_PACKET_MAX (64u << 20) /* as the output's queue holds */
#define DH_WRITER_ARGS_MAX (64u << 10)

struct dh_writer_head {
	uint32_t magic;
	uint32_t kind;
	uint64_t size;    /* of the body */
	uint64_t ring_at; /* to the writer: take the packets in front of it first */
};

struct dh_writer_open {
	struct dh_stream streams[2];
	int32_t stream_count;
	char log_name[64];
};

struct dh_writer_packet {
	int32_t kind; /* enum dh_media_kind */
	int32_t is_key;
	int64_t pts_us, dts_us, duration_us;
};

struct dh_writer_clock {
	int64_t cut_us; /* how much the output's clock is behind the agent's: the sum of its pauses */
	int32_t is_paused;
};

enum dh_writer_state { DH_WRITER_OPENED = 1, DH_WRITER_RUNNING, DH_WRITER_FAILED, DH_WRITER_CLOSED };

struct dh_writer_report {
	int32_t state;
	int32_t has_chain;
	int64_t bytes, duration_us, video_frames, audio_frames;
	uint32_t chain_seq;
	uint8_t chain_head[32];
	int64_t notes; /* how many are in the file */
	struct dh_err why; /* FAILED; CLOSED: code 0 when all went well */
};

/* One direction of the socket, taken apart. What came is read in one go and lies in data until it is asked for. */
struct dh_writer_reader {
	int fd; /* borrowed */
	struct dh_writer_head head;
	const uint8_t *body; /* of the newest message; not aligned */
	size_t body_size;
	uint8_t *data;
	size_t room, begin, end; /* between begin and end: came, and not yet taken */
	int passed_fd;           /* -1: none came; whoever takes it sets -1 */
};

void dh_writer_reader_init(struct dh_writer_reader *r, int fd);
void dh_writer_reader_finish(struct dh_writer_reader *r); /* closes passed_fd, not fd */

/* The next whole message: in r->head and r->body until the next call. flags: MSG_DONTWAIT or 0.
 * Errors: DH_AGAIN nothing whole is here; DH_ECLOSED the other side is gone, maybe in the middle of a message; DH_EPROTO
 * what came is no message of ours: nothing more can be read. */
int dh_writer_receive(struct dh_writer_reader *r, int flags, struct dh_err *e);

struct dh_writer_road {
	int fd;
	int passed_fd;      /* goes along, -1: none */
	uint64_t ring_at;
	int64_t silence_us; /* how long the other side may take nothing */
};

/* Send one message. Waits while the socket is full.
 * Errors: DH_ECLOSED; DH_ETIMEDOUT the other side was silent for too long: the road is then unusable. */
int dh_writer_send(const struct dh_writer_road *road, enum dh_writer_kind kind, const struct iovec *body, int count,
		   struct dh_err *e);

/* Numbers of a message within what the sink can take. */
bool dh_writer_open_is_sane(const struct dh_writer_open *o);
bool dh_writer_packet_is_sane(const struct dh_writer_packet *p);
bool dh_writer_time_is_sane(int64_t us);

#endif
