/* DTLS without a network (roles, lost datagrams, fingerprints), SRTP with keys of both profiles (replay, forgery), and
 * which candidates ICE refuses. */
#include <pthread.h>
#include <stdlib.h>

#include "agent/rtc/rtc_transport.h"
#include "common/alloc.h"
#include "tst.h"

/* -- DTLS: datagrams go through posted tasks, as through a network -- */

struct end {
	struct wire *wire;
	struct dh_dtls *dtls;
	struct dh_rtc_timer timer;
	struct dh_srtp_keys keys;
};

struct wire {
	struct dh_rtc_thread *thread;
	struct dh_dtls_identity *identity;
	struct end end[2];
	int lose; /* so many of the first datagrams */
	int sent;
	/* -- protected by lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int connected;
};

struct datagram {
	struct end *to;
	size_t size;
	uint8_t data[1500];
};

static void late(void *arg);

static void watch(struct end *s)
{
	int64_t ms = dh_dtls_timeout_ms(s->dtls);
	if (ms < 0)
		dh_rtc_timer_stop(&s->timer);
	else
		dh_rtc_timer_start(s->wire->thread, &s->timer, ms, late, s);
}

static void late(void *arg)
{
	struct end *s = arg;
	dh_dtls_timeout(s->dtls);
	watch(s);
}

static void arrive(void *arg)
{
	struct datagram *d = arg;
	if (d->to->dtls) {
		dh_dtls_input(d->to->dtls, d->data, d->size);
		watch(d->to);
	}
	free(d);
}

static void on_send(void *user, const uint8_t *data, size_t size)
{
	struct end *s = user;
	TST_CHECK(size <= 1200);
	if (s->wire->sent++ < s->wire->lose)
		return;
	struct datagram *d = dh_alloc(sizeof(*d));
	d->to = &s->wire->end[s == &s->wire->end[0]];
	d->size = size;
	memcpy(d->data, data, size);
	dh_rtc_post(s->wire->thread, arrive, d);
}

static void on_connected(void *user, const struct dh_srtp_keys *keys)
{
	struct end *s = user;
	s->keys = *keys;
	pthread_mutex_lock(&s->wire->lock);
	s->wire->connected++;
	pthread_cond_broadcast(&s->wire->changed);
	pthread_mutex_unlock(&s->wire->lock);
}

static void on_failed(void *user, const struct dh_err *e)
{
	TST_STR(e->text, ""); /* must not come */
}

static const struct dh_dtls_ops dtls_ops = {on_send, on_connected, on_failed};

static void begin(void *arg)
{
	struct wire *w = arg;
	const char *fingerprint = dh_dtls_identity_fingerprint(w->identity);
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_dtls_create(&w->end[i].dtls, w->identity, i == 0, fingerprint, &dtls_ops, &w->end[i], NULL), 0);
	for (int i = 1; i >= 0; i--) {
		dh_dtls_start(w->end[i].dtls);
		watch(&w->end[i]);
	}
}

static void end(void *arg)
{
	struct wire *w = arg;
	for (int i = 0; i < 2; i++) {
		dh_rtc_timer_stop(&w->end[i].timer);
		w->sent = -100; /* no close_notify after the other is gone */
		w->lose = 0;
		struct dh_dtls *d = w->end[i].dtls;
		w->end[i].dtls = NULL;
		dh_dtls_destroy(d);
	}
}

static void shake(struct wire *w, int lose)
{
	*w = (struct wire){.lose = lose};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	TST_EQ(dh_dtls_identity_create(&w->identity, NULL), DH_OK);
	TST_EQ(dh_rtc_thread_create(&w->thread, NULL), DH_OK);
	for (int i = 0; i < 2; i++) {
		w->end[i].wire = w;
		dh_rtc_timer_init(&w->end[i].timer);
	}
	dh_rtc_post(w->thread, begin, w);
	pthread_mutex_lock(&w->lock);
	while (w->connected < 2) /* a handshake that hangs is ended by meson */
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	dh_rtc_post(w->thread, end, w);
	dh_rtc_thread_destroy(w->thread);
	dh_dtls_identity_destroy(w->identity);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
}

static void dtls_agrees_on_keys(void)
{
	struct wire w;
	shake(&w, 0);
	TST_EQ(w.end[0].keys.profile, DH_SRTP_AEAD_AES_128_GCM);
	TST_EQ(w.end[1].keys.profile, DH_SRTP_AEAD_AES_128_GCM);
	TST_CHECK(!memcmp(w.end[0].keys.local, w.end[1].keys.remote, 30));
	TST_CHECK(!memcmp(w.end[0].keys.remote, w.end[1].keys.local, 30));
	TST_CHECK(memcmp(w.end[0].keys.local, w.end[0].keys.remote, 28));
}

