/* ICE carries datagrams; those of DTLS make keys; with the keys SRTP opens the rest. */
#include "agent/rtc/rtc_transport.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#define CONNECT_TIMEOUT_MS 30000
#define ROOM (DH_RTC_PACKET_MAX + DH_SRTP_ROOM)
#define EARLY_MAX 4 /* datagrams: a ClientHello, perhaps in pieces */

struct dh_rtc_transport {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	struct dh_ice *ice;
	struct dh_dtls_identity *identity;
	struct dh_dtls *dtls;
	struct dh_srtp *srtp;
	const struct dh_rtc_transport_ops *ops;
	void *user;
	enum dh_rtc_state state;
	bool is_closed, is_dead; /* dead: DTLS failed */
	char fingerprint[DH_DTLS_FINGERPRINT_MAX];
	struct dh_rtc_timer dtls_timer, connect_timer;
	int64_t connect_timeout_ms, remote_us;
	struct dh_rtc_transport_stats stats;
	/* DTLS that came before our side of ICE was ready: an answer could not leave yet */
	struct {
		uint8_t data[DH_RTC_PACKET_MAX];
		size_t size;
	} early[EARLY_MAX];
	int early_count;
};

static void set_state(struct dh_rtc_transport *t, enum dh_rtc_state state, const struct dh_err *why)
{
	if (t->is_closed || t->state == state)
		return;
	t->state = state;
	if (state != DH_RTC_CONNECTING)
		dh_rtc_timer_stop(&t->connect_timer);
	if (state == DH_RTC_CONNECTED && !t->stats.connect_us)
		t->stats.connect_us = dh_now_us() - t->remote_us;
	if (why)
		DH_INFO(t, "%s", why->text);
	t->ops->state(t->user, state, why);
}

static void fail(struct dh_rtc_transport *t, int code, const char *text)
{
	struct dh_err e = {0}, trouble;
	bool was_connected = t->stats.connect_us > 0; /* then servers are not what it is about */
	if (was_connected || !dh_ice_trouble(t->ice, &trouble)) {
		dh_fail(&e, code, "%s", text);
	} else {
		dh_fail(&e, trouble.code, "%s: %.200s", text, trouble.text);
		dh_strcopy(e.hint, sizeof(e.hint), trouble.hint);
	}
	set_state(t, DH_RTC_FAILED, &e);
}

static void connect_late(void *arg)
{
	fail(arg, DH_ETIMEDOUT, "no connection came about in time");
}

static void watch_connect(struct dh_rtc_transport *t)
{
	dh_rtc_timer_start(t->thread, &t->connect_timer, t->connect_timeout_ms, connect_late, t);
}

/* -- DTLS -- */

static void dtls_late(void *arg);

static void watch_dtls(struct dh_rtc_transport *t)
{
	int64_t ms = t->is_closed ? -1 : dh_dtls_timeout_ms(t->dtls);
	if (ms < 0)
		dh_rtc_timer_stop(&t->dtls_timer);
	else
		dh_rtc_timer_start(t->thread, &t->dtls_timer, ms, dtls_late, t);
}

static void dtls_late(void *arg)
{
	struct dh_rtc_transport *t = arg;
	dh_dtls_timeout(t->dtls);
	watch_dtls(t);
}

static void on_dtls_send(void *user, const uint8_t *data, size_t size)
{
	struct dh_rtc_transport *t = user;
	dh_ice_send(t->ice, data, size); /* lost: DTLS sends again */
}

static void on_dtls_connected(void *user, const struct dh_srtp_keys *keys)
{
	struct dh_rtc_transport *t = user;
	struct dh_err e = {0};
	if (dh_srtp_create(&t->srtp, keys, &e)) {
		t->is_dead = true;
		set_state(t, DH_RTC_FAILED, &e);
		return;
	}
	set_state(t, DH_RTC_CONNECTED, NULL);
}

static void on_dtls_failed(void *user, const struct dh_err *e)
{
	struct dh_rtc_transport *t = user;
	t->is_dead = true;
	set_state(t, e->code == DH_ECLOSED ? DH_RTC_CLOSED : DH_RTC_FAILED, e);
}

static const struct dh_dtls_ops dtls_ops = {on_dtls_send, on_dtls_connected, on_dtls_failed};

/* -- ICE -- */

static void on_candidate(void *user, const char *sdp)
{
	struct dh_rtc_transport *t = user;
	if (!t->is_closed)
		t->ops->candidate(t->user, sdp);
}

static void on_ice_state(void *user, enum dh_ice_state state)
{
	struct dh_rtc_transport *t = user;
	if (t->is_closed || t->is_dead)
		return;
	if (state == DH_ICE_FAILED)
		fail(t, DH_EIO, t->stats.connect_us ? "the road to the other side was lost" : "no road to the other side");
	if (state != DH_ICE_CONNECTED)
		return;
	if (t->srtp) {
		set_state(t, DH_RTC_CONNECTED, NULL); /* after a restart */
	} else if (t->dtls) {
		dh_dtls_start(t->dtls);
		for (int i = 0; i < t->early_count && !t->is_dead; i++)
			dh_dtls_input(t->dtls, t->early[i].data, t->early[i].size);
		t->early_count = 0;
		watch_dtls(t);
	}
}

static void receive_media(struct dh_rtc_transport *t, const uint8_t *data, size_t size)
{
	/* RFC 5761, 4: RTCP packet types are 192..223, no RTP payload type with its marker is */
	bool is_rtcp = size >= 2 && data[1] >= 192 && data[1] <= 223;
	union {
		uint64_t align;
		uint8_t bytes[ROOM];
	} packet;
	if (!t->srtp || size > ROOM) {
		t->stats.ignored++;
		return;
	}
	t->stats.received_packets++;
	t->stats.received_bytes += size;
	memcpy(packet.bytes, data, size);
	int err = is_rtcp ? dh_srtp_unprotect_rtcp(t->srtp, packet.bytes, &size)
			  : dh_srtp_unprotect_rtp(t->srtp, packet.bytes, &size);
	if (!err)
		t->ops->receive(t->user, packet.bytes, size, is_rtcp);
}

static void keep_early(struct dh_rtc_transport *t, const uint8_t *data, size_t size)
{
	if (t->early_count == EARLY_MAX || size > sizeof(t->early[0].data)) {
		t->stats.ignored++;
		return;
	}
	memcpy(t->early[t->early_count].data, data, size);
	t->early[t->early_count++].size = size;
}

static void on_receive(void *user, const uint8_t *data, size_t size)
{
	struct dh_rtc_transport *t = user;
	if (t->is_closed || t->is_dead)
		return;
	if (data[0] >= 128 && data[0] <= 191) { /* RFC 7983, 7 */
		receive_media(t, data, size);
	} else if (data[0] >= 20 && data[0] <= 63 && dh_ice_get_state(t->ice) != DH_ICE_CONNECTED && !t->srtp) {
		keep_early(t, data, size);
	} else if (data[0] >= 20 && data[0] <= 63 && t->dtls) {
		dh_dtls_input(t->dtls, data, size);
		watch_dtls(t);
	} else {
		t->stats.ignored++;
	}
}

static void on_moved(void *user, bool is_gone)
{
	struct dh_rtc_transport *t = user;
	if (t->is_closed || t->is_dead)
		return;
	t->ops->moved(t->user, is_gone);
	if (is_gone && t->srtp && !t->is_closed && t->state == DH_RTC_CONNECTED)
		fail(t, DH_EIO, "an address of this computer is gone, and with it the road to the other side");
}

static const struct dh_ice_ops ice_ops = {on_candidate, on_ice_state, on_receive, on_moved};

/* -- what others call -- */

int dh_rtc_transport_create(struct dh_rtc_transport **out, struct dh_rtc_thread *thread,
			    const struct dh_rtc_transport_options *o, struct dh_err *e)
{
	struct dh_rtc_transport *t = dh_alloc(sizeof(*t));
	struct dh_ice_options ice = o->ice;
	dh_log_init(&t->log, "agent/rtc/transport");
	t->thread = thread;
	t->identity = o->identity;
	t->ops = o->ops;
	t->user = o->user;
	t->state = DH_RTC_NEW;
	t->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	dh_rtc_timer_init(&t->dtls_timer);
	dh_rtc_timer_init(&t->connect_timer);
	ice.ops = &ice_ops;
	ice.user = t;
	int err = dh_ice_create(&t->ice, thread, &ice, e);
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return DH_OK;
}

static void finish(void *arg)
{
	struct dh_rtc_transport *t = arg;
	dh_dtls_destroy(t->dtls); /* sends close_notify by ICE, which is closed next */
	dh_ice_close(t->ice);
	dh_srtp_destroy(t->srtp);
	free(t);
}

void dh_rtc_transport_close(struct dh_rtc_transport *t)
{
	if (!t)
		return;
	assert(!t->is_closed);
	t->is_closed = true;
	dh_rtc_timer_stop(&t->dtls_timer);
	dh_rtc_timer_stop(&t->connect_timer);
	dh_rtc_post(t->thread, finish, t); /* not here: a callback of it may be on the stack */
}

struct dh_ice *dh_rtc_transport_ice(struct dh_rtc_transport *t)
{
	return t->ice;
}

int dh_rtc_transport_set_remote(struct dh_rtc_transport *t, const struct dh_rtc_remote *r, struct dh_err *e)
{
	if (t->dtls && strcmp(t->fingerprint, r->fingerprint))
		return dh_fail(e, DH_EPERM, "the certificate fingerprint changed");
	struct dh_dtls *dtls = NULL;
	int err = t->dtls ? DH_OK : dh_dtls_create(&dtls, t->identity, r->is_active, r->fingerprint, &dtls_ops, t, e);
	if (!err)
		err = dh_ice_set_remote(t->ice, r->ufrag, r->password, e);
	if (err) {
		dh_dtls_destroy(dtls);
		return err;
	}
	if (dtls) {
		t->dtls = dtls;
		dh_strcopy(t->fingerprint, sizeof(t->fingerprint), r->fingerprint);
		t->remote_us = dh_now_us();
	}
	if (t->state == DH_RTC_NEW) {
		watch_connect(t);
		set_state(t, DH_RTC_CONNECTING, NULL);
	}
	return DH_OK;
}

int dh_rtc_transport_restart(struct dh_rtc_transport *t, bool is_controlling, struct dh_err *e)
{
	if (t->is_dead)
		return dh_fail(e, DH_ESTATE, "the DTLS connection is over; a new connection is needed");
	int err = dh_ice_restart(t->ice, is_controlling, e);
	if (!err && !t->is_closed && t->state != DH_RTC_CONNECTED) {
		watch_connect(t);
		set_state(t, DH_RTC_CONNECTING, NULL);
	}
	return err;
}

static int send_media(struct dh_rtc_transport *t, const uint8_t *data, size_t size,
		      int (*protect)(struct dh_srtp *, uint8_t *, size_t *, size_t))
{
	union {
		uint64_t align;
		uint8_t bytes[ROOM];
	} packet;
	if (!t->srtp || t->is_dead || t->is_closed)
		return DH_EAGAIN;
	if (size > DH_RTC_PACKET_MAX)
		return DH_ELIMIT;
	memcpy(packet.bytes, data, size);
	int err = protect(t->srtp, packet.bytes, &size, sizeof(packet.bytes));
	if (err)
		return err;
	err = dh_ice_send(t->ice, packet.bytes, size);
	if (err) {
		t->stats.unsent++;
		return err;
	}
	t->stats.sent_packets++;
	t->stats.sent_bytes += size;
	return DH_OK;
}

int dh_rtc_transport_send_rtp(struct dh_rtc_transport *t, const uint8_t *packet, size_t size)
{
	return send_media(t, packet, size, dh_srtp_protect_rtp);
}

int dh_rtc_transport_send_rtcp(struct dh_rtc_transport *t, const uint8_t *packet, size_t size)
{
	return send_media(t, packet, size, dh_srtp_protect_rtcp);
}

enum dh_rtc_state dh_rtc_transport_state(const struct dh_rtc_transport *t)
{
	return t->state;
}

void dh_rtc_transport_get_stats(const struct dh_rtc_transport *t, struct dh_rtc_transport_stats *out)
{
	*out = t->stats;
	if (t->srtp)
		out->srtp = *dh_srtp_counts(t->srtp);
}
