/* ICE by libnice: what ice.h says, done with the road of the day (ice_nice_road.c). */
#include "agent/rtc/ice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/ice_nice_priv.h"
#include "agent/rtc/own_address.h"
#include "common/alloc.h"

#define MAX_REMOTE 64
#define MAX_SDP 1024

static void on_servers_ready(void *user)
{
	struct dh_ice *ice = user;
	struct dh_err e;
	if (!ice->road->waits_for_servers)
		return;
	ice->road->waits_for_servers = false;
	if (dh_ice_road_gather(ice->road, &e)) {
		DH_WARN(ice, "%s", e.text);
		dh_ice_road_set_state(ice->road, DH_ICE_FAILED);
	}
}

static int add_parsed(struct dh_ice *ice, NiceCandidate *c, struct dh_err *e)
{
	char address[NICE_ADDRESS_STRING_LEN];
	nice_address_to_string(&c->addr, address);
	if (c->component_id != DH_ICE_COMPONENT)
		return DH_OK;
	if (ice->is_loopback_only && !dh_own_address_is(address))
		return dh_fail(e, DH_EPERM, "%s is not an address of this machine", address);
	GSList *list = g_slist_append(NULL, c);
	nice_agent_set_remote_candidates(ice->road->agent, ice->road->stream, DH_ICE_COMPONENT, list);
	g_slist_free(list);
	return DH_OK;
}

static int add_numeric(struct dh_ice *ice, const char *sdp, struct dh_err *e)
{
	gchar *line = g_strconcat("a=", sdp, NULL);
	NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(ice->road->agent, ice->road->stream, line);
	g_free(line);
	if (!c)
		return dh_fail(e, DH_EINVAL, "malformed candidate");
	int err = add_parsed(ice, c, e);
	nice_candidate_free(c);
	return err;
}

static void on_name_known(void *user, const char *sdp)
{
	struct dh_ice *ice = user;
	struct dh_err e;
	if (add_numeric(ice, sdp, &e))
		DH_DEBUG(ice, "a candidate with a name: %s", e.text);
}

static void on_names_known(void *user)
{
	struct dh_ice *ice = user;
	DH_DEBUG(ice, "no more names to find; %llu were not found", (unsigned long long)ice->names.unknown);
	if (ice->road->is_remote_done)
		nice_agent_peer_candidate_gathering_done(ice->road->agent, ice->road->stream);
}

static void on_moved(void *arg)
{
	struct dh_ice *ice = arg;
	ice->ops->moved(ice->user, dh_ice_road_is_gone(ice));
}

int dh_ice_create(struct dh_ice **out, struct dh_rtc_thread *thread, const struct dh_ice_options *o, struct dh_err *e)
{
	struct dh_ice *ice = dh_alloc(sizeof(*ice));
	dh_log_init(&ice->log, "agent/rtc/ice");
	ice->thread = thread;
	ice->ops = o->ops;
	ice->user = o->user;
	ice->is_loopback_only = o->is_loopback_only;
	ice->is_relay_only = o->is_relay_only;
	dh_rtc_timer_init(&ice->relay_timer);
	dh_rtc_timer_init(&ice->old_timer);
	dh_ice_names_init(&ice->names, thread, on_name_known, on_names_known, ice);
	int err = dh_ice_servers_create(&ice->servers, thread, o, on_servers_ready, ice, e);
	if (!err && !(ice->road = dh_ice_road_open(ice, o->is_controlling)))
		err = dh_fail(e, DH_EFAIL, "cannot make an ICE stream");
	if (err) {
		dh_ice_free(ice);
		return err;
	}
	if (!ice->is_loopback_only)
		ice->watch = dh_own_watch_open(thread, on_moved, ice);
	*out = ice;
	return DH_OK;
}

void dh_ice_close(struct dh_ice *ice)
{
	if (!ice)
		return;
	assert(!ice->is_closed);
	ice->is_closed = true;
	dh_rtc_timer_stop(&ice->relay_timer);
	dh_ice_names_cancel(&ice->names);
	dh_ice_servers_stop(ice->servers);
	dh_own_watch_close(ice->watch);
	dh_ice_road_close_old(ice);
	dh_ice_road_close(ice->road);
}

const char *dh_ice_local_ufrag(const struct dh_ice *ice)
{
	return ice->road->ufrag;
}

const char *dh_ice_local_password(const struct dh_ice *ice)
{
	return ice->road->password;
}

int dh_ice_gather(struct dh_ice *ice, struct dh_err *e)
{
	struct dh_ice_road *r = ice->road;
	if (r->is_gathering)
		return dh_fail(e, DH_ESTATE, "candidates are gathered once between restarts");
	r->waits_for_servers = !dh_ice_servers_are_ready(ice->servers);
	int err = r->waits_for_servers ? DH_OK : dh_ice_road_gather(r, e);
	r->is_gathering = !err;
	return err;
}

int dh_ice_trouble(struct dh_ice *ice, struct dh_err *e)
{
	int err = dh_ice_servers_trouble(ice->servers, e);
	if (err || ice->road->relay_count || !ice->road->is_gathered || !dh_ice_servers_has_turn(ice->servers))
		return err;
	dh_fail(e, DH_EIO, "no TURN server gave us an address: unreachable, or it refused the user name or password");
	dh_hint(e, "check the server's address, its password, and that its ports can be reached from here");
	return DH_EIO;
}

