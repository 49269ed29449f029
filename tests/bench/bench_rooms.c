/* The load of G15: rooms full of members on one epoll loop, who log in, join and write lines of chat.
 * usage: bench_rooms PORT ROOMS MEMBERS_OF_A_ROOM
 * Prints {"connected":N} when all are in. Then each line "LINES PER_S" on stdin is one run: lines go out on their times
 * whatever comes back, and {"lines","deliveries","late_us","p50_us","p99_us","max_us"} follows when everything came.
 * Deliveries are lines that reached a member (each reaches all of its room); their times are from the writer's send() to
 * the reader's recv(). late_us is how far the writers were behind at worst. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/room/ws_frames.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/usersig.h"

#define APP 1400000001u
#define KEY "the key of the first app"
#define ADDRESSES 40   /* of 127.0.0.0/8: the service counts connections by address */
#define WINDOW 256     /* connections that are being made at a time */
#define PATIENCE_US 10000000
#define PAD "a line of chat as people write them, a few words"

enum stage { UPGRADING, LOGGING_IN, JOINING, IN };

struct member {
	struct load *load;
	int fd, number;
	enum stage stage;
	struct dh_ws_reader reader;
};

struct run {
	int number;
	long lines, per_s, sent, replies, deliveries, expected;
	int64_t begin_us, late_us, heard_us;
	int *times;
};

struct load {
	int port, epoll, rooms, in_a_room, count;
	int begun, ready;
	struct member *members;
	struct run run;
	bool is_running, is_over;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_rooms: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, (const char *)data + done, size - done, MSG_NOSIGNAL);
		if (n <= 0)
			die("send");
		done += (size_t)n;
	}
}

static void send_frame(struct member *m, enum dh_ws_opcode opcode, const void *data, size_t size)
{
	size_t n;
	uint8_t *frame = dh_ws_frame(opcode, data, size, &n);
	send_all(m->fd, frame, n);
	free(frame);
}

static void ask(struct member *m, const char *method, char *take_params)
{
	char *text = dh_strfmt("{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}", m->stage, method,
			       take_params);
	send_frame(m, DH_WS_TEXT, text, strlen(text));
	free(text);
	free(take_params);
}

/* ---- what comes ---- */

static void log_in(void *user)
{
	struct member *m = user;
	char *name = dh_strfmt("user%d", m->number);
	char *sig = dh_usersig_make(KEY, APP, name, time(NULL), 3600);
	m->stage = LOGGING_IN;
	ask(m, "room.login", dh_strfmt("{\"sdk_app_id\":%u,\"user_id\":\"%s\",\"user_sig\":\"%s\"}", APP, name, sig));
	free(sig);
	free(name);
}

static void take_reply(struct member *m, const char *text)
{
	struct load *l = m->load;
	if (!strstr(text, "\"result\":")) {
		fprintf(stderr, "bench_rooms: refused: %s\n", text);
		exit(1);
	}
	if (m->stage == LOGGING_IN) {
		m->stage = JOINING;
		ask(m, "room.join", dh_strfmt("{\"room\":\"room%d\",\"template\":\"1v4\"}", m->number / l->in_a_room));
	} else if (m->stage == JOINING) {
		m->stage = IN;
		l->ready++;
	} else {
		l->run.replies++;
	}
}

static void take_line(struct load *l, const char *text)
{
	struct run *r = &l->run;
	const char *said = strstr(text, "\"text\":\"");
	int number = 0;
	long long sent_us = 0;
	int64_t now_us = dh_now_us();
	if (!l->is_running || !said || sscanf(said + 8, "%d %lld", &number, &sent_us) != 2 || number != r->number ||
	    r->deliveries == r->expected) {
		fprintf(stderr, "bench_rooms: a line that nobody waits for: %s\n", text);
		exit(1);
	}
	r->times[r->deliveries++] = (int)(now_us - sent_us);
	r->heard_us = now_us;
}

static bool take_text(void *user, const char *text, size_t size)
{
	static const char event[] = "{\"jsonrpc\":\"2.0\",\"method\":\"";
	static const char chat[] = "{\"jsonrpc\":\"2.0\",\"method\":\"room.chat\"";
	struct member *m = user;
	if (!strncmp(text, chat, sizeof(chat) - 1))
		take_line(m->load, text);
	else if (strncmp(text, event, sizeof(event) - 1))
		take_reply(m, text);
	return true;
}

static void answer_ping(void *user, const uint8_t *data, size_t size)
{
	send_frame(user, DH_WS_PONG, data, size);
}

static void closed(void *user, int code, const char *reason)
{
	fprintf(stderr, "bench_rooms: member %d was closed: %d %s\n", ((struct member *)user)->number, code, reason);
	exit(1);
}

