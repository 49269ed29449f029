/* The command line of rtc_call. */
#ifndef RTC_CALL_OPTIONS_H
#define RTC_CALL_OPTIONS_H

#include "agent/rtc/peer.h"

struct options {
	struct dh_peer_config peer;
	struct dh_peer_server servers[8];
	int width, height, fps;
	const char *motion;
	bool receives_only, has_no_sound;
};

extern const char rtc_call_usage[];

/* Errors: DH_EINVAL. */
int rtc_call_read_options(struct options *o, int argc, char **argv);

#endif
