/* Makes good recordings of many lengths and shapes, as fast as the disk takes them, for false_alarms.py: with packets of
 * random bytes through the mp4 sink, in their own time. Each number gives the same recording.
 *   good_files FOLDER KEY_DIR FIRST COUNT
 * Prints a line of JSON for each: path of the first file, what it is made of, how many files and pictures. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "agent/record/verify.h"
#include "agent/sinks/mp4_recover.h"
#include "agent/sinks/sink_writer.h"
#include "common/alloc.h"
#include "common/list.h"

#define START_US INT64_C(5000000000)
#define RATE_HZ 48000
#define CHUNK 1024
#define PACKET_MAX 4096

enum end { END_CLOSED, END_KILLED, END_CONTINUED, END_COUNT };

struct shape {
	int64_t length_us;
	bool has_video, has_sound, is_signed;
	int fps, segment_s, claims;
	int still_of_100, markers, pauses, sound_gaps; /* of all there is to do in each second */
	enum end end;
};

struct maker {
	uint64_t random;
	struct shape shape;
	struct dh_sink sink;
	char path[600], last[700]; /* of the first file, and of the one under work */
	const char *key_dir;
	int64_t at_us, cut_us, sound_us, picture_us, key_us;
	bool wants_key;
	int files;
};

static void die(const char *what, const struct dh_err *e)
{
	fprintf(stderr, "good_files: %s: %s\n", what, e->text);
	exit(1);
}

/* Source: Marsaglia, Xorshift RNGs, 2003. */
static uint32_t any(struct maker *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)(m->random >> 20) % below;
}

static void choose(struct maker *m)
{
	static const int rates[] = {1, 5, 12, 15, 24, 25, 30, 30, 30, 50, 60};
	struct shape *s = &m->shape;
	int64_t length_ms = 100;
	for (int i = any(m, 10); i > 0; i--) /* each length as likely as its double */
		length_ms = length_ms * (150 + any(m, 100)) / 100;
	s->length_us = (length_ms > 60000 ? 60000 : length_ms) * 1000;
	uint32_t kind = any(m, 10);
	s->has_video = kind != 0;
	s->has_sound = kind == 0 || kind > 2;
	s->is_signed = any(m, 20) > 0;
	s->fps = rates[any(m, sizeof(rates) / sizeof(rates[0]))];
	s->segment_s = any(m, 3) ? 0 : 1 + (int)any(m, 5);
	s->claims = (int)any(m, 12);
	s->still_of_100 = any(m, 3) ? 0 : (int)any(m, 90);
	s->markers = any(m, 3) ? 0 : (int)any(m, 4);
	s->pauses = any(m, 4) ? 0 : 1;
	s->sound_gaps = any(m, 4) ? 0 : 1;
	s->end = any(m, 3) ? END_CLOSED : (enum end)any(m, END_COUNT);
}

static void want_key(struct dh_sink *s)
{
	dh_container_of(s, struct maker, sink)->wants_key = true;
}

static void tell_segment(struct dh_sink *s, const struct dh_sink_segment *g)
{
	struct maker *m = dh_container_of(s, struct maker, sink);
	int folder = (int)(strrchr(m->path, '/') - m->path);
	snprintf(m->last, sizeof(m->last), "%.*s/%s", folder, m->path, g->name);
	m->files = g->number;
}

/* ---- one writer ---- */

static cJSON *args_of(const struct maker *m, cJSON *after)
{
	cJSON *args = cJSON_CreateObject(), *claims = cJSON_AddArrayToObject(args, "claims");
	for (int i = 0; i <= m->shape.claims; i++) {
		char text[300];
		cJSON *v = cJSON_CreateObject();
		if (i)
			snprintf(text, sizeof(text), "name_%d=值 %0*d", i, i * 20, i);
		else
			snprintf(text, sizeof(text), "recording=%s", strrchr(m->path, '/') + 1);
		cJSON_AddStringToObject(v, "who", i % 2 ? "https://crm.example" : "agent");
		cJSON_AddStringToObject(v, "text", text);
		cJSON_AddItemToArray(claims, v);
	}
	if (m->shape.is_signed)
		cJSON_AddStringToObject(args, "key_dir", m->key_dir);
	cJSON_AddStringToObject(args, "path", m->path);
	cJSON_AddNumberToObject(args, "segment_s", m->shape.segment_s);
	if (after)
		cJSON_AddItemToObject(args, "after", after);
	return args;
}