static void dtls_sends_again(void)
{
	struct wire w;
	shake(&w, 1); /* the ClientHello: comes again after a second */
	TST_CHECK(!memcmp(w.end[0].keys.local, w.end[1].keys.remote, 30));
}

static void fingerprints(void)
{
	struct dh_dtls_identity *id, *other;
	struct dh_dtls *d = NULL;
	char text[DH_DTLS_FINGERPRINT_MAX];
	TST_EQ(dh_dtls_identity_create(&id, NULL), DH_OK);
	TST_EQ(dh_dtls_identity_create(&other, NULL), DH_OK);
	dh_strcopy(text, sizeof(text), dh_dtls_identity_fingerprint(id));
	TST_EQ(strlen(text), 8 + 32 * 3 - 1);
	TST_CHECK(strcmp(text, dh_dtls_identity_fingerprint(other)));
	text[strlen(text) - 3] = 0; /* a byte short */
	TST_EQ(dh_dtls_create(&d, id, true, text, &dtls_ops, NULL, NULL), DH_EINVAL);
	TST_EQ(dh_dtls_create(&d, id, true, "sha-1 AA:BB", &dtls_ops, NULL, NULL), DH_ENOTSUP);
	TST_EQ(dh_dtls_create(&d, id, true, "", &dtls_ops, NULL, NULL), DH_ENOTSUP);
	memset(text + 8, 'z', sizeof(text) - 9);
	text[8 + 32 * 3 - 1] = 0;
	TST_EQ(dh_dtls_create(&d, id, true, text, &dtls_ops, NULL, NULL), DH_EINVAL);
	TST_CHECK(!d);
	dh_dtls_identity_destroy(id);
	dh_dtls_identity_destroy(other);
}

/* -- SRTP -- */

static size_t make_rtp(uint8_t *p, uint8_t sequence)
{
	memset(p, 0x5a, 100);
	memcpy(p, (uint8_t[]){0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 7}, 12);
	return 100;
}

static void srtp_with(enum dh_srtp_profile profile, size_t tag)
{
	struct dh_srtp_keys keys = {.profile = profile, .local = "abcdefghijklmnopqrstuvwxyz123", .remote = "other"};
	struct dh_srtp_keys theirs = {.profile = profile};
	struct dh_srtp *a, *b;
	uint8_t plain[100], p[128], again[128];
	memcpy(theirs.local, keys.remote, 30);
	memcpy(theirs.remote, keys.local, 30);
	TST_EQ(dh_srtp_create(&a, &keys, NULL), DH_OK);
	TST_EQ(dh_srtp_create(&b, &theirs, NULL), DH_OK);
	make_rtp(plain, 1);
	size_t size = make_rtp(p, 1), size2, small = size;
	TST_EQ(dh_srtp_protect_rtp(a, p, &small, size + 10), DH_ELIMIT);
	TST_EQ(dh_srtp_protect_rtp(a, p, &size, sizeof(p)), DH_OK);
	TST_EQ(size, 100 + tag);
	TST_CHECK(memcmp(p + 12, plain + 12, 88));
	memcpy(again, p, sizeof(p));
	size2 = size;
	again[50] ^= 1;
	TST_EQ(dh_srtp_unprotect_rtp(b, again, &size2), DH_EPERM);
	memcpy(again, p, sizeof(p));
	TST_EQ(dh_srtp_unprotect_rtp(b, p, &size), DH_OK);
	TST_EQ(size, 100);
	TST_CHECK(!memcmp(p, plain, 100));
	TST_EQ(dh_srtp_unprotect_rtp(b, again, &size2), DH_EEXIST);
	size2 = 5;
	TST_EQ(dh_srtp_unprotect_rtp(b, again, &size2), DH_EINVAL);
	size2 = 5;
	TST_EQ(dh_srtp_unprotect_rtcp(b, again, &size2), DH_EINVAL);
	size = make_rtp(p, 1); /* a number is used once */
	TST_EQ(dh_srtp_protect_rtp(a, p, &size, sizeof(p)), DH_EEXIST);
	const struct dh_srtp_counts *c = dh_srtp_counts(b);
	TST_EQ(c->unprotected_packets, 1);
	TST_EQ(c->forged, 1);
	TST_EQ(c->replayed, 1);
	TST_EQ(c->malformed, 2);
	dh_srtp_destroy(a);
	dh_srtp_destroy(b);
}

