/* Drivers and devices: loaded and looked for on a worker, kept as a list, watched for changes. Loop thread only. */
#ifndef DH_CTL_DEVICES_H
#define DH_CTL_DEVICES_H

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"
#include "agent/media/device.h"

void dh_devices_create(struct dh_ctl *ctl);
void dh_devices_destroy(struct dh_ctl *ctl); /* nothing waits any more */
void dh_devices_stop(struct dh_ctl *ctl);    /* stop watching; dh_ctl_check_stopped() follows */
bool dh_devices_are_idle(struct dh_ctl *ctl); /* nothing of it hangs on the loop */

/* Have the drivers module loaded, then fn(arg, NULL), at once when it is already; or fn(arg, why). */
void dh_devices_need_drivers(struct dh_ctl *ctl, void (*fn)(void *arg, const struct dh_err *why), void *arg);

/* Look for devices; then fn(call, list) (list borrowed for the call, in the order of the drivers). */
void dh_devices_list(struct dh_call *call, void (*fn)(struct dh_call *call, const struct dh_device_list *list));

/* The default device of a kind in the newest list, NULL when none is known. */
const struct dh_device *dh_devices_default(struct dh_ctl *ctl, enum dh_device_kind kind);

/* One device as devices.list shows it. */
cJSON *dh_device_to_json(const struct dh_device *d);

#endif
