/* The control plane's own life and its answers to "who may do what"; see ctl.h. */
#include "agent/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/devices.h"
#include "agent/ctl/events.h"
#include "agent/ctl/push.h"
#include "agent/ctl/quality.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/rtc.h"
#include "agent/ctl/session.h"
#include "agent/ctl/stats.h"
#include "agent/ctl/watch.h"
#include "agent/room/room.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"
#include "common/clock.h"

void dh_random_hex(char *out, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[64];
	if (bytes > sizeof(raw) || getrandom(raw, bytes, 0) != (ssize_t)bytes)
		abort(); /* no secret is better than a weak one */
	for (size_t i = 0; i < bytes; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
	out[2 * bytes] = '\0';
}

bool dh_secret_is_equal(const char *a, const char *b)
{
	size_t n = strlen(a);
	volatile unsigned char diff = strlen(b) != n;
	if (diff)
		return false; /* lengths are no secret */
	for (size_t i = 0; i < n; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return !diff;
}

static void load_rules(struct dh_ctl *ctl)
{
	struct dh_err e = {0};
	if (dh_policy_load(&ctl->policy, &ctl->paths))
		DH_ERROR(ctl, "no page is served: %s %s", ctl->policy.error.text, ctl->policy.error.hint);
	if (dh_grants_init(&ctl->grants, ctl->paths.grants_file, &e))
		DH_ERROR(ctl, "user grants do not count: %s", e.text);
}

int dh_ctl_create(struct dh_ctl **out, struct dh_loop *loop, const struct dh_ctl_config *config, struct dh_err *e)
{
	struct dh_ctl *ctl = dh_alloc(sizeof(*ctl));
	dh_log_init(&ctl->log, "agent/ctl");
	ctl->loop = loop;
	ctl->config = *config;
	ctl->started_us = dh_now_us();
	dh_list_init(&ctl->clients);
	dh_list_init(&ctl->sessions);
	dh_list_init(&ctl->previews);
	dh_list_init(&ctl->rooms);
	dh_list_init(&ctl->pushes);
	dh_list_init(&ctl->verifies);
	dh_list_init(&ctl->rtc_entries);
	int err = dh_paths_init(&ctl->paths, e);
	if (!err)
		err = dh_paths_make_dir(ctl->paths.recordings_dir, e);
	if (err) {
		dh_paths_finish(&ctl->paths);
		free(ctl);
		return err;
	}
	load_rules(ctl);
	dh_devices_create(ctl);
	dh_recordings_create(ctl);
	dh_uploads_create(ctl);
	dh_watch_start(ctl);
	dh_rooms_start(ctl);
	*out = ctl;
	return DH_OK;
}

static void all_gone(void *arg)
{
	struct dh_ctl *ctl = arg;
	ctl->stopped(ctl->stopped_arg);
}

void dh_ctl_check_stopped(struct dh_ctl *ctl)
{
	if (!ctl->is_stopping || ctl->has_stopped || ctl->job_count || !dh_list_is_empty(&ctl->sessions) ||
	    !dh_list_is_empty(&ctl->previews) || !dh_list_is_empty(&ctl->rooms) || !dh_devices_are_idle(ctl) ||
	    !dh_recordings_are_idle(ctl) || !dh_uploads_are_idle(ctl))
		return;
	ctl->has_stopped = true;
	dh_loop_post(ctl->loop, all_gone, ctl);
}

void dh_ctl_stop(struct dh_ctl *ctl, void (*stopped)(void *arg), void *arg)
{
	if (ctl->is_stopping)
		return;
	ctl->is_stopping = true;
	ctl->stopped = stopped;
	ctl->stopped_arg = arg;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "state", "stopping");
	dh_emit(ctl, "agent.state", NULL, params);
	dh_list_for_each_safe(pos, &ctl->clients)
		dh_client_close(dh_container_of(pos, struct dh_client, node), DH_CLOSE_SHUTDOWN);
	dh_watch_stop(ctl);
	dh_stats_stop(ctl);
	dh_quality_stop(ctl);
	dh_devices_stop(ctl);
	dh_recordings_stop(ctl);
	dh_uploads_stop(ctl);
	dh_rooms_stop(ctl);
	dh_list_for_each_safe(pos, &ctl->sessions)
		dh_session_close(dh_container_of(pos, struct dh_session, node), "the agent is shutting down");
	dh_ctl_check_stopped(ctl);
}

void dh_ctl_destroy(struct dh_ctl *ctl)
{
	dh_ctl_rtc_destroy(ctl);
	dh_stats_destroy(ctl);
	dh_uploads_destroy(ctl);
	dh_quality_destroy(ctl);
	dh_recordings_destroy(ctl);
	dh_devices_destroy(ctl);
	dh_policy_finish(&ctl->policy);
	dh_grants_finish(&ctl->grants);
	dh_paths_finish(&ctl->paths);
	free(ctl);
}

bool dh_ctl_has_websocket(const struct dh_ctl *ctl)
{
	return ctl->policy.has_websocket;
}

void dh_ctl_set_port(struct dh_ctl *ctl, int port)
{
	ctl->port = port;
}

uint32_t dh_ctl_scopes(struct dh_ctl *ctl, const char *origin)
{
	struct dh_origin o;
	if (!strcmp(origin, DH_ORIGIN_CLI))
		return DH_SCOPE_ALL;
	if (dh_origin_parse(&o, origin, false, NULL))
		return 0;
	dh_grants_refresh(&ctl->grants);
	return dh_granted_scopes(&ctl->policy, &ctl->grants, &o);
}

void dh_ctl_note_denial(struct dh_ctl *ctl, const struct dh_err *e)
{
	ctl->refused_count++;
	if (e->code)
		ctl->last_denial = *e;
	if (dh_bucket_take(&ctl->denial_logs, 1, 20, dh_now_us())) /* a page must not fill the disk with them */
		DH_INFO(ctl, "refused: %s", e->text);
}

static void tell_grants(struct dh_ctl *ctl, struct dh_client *c)
{
	uint32_t scopes = dh_ctl_scopes(ctl, c->id.origin);
	if (!scopes && c->state == DH_CLIENT_READY) {
		dh_client_close(c, DH_CLOSE_REVOKED);
		return;
	}
	if (scopes && c->state == DH_CLIENT_UNGRANTED)
		dh_client_granted(c, true);
	if (c->state != DH_CLIENT_READY || scopes == c->scopes_told)
		return;
	c->scopes_told = scopes;
	dh_throttle_succeeded(&ctl->throttle, c->id.origin, dh_now_us());
	cJSON *params = cJSON_CreateObject();
	cJSON_AddItemToObject(params, "granted", dh_scopes_to_json(scopes));
	dh_emit(ctl, "grants.changed", c->id.origin, params);
}

void dh_ctl_reload(struct dh_ctl *ctl)
{
	DH_DEBUG(ctl, "policy or grants changed: reading them again");
	dh_policy_finish(&ctl->policy);
	dh_grants_finish(&ctl->grants);
	load_rules(ctl);
	dh_list_for_each_safe(pos, &ctl->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		if (!c->is_cli && !c->is_closing)
			tell_grants(ctl, c);
	}
	dh_sessions_check_grants(ctl);
	dh_rooms_check_grants(ctl);
	dh_pushes_check_grants(ctl);
	dh_uploads_policy_changed(ctl);
}
