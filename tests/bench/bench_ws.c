/* A WebSocket client that costs next to nothing itself: round-trip times, or messages a second with a window.
 * usage: bench_ws PORT rtt|rate COUNT WINDOW METHOD PARAMS      prints {"p50_us":..,"p99_us":..,"per_s":..}
 * Says agent.hello first, which peers that know no such thing answer as anything else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define BUF (256 * 1024)

static int fd;
static unsigned char in[BUF];
static size_t in_len, in_at;

static void die(const char *what)
{
	fprintf(stderr, "bench_ws: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_all(const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, (const char *)data + done, size - done, MSG_NOSIGNAL);
		if (n <= 0)
			die("send");
		done += (size_t)n;
	}
}

static void more(void)
{
	if (in_at) {
		memmove(in, in + in_at, in_len - in_at);
		in_len -= in_at;
		in_at = 0;
	}
	ssize_t n = recv(fd, in + in_len, BUF - in_len, 0);
	if (n <= 0)
		die("the other end hung up");
	in_len += (size_t)n;
}

/* Take one text frame; pings and the like are passed by. */
static const unsigned char *frame(size_t *size)
{
	for (;;) {
		while (in_len - in_at < 4)
			if (in_len - in_at >= 2 && (in[in_at + 1] & 0x7f) < 2)
				break;
			else
				more();
		const unsigned char *p = in + in_at;
		size_t n = p[1] & 0x7f, head = n == 126 ? 4 : 2;
		if (n == 126)
			n = (size_t)p[2] << 8 | p[3];
		if ((p[0] & 0x0f) == 8)
			die("closed");
		while (in_len - in_at < head + n)
			more();
		p = in + in_at;
		in_at += head + n;
		if ((p[0] & 0x0f) > 2)
			continue;
		*size = n;
		return p + head;
	}
}

/* A masked text frame (the mask is zero, which costs the server as much as any other). */
static size_t pack(unsigned char *out, int id, const char *method, const char *params)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}", id,
			 method, params);
	size_t head = n < 126 ? 2 : 4;
	out[0] = 0x81;
	out[1] = (unsigned char)(0x80 | (n < 126 ? n : 126));
	if (n >= 126) {
		out[2] = (unsigned char)(n >> 8);
		out[3] = (unsigned char)n;
	}
	memset(out + head, 0, 4);
	memcpy(out + head + 4, text, (size_t)n);
	return head + 4 + (size_t)n;
}

static void join(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	char text[600];
	int on = 1;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	int n = snprintf(text, sizeof(text),
			 "GET /deskhand HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Origin: http://localhost:8480\r\nSec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
			 port);
	send_all(text, (size_t)n);
	char *end;
	do {
		more();
		in[in_len] = '\0';
	} while (!(end = strstr((char *)in, "\r\n\r\n")));
	if (strncmp((char *)in, "HTTP/1.1 101", 12))
		die("no upgrade");
	in_at = (size_t)(end + 4 - (char *)in);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void rtt(int count, const char *method, const char *params)
{
	unsigned char out[4200];
	double *times = calloc((size_t)count, sizeof(*times));
	size_t n;
	for (int i = 0; i < count; i++) {
		size_t size = pack(out, i + 1, method, params);
		struct timespec t0, t1;
		clock_gettime(CLOCK_MONOTONIC, &t0);
		send_all(out, size);
		frame(&n);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		times[i] = (double)(t1.tv_sec - t0.tv_sec) * 1e6 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e3;
	}
	qsort(times, (size_t)count, sizeof(*times), by_value);
	fprintf(stdout, "{\"p50_us\":%.2f,\"p99_us\":%.2f}\n", times[count / 2], times[(size_t)count * 99 / 100]);
	free(times);
}

/* Keep window requests under way: each answer makes room for the next; those that fit go out together. */
static void rate(int count, int window, const char *method, const char *params)
{
	unsigned char *out = malloc((size_t)window * 4200);
	int sent = 0, got = 0;
	int64_t begin = dh_now_us();
	while (got < count) {
		size_t size = 0, n;
		while (sent < count && sent - got < window)
			size += pack(out + size, ++sent, method, params);
		if (size)
			send_all(out, size);
		do { /* everything that is here already */
			frame(&n);
			got++;
		} while (got < sent && in_len > in_at);
	}
	fprintf(stdout, "{\"per_s\":%.0f}\n", (double)count * 1e6 / (double)(dh_now_us() - begin));
	free(out);
}

int main(int argc, char **argv)
{
	unsigned char out[4200];
	size_t n;
	if (argc != 7)
		return 2;
	join(atoi(argv[1]));
	send_all(out, pack(out, 0, "agent.hello", "{\"min_version\":1,\"max_version\":1,\"client\":\"bench\"}"));
	frame(&n);
	if (!strcmp(argv[2], "rtt"))
		rtt(atoi(argv[3]), argv[5], argv[6]);
	else
		rate(atoi(argv[3]), atoi(argv[4]), argv[5], argv[6]);
	close(fd);
	return 0;
}