static void begin(struct maker *m, int fd, cJSON *after)
{
	struct dh_sink *s = &m->sink;
	struct dh_err e = {0};
	cJSON *args = args_of(m, after);
	*s = (struct dh_sink){.driver = &dh_sink_mp4, .priv = dh_alloc(dh_sink_mp4.base.priv_size), .fd = fd,
			      .wake_us = INT64_MAX, .want_key = want_key, .segment = tell_segment};
	struct dh_stream video = {.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 640, .height_px = 360,
				  .fps = m->shape.fps, .extradata_bytes = 9};
	struct dh_stream sound = {.kind = DH_MEDIA_AUDIO, .codec = DH_CODEC_AAC, .rate_hz = RATE_HZ, .channels = 2,
				  .frame_samples = CHUNK, .priming_samples = CHUNK, .extradata_bytes = 2};
	if (m->shape.has_video)
		s->streams[s->stream_count++] = video;
	if (m->shape.has_sound)
		s->streams[s->stream_count++] = sound;
	if (dh_args_check(dh_mp4_params, args, &e) || s->driver->open(s, &(struct dh_args){dh_mp4_params, args}, &e))
		die("open", &e);
	cJSON_Delete(args);
}

static void write_packet(struct maker *m, enum dh_media_kind kind, int64_t pts_us, bool is_key)
{
	struct dh_err e = {0};
	size_t size = 1 + any(m, kind == DH_MEDIA_AUDIO ? 400 : is_key ? PACKET_MAX : PACKET_MAX / 4);
	struct dh_packet *p = dh_packet_new(kind, size);
	for (size_t i = 0; i < size; i++)
		p->data[i] = (uint8_t)any(m, 256);
	p->pts_us = p->dts_us = pts_us - m->cut_us;
	p->is_key = is_key;
	if (m->sink.driver->write(&m->sink, p, &e))
		die("write", &e);
	dh_packet_unref(p);
}

static void note(struct maker *m, enum dh_note_kind kind, const char *text)
{
	struct dh_err e = {0};
	struct dh_note n = {.kind = kind, .who = "https://crm.example", .mono_us = m->at_us, .utc_us = m->at_us,
			    .media_us = atomic_load(&m->sink.duration_us)};
	dh_strcopy(n.text, sizeof(n.text), text);
	if (m->sink.driver->note(&m->sink, &n, &e))
		die("note", &e);
}

/* What may happen in any second. */
static void happen(struct maker *m)
{
	char text[400];
	for (int i = 0; i < m->shape.markers; i++) {
		snprintf(text, sizeof(text), "%0*d 已确认", (int)any(m, 350), i);
		note(m, DH_NOTE_MARKER, text);
	}
	if (m->shape.pauses && !any(m, 3)) {
		note(m, DH_NOTE_PAUSE, "asked");
		int64_t pause_us = 1 + any(m, 20000000);
		m->cut_us += pause_us;
		m->at_us += pause_us;
		m->sound_us = m->picture_us = m->at_us;
		m->wants_key = true;
		note(m, DH_NOTE_RESUME, "asked");
	}
	if (m->shape.sound_gaps && !any(m, 4))
		m->sound_us += 1 + any(m, 700000);
	if (!any(m, 6))
		note(m, DH_NOTE_QUALITY, "black start source=1 role=camera value=0 threshold=3");
}

static void picture(struct maker *m)
{
	bool is_key = m->wants_key || m->picture_us - m->key_us >= 2000000;
	int64_t period_us = 1000000 / m->shape.fps;
	if ((int)any(m, 100) >= m->shape.still_of_100 || is_key) {
		write_packet(m, DH_MEDIA_VIDEO, m->picture_us, is_key);
		m->key_us = is_key ? m->picture_us : m->key_us;
		m->wants_key = m->wants_key && !is_key;
	}
	m->picture_us += period_us + (int64_t)any(m, 9000) - 4500 > 1 ? period_us + (int64_t)any(m, 9000) - 4500 : period_us;
}

/* Media up to end_us, in the order of its times. */
static void run(struct maker *m, int64_t end_us)
{
	struct dh_err e = {0};
	int64_t second_us = m->at_us + 1000000;
	while (m->at_us < end_us) {
		if (m->shape.has_video && (!m->shape.has_sound || m->picture_us <= m->sound_us)) {
			m->at_us = m->picture_us;
			picture(m);
		} else {
			m->at_us = m->sound_us;
			write_packet(m, DH_MEDIA_AUDIO, m->sound_us, true);
			m->sound_us += (int64_t)CHUNK * 1000000 / RATE_HZ;
		}
		if (m->at_us - m->cut_us >= m->sink.wake_us && m->sink.driver->idle(&m->sink, m->at_us - m->cut_us, &e))
			die("idle", &e);
		if (m->at_us >= second_us) {
			int64_t before_us = m->cut_us;
			happen(m);
			end_us += m->cut_us - before_us;
			second_us = m->at_us + 1000000;
		}
	}
}

