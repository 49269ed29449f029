/* The recording's writer against an agent that misbehaves: whatever comes over its socket or lies in its ring, the file it
 * leaves is finished or empty. The writer runs in this process, on the other end of a socket pair and a ring that were
 * filled before. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/writer/message.h"
#include "agent/writer/ring.h"
#include "agent/writer/writer.h"
#include "common/clock.h"
#include "tst.h"

#define SILENCE_US 1000000

struct agent {
	int socket, writers_end, memory, file;
	struct dh_ring ring;
	int64_t pts_us;
};

static void send_all(struct agent *a, enum dh_writer_kind kind, const void *head, size_t size, const void *data,
		     size_t data_size, int fd)
{
	struct iovec body[] = {{(void *)(uintptr_t)head, size}, {(void *)(uintptr_t)data, data_size}};
	struct dh_err e = {0};
	struct dh_writer_road road = {a->socket, fd, a->ring.at, SILENCE_US};
	TST_EQ(dh_writer_send(&road, kind, body, 2, &e), DH_OK);
}

static void connect_agent(struct agent *a)
{
	int pair[2];
	TST_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*a = (struct agent){.socket = pair[0], .writers_end = pair[1], .file = memfd_create("mp4", MFD_CLOEXEC)};
	a->pts_us = dh_now_us();
	TST_EQ(dh_ring_memory_create(&a->memory, NULL), DH_OK);
	TST_EQ(dh_ring_open(&a->ring, a->memory, NULL), DH_OK);
}

static void open_recording(struct agent *a, const char *json)
{
	struct dh_writer_open o = {.stream_count = 1, .log_name = "test"};
	o.streams[0] = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 64, .height_px = 64,
					  .fps = 30, .extradata_bytes = 8};
	send_all(a, DH_WRITER_OPEN, &o, sizeof(o), json, strlen(json), a->file);
}

static void picture(struct agent *a, bool is_key, bool by_socket)
{
	static uint8_t data[500];
	struct dh_writer_packet p = {.kind = DH_MEDIA_VIDEO, .is_key = is_key, .pts_us = a->pts_us, .dts_us = a->pts_us};
	a->pts_us += 33333;
	if (by_socket)
		send_all(a, DH_WRITER_PACKET, &p, sizeof(p), data, sizeof(data), -1);
	else
		TST_EQ(dh_ring_put(&a->ring, (struct iovec[]){{&p, sizeof(p)}, {data, sizeof(data)}}, 2), DH_OK);
}

static void pictures(struct agent *a, int count)
{
	for (int i = 0; i < count; i++)
		picture(a, i % 30 == 0, false);
}

/* The agent is gone; the writer runs to its end. */
static int end(struct agent *a, struct dh_mp4_facts *facts)
{
	struct dh_err e = {0};
	shutdown(a->socket, SHUT_WR);
	dh_writer_run(a->writers_end, a->memory);
	dh_ring_close(&a->ring);
	close(a->socket);
	int err = dh_mp4_recover(a->file, NULL, NULL, facts, &e);
	close(a->file);
	return err;
}

static void agent_that_goes(void)
{
	struct agent a;
	struct dh_mp4_facts facts;
	connect_agent(&a);
	open_recording(&a, "{}");
	pictures(&a, 50);
	TST_EQ(end(&a, &facts), DH_OK);
	TST_CHECK(facts.was_finished);
	TST_EQ(facts.video_frames, 50);
	connect_agent(&a); /* before anything was said */
	TST_EQ(end(&a, &facts), DH_EPROTO);
}

/* Those of the ring and those of the socket in the order in which they were sent: each one later than the one before. */
static void both_roads(void)
{
	struct agent a;
	struct dh_mp4_facts facts;
	connect_agent(&a);
	open_recording(&a, "{}");
	for (int i = 0; i < 60; i++)
		picture(&a, i == 0, i % 7 == 3);
	TST_EQ(end(&a, &facts), DH_OK);
	TST_CHECK(facts.was_finished);
	TST_EQ(facts.video_frames, 60);
	TST_EQ(facts.duration_us / 1000, 60 * 33333 / 1000);
}

/* Each byte of the memory's head and of the first entry, and some of all the rest. */
static void broken_ring(void)
{
	int bad = 0, believed = 0;
	for (size_t at = 0; at < 8192; at += at < 128 || (at >= 4096 && at < 4176) ? 1 : 59) {
		struct agent a;
		struct dh_mp4_facts facts;
		uint8_t byte;
		connect_agent(&a);
		open_recording(&a, "{}");
		picture(&a, true, true);
		pictures(&a, 6);
		bad += pread(a.memory, &byte, 1, (off_t)at) != 1;
		byte ^= 0x91;
		bad += pwrite(a.memory, &byte, 1, (off_t)at) != 1;
		bad += end(&a, &facts) != DH_OK || !facts.was_finished || facts.video_frames < 1 || facts.video_frames > 7;
		believed += facts.video_frames == 7;
	}
	TST_EQ(bad, 0);
	TST_CHECK(believed > 0);
}

