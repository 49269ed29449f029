/* Work that may wait (disk, devices), on a uv worker; counted, so that the agent's end waits for it. */
#ifndef DH_CTL_JOB_H
#define DH_CTL_JOB_H

#include "agent/ctl/ctl.h"

/* work(arg) on a worker thread, then done(arg) on the loop. Both always run. Loop thread. */
void dh_job_run(struct dh_ctl *ctl, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif
