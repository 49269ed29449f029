/* Notices that policy files or grants.json changed, without waking when they do not. Loop thread only. */
#ifndef DH_CTL_WATCH_H
#define DH_CTL_WATCH_H

#include "agent/ctl/ctl.h"

/* Watch the directories that exist; calls dh_ctl_reload(). Failing to watch is logged: grants are looked up at each
 * call anyway. */
void dh_watch_start(struct dh_ctl *ctl);
void dh_watch_stop(struct dh_ctl *ctl);

#endif
