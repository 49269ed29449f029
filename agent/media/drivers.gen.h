/* Declares what the generated drivers.gen.c defines. */
#ifndef DH_MEDIA_DRIVERS_GEN_H
#define DH_MEDIA_DRIVERS_GEN_H

#include "agent/media/compositor.h"
#include "agent/media/encoder.h"
#include "agent/media/filter.h"
#include "agent/media/sink.h"
#include "agent/media/source.h"
#include "agent/media/speaker.h"
#include "agent/media/voice.h"
#include "agent/rtc/rtc_api.h"
#include "agent/upload/http.h"

extern const struct dh_driver_tables dh_driver_tables;

#endif