static void messages_outside_the_ring(void)
{
	static const uint64_t places[] = {1, 4096, DH_RING_BYTES, UINT64_MAX};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct agent a;
		struct dh_mp4_facts facts;
		connect_agent(&a);
		open_recording(&a, "{}");
		pictures(&a, 5);
		a.ring.at += places[i];
		send_all(&a, DH_WRITER_WAKE, NULL, 0, NULL, 0, -1);
		TST_EQ(end(&a, &facts), DH_OK);
		TST_CHECK(facts.was_finished);
		TST_EQ(facts.video_frames, places[i] == UINT64_MAX ? 4 : 5); /* all whole entries within reach */
	}
}

static void not_a_ring(void)
{
	struct agent a;
	struct dh_mp4_facts facts;
	connect_agent(&a);
	open_recording(&a, "{}");
	close(a.memory);
	a.memory = memfd_create("no-ring", MFD_CLOEXEC);
	TST_EQ(end(&a, &facts), DH_EPROTO);
}

/* Cut off in the middle of a message, after each of its bytes. */
static void half_a_message(void)
{
	int bad = 0;
	for (size_t n = 0; n < 60; n += 3) {
		struct agent a;
		struct dh_mp4_facts facts;
		struct { struct dh_writer_head head; struct dh_writer_packet packet; uint8_t data[20]; } m = {0};
		connect_agent(&a);
		open_recording(&a, "{}");
		pictures(&a, 12);
		m.head = (struct dh_writer_head){0x7764686bu, DH_WRITER_PACKET, sizeof(m.packet) + sizeof(m.data),
						 a.ring.at};
		bad += write(a.socket, &m, n) != (ssize_t)n;
		bad += end(&a, &facts) != DH_OK || !facts.was_finished || facts.video_frames != 12;
	}
	TST_EQ(bad, 0);
}

static void nonsense(void)
{
	static const struct dh_writer_packet late = {.kind = DH_MEDIA_VIDEO, .pts_us = INT64_MAX};
	static const struct dh_writer_packet kind = {.kind = 7};
	static const int64_t never = INT64_MIN;
	static const struct dh_note note = {.kind = 200};
	static const struct dh_writer_clock clock = {.cut_us = -5};
	/* what is in the ring is believed where the message cannot say how much came before it */
	static const struct { uint32_t kind; const void *data; size_t size; int shown; } cases[] = {
		{DH_WRITER_PACKET, &late, sizeof(late), 12}, {DH_WRITER_PACKET, &kind, sizeof(kind), 12},
		{DH_WRITER_PACKET, &kind, 3, 17}, {DH_WRITER_CLOSE, &never, sizeof(never), 12},
		{DH_WRITER_NOTE, &note, sizeof(note), 12},
		{DH_WRITER_CLOCK, &clock, sizeof(clock), 12}, {DH_WRITER_REPORT, &clock, sizeof(clock), 17},
		{77, &clock, 0, 17},
		{DH_WRITER_WANT_KEY, NULL, 0, 12},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct agent a;
		struct dh_mp4_facts facts;
		connect_agent(&a);
		open_recording(&a, "{}");
		pictures(&a, 12);
		send_all(&a, (enum dh_writer_kind)cases[i].kind, cases[i].data, cases[i].size, NULL, 0, -1);
		pictures(&a, 5);
		TST_EQ(end(&a, &facts), DH_OK);
		TST_CHECK(facts.was_finished);
		TST_EQ(facts.video_frames, cases[i].shown);
	}
}

static void sizes_have_limits(void)
{
	struct agent a;
	struct dh_mp4_facts facts;
	struct dh_writer_head head = {0x7764686bu, DH_WRITER_PACKET,
				      sizeof(struct dh_writer_packet) + DH_WRITER_PACKET_MAX + 1, 0};
	connect_agent(&a);
	open_recording(&a, "{}");
	pictures(&a, 3);
	TST_EQ(write(a.socket, &head, sizeof(head)), (ssize_t)sizeof(head));
	TST_EQ(end(&a, &facts), DH_OK);
	TST_EQ(facts.video_frames, 3);
}

static void bad_parameters(void)
{
	static const char *const texts[] = {"{", "[]", "{\"no_such\":1}", "{\"claims\":7}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct agent a;
		struct dh_mp4_facts facts;
		connect_agent(&a);
		open_recording(&a, texts[i]);
		TST_EQ(end(&a, &facts), DH_EPROTO); /* nothing was written */
	}
}

TST_MAIN({"an agent that goes leaves a finished file", agent_that_goes}, {"half a message", half_a_message},
	 {"ring and socket in order", both_roads}, {"a ring with a wrong byte", broken_ring},
	 {"messages that lie about the ring", messages_outside_the_ring}, {"memory that is no ring", not_a_ring},
	 {"nonsense ends the recording, not the file", nonsense}, {"sizes have limits", sizes_have_limits},
	 {"bad parameters", bad_parameters})