/* ---- ends ---- */

static void close_it(struct maker *m)
{
	struct dh_err e = {0};
	note(m, DH_NOTE_STOP, "asked");
	if (m->sink.driver->close(&m->sink, m->at_us - m->cut_us, &e))
		die("close", &e);
	free(m->sink.priv);
}

/* As after a kill: what is in the file when its writer is no more. The copy is made while it is open. */
static void kill_it(struct maker *m, const char *copy)
{
	struct dh_err e = {0};
	int from = open(m->last, O_RDONLY | O_CLOEXEC), to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;
	while ((n = sendfile(to, from, NULL, 1 << 30)) > 0)
		;
	if (n < 0 || close(from) || close(to))
		exit(1);
	m->sink.driver->close(&m->sink, m->at_us - m->cut_us, &e);
	free(m->sink.priv);
}

static int recover_it(struct maker *m, const char *next, struct dh_mp4_facts *facts)
{
	char copy[800];
	struct dh_err e = {0};
	struct dh_agent_key *key = NULL;
	snprintf(copy, sizeof(copy), "%s.copy", m->last);
	kill_it(m, copy);
	if (rename(copy, m->last))
		exit(1);
	int fd = open(m->last, O_RDWR | O_CLOEXEC);
	if (m->shape.is_signed && dh_agent_key_open(&key, m->key_dir, &e))
		die("key", &e);
	if (dh_mp4_recover_into(fd, key, "it was killed", next, facts, &e))
		die("recover", &e);
	dh_agent_key_close(key);
	close(fd);
	return facts->has_chain ? 0 : 1;
}

/* The writer dies in the middle, another goes on: the last second is there again, and hidden. */
static void continue_it(struct maker *m)
{
	struct dh_mp4_facts facts;
	char name[128], head[2 * DH_HASH_BYTES + 1], previous[128];
	int number = m->files + 1;
	const char *slash = strrchr(m->path, '/');
	snprintf(name, sizeof(name), "%.*s_%03d.mp4", (int)strlen(slash + 1) - 4, slash + 1, number);
	dh_strcopy(previous, sizeof(previous), strrchr(m->last, '/') + 1);
	if (recover_it(m, name, &facts))
		exit(1);
	cJSON *after = cJSON_CreateObject();
	dh_hash_to_hex(facts.chain_head, head);
	cJSON_AddNumberToObject(after, "segment", number);
	cJSON_AddStringToObject(after, "name", name);
	cJSON_AddStringToObject(after, "previous", previous);
	cJSON_AddStringToObject(after, "previous_head", head);
	cJSON_AddNumberToObject(after, "lead_in_us", m->shape.has_video ? any(m, 1500000) : 0);
	snprintf(m->last, sizeof(m->last), "%.*s/%s", (int)(slash - m->path), m->path, name);
	m->wants_key = true;
	m->files = number;
	begin(m, open(m->last, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), after);
	run(m, m->at_us + m->shape.length_us / 2 + 1700000);
	close_it(m);
}

static void make(const char *folder, const char *key_dir, int number)
{
	static const char *const ends[] = {"closed", "killed", "continued"};
	struct maker m = {.random = 88172645463325252ull + (uint64_t)number * 7919, .key_dir = key_dir, .at_us = START_US,
			  .sound_us = START_US, .picture_us = START_US, .wants_key = true, .files = 1};
	struct dh_mp4_facts facts;
	snprintf(m.path, sizeof(m.path), "%s/good_%06d.mp4", folder, number);
	dh_strcopy(m.last, sizeof(m.last), m.path);
	choose(&m);
	begin(&m, open(m.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), NULL);
	run(&m, START_US + m.shape.length_us);
	if (m.shape.end == END_CLOSED)
		close_it(&m);
	else if (m.shape.end == END_KILLED && recover_it(&m, NULL, &facts))
		exit(1);
	else if (m.shape.end == END_CONTINUED)
		continue_it(&m);
	fprintf(stdout, "{\"path\":\"%s\",\"files\":%d,\"length_ms\":%lld,\"video\":%d,\"sound\":%d,\"signed\":%d,", m.path,
		m.files, (long long)m.shape.length_us / 1000, m.shape.has_video, m.shape.has_sound, m.shape.is_signed);
	fprintf(stdout, "\"end\":\"%s\"}\n", ends[m.shape.end]);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	for (int i = 0, first = atoi(argv[3]); i < atoi(argv[4]); i++)
		make(argv[1], argv[2], first + i);
	return 0;
}
