/* An outage: two transports whose datagrams pass a hop of the test. The hop falls silent: no transport gives its road up by
 * itself (decision 16: the peer does, by what it hears), and an ICE restart brings media back once the hop works again. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/rtc_transport.h"
#include "common/clock.h"
#include "tests/unit/tst.h"

struct side {
	struct side *peer;
	struct dh_rtc_transport *transport;
	struct dh_dtls_identity *identity;
	char candidate[256];
	/* -- protected by lock */
	enum dh_rtc_state state;
	int received;
};

static struct side side[2];
static struct dh_rtc_thread *thread;
static struct dh_rtc_timer media;
static uint16_t sequence; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* -- the hop: hop_fd[i] is what the other side takes for side i */

static int hop_fd[2], hop_stop;
static uint16_t hop_port[2];
static atomic_int real_port[2]; /* of side i on 127.0.0.1 */
static atomic_bool is_cut;

static void forward(int i)
{
	uint8_t data[2048];
	struct sockaddr_in from, to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atomic_load(&real_port[i]))};
	socklen_t size = sizeof(from);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ssize_t n = recvfrom(hop_fd[i], data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
	bool is_known = n > 0 && ntohs(from.sin_port) == atomic_load(&real_port[!i]) && to.sin_port;
	if (is_known && !atomic_load(&is_cut))
		sendto(hop_fd[!i], data, (size_t)n, 0, (struct sockaddr *)&to, sizeof(to));
}

static void *run_hop(void *arg)
{
	for (;;) {
		struct pollfd p[3] = {{hop_fd[0], POLLIN, 0}, {hop_fd[1], POLLIN, 0}, {hop_stop, POLLIN, 0}};
		if (poll(p, 3, -1) < 0 || p[2].revents)
			return NULL;
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				forward(i);
	}
}

static void open_hop(void)
{
	hop_stop = eventfd(0, EFD_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t size = sizeof(a);
		hop_fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		TST_EQ(bind(hop_fd[i], (struct sockaddr *)&a, sizeof(a)), 0);
		getsockname(hop_fd[i], (struct sockaddr *)&a, &size);
		hop_port[i] = ntohs(a.sin_port);
	}
}

/* -- the two sides, rtc thread */

/* Of all candidates only the one at 127.0.0.1 is shown, with the hop's port. */
static void on_candidate(void *user, const char *sdp)
{
	struct side *s = user;
	int port, index = (int)(s - side);
	if (!sdp)
		return;
	TST_CHECK(!strstr(sdp, "typ prflx")); /* the hop makes such ones; they are nobody's business */
	if (sscanf(sdp, "candidate:%*s %*d UDP %*s 127.0.0.1 %d", &port) != 1)
		return;
	atomic_store(&real_port[index], port);
	snprintf(s->candidate, sizeof(s->candidate), "candidate:1 1 UDP 2122252543 127.0.0.1 %u typ host", hop_port[index]);
	dh_ice_add_remote(dh_rtc_transport_ice(s->peer->transport), s->candidate, NULL);
}

static void on_state(void *user, enum dh_rtc_state state, const struct dh_err *why)
{
	struct side *s = user;
	pthread_mutex_lock(&lock);
	s->state = state;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void on_receive(void *user, const uint8_t *packet, size_t size, bool is_rtcp)
{
	struct side *s = user;
	pthread_mutex_lock(&lock);
	s->received++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static const struct dh_rtc_transport_ops ops = {.candidate = on_candidate, .state = on_state, .receive = on_receive};

static void send_media(void *arg)
{
	pthread_mutex_lock(&lock);
	uint8_t p[500] = {0x80, 96, (uint8_t)(sequence >> 8), (uint8_t)sequence};
	sequence++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 2; i++)
		dh_rtc_transport_send_rtp(side[i].transport, p, sizeof(p));
	dh_rtc_timer_start(thread, &media, 20, send_media, NULL);
}

static void set_remotes(void)
{
	for (int i = 0; i < 2; i++) {
		struct dh_ice *ice = dh_rtc_transport_ice(side[!i].transport);
		struct dh_rtc_remote r = {dh_ice_local_ufrag(ice), dh_ice_local_password(ice),
					  dh_dtls_identity_fingerprint(side[!i].identity), .is_active = i == 0};
		TST_EQ(dh_rtc_transport_set_remote(side[i].transport, &r, NULL), DH_OK);
	}
}

static void begin(void *arg)
{
	for (int i = 0; i < 2; i++) {
		struct dh_rtc_transport_options o = {.identity = side[i].identity, .ops = &ops, .user = &side[i]};
		o.ice.is_controlling = i == 0;
		o.ice.is_loopback_only = true;
		TST_EQ(dh_rtc_transport_create(&side[i].transport, thread, &o, NULL), DH_OK);
		side[i].peer = &side[!i];
	}
	set_remotes();
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_ice_gather(dh_rtc_transport_ice(side[i].transport), NULL), DH_OK);
	send_media(NULL);
}

