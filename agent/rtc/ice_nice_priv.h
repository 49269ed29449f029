/* What ice_nice.c needs of ice_nice_loop.c. GLib and libnice are known in these files only. */
#ifndef DH_RTC_ICE_NICE_PRIV_H
#define DH_RTC_ICE_NICE_PRIV_H

#include <glib.h>

#include "agent/rtc/ice_loop.h"

GMainContext *dh_ice_loop_context(struct dh_ice_loop *l);

#endif
