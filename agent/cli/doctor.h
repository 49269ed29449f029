/* The checks of `deskhand doctor`. */
#ifndef DH_CLI_DOCTOR_H
#define DH_CLI_DOCTOR_H

#include "agent/ctl/policy.h"

enum dh_doctor_result { DH_DOCTOR_OK, DH_DOCTOR_WARN, DH_DOCTOR_FAIL };

struct dh_doctor {
	struct dh_paths paths;
	struct dh_policy policy;
	cJSON *lines;
	bool has_failed;
};

/* One line: what was checked, how it is, what to do about it. */
void dh_doctor_say(struct dh_doctor *d, enum dh_doctor_result result, const char *check, const char *text,
		   const char *hint);

void dh_doctor_check_roads(struct dh_doctor *d); /* runtime directory, agent, port, manifests */
void dh_doctor_check_rules(struct dh_doctor *d); /* policy, grants */
void dh_doctor_check_media(struct dh_doctor *d); /* drivers, devices, display, encoder, folders */

#endif