static void restart(void *arg)
{
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_rtc_transport_restart(side[i].transport, i == 0, NULL), DH_OK);
	set_remotes();
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_ice_gather(dh_rtc_transport_ice(side[i].transport), NULL), DH_OK);
}

static void end(void *arg)
{
	dh_rtc_timer_stop(&media);
	for (int i = 0; i < 2; i++)
		dh_rtc_transport_close(side[i].transport);
}

static bool all_are(enum dh_rtc_state state)
{
	return side[0].state == state && side[1].state == state;
}

/* Both in this state, and with n packets each. Returns milliseconds, -1 when that took longer than limit_s. */
static int64_t wait_for(enum dh_rtc_state state, int n, int limit_s)
{
	struct timespec until;
	int64_t from = dh_now_us();
	int late = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += limit_s;
	pthread_mutex_lock(&lock);
	while (!(all_are(state) && side[0].received >= n && side[1].received >= n) && !late)
		late = pthread_cond_timedwait(&changed, &lock, &until);
	pthread_mutex_unlock(&lock);
	return late ? -1 : (dh_now_us() - from) / 1000;
}

/* n more packets of each side are on their way. */
static void wait_for_sent(int n)
{
	pthread_mutex_lock(&lock);
	uint16_t from = sequence;
	while ((uint16_t)(sequence - from) < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static int received(void)
{
	pthread_mutex_lock(&lock);
	int n = side[0].received > side[1].received ? side[0].received : side[1].received;
	pthread_mutex_unlock(&lock);
	return n;
}

static void outage(void)
{
	pthread_t hop;
	open_hop();
	pthread_create(&hop, NULL, run_hop, NULL);
	dh_rtc_timer_init(&media);
	TST_EQ(dh_rtc_thread_create(&thread, NULL), DH_OK);
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_dtls_identity_create(&side[i].identity, NULL), DH_OK);
	dh_rtc_post(thread, begin, NULL);
	TST_CHECK(wait_for(DH_RTC_CONNECTED, 10, 15) >= 0);
	atomic_store(&is_cut, true);
	wait_for_sent(25); /* those that had passed the hop have arrived */
	int before = received();
	wait_for_sent(100);
	TST_EQ(received(), before);
	TST_CHECK(wait_for(DH_RTC_CONNECTED, 0, 1) >= 0);
	atomic_store(&is_cut, false);
	dh_rtc_post(thread, restart, NULL);
	int64_t back_ms = wait_for(DH_RTC_CONNECTED, before + 10, 20);
	fprintf(stdout, "# and media was back %lld ms after the restart\n", (long long)back_ms);
	TST_CHECK(back_ms >= 0);
	dh_rtc_post(thread, end, NULL);
	dh_rtc_thread_destroy(thread);
	eventfd_write(hop_stop, 1);
	pthread_join(hop, NULL);
	for (int i = 0; i < 2; i++) {
		dh_dtls_identity_destroy(side[i].identity);
		close(hop_fd[i]);
	}
	close(hop_stop);
}

TST_MAIN({"outage", outage})
