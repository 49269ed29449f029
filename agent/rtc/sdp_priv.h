/* Shared by the files that read and write session descriptions. */
#ifndef DH_RTC_SDP_PRIV_H
#define DH_RTC_SDP_PRIV_H

#include "agent/rtc/sdp.h"

#define DH_SDP_FB_NAMES 5

/* How a=rtcp-fb writes each bit. */
struct dh_sdp_fb_name {
	unsigned bit;
	const char *name;
};
extern const struct dh_sdp_fb_name dh_sdp_fb_names[DH_SDP_FB_NAMES];

#endif
