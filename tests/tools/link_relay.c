/* A network link of its own between two network namespaces, in real time, with the model of tests/unit/rtc_link.h: two TUN
 * devices, and this program carries every IP packet from one to the other through rate, queue, delay, jitter, loss and
 * outage. Linux, root.
 *
 * usage: link_relay NAMESPACE_A NAMESPACE_B [KEY=VALUE...]     (A gets 10.77.0.1, B 10.77.0.2)
 * stdin: "set [a|b] KEY=VALUE..." (a: what A sends; both without), "stats", end of file ends it.
 * keys:  rate (kbit/s) queue delay jitter reorder_by (ms) loss reorder (%) burst (packets lost at a time) down (0, 1)
 * stdout: {"ready":true}; for stats {"a":{"bytes","dropped","lost","queue_ms":[most of each 100 ms]},"b":{..}} */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "tests/unit/rtc_link.h"

#define PACKET_MAX 2048
#define SLOTS 16384 /* packets on the way in one direction */
#define QUEUES 36000

struct direction {
	struct rtc_link link;
	int from, to;
	struct {
		uint8_t *data;
		int size;
	} slot[SLOTS];
	int64_t next_id, bytes;
	float queue_ms[QUEUES]; /* most of each 100 ms */
	int queues;
	int64_t queue_from_us;
};

static struct direction way[2];

static int run(const char *const *argv)
{
	pid_t pid = fork();
	int status = -1;
	if (!pid) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int make_tun(const char *name, const char *space, const char *address)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r)) {
		perror("link_relay: /dev/net/tun (root is needed)");
		return -1;
	}
	char net[128]; /* not ip -n: that wants to mount things too, and cannot in a chroot */
	snprintf(net, sizeof(net), "--net=/run/netns/%s", space);
	const char *commands[][10] = {
		{"ip", "link", "set", name, "netns", space, NULL},
		{"nsenter", net, "ip", "addr", "add", address, "dev", name, NULL},
		{"nsenter", net, "ip", "link", "set", "lo", "up", NULL},
		{"nsenter", net, "ip", "link", "set", name, "mtu", "1400", "up", NULL},
		/* a browser without a camera's permission shows only the address that leads outside */
		{"nsenter", net, "ip", "route", "add", "default", "dev", name, NULL},
	};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (run(commands[i])) {
			fprintf(stderr, "link_relay: cannot set up %s in namespace %s\n", name, space);
			return -1;
		}
	return fd;
}

static bool set(struct rtc_link_config *c, const char *text)
{
	char key[32];
	double v;
	if (sscanf(text, "%31[a-z_]=%lf", key, &v) != 2 || v < 0 || (!strcmp(key, "rate") && v < 1))
		return false;
	if (!strcmp(key, "rate"))
		c->rate_bps = (int64_t)(v * 1000);
	else if (!strcmp(key, "queue"))
		c->queue_us = (int64_t)(v * 1000);
	else if (!strcmp(key, "delay"))
		c->delay_us = (int64_t)(v * 1000);
	else if (!strcmp(key, "jitter"))
		c->jitter_us = (int64_t)(v * 1000);
	else if (!strcmp(key, "loss"))
		c->loss = v / 100;
	else if (!strcmp(key, "reorder"))
		c->reorder = v / 100;
	else if (!strcmp(key, "reorder_by"))
		c->reorder_us = (int64_t)(v * 1000);
	else if (!strcmp(key, "burst")) {
		c->burst_leave = v > 0 ? 1 / v : 0;
		c->burst_enter = v > 0 ? 0.002 : 0;
	} else if (!strcmp(key, "down"))
		c->is_down = v != 0;
	else
		return false;
	return true;
}

static void note_queue(struct direction *d, int64_t now_us)
{
	float ms = (float)rtc_link_queue_us(&d->link, now_us) / 1000;
	if (now_us - d->queue_from_us >= 100000 || !d->queues) {
		d->queue_from_us = d->queues ? d->queue_from_us + 100000 : now_us;
		if (d->queues < QUEUES)
			d->queue_ms[d->queues++] = 0;
	}
	if (d->queues && ms > d->queue_ms[d->queues - 1])
		d->queue_ms[d->queues - 1] = ms;
}