static void srtp_gcm(void)
{
	srtp_with(DH_SRTP_AEAD_AES_128_GCM, 16);
}

static void srtp_cm(void)
{
	srtp_with(DH_SRTP_AES128_CM_SHA1_80, 10);
	struct dh_srtp *s = NULL;
	TST_EQ(dh_srtp_create(&s, &(struct dh_srtp_keys){.profile = DH_SRTP_NONE}, NULL), DH_ENOTSUP);
	TST_CHECK(!s);
}

/* -- ICE -- */

static void no_candidate(void *user, const char *sdp)
{
}

static void no_state(void *user, enum dh_ice_state state)
{
}

static void no_data(void *user, const uint8_t *data, size_t size)
{
}

static struct dh_rtc_thread *thread;

static void try_candidates(void *arg)
{
	static const struct dh_ice_ops ops = {.candidate = no_candidate, .state = no_state, .receive = no_data};
	static const char good[] = "candidate:1 1 UDP 2122252543 127.0.0.1 40000 typ host";
	struct dh_ice_options o = {.is_loopback_only = true, .ops = &ops};
	struct dh_ice *ice;
	TST_EQ(dh_ice_create(&ice, thread, &o, NULL), DH_OK);
	TST_EQ(dh_ice_add_remote(ice, good, NULL), DH_ESTATE);
	TST_EQ(dh_ice_set_remote(ice, "ab", "0123456789012345678901", NULL), DH_EINVAL);
	TST_EQ(dh_ice_set_remote(ice, "abcd", "012345678901234567890\n", NULL), DH_EINVAL);
	TST_EQ(dh_ice_set_remote(ice, "abcd", "0123456789012345678901", NULL), DH_OK);
	TST_EQ(dh_ice_add_remote(ice, "", NULL), DH_EINVAL);
	TST_EQ(dh_ice_add_remote(ice, "candidate:", NULL), DH_EINVAL);
	TST_EQ(dh_ice_add_remote(ice, "candidate:1 1 UDP 1 300.1.1.1 1 typ host", NULL), DH_EINVAL);
	TST_EQ(dh_ice_add_remote(ice, "candidate:1 1 UDP 1 127.0.0.1 1 typ host\r\na=x", NULL), DH_EINVAL);
	TST_EQ(dh_ice_add_remote(ice, "candidate:1 1 udp 1 0f-1e.local 5 typ host", NULL), DH_OK);
	TST_EQ(dh_ice_add_remote(ice, "candidate:1 2 udp 1 127.0.0.1 5 typ host", NULL), DH_OK);
	TST_EQ(dh_ice_add_remote(ice, "candidate:1 1 udp 1 192.0.2.1 5 typ host", NULL), DH_EPERM);
	TST_EQ(dh_ice_add_remote(ice, "a=candidate:1 1 udp 1 ::1 5 typ host generation 0 ufrag abcd", NULL), DH_OK);
	int err = DH_OK, n = 1;
	while (!err && n < 1000)
		err = dh_ice_add_remote(ice, good, NULL), n += !err;
	TST_EQ(err, DH_ELIMIT);
	TST_EQ(n, 62); /* with a name and another component's, which count too */
	struct dh_ice_pair pair;
	TST_EQ(dh_ice_selected(ice, &pair), DH_EAGAIN);
	TST_EQ(dh_ice_send(ice, (const uint8_t *)"x", 1), DH_EAGAIN);
	dh_ice_close(ice);

	struct dh_ice_server nobody = {DH_ICE_TURN_TLS, "192.0.2.1", 443, "u", NULL}, none = {DH_ICE_STUN, "", 3478};
	o = (struct dh_ice_options){.servers = &nobody, .server_count = 1, .ops = &ops};
	TST_EQ(dh_ice_create(&ice, thread, &o, NULL), DH_EINVAL);
	o.servers = &none;
	TST_EQ(dh_ice_create(&ice, thread, &o, NULL), DH_EINVAL);
}

static void candidates(void)
{
	TST_EQ(dh_rtc_thread_create(&thread, NULL), DH_OK);
	dh_rtc_post(thread, try_candidates, NULL);
	dh_rtc_thread_destroy(thread); /* runs what was posted */
}

TST_MAIN({"dtls_agrees_on_keys", dtls_agrees_on_keys}, {"dtls_sends_again", dtls_sends_again},
	 {"fingerprints", fingerprints}, {"srtp_gcm", srtp_gcm}, {"srtp_cm", srtp_cm}, {"candidates", candidates})