static void read_member(struct member *m)
{
	static const struct dh_ws_reader_ops ops = {log_in, take_text, answer_ping, closed};
	static char buf[64 * 1024];
	struct dh_err e;
	ssize_t n = recv(m->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		die(m->stage == IN ? "the server hung up" : "the server hung up while we came in");
	if (dh_ws_reader_input(&m->reader, buf, (size_t)n, &ops, m, &e)) {
		fprintf(stderr, "bench_rooms: %s\n", e.text);
		exit(1);
	}
}

/* ---- what goes ---- */

static void connect_member(struct load *l, struct member *m)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = from;
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = m};
	int on = 1;
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(m->number % ADDRESSES));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)l->port);
	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->fd < 0 || setsockopt(m->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) ||
	    bind(m->fd, (struct sockaddr *)&from, sizeof(from)) || connect(m->fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) || epoll_ctl(l->epoll, EPOLL_CTL_ADD, m->fd, &ev))
		die("connect");
	char *request = dh_ws_reader_start(&m->reader, "127.0.0.1", "/v1/ws", "deskhand-rooms.v1");
	send_all(m->fd, request, strlen(request));
	free(request);
}

static void connect_more(struct load *l)
{
	while (l->begun < l->count && l->begun - l->ready < WINDOW) {
		struct member *m = &l->members[l->begun];
		m->load = l;
		m->number = l->begun++;
		connect_member(l, m);
	}
}

/* Rooms in turn, and in each room its members in turn. */
static void send_line(struct load *l, long line)
{
	int room = (int)(line % l->rooms), who = (int)(line / l->rooms % l->in_a_room);
	ask(&l->members[room * l->in_a_room + who], "room.chat",
	    dh_strfmt("{\"text\":\"%d %lld " PAD "\"}", l->run.number, (long long)dh_now_us()));
}

static void send_due(struct load *l)
{
	struct run *r = &l->run;
	while (r->sent < r->lines) {
		int64_t late_us = dh_now_us() - r->begin_us - r->sent * 1000000LL / r->per_s;
		if (late_us < 0)
			return;
		r->late_us = dh_later(r->late_us, late_us);
		send_line(l, r->sent++);
	}
}

/* ---- runs ---- */

static void begin_run(struct load *l, long lines, long per_s)
{
	struct run *r = &l->run;
	*r = (struct run){.number = r->number + 1, .lines = lines, .per_s = per_s};
	r->expected = r->lines * l->in_a_room;
	r->times = dh_alloc((size_t)r->expected * sizeof(*r->times));
	r->begin_us = r->heard_us = dh_now_us();
	l->is_running = true;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void check_run(struct load *l)
{
	struct run *r = &l->run;
	if (r->deliveries < r->expected || r->replies < r->lines) {
		if (dh_now_us() - r->heard_us < PATIENCE_US)
			return;
		fprintf(stderr, "bench_rooms: %ld of %ld lines came, %ld of %ld answers\n", r->deliveries, r->expected,
			r->replies, r->lines);
		exit(1);
	}
	qsort(r->times, (size_t)r->deliveries, sizeof(*r->times), by_value);
	fprintf(stdout, "{\"lines\":%ld,\"deliveries\":%ld,\"late_us\":%lld,\"p50_us\":%d,\"p99_us\":%d,\"max_us\":%d}\n",
		r->lines, r->deliveries, (long long)r->late_us, r->times[r->deliveries / 2],
		r->times[r->deliveries * 99 / 100], r->times[r->deliveries - 1]);
	fflush(stdout);
	free(r->times);
	l->is_running = false;
}

static void read_command(struct load *l)
{
	char line[64];
	long lines, per_s;
	if (!fgets(line, sizeof(line), stdin))
		l->is_over = true;
	else if (sscanf(line, "%ld %ld", &lines, &per_s) == 2 && lines > 0 && per_s > 0)
		begin_run(l, lines, per_s);
	else
		die("a run is LINES PER_S");
}

static void turn(struct load *l)
{
	struct epoll_event events[256];
	int n = epoll_wait(l->epoll, events, 256, l->is_running ? 1 : -1);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			read_member(events[i].data.ptr);
		else
			read_command(l);
		if (l->is_running && i % 16 == 0)
			send_due(l);
	}
	if (l->is_running) {
		send_due(l);
		check_run(l);
	}
}

int main(int argc, char **argv)
{
	struct load l = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct epoll_event ev = {.events = EPOLLIN};
	if (argc != 4)
		return 2;
	l.port = atoi(argv[1]);
	l.rooms = atoi(argv[2]);
	l.in_a_room = atoi(argv[3]);
	l.count = l.rooms * l.in_a_room;
	l.members = dh_alloc((size_t)l.count * sizeof(*l.members));
	for (connect_more(&l); l.ready < l.count; connect_more(&l))
		turn(&l);
	fprintf(stdout, "{\"connected\":%d}\n", l.ready);
	fflush(stdout);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (epoll_ctl(l.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &ev))
		die("stdin");
	while (!l.is_over)
		turn(&l);
	for (int i = 0; i < l.count; i++)
		dh_ws_reader_finish(&l.members[i].reader);
	free(l.members);
	return 0;
}
