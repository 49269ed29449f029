/* Two transports in one process over real sockets of this machine: connect, media both ways, attacks, restart, closing
 * at every stage (leaks: AddressSanitizer), refused candidates. */
#include "agent/rtc/rtc_transport.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/rtc/own_address.h"
#include "common/alloc.h"
#include "tst.h"

enum stage {
	NEVER, AFTER_CREATE, AFTER_REMOTE, AFTER_GATHER, IN_CANDIDATE, IN_CONNECTING, IN_CONNECTED, IN_RECEIVE, STAGES
};

struct side {
	struct link *link;
	struct side *peer;
	struct dh_rtc_transport *transport;
	enum stage close_at;
	/* -- protected by link->lock */
	enum dh_rtc_state state;
	int fail_code, rtp, rtcp, bad;
	int states_after_close, candidates;
	char candidate[256];
	bool is_closed;
};

struct link {
	struct dh_rtc_thread *thread;
	struct dh_dtls_identity *identity[2];
	struct side side[2];
	bool is_wrong; /* side 0 is told another fingerprint */
	struct dh_rtc_timer timer;
	uint16_t sequence;
	int garbage; /* first byte of the next */
	bool is_flowing, was_checking, is_again; /* ICE after its restart: at work, and connected */
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static const uint8_t sender_report[28] = {0x80, 200, 0, 6, 0, 0, 0, 9, 1, 2, 3, 4};

/* -- waiting on facts -- */

struct job {
	void (*fn)(struct link *l);
	struct link *link;
	bool is_done;
};

static void do_job(void *arg)
{
	struct job *j = arg;
	j->fn(j->link);
	pthread_mutex_lock(&j->link->lock);
	j->is_done = true;
	pthread_cond_broadcast(&j->link->changed);
	pthread_mutex_unlock(&j->link->lock);
}

static void on_rtc(struct link *l, void (*fn)(struct link *l))
{
	struct job j = {fn, l, false};
	dh_rtc_post(l->thread, do_job, &j);
	pthread_mutex_lock(&l->lock);
	while (!j.is_done)
		pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

/* Until is_true(l) or 10 s, which no test should need. Returns whether it became true. */
static bool wait_for(struct link *l, bool (*is_true)(struct link *l))
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 10;
	pthread_mutex_lock(&l->lock);
	int late = 0;
	while (!is_true(l) && !late)
		late = pthread_cond_timedwait(&l->changed, &l->lock, &end);
	bool is_ok = is_true(l);
	pthread_mutex_unlock(&l->lock);
	return is_ok;
}

/* -- the two sides, rtc thread -- */

static void close_side(struct side *s)
{
	dh_rtc_transport_close(s->transport);
	s->transport = NULL;
	pthread_mutex_lock(&s->link->lock);
	s->is_closed = true;
	pthread_cond_broadcast(&s->link->changed);
	pthread_mutex_unlock(&s->link->lock);
}

static void on_candidate(void *user, const char *sdp)
{
	struct side *s = user;
	pthread_mutex_lock(&s->link->lock);
	s->states_after_close += s->is_closed;
	if (sdp && !s->candidates++)
		dh_strcopy(s->candidate, sizeof(s->candidate), sdp);
	pthread_mutex_unlock(&s->link->lock);
	if (s->peer->transport && sdp)
		TST_EQ(dh_ice_add_remote(dh_rtc_transport_ice(s->peer->transport), sdp, NULL), DH_OK);
	if (s->close_at == IN_CANDIDATE && s->transport)
		close_side(s);
}

static void on_state(void *user, enum dh_rtc_state state, const struct dh_err *why)
{
	struct side *s = user;
	pthread_mutex_lock(&s->link->lock);
	s->states_after_close += s->is_closed;
	s->state = state;
	s->fail_code = why ? why->code : 0;
	pthread_cond_broadcast(&s->link->changed);
	pthread_mutex_unlock(&s->link->lock);
	if ((s->close_at == IN_CONNECTING && state == DH_RTC_CONNECTING) ||
	    (s->close_at == IN_CONNECTED && state == DH_RTC_CONNECTED))
		close_side(s);
}

static size_t make_rtp(uint8_t *p, uint16_t sequence)
{
	static const uint8_t head[12] = {0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
	memcpy(p, head, sizeof(head));
	p[2] = (uint8_t)(sequence >> 8);
	p[3] = (uint8_t)sequence;
	memset(p + 12, sequence & 0xff, 1188);
	return 1200;
}

static void on_receive(void *user, const uint8_t *packet, size_t size, bool is_rtcp)
{
	struct side *s = user;
	uint8_t want[1200];
	if (!is_rtcp)
		make_rtp(want, (uint16_t)(packet[2] << 8 | packet[3]));
	bool is_good = is_rtcp ? size == sizeof(sender_report) && !memcmp(packet, sender_report, size)
			       : size == sizeof(want) && !memcmp(packet, want, size);
	pthread_mutex_lock(&s->link->lock);
	s->states_after_close += s->is_closed;
	s->rtp += is_good && !is_rtcp;
	s->rtcp += is_good && is_rtcp;
	s->bad += !is_good;
	pthread_cond_broadcast(&s->link->changed);
	pthread_mutex_unlock(&s->link->lock);
	if (s->close_at == IN_RECEIVE)
		close_side(s);
}

static const struct dh_rtc_transport_ops ops = {.candidate = on_candidate, .state = on_state, .receive = on_receive};

static void set_remote(struct side *s)
{
	if (!s->transport || !s->peer->transport)
		return;
	struct dh_ice *ice = dh_rtc_transport_ice(s->peer->transport);
	struct link *l = s->link;
	bool is_wrong = l->is_wrong && s == &l->side[0];
	struct dh_rtc_remote r = {dh_ice_local_ufrag(ice), dh_ice_local_password(ice),
				  dh_dtls_identity_fingerprint(l->identity[is_wrong ? 0 : s->peer - l->side]),
				  .is_active = s == &l->side[0]};
	TST_EQ(dh_rtc_transport_set_remote(s->transport, &r, NULL), DH_OK);
}

static void open_sides(struct link *l)
{
	for (int i = 0; i < 2; i++) {
		struct side *s = &l->side[i];
		struct dh_rtc_transport_options o = {.identity = l->identity[i], .ops = &ops, .user = s};
		o.ice.is_controlling = i == 0;
		o.ice.is_loopback_only = true;
		TST_EQ(dh_rtc_transport_create(&s->transport, l->thread, &o, NULL), DH_OK);
	}
	for (int i = 0; i < 2; i++)
		if (l->side[i].close_at == AFTER_CREATE)
			close_side(&l->side[i]);
	for (int i = 0; i < 2; i++) {
		set_remote(&l->side[i]);
		if (l->side[i].close_at == AFTER_REMOTE)
			close_side(&l->side[i]);
	}
	for (int i = 0; i < 2; i++) {
		if (!l->side[i].transport || !l->side[!i].transport)
			continue;
		TST_EQ(dh_ice_gather(dh_rtc_transport_ice(l->side[i].transport), NULL), DH_OK);
		if (l->side[i].close_at == AFTER_GATHER)
			close_side(&l->side[i]);
	}
}

static struct link *link_open(enum stage close_at, bool is_wrong)
{
	struct link *l = dh_alloc(sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	dh_rtc_timer_init(&l->timer);
	l->is_wrong = is_wrong;
	TST_EQ(dh_rtc_thread_create(&l->thread, NULL), DH_OK);
	for (int i = 0; i < 2; i++) {
		TST_EQ(dh_dtls_identity_create(&l->identity[i], NULL), DH_OK);
		l->side[i].link = l;
		l->side[i].peer = &l->side[!i];
	}
	l->side[0].close_at = close_at;
	on_rtc(l, open_sides);
	return l;
}

static void close_sides(struct link *l)
{
	dh_rtc_timer_stop(&l->timer);
	for (int i = 0; i < 2; i++)
		if (l->side[i].transport)
			close_side(&l->side[i]);
}

static void link_close(struct link *l)
{
	on_rtc(l, close_sides);
	dh_rtc_thread_destroy(l->thread);
	for (int i = 0; i < 2; i++) {
		TST_EQ(l->side[i].states_after_close, 0);
		TST_EQ(l->side[i].bad, 0);
		dh_dtls_identity_destroy(l->identity[i]);
	}
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool both_connected(struct link *l)
{
	return l->side[0].state == DH_RTC_CONNECTED && l->side[1].state == DH_RTC_CONNECTED;
}

/* -- tests -- */

static void send_some(struct link *l)
{
	uint8_t p[1200];
	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < 10; n++) {
			size_t size = make_rtp(p, (uint16_t)(l->sequence + n));
			TST_EQ(dh_rtc_transport_send_rtp(l->side[i].transport, p, size), DH_OK);
		}
		TST_EQ(dh_rtc_transport_send_rtcp(l->side[i].transport, sender_report, sizeof(sender_report)), DH_OK);
	}
	l->sequence = (uint16_t)(l->sequence + 10);
}

static bool some_came(struct link *l)
{
	return l->side[0].rtp >= 10 && l->side[1].rtp >= 10 && l->side[0].rtcp && l->side[1].rtcp;
}

static void check_facts(struct link *l)
{
	struct dh_rtc_transport_stats stats;
	struct dh_ice_pair pair;
	dh_rtc_transport_get_stats(l->side[0].transport, &stats);
	TST_EQ(stats.srtp.protected_packets, 11);
	TST_EQ(stats.srtp.unprotected_packets, 11);
	TST_EQ(stats.sent_packets, 11);
	TST_EQ(stats.srtp.forged + stats.srtp.replayed + stats.unsent, 0);
	TST_CHECK(stats.connect_us > 0 && stats.connect_us < 5000000);
	fprintf(stdout, "# connected after %lld ms\n", (long long)stats.connect_us / 1000);
	TST_EQ(dh_ice_selected(dh_rtc_transport_ice(l->side[0].transport), &pair), DH_OK);
	TST_CHECK(dh_own_address_is(pair.remote_address) && dh_own_address_is(pair.local_address));
	TST_CHECK(pair.is_udp && pair.local_port > 0 && pair.remote_port > 0);
	uint8_t p[DH_RTC_PACKET_MAX + 1] = {0x80};
	TST_EQ(dh_rtc_transport_send_rtp(l->side[0].transport, p, sizeof(p)), DH_ELIMIT);
	make_rtp(p, 0);
	TST_EQ(dh_rtc_transport_send_rtp(l->side[0].transport, p, 1200), DH_EEXIST);
}

static void media_both_ways(void)
{
	struct link *l = link_open(NEVER, false);
	TST_CHECK(wait_for(l, both_connected));
	on_rtc(l, send_some);
	TST_CHECK(wait_for(l, some_came));
	on_rtc(l, check_facts);
	link_close(l);
}

static bool both_failed(struct link *l)
{
	return l->side[0].state == DH_RTC_FAILED && l->side[1].state == DH_RTC_FAILED;
}

static void wrong_fingerprint(void)
{
	struct link *l = link_open(NEVER, true);
	TST_CHECK(wait_for(l, both_failed));
	TST_EQ(l->side[0].fail_code, DH_EPERM);
	TST_EQ(l->side[1].fail_code, DH_EPROTO); /* told by an alert */
	link_close(l);
}

static void send_garbage(struct link *l)
{
	uint8_t p[300];
	int port = 0;
	char address[64] = "";
	TST_EQ(sscanf(l->side[0].candidate, "candidate:%*s %*d %*s %*s %63s %d", address, &port), 2);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = inet_pton(AF_INET, address, &to.sin_addr) == 1 ? socket(AF_INET, SOCK_DGRAM, 0) : -1;
	for (int first = l->garbage; first < l->garbage + 64; first++) {
		memset(p, first, sizeof(p));
		/* from a stranger, and from an address that ICE trusts */
		if (fd >= 0)
			TST_EQ(sendto(fd, p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(p));
		if (first >= 4) /* the rest is STUN */
			TST_EQ(dh_ice_send(dh_rtc_transport_ice(l->side[1].transport), p, first % 3 ? sizeof(p) : 1), DH_OK);
	}
	if (fd >= 0)
		close(fd);
	l->garbage += 64;
}

static bool all_came_both(struct link *l)
{
	return l->side[0].rtp >= l->sequence && l->side[1].rtp >= l->sequence;
}

static void check_garbage(struct link *l)
{
	struct dh_rtc_transport_stats stats;
	dh_rtc_transport_get_stats(l->side[0].transport, &stats);
	TST_CHECK(stats.srtp.unprotected_packets >= 40);
	TST_CHECK(stats.srtp.forged + stats.srtp.malformed + stats.srtp.replayed > 0);
	TST_CHECK(stats.ignored > 50);
	TST_EQ(dh_rtc_transport_state(l->side[0].transport), DH_RTC_CONNECTED);
}

static void garbage_is_ignored(void)
{
	struct link *l = link_open(NEVER, false);
	TST_CHECK(wait_for(l, both_connected));
	while (l->garbage < 256) { /* in parts that fit the socket's buffer */
		on_rtc(l, send_garbage);
		on_rtc(l, send_some);
		TST_CHECK(wait_for(l, all_came_both));
	}
	on_rtc(l, check_garbage);
	link_close(l);
}

/* Media every 5 ms on its timer, as a call has it. */
static void flow(void *arg)
{
	struct link *l = arg;
	uint8_t p[1200];
	size_t size = make_rtp(p, l->sequence++);
	TST_EQ(dh_rtc_transport_send_rtp(l->side[0].transport, p, size), DH_OK);
	enum dh_ice_state ice = dh_ice_get_state(dh_rtc_transport_ice(l->side[0].transport));
	pthread_mutex_lock(&l->lock);
	l->was_checking |= ice == DH_ICE_CHECKING;
	l->is_again |= l->was_checking && ice == DH_ICE_CONNECTED;
	pthread_mutex_unlock(&l->lock);
	if (l->is_flowing)
		dh_rtc_timer_start(l->thread, &l->timer, 5, flow, l);
}

static void start_flow(struct link *l)
{
	l->is_flowing = true;
	flow(l);
}

static void stop_flow(struct link *l)
{
	l->is_flowing = false;
}

static char old_ufrag[64];

static void restart(struct link *l)
{
	dh_strcopy(old_ufrag, sizeof(old_ufrag), dh_ice_local_ufrag(dh_rtc_transport_ice(l->side[0].transport)));
	/* as signalling does it: both new, then credentials, then candidates */
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_rtc_transport_restart(l->side[i].transport, i == 0, NULL), DH_OK);
	for (int i = 0; i < 2; i++)
		set_remote(&l->side[i]);
	TST_CHECK(strcmp(old_ufrag, dh_ice_local_ufrag(dh_rtc_transport_ice(l->side[0].transport))));
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_ice_gather(dh_rtc_transport_ice(l->side[i].transport), NULL), DH_OK);
}

static bool is_through(struct link *l)
{
	return l->is_again && l->side[1].rtp >= 50;
}

static void check_restart(struct link *l)
{
	struct dh_rtc_transport_stats stats;
	dh_rtc_transport_get_stats(l->side[1].transport, &stats);
	TST_EQ(stats.srtp.unprotected_packets, l->sequence); /* none lost */
	for (int i = 0; i < 2; i++) {
		TST_EQ(l->side[i].state, DH_RTC_CONNECTED);
		TST_EQ(dh_ice_get_state(dh_rtc_transport_ice(l->side[i].transport)), DH_ICE_CONNECTED);
	}
}

static bool all_came(struct link *l)
{
	return l->side[1].rtp >= l->sequence;
}

static void restart_keeps_media(void)
{
	struct link *l = link_open(NEVER, false);
	TST_CHECK(wait_for(l, both_connected));
	on_rtc(l, start_flow);
	on_rtc(l, restart);
	TST_CHECK(wait_for(l, is_through));
	on_rtc(l, stop_flow);
	TST_CHECK(wait_for(l, all_came));
	on_rtc(l, check_restart);
	link_close(l);
}

static bool first_closed(struct link *l)
{
	return l->side[0].is_closed;
}

static bool connected_or_closed(struct link *l)
{
	return first_closed(l) || both_connected(l);
}

static void close_at_every_stage(void)
{
	for (enum stage stage = AFTER_CREATE; stage < STAGES; stage++) {
		struct link *l = link_open(stage, false);
		TST_CHECK(wait_for(l, connected_or_closed));
		if (stage == IN_RECEIVE)
			on_rtc(l, send_some);
		TST_CHECK(wait_for(l, first_closed));
		link_close(l);
	}
}

static bool second_closed(struct link *l)
{
	return l->side[1].state == DH_RTC_CLOSED;
}

static void close_first(struct link *l)
{
	close_side(&l->side[0]);
}

static void close_is_told(void)
{
	struct link *l = link_open(NEVER, false);
	TST_CHECK(wait_for(l, both_connected));
	on_rtc(l, close_first);
	TST_CHECK(wait_for(l, second_closed));
	TST_EQ(l->side[1].fail_code, DH_ECLOSED);
	link_close(l);
}

TST_MAIN({"media_both_ways", media_both_ways}, {"wrong_fingerprint", wrong_fingerprint},
	 {"garbage_is_ignored", garbage_is_ignored}, {"restart_keeps_media", restart_keeps_media},
	 {"close_at_every_stage", close_at_every_stage}, {"close_is_told", close_is_told})
