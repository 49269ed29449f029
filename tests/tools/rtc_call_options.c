/* See rtc_call_options.h. */
#include "rtc_call_options.h"

#include <stdlib.h>
#include <string.h>

const char rtc_call_usage[] =
	"usage: rtc_call [--codec h264|vp8] [--width W --height H --fps N] [--motion pan|still|noise] [--start-bps N]\n"
	"                [--max-bps N] [--server URL USER PASSWORD] [--relay] [--polite] [--receive-only] [--no-sound]\n";

int rtc_call_read_options(struct options *o, int argc, char **argv)
{
	*o = (struct options){.width = 1280, .height = 720, .fps = 30, .motion = "pan"};
	o->peer = (struct dh_peer_config){.name = "call", .video = {DH_CODEC_H264, DH_CODEC_VP8}, .receives_audio = true,
					  .receives_video = true, .servers = o->servers};
	for (int i = 1; i < argc; i++) {
		const char *v = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--codec") && ++i)
			o->peer.video[0] = strcmp(v, "vp8") ? DH_CODEC_H264 : DH_CODEC_VP8, o->peer.video[1] = DH_CODEC_NONE;
		else if (!strcmp(argv[i], "--width") && ++i)
			o->width = atoi(v);
		else if (!strcmp(argv[i], "--height") && ++i)
			o->height = atoi(v);
		else if (!strcmp(argv[i], "--fps") && ++i)
			o->fps = atoi(v);
		else if (!strcmp(argv[i], "--motion") && ++i)
			o->motion = v;
		else if (!strcmp(argv[i], "--start-bps") && ++i)
			o->peer.start_bps = atoll(v);
		else if (!strcmp(argv[i], "--max-bps") && ++i)
			o->peer.max_bps = atoll(v);
		else if (!strcmp(argv[i], "--server") && i + 3 < argc && o->peer.server_count < 8) {
			o->servers[o->peer.server_count++] = (struct dh_peer_server){argv[i + 1], argv[i + 2], argv[i + 3]};
			i += 3;
		} else if (!strcmp(argv[i], "--relay"))
			o->peer.is_relay_only = true;
		else if (!strcmp(argv[i], "--polite"))
			o->peer.is_polite = true;
		else if (!strcmp(argv[i], "--receive-only"))
			o->receives_only = true;
		else if (!strcmp(argv[i], "--no-sound"))
			o->has_no_sound = true;
		else
			return DH_EINVAL;
	}
	return DH_OK;
}
