/* Records moving pictures and a tone in real time, without a pipeline around it, for kill9.py and the bench:
 *   mp4_writer FILE moving|mute|still|silent MILLISECONDS   still: pictures stop after 1 s; mute, silent: no sound at all
 *   mp4_writer FILE recover                            finish an interrupted file
 *   mp4_writer FILE verify                             exit as deskhand verify; the key in KEY_DIR is trusted
 * With KEY_DIR in the environment the file is signed by the key there; with SEGMENT_S or SEGMENT_MB it goes on in others.
 * With CLAIM the agent claims that.
 * With MARK_MS there is a marker each so often, "mark 1", ...; each is told of when it is in the file.
 * Prints {"start_us":N} (agent clock of the first picture) once the first picture is written, and facts at the end. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/encoder.h"
#include "agent/media/queue.h"
#include "agent/media/sink.h"
#include "agent/record/verify.h"
#include "agent/sinks/mp4_recover.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/list.h"

#define WIDTH 640
#define HEIGHT 360
#define FPS 30
#define RATE_HZ 48000
#define CHUNK 1024
#define STILL_AFTER_US 1000000

struct writer {
	struct dh_encoder video, audio;
	struct dh_sink sink;
	struct dh_err e;
	int64_t start_us, pictures, chunks;
	bool has_said_start, wants_key;
	int64_t mark_every_us, marks; /* 0: no markers */
};

static void die(const struct dh_err *e)
{
	fprintf(stderr, "mp4_writer: %s\n", e->text);
	exit(1);
}

static bool open_encoder(struct dh_encoder *enc, const char *name, const struct dh_stream *s, struct dh_err *e)
{
	const struct dh_encoder_driver *d = dh_encoder_driver_find(name, e);
	if (!d)
		return false;
	*enc = (struct dh_encoder){.driver = d, .stream = *s, .priv = dh_alloc(d->base.priv_size)};
	if (d->open(enc, &(struct dh_args){d->base.params, NULL}, e))
		die(e);
	return true;
}

static void want_key(struct dh_sink *s)
{
	dh_container_of(s, struct writer, sink)->wants_key = true;
}

static void segment(struct dh_sink *s, const struct dh_sink_segment *g)
{
	fprintf(stdout, "{\"segment\":%d,\"is_over\":%s,\"name\":\"%s\",\"bytes\":%lld,\"duration_us\":%lld,"
			"\"video_frames\":%lld,\"audio_frames\":%lld}\n", g->number, g->is_over ? "true" : "false", g->name,
		(long long)g->bytes, (long long)g->duration_us, (long long)g->video_frames, (long long)g->audio_frames);
	fflush(stdout);
}

static void open_all(struct writer *w, const char *path, bool has_sound)
{
	if (!open_encoder(&w->video, "x264",
			  &(struct dh_stream){.kind = DH_MEDIA_VIDEO, .width_px = WIDTH, .height_px = HEIGHT, .fps = FPS},
			  &w->e))
		die(&w->e);
	has_sound = has_sound &&
		    open_encoder(&w->audio, "aac",
				 &(struct dh_stream){.kind = DH_MEDIA_AUDIO, .rate_hz = RATE_HZ, .channels = 2}, &w->e);
	const struct dh_sink_driver *d = dh_sink_driver_find("mp4", &w->e);
	w->sink = (struct dh_sink){.driver = d, .priv = dh_alloc(d->base.priv_size), .stream_count = 1 + has_sound,
				   .streams = {w->video.stream, w->audio.stream}, .want_key = want_key, .segment = segment};
	w->sink.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (w->sink.fd < 0)
		exit(1);
	cJSON *args = cJSON_CreateObject();
	if (getenv("KEY_DIR"))
		cJSON_AddStringToObject(args, "key_dir", getenv("KEY_DIR"));
	if (getenv("SEGMENT_S"))
		cJSON_AddNumberToObject(args, "segment_s", atoi(getenv("SEGMENT_S")));
	if (getenv("SEGMENT_MB"))
		cJSON_AddNumberToObject(args, "segment_mb", atoi(getenv("SEGMENT_MB")));
	cJSON_AddStringToObject(args, "path", path);
	if (getenv("CLAIM")) {
		cJSON *claim = cJSON_CreateObject();
		cJSON_AddStringToObject(claim, "who", "agent");
		cJSON_AddStringToObject(claim, "text", getenv("CLAIM"));
		cJSON_AddItemToArray(cJSON_AddArrayToObject(args, "claims"), claim);
	}
	if (d->open(&w->sink, &(struct dh_args){d->base.params, args}, &w->e))
		die(&w->e);
	cJSON_Delete(args);
}

static void send(struct writer *w, struct dh_packet *p)
{
	if (w->sink.driver->write(&w->sink, p, &w->e))
		die(&w->e);
	if (!w->has_said_start && p->kind == DH_MEDIA_VIDEO) {
		fprintf(stdout, "{\"start_us\":%lld}\n", (long long)p->pts_us);
		fflush(stdout);
		w->has_said_start = true;
	}
	dh_packet_unref(p);
}

static void picture(struct writer *w, int64_t pts_us)
{
	struct dh_frame *f = dh_frame_new_video(WIDTH, HEIGHT);
	dh_frame_fill(f, 90, 110, 140);
	int n = (int)w->pictures;
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			f->plane[0][y * f->stride[0] + x] = (uint8_t)(((x + 2 * n) ^ (y + n)) & 255);
	f->pts_us = pts_us;
	struct dh_packet *p;
	bool is_key = w->wants_key;
	w->wants_key = false;
	if (!w->video.driver->encode(&w->video, f, is_key, &p))
		send(w, p);
	dh_frame_unref(f);
	w->pictures++;
}

