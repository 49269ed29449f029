/* Two transports in one process that show each other nothing but what TURN servers gave them, and send media both ways.
 * Driven by test_turn.py, which runs the servers.
 * usage: turn_pair URL USER PASSWORD [ca=FILE] [http=HOST:PORT:USER:PASSWORD] [socks5=...] [hold] [any]
 * hold: after the media, wait until the connection is lost. any: show all addresses, not the relayed ones only.
 * Prints "candidate ..." lines, then one of "connected MS LOCAL REMOTE", "failed CODE TEXT"; with hold then "lost MS TEXT".
 * Ends by itself in any case. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/rtc/rtc_transport.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#define LIMIT_MS 60000

struct side {
	struct side *peer;
	struct dh_rtc_transport *transport;
	struct dh_dtls_identity *identity;
	int received;
	bool is_connected;
};

static struct dh_rtc_thread *thread;
static struct side sides[2];
static struct dh_ice_options ice_options;
static struct dh_rtc_timer media_timer;
static int done_fd, code;
static bool is_over, was_connected, holds;
static uint16_t sequence;
static int64_t connected_us;

static void over(void)
{
	if (is_over)
		return;
	is_over = true;
	dh_rtc_timer_stop(&media_timer);
	for (int i = 0; i < 2; i++)
		dh_rtc_transport_close(sides[i].transport);
	fflush(stdout);
	eventfd_write(done_fd, 1);
}

static void on_candidate(void *user, const char *sdp)
{
	struct side *s = user;
	if (!sdp || is_over)
		return;
	fprintf(stdout, "%s\n", sdp);
	dh_ice_add_remote(dh_rtc_transport_ice(s->peer->transport), sdp, NULL);
}

static void send_media(void *arg)
{
	uint8_t p[1000] = {0x80, 96, (uint8_t)(sequence >> 8), (uint8_t)sequence};
	sequence++;
	for (int i = 0; i < 2; i++)
		dh_rtc_transport_send_rtp(sides[i].transport, p, sizeof(p));
	dh_rtc_timer_start(thread, &media_timer, 10, send_media, NULL);
}

static void on_state(void *user, enum dh_rtc_state state, const struct dh_err *why)
{
	struct side *s = user;
	if (is_over)
		return;
	if (state == DH_RTC_CONNECTED) {
		s->is_connected = true;
		if (sides[0].is_connected && sides[1].is_connected)
			send_media(NULL);
	} else if (why && was_connected) {
		fprintf(stdout, "lost %lld %s\n", (long long)(dh_now_us() - connected_us) / 1000, why->text);
		over();
	} else if (why) {
		fprintf(stdout, "failed %s %s\n", dh_err_name(why->code), why->text);
		code = 2;
		over();
	}
}

static void on_receive(void *user, const uint8_t *packet, size_t size, bool is_rtcp)
{
	struct side *s = user;
	struct dh_rtc_transport_stats stats;
	struct dh_ice_pair pair;
	s->received++;
	if (sides[0].received < 20 || sides[1].received < 20 || was_connected)
		return;
	was_connected = true;
	connected_us = dh_now_us();
	dh_rtc_transport_get_stats(s->transport, &stats);
	dh_ice_selected(dh_rtc_transport_ice(s->transport), &pair);
	fprintf(stdout, "connected %lld %s %s\n", (long long)stats.connect_us / 1000, pair.local_kind, pair.remote_kind);
	fflush(stdout);
	if (!holds)
		over();
}

static void on_moved(void *user, bool is_gone)
{
}

static const struct dh_rtc_transport_ops ops = {on_candidate, on_state, on_receive, on_moved};

static void refuse(const struct dh_err *e)
{
	fprintf(stdout, "failed %s %s\n", dh_err_name(e->code), e->text);
	code = 2;
	over();
}

static void begin(void *arg)
{
	struct dh_err e;
	for (int i = 0; i < 2; i++) {
		struct dh_rtc_transport_options o = {.ice = ice_options, .identity = sides[i].identity, .ops = &ops,
						     .user = &sides[i]};
		o.ice.is_controlling = i == 0;
		sides[i].peer = &sides[!i];
		if (dh_rtc_transport_create(&sides[i].transport, thread, &o, &e)) {
			refuse(&e);
			return;
		}
	}
	for (int i = 0; i < 2; i++) {
		struct dh_ice *ice = dh_rtc_transport_ice(sides[!i].transport);
		struct dh_rtc_remote r = {dh_ice_local_ufrag(ice), dh_ice_local_password(ice),
					  dh_dtls_identity_fingerprint(sides[!i].identity), .is_active = i == 0};
		dh_rtc_transport_set_remote(sides[i].transport, &r, NULL);
	}
	for (int i = 0; i < 2 && !is_over; i++)
		if (dh_ice_gather(dh_rtc_transport_ice(sides[i].transport), &e))
			refuse(&e);
}

static void stop(void *arg)
{
	if (!is_over)
		fprintf(stdout, "failed ETIMEDOUT the test waited in vain\n");
	code = is_over ? code : 3;
	over();
}

/* "HOST:PORT:USER:PASSWORD" or "HOST:PORT" */
static void read_proxy(char *text, enum dh_proxy_kind kind)
{
	struct dh_proxy *p = &ice_options.proxy;
	p->kind = kind;
	p->host = strsep(&text, ":");
	p->port = (uint16_t)atoi(text ? strsep(&text, ":") : "0");
	p->username = text ? strsep(&text, ":") : NULL;
	p->password = text;
}

static void read_option(char *text)
{
	if (!strncmp(text, "ca=", 3))
		ice_options.ca_file = text + 3;
	else if (!strncmp(text, "http=", 5))
		read_proxy(text + 5, DH_PROXY_HTTP);
	else if (!strncmp(text, "socks5=", 7))
		read_proxy(text + 7, DH_PROXY_SOCKS5);
	else if (!strcmp(text, "hold"))
		holds = true;
	else if (!strcmp(text, "any"))
		ice_options.is_relay_only = false;
}

int main(int argc, char **argv)
{
	struct dh_ice_server server;
	struct dh_err e;
	struct pollfd done;
	if (argc < 4)
		return 1;
	dh_log_configure(DH_LOG_DEBUG, false);
	ice_options = (struct dh_ice_options){.is_relay_only = true, .servers = &server, .server_count = 1};
	for (int i = 4; i < argc; i++)
		read_option(argv[i]);
	done_fd = eventfd(0, EFD_CLOEXEC);
	done = (struct pollfd){done_fd, POLLIN, 0};
	dh_rtc_timer_init(&media_timer);
	if (dh_ice_server_parse(&server, argv[1], argv[2], argv[3], &e) || dh_rtc_thread_create(&thread, &e)) {
		fprintf(stdout, "failed %s %s\n", dh_err_name(e.code), e.text);
		return 2;
	}
	for (int i = 0; i < 2; i++)
		if (dh_dtls_identity_create(&sides[i].identity, NULL))
			return 1;
	dh_rtc_post(thread, begin, NULL);
	if (poll(&done, 1, LIMIT_MS) == 0)
		dh_rtc_post(thread, stop, NULL);
	dh_rtc_thread_destroy(thread);
	for (int i = 0; i < 2; i++)
		dh_dtls_identity_destroy(sides[i].identity);
	close(done_fd);
	fflush(stdout);
	return code;
}
