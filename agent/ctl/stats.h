/* Load and rates, measured only while somebody wants them. Loop thread only. */
#ifndef DH_CTL_STATS_H
#define DH_CTL_STATS_H

#include "agent/ctl/ctl.h"

/* Whether agent.stats, rtc.stats or audio.levels are wanted may have changed: start or stop measuring. */
void dh_stats_update_wanted(struct dh_ctl *ctl);
void dh_stats_stop(struct dh_ctl *ctl);
void dh_stats_destroy(struct dh_ctl *ctl); /* when the loop ran once after stop, and no job is left */

/* What agent.stats replies, of this origin's sessions (NULL: all). peers: what dh_rtc_stats() gave; borrowed.
 * cpu_percent is since the last call. */
cJSON *dh_stats_to_json(struct dh_ctl *ctl, const char *origin, const cJSON *peers);

#endif