static void take_in(struct direction *d)
{
	uint8_t data[PACKET_MAX];
	ssize_t n;
	while ((n = read(d->from, data, sizeof(data))) > 0) {
		int64_t now_us = dh_now_us(), id = d->next_id++;
		free(d->slot[id % SLOTS].data);
		d->slot[id % SLOTS].data = dh_alloc((size_t)n);
		memcpy(d->slot[id % SLOTS].data, data, (size_t)n);
		d->slot[id % SLOTS].size = (int)n;
		rtc_link_send(&d->link, id, (int)n, now_us);
		note_queue(d, now_us);
	}
}

static void give_out(struct direction *d)
{
	struct rtc_link_packet p;
	int64_t now_us = dh_now_us();
	while (rtc_link_receive(&d->link, &p, now_us)) {
		if (p.id < 0 || d->next_id - p.id > SLOTS)
			continue;
		d->bytes += p.bytes;
		ssize_t n = write(d->to, d->slot[p.id % SLOTS].data, (size_t)d->slot[p.id % SLOTS].size);
		if (n < 0 && errno != EAGAIN && errno != EIO)
			perror("link_relay: write");
	}
}

static void print_stats(void)
{
	for (int i = 0; i < 2; i++) {
		struct direction *d = &way[i];
		fprintf(stdout, "%s\"%c\":{\"bytes\":%lld,\"dropped\":%lld,\"lost\":%lld,\"queue_ms\":[",
			i ? "," : "{", 'a' + i, (long long)d->bytes, (long long)d->link.dropped, (long long)d->link.lost);
		for (int q = 0; q < d->queues; q++)
			fprintf(stdout, "%s%.0f", q ? "," : "", (double)d->queue_ms[q]);
		fprintf(stdout, "]}");
		d->queues = 0;
	}
	fprintf(stdout, "}\n");
	fflush(stdout);
}

static void command(char *line)
{
	bool both = true;
	int only = 0;
	char *word = strtok(line, " \n");
	if (word && !strcmp(word, "stats"))
		print_stats();
	if (!word || strcmp(word, "set") != 0)
		return;
	while ((word = strtok(NULL, " \n"))) {
		if (!strcmp(word, "a") || !strcmp(word, "b")) {
			both = false;
			only = *word - 'a';
			continue;
		}
		for (int i = 0; i < 2; i++)
			if ((both || i == only) && !set(&way[i].link.config, word))
				fprintf(stderr, "link_relay: what is \"%s\"?\n", word);
	}
}

int main(int argc, char **argv)
{
	struct rtc_link_config c = {.rate_bps = 1000000000, .queue_us = 300000};
	if (argc < 3) {
		fprintf(stderr, "usage: link_relay NAMESPACE_A NAMESPACE_B [KEY=VALUE...]\n");
		return 2;
	}
	for (int i = 3; i < argc; i++)
		if (!set(&c, argv[i])) {
			fprintf(stderr, "link_relay: what is \"%s\"?\n", argv[i]);
			return 2;
		}
	way[0].from = way[1].to = make_tun("dhlink-a", argv[1], "10.77.0.1/24");
	way[1].from = way[0].to = way[0].from < 0 ? -1 : make_tun("dhlink-b", argv[2], "10.77.0.2/24");
	if (way[1].from < 0)
		return 1;
	for (int i = 0; i < 2; i++)
		rtc_link_init(&way[i].link, &c, 1 + (uint64_t)i, dh_now_us());
	/* What waits for this program to be run stands in no router's queue: it comes first. Is it refused, so be it. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() and a buffer would disagree */
	fprintf(stdout, "{\"ready\":true}\n");
	fflush(stdout);
	for (;;) {
		struct pollfd p[3] = {{way[0].from, POLLIN, 0}, {way[1].from, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
		bool is_busy = false;
		for (int i = 0; i < 2; i++)
			is_busy |= way[i].link.queue_count + way[i].link.flight_count > 0;
		char line[512];
		poll(p, 3, is_busy ? 1 : 100);
		for (int i = 0; i < 2; i++) {
			if (p[i].revents & POLLIN)
				take_in(&way[i]);
			give_out(&way[i]);
			note_queue(&way[i], dh_now_us());
		}
		if (p[2].revents & (POLLIN | POLLHUP)) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			command(line);
		}
	}
}
