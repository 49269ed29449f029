/* What rtc_call tells about itself each second. */
#ifndef RTC_CALL_NUMBERS_H
#define RTC_CALL_NUMBERS_H

#include <cjson/cJSON.h>

#include "agent/media/live.h"

cJSON *rtc_call_live(struct dh_live_listener *l); /* the encode that it hears */

/* Live peers, packets and frames of the process, and heap_kib in use, whatever the allocator keeps for later. */
cJSON *rtc_call_alive(void);

#endif