/* RFC 8839, 5.4: ice-char = ALPHA / DIGIT / "+" / "/", least..256 of them. */
static bool is_credential(const char *s, size_t least)
{
	size_t n = s ? strnlen(s, 257) : 0;
	for (size_t i = 0; i < n; i++)
		if (!g_ascii_isalnum(s[i]) && s[i] != '+' && s[i] != '/' && s[i] != '-' && s[i] != '_' && s[i] != '=')
			return false; /* the last three are not allowed, but seen in the wild */
	return n >= least && n <= 256;
}

int dh_ice_set_remote(struct dh_ice *ice, const char *ufrag, const char *password, struct dh_err *e)
{
	if (!is_credential(ufrag, 4) || !is_credential(password, 22))
		return dh_fail(e, DH_EINVAL, "ice-ufrag or ice-pwd is malformed");
	if (!nice_agent_set_remote_credentials(ice->road->agent, ice->road->stream, ufrag, password))
		return dh_fail(e, DH_EINVAL, "ice-ufrag or ice-pwd was refused");
	ice->road->has_remote = true;
	return DH_OK;
}

int dh_ice_add_remote(struct dh_ice *ice, const char *sdp, struct dh_err *e)
{
	if (!ice->road->has_remote)
		return dh_fail(e, DH_ESTATE, "a candidate came before ice-ufrag and ice-pwd");
	if (!strncmp(sdp, "a=", 2))
		sdp += 2;
	if (strncmp(sdp, "candidate:", 10) || strnlen(sdp, MAX_SDP) == MAX_SDP || strpbrk(sdp, "\r\n"))
		return dh_fail(e, DH_EINVAL, "not a candidate line");
	if (ice->road->remote_count >= MAX_REMOTE)
		return dh_fail(e, DH_ELIMIT, "more than %d candidates", MAX_REMOTE);
	int err = DH_OK;
	if (dh_ice_names_has_name(sdp))
		dh_ice_names_add(&ice->names, sdp);
	else
		err = add_numeric(ice, sdp, e);
	ice->road->remote_count += !err;
	return err;
}

void dh_ice_remote_done(struct dh_ice *ice)
{
	ice->road->is_remote_done = true;
	if (!dh_ice_names_is_waiting(&ice->names))
		nice_agent_peer_candidate_gathering_done(ice->road->agent, ice->road->stream);
}

int dh_ice_restart(struct dh_ice *ice, bool is_controlling, struct dh_err *e)
{
	struct dh_ice_road *r = dh_ice_road_open(ice, is_controlling);
	if (!r)
		return dh_fail(e, DH_EFAIL, "ICE cannot restart");
	if (ice->old && ice->road->state != DH_ICE_CONNECTED) { /* the restart before was in vain */
		dh_ice_road_close(ice->road);
	} else {
		dh_ice_road_close_old(ice);
		ice->old = ice->road;
	}
	dh_rtc_timer_stop(&ice->relay_timer);
	dh_rtc_timer_stop(&ice->old_timer);
	dh_ice_names_cancel(&ice->names);
	ice->road = r;
	dh_ice_servers_choose_again(ice->servers);
	return DH_OK;
}

void dh_ice_restart_undo(struct dh_ice *ice)
{
	assert(ice->old);
	dh_rtc_timer_stop(&ice->relay_timer);
	dh_rtc_timer_stop(&ice->old_timer);
	dh_ice_names_cancel(&ice->names);
	dh_ice_road_close(ice->road);
	ice->road = ice->old;
	ice->old = NULL;
}

bool dh_ice_is_controlling(const struct dh_ice *ice)
{
	return ice->road->is_controlling;
}

enum dh_ice_state dh_ice_get_state(const struct dh_ice *ice)
{
	return ice->road->state;
}

static const char *kind_name(NiceCandidateType type)
{
	switch (type) {
	case NICE_CANDIDATE_TYPE_HOST: return "host";
	case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE: return "srflx";
	case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE: return "prflx";
	default: return "relay";
	}
}

int dh_ice_selected(struct dh_ice *ice, struct dh_ice_pair *out)
{
	NiceCandidate *local, *remote;
	if (!dh_ice_road_in_use(ice, &local, &remote))
		return DH_EAGAIN;
	char text[NICE_ADDRESS_STRING_LEN];
	nice_address_to_string(&local->addr, text);
	dh_strcopy(out->local_address, sizeof(out->local_address), text);
	nice_address_to_string(&remote->addr, text);
	dh_strcopy(out->remote_address, sizeof(out->remote_address), text);
	dh_strcopy(out->local_kind, sizeof(out->local_kind), kind_name(local->type));
	dh_strcopy(out->remote_kind, sizeof(out->remote_kind), kind_name(remote->type));
	out->local_port = (int)nice_address_get_port(&local->addr);
	out->remote_port = (int)nice_address_get_port(&remote->addr);
	out->is_udp = local->transport == NICE_CANDIDATE_TRANSPORT_UDP;
	return DH_OK;
}

int dh_ice_send(struct dh_ice *ice, const uint8_t *data, size_t size)
{
	gint n = nice_agent_send(ice->road->agent, ice->road->stream, DH_ICE_COMPONENT, (guint)size, (const gchar *)data);
	if (n != (gint)size && ice->old && ice->road->state != DH_ICE_CONNECTED)
		n = nice_agent_send(ice->old->agent, ice->old->stream, DH_ICE_COMPONENT, (guint)size, (const gchar *)data);
	return n == (gint)size ? DH_OK : DH_EAGAIN;
}
