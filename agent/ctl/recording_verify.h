/* Checks of recordings under way (recording.verify): each second they tell how far they are, and they can be given up. */
#ifndef DH_CTL_RECORDING_VERIFY_H
#define DH_CTL_RECORDING_VERIFY_H

#include "agent/ctl/command.h"
#include "agent/record/verify.h"

/* Check r on a worker; call is finished by it. head_seq and head of options hold. Loop thread. */
void dh_recording_verify(struct dh_recording *r, struct dh_call *call, const struct dh_verify_options *options);
/* End all checks of this recording, or (NULL) all there are: their calls fail with DH_ECANCELED. Returns how many. */
int dh_recording_verify_cancel(struct dh_ctl *ctl, const struct dh_recording *r);
/* Each second while there is one. */
void dh_recording_verify_tick(struct dh_ctl *ctl);

#endif
