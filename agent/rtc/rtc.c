/* The WebRTC engine: the rtc thread and the certificate that all peers share, and the table the agent finds them by. */
#include <stdlib.h>

#include "agent/rtc/peer_priv.h"
#include "agent/rtc/rtc_api.h"
#include "common/alloc.h"
#include "common/clock.h"

#define NTP_EPOCH_US 2208988800000000 /* RFC 5905, 6: NTP counts from 1900 */

int dh_rtc_create(struct dh_rtc **out, struct dh_loop *loop, struct dh_err *e)
{
	struct dh_rtc *rtc = dh_alloc(sizeof(*rtc));
	rtc->loop = loop;
	rtc->ntp_offset_us = dh_wall_us() - dh_now_us() + NTP_EPOCH_US;
	int err = dh_dtls_identity_create(&rtc->identity, e);
	if (err)
		goto fail_identity;
	err = dh_rtc_thread_create(&rtc->thread, e);
	if (err)
		goto fail_thread;
	*out = rtc;
	return DH_OK;
fail_thread:
	dh_dtls_identity_destroy(rtc->identity);
fail_identity:
	free(rtc);
	return err;
}

void dh_rtc_destroy(struct dh_rtc *rtc)
{
	if (!rtc)
		return;
	dh_rtc_thread_destroy(rtc->thread);
	dh_dtls_identity_destroy(rtc->identity);
	free(rtc);
}

const struct dh_rtc_api dh_rtc_api = {
	.create = dh_rtc_create,
	.destroy = dh_rtc_destroy,
	.peer_create = dh_peer_create,
	.peer_close = dh_peer_close,
	.add_track = dh_peer_add_track,
	.remove_track = dh_peer_remove_track,
	.send = dh_peer_send,
	.offer = dh_peer_offer,
	.remote_description = dh_peer_remote_description,
	.remote_candidate = dh_peer_remote_candidate,
	.stats = dh_peer_stats,
	.live_count = dh_peer_live_count,
	.tunnel_create = dh_turn_tunnel_create,
	.tunnel_close = dh_turn_tunnel_close,
	.tunnel_port = dh_turn_tunnel_port,
	.tunnel_trouble = dh_turn_tunnel_trouble,
};
