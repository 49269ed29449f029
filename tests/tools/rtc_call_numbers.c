/* See rtc_call_numbers.h. */
#include "rtc_call_numbers.h"

#include <malloc.h>

#include "agent/rtc/peer.h"

cJSON *rtc_call_live(struct dh_live_listener *l)
{
	cJSON *live = cJSON_CreateObject();
	struct dh_live_stats s;
	dh_live_get_stats(l, &s);
	cJSON_AddNumberToObject(live, "width", s.width_px);
	cJSON_AddNumberToObject(live, "height", s.height_px);
	cJSON_AddNumberToObject(live, "fps", s.fps);
	cJSON_AddNumberToObject(live, "target_bps", (double)s.target_bps);
	cJSON_AddNumberToObject(live, "packets", (double)s.packets);
	cJSON_AddNumberToObject(live, "skipped", (double)s.skipped);
	cJSON_AddNumberToObject(live, "keys", (double)s.keys);
	cJSON_AddNumberToObject(live, "listeners", s.listeners);
	return live;
}

cJSON *rtc_call_alive(void)
{
	struct mallinfo2 heap = mallinfo2();
	cJSON *alive = cJSON_CreateObject();
	cJSON_AddNumberToObject(alive, "peers", dh_peer_live_count());
	cJSON_AddNumberToObject(alive, "packets", dh_packet_live_count());
	cJSON_AddNumberToObject(alive, "frames", dh_frame_live_count());
	cJSON_AddNumberToObject(alive, "heap_kib", (double)((heap.uordblks + heap.hblkhd) / 1024));
	return alive;
}
