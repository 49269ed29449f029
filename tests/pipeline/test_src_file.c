/* Files in real time: order, pace, loops without a seam, sound with the picture, and errors in words. The files
 * are made by the ffmpeg program, the pictures by the pattern, so that every one has its number. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sources/pattern_code.h"
#include "common/clock.h"
#include "tests/pipeline/src_host.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_file;

enum { PICTURES = 30, FPS = 25, LAP_US = PICTURES * 1000000 / FPS, RATE_HZ = 48000 };

static char folder[64];

/* 30 numbered pictures as raw I420, and ffmpeg to make what args say of them. */
static bool make_file(const char *args)
{
	char command[1024];
	snprintf(command, sizeof(command), "ffmpeg -v error -y -f rawvideo -s 320x180 -r %d -i - %s", FPS, args);
	FILE *out = popen(command, "w");
	struct dh_frame *f = dh_frame_new_video(320, 180);
	for (int i = 0; out && i < PICTURES; i++) {
		dh_frame_fill(f, 100, 90, 160);
		dh_pattern_paint(f, &(struct dh_pattern_mark){(uint32_t)i, i});
		for (int p = 0; p < 3; p++)
			for (int y = 0; y < 180 >> !!p; y++)
				fwrite(f->plane[p] + (ptrdiff_t)y * f->stride[p], 1, 320 >> !!p, out);
	}
	dh_frame_unref(f);
	return out && !pclose(out);
}

static char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static const char *set_up(void)
{
	char args[512];
	snprintf(folder, sizeof(folder), "/tmp/dh-file-XXXXXX");
	if (!mkdtemp(folder))
		return "no place for files";
	/* B-frames, so that the decoder has to be drained; a tone as long as the picture */
	snprintf(args, sizeof(args), "-f lavfi -i sine=frequency=1000:sample_rate=44100:duration=%.3f -c:v libx264 -bf 2 "
		 "-pix_fmt yuv420p -c:a aac -shortest %s/av.mp4", LAP_US / 1e6, folder);
	if (!make_file(args))
		return "the ffmpeg program is not installed";
	snprintf(args, sizeof(args), "-c:v mjpeg -q:v 2 -pix_fmt yuvj422p %s/full.mkv", folder);
	make_file(args);
	snprintf(args, sizeof(args), "-vf format=rgb24 -c:v png %s/rgb.mkv", folder);
	make_file(args);
	snprintf(args, sizeof(args), "-c:v libx264 -bf 0 -g 5 -pix_fmt yuv420p %s/live.ts", folder);
	make_file(args);
	return NULL;
}

static int open_file(struct src_host *h, const char *name, bool is_looping)
{
	char json[256];
	snprintf(json, sizeof(json), "{\"url\": \"%s\", \"loop\": %s}", path_of(name), is_looping ? "true" : "false");
	int err = src_host_open(h, &dh_src_file, "", 0, 0, 0, json);
	if (err)
		fprintf(stdout, "# %s\n", h->err.text);
	return err;
}

/* All pictures in order, lap by lap, each a 25th of a second after the one before. */
static void check_pictures(const struct src_host *h)
{
	int n = 0;
	int64_t first_us = 0;
	for (int i = 0; i < h->count; i++) {
		struct dh_pattern_mark m = {99999, 0};
		if (h->frames[i]->kind != DH_MEDIA_VIDEO)
			continue;
		if (!n)
			first_us = h->frames[i]->pts_us;
		TST_EQ(dh_pattern_read(h->frames[i], NULL, &m), DH_OK);
		TST_EQ(m.number, n % PICTURES);
		int64_t late_us = h->frames[i]->pts_us - first_us - (int64_t)n * 1000000 / FPS;
		/* a lap may be longer than its pictures by the rest of the sound's last packet */
		TST_CHECK(late_us >= -1000 && late_us <= 1000 + n / PICTURES * 50000);
		n++;
	}
}

static void plays_once_in_real_time(void)
{
	struct src_host h;
	TST_EQ(open_file(&h, "av.mp4", false), DH_OK);
	const int64_t start_us = dh_now_us();
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, PICTURES, 10000000), DH_OK);
	const int64_t took_us = dh_now_us() - start_us;
	TST_CHECK(took_us > LAP_US - 60000);
	check_pictures(&h);
	/* then the last picture stays: no frames, no error */
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, PICTURES + 1, 300000), DH_ETIMEDOUT);
	TST_EQ(h.source.dropped, 0);
	src_host_close(&h);
}

static void sound_comes_along(void)
{
	struct src_host h;
	TST_EQ(open_file(&h, "av.mp4", false), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, PICTURES, 10000000), DH_OK);
	src_host_read(&h, DH_MEDIA_VIDEO, PICTURES + 1, 200000);
	int64_t samples = 0, crossings = 0, begin_us = 0, picture_us = 0, next_us = 0;
	float last = 0;
	for (int i = 0; i < h.count; i++) {
		const struct dh_frame *f = h.frames[i];
		if (f->kind == DH_MEDIA_VIDEO) {
			picture_us = picture_us ? picture_us : f->pts_us;
			continue;
		}
		TST_EQ(f->rate_hz, RATE_HZ);
		TST_EQ(f->channels, 2);
		if (samples) /* without holes: each begins where the last one ended */
			TST_CHECK(llabs(f->pts_us - next_us) < 2000);
		begin_us = samples ? begin_us : f->pts_us;
		next_us = f->pts_us + f->sample_count * 1000000LL / RATE_HZ;
		for (int k = 0; k < f->sample_count; k++) {
			crossings += last < 0 && f->samples[2 * k] >= 0;
			last = f->samples[2 * k];
		}
		samples += f->sample_count;
	}
	const double seconds = (double)samples / RATE_HZ;
	TST_CHECK(seconds > LAP_US / 1e6 - 0.1 && seconds < LAP_US / 1e6 + 0.1);
	TST_CHECK((double)crossings / seconds > 900 && (double)crossings / seconds < 1010); /* 1 kHz, with its fade-in */
	TST_CHECK(llabs(begin_us - picture_us) < 60000);
	src_host_close(&h);
}

