/* The recording's driver, and the one that runs it in a process of its own: both take the same params. */
#ifndef DH_SINKS_SINK_WRITER_H
#define DH_SINKS_SINK_WRITER_H

#include "agent/media/sink.h"

extern const struct dh_param dh_mp4_params[];
extern const struct dh_sink_driver dh_sink_mp4, dh_sink_writer;

#endif