static void sound(struct writer *w, int64_t pts_us)
{
	struct dh_frame *f = dh_frame_new_audio(CHUNK, 2, RATE_HZ);
	for (int i = 0; i < CHUNK; i++)
		f->samples[2 * i] = f->samples[2 * i + 1] =
			0.2f * sinf((float)(w->chunks * CHUNK + i) * 0.0576f); /* 440 Hz */
	f->pts_us = pts_us;
	struct dh_packet *p;
	if (!w->audio.driver->encode(&w->audio, f, false, &p))
		send(w, p);
	dh_frame_unref(f);
	w->chunks++;
}

/* As the agent does: at the length that it knows. */
static void mark(struct writer *w)
{
	struct dh_note n = {.kind = DH_NOTE_MARKER, .who = "agent", .media_us = w->sink.duration_us};
	snprintf(n.text, sizeof(n.text), "mark %lld", (long long)++w->marks);
	if (w->sink.driver->note(&w->sink, &n, &w->e))
		die(&w->e);
	fprintf(stdout, "{\"marker\":\"%s\",\"media_us\":%lld}\n", n.text, (long long)n.media_us);
	fflush(stdout);
}

/* Do what is due; returns when the next thing is. */
static int64_t step(struct writer *w, int64_t now_us, bool is_still)
{
	int64_t picture_us = w->start_us + w->pictures * 1000000 / FPS;
	int64_t sound_us = w->audio.driver ? w->start_us + (w->chunks + 1) * CHUNK * 1000000 / RATE_HZ : INT64_MAX;
	if (is_still && picture_us - w->start_us > STILL_AFTER_US)
		picture_us = INT64_MAX;
	if (now_us >= picture_us)
		picture(w, picture_us);
	if (now_us >= sound_us)
		sound(w, sound_us - CHUNK * 1000000LL / RATE_HZ);
	if (w->mark_every_us && now_us >= w->start_us + (w->marks + 1) * w->mark_every_us)
		mark(w);
	if (now_us >= w->sink.wake_us && w->sink.driver->idle(&w->sink, dh_now_us(), &w->e))
		die(&w->e);
	int64_t next = picture_us < sound_us ? picture_us : sound_us;
	return next < w->sink.wake_us ? next : w->sink.wake_us;
}

static void close_all(struct writer *w)
{
	if (w->sink.driver->close(&w->sink, dh_now_us(), &w->e))
		die(&w->e);
	fprintf(stdout, "{\"bytes\":%lld,\"duration_us\":%lld,\"video_frames\":%lld,\"audio_frames\":%lld}\n",
		(long long)w->sink.bytes, (long long)w->sink.duration_us, (long long)w->sink.video_frames,
		(long long)w->sink.audio_frames);
	w->video.driver->close(&w->video);
	if (w->audio.driver)
		w->audio.driver->close(&w->audio);
	free(w->video.priv);
	free(w->audio.priv);
	free(w->sink.priv);
}

static int recover(const char *path)
{
	struct dh_mp4_facts f;
	struct dh_err e = {0};
	struct dh_agent_key *key = NULL;
	if (getenv("KEY_DIR") && dh_agent_key_open(&key, getenv("KEY_DIR"), &e))
		die(&e);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int err = dh_mp4_recover(fd, key, NULL, &f, &e);
	close(fd);
	dh_agent_key_close(key);
	if (err)
		die(&e);
	fprintf(stdout, "{\"was_finished\":%s,\"bytes\":%lld,\"duration_us\":%lld,\"video_frames\":%lld}\n",
		f.was_finished ? "true" : "false", (long long)f.bytes, (long long)f.duration_us, (long long)f.video_frames);
	return 0;
}

static int verify(const char *path)
{
	uint8_t trusted[1][DH_PUBLIC_KEY_BYTES];
	struct dh_err e = {0};
	struct dh_verify_report r;
	if (!getenv("KEY_DIR") || dh_agent_key_peek(trusted[0], getenv("KEY_DIR"), &e))
		die(&e);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	dh_verify(fd, &(struct dh_verify_options){.trusted = trusted, .trusted_count = 1}, &r);
	close(fd);
	cJSON_Delete(r.notes);
	fprintf(stdout, "%s%s\n", r.is_recovered ? "recovered: " : "", r.text);
	return (int)r.verdict;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[2], "verify"))
		return verify(argv[1]);
	if (argc == 3 && !strcmp(argv[2], "recover"))
		return recover(argv[1]);
	if (argc != 4)
		return 2;
	struct writer w = {.mark_every_us = getenv("MARK_MS") ? atoll(getenv("MARK_MS")) * 1000 : 0};
	struct dh_wake clock;
	bool is_still = argv[2][0] == 's';
	dh_wake_init(&clock);
	open_all(&w, argv[1], strcmp(argv[2], "silent") && strcmp(argv[2], "mute"));
	w.start_us = dh_now_us();
	int64_t end_us = w.start_us + atoll(argv[3]) * 1000;
	while (dh_now_us() < end_us) {
		int64_t next_us = step(&w, dh_now_us(), is_still);
		dh_wake_wait(&clock, next_us < end_us ? next_us : end_us);
	}
	close_all(&w);
	dh_wake_finish(&clock);
	return dh_packet_live_count() || dh_frame_live_count();
}