static void loops_without_a_seam(void)
{
	struct src_host h;
	TST_EQ(open_file(&h, "av.mp4", true), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 3 * PICTURES + 5, 20000000), DH_OK);
	check_pictures(&h);
	src_host_close(&h);
}

static void other_forms(void)
{
	struct src_host h;
	TST_EQ(open_file(&h, "full.mkv", true), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, PICTURES + 5, 20000000), DH_OK);
	check_pictures(&h);
	/* full range became limited range again: the colours are those that were painted */
	const struct dh_frame *f = src_host_newest(&h);
	TST_CHECK(abs(f->plane[0][(ptrdiff_t)5 * f->stride[0] + 5] - 100) <= 2);
	TST_CHECK(abs(f->plane[1][(ptrdiff_t)5 * f->stride[1] + 5] - 90) <= 2);
	TST_CHECK(abs(f->plane[2][(ptrdiff_t)5 * f->stride[2] + 5] - 160) <= 2);
	src_host_close(&h);
	TST_EQ(open_file(&h, "rgb.mkv", false), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, PICTURES, 20000000), DH_OK);
	f = src_host_newest(&h);
	TST_CHECK(abs(f->plane[0][(ptrdiff_t)5 * f->stride[0] + 5] - 100) <= 3);
	TST_CHECK(abs(f->plane[2][(ptrdiff_t)5 * f->stride[2] + 5] - 160) <= 3);
	src_host_close(&h);
}

/* A server that sends a file and then falls silent without ending the connection. Returns its port. */
static int start_silent_server(pid_t *pid, const char *path)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	TST_EQ(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	TST_EQ(listen(listener, 4), 0);
	getsockname(listener, (struct sockaddr *)&a, &len);
	*pid = fork();
	if (!*pid) {
		static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n";
		char data[65536];
		int client = accept(listener, NULL, NULL);
		FILE *f = fopen(path, "r");
		ssize_t sent = write(client, head, sizeof(head) - 1);
		for (size_t n = 1; sent > 0 && (n = fread(data, 1, sizeof(data), f)) > 0;)
			sent = write(client, data, n);
		pause();
	}
	close(listener);
	return ntohs(a.sin_port);
}

static void closes_at_once(void)
{
	struct src_host h;
	pid_t server;
	char json[128];
	const int port = start_silent_server(&server, path_of("live.ts"));
	snprintf(json, sizeof(json), "{\"url\": \"http://127.0.0.1:%d/live\"}", port);
	TST_EQ(src_host_open(&h, &dh_src_file, "", 0, 0, 0, json), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 2, 5000000), DH_OK);
	const int64_t read_us = dh_now_us();
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 10000, 300000), DH_ETIMEDOUT); /* reading keeps its time */
	TST_CHECK(dh_now_us() - read_us < 1000000);
	const int64_t start_us = dh_now_us();
	src_host_close(&h); /* while FFmpeg waits for the server */
	TST_CHECK(dh_now_us() - start_us < 500000);
	TST_EQ(dh_frame_live_count(), 0);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void what_fails_says_why(void)
{
	struct src_host h;
	TST_EQ(open_file(&h, "none.mp4", false), DH_ENOENT);
	TST_CHECK(strstr(h.err.text, "none.mp4") != NULL);
	FILE *f = fopen(path_of("text.mp4"), "w");
	fputs("this is not a film", f);
	fclose(f);
	TST_EQ(open_file(&h, "text.mp4", false), DH_EINVAL);
	TST_EQ(src_host_open(&h, &dh_src_file, "", 0, 0, 0, "{}"), DH_EINVAL);
	TST_EQ(src_host_open(&h, &dh_src_file, "", 0, 0, 0, "{\"url\": \"http://me:secret@127.0.0.1:9/a?token=secret\"}"),
	       DH_ENODEV);
	TST_CHECK(strstr(h.err.text, "127.0.0.1:9/a") && !strstr(h.err.text, "secret"));
	/* a list on disk must not lead to the network, nor a protocol we did not name be used */
	TST_CHECK(src_host_open(&h, &dh_src_file, "", 0, 0, 0, "{\"url\": \"concat:/etc/passwd\"}") != DH_OK);
	TST_EQ(dh_frame_live_count(), 0);
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", folder);
	TST_EQ(system(command), 0);
}

TST_MAIN_WITH(set_up, {"plays once, in real time", plays_once_in_real_time},
	      {"sound comes along", sound_comes_along},
	      {"loops without a seam", loops_without_a_seam},
	      {"other forms of picture", other_forms},
	      {"closes at once", closes_at_once},
	      {"what fails says why", what_fails_says_why},
	      {"tidies up", tear_down})
