/* ICE by libnice. Only this file and ice_nice_loop.c know GLib and libnice; they live on the rtc thread only. */
#include "agent/rtc/ice.h"

#include <assert.h>
#include <nice/agent.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/ice_names.h"
#include "agent/rtc/ice_nice_priv.h"
#include "agent/rtc/ice_servers.h"
#include "agent/rtc/own_address.h"
#include "common/alloc.h"
#include "common/log.h"

#define COMPONENT 1
#define MAX_REMOTE 64
#define MAX_SDP 1024
/* libnice's 3 (2 s) give up before a slow proxy and TLS let a request through; but more of them in checks of pairs would
 * make the choice of a pair as late */
#define STUN_TRIES 3
#define TUNNEL_TRIES 5
/* how long TURN servers have for an address when we may show nothing else: so many looks, so far apart */
#define RELAY_LOOKS 24
#define RELAY_LOOK_MS 500

struct dh_ice {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	NiceAgent *agent;
	guint stream;
	const struct dh_ice_ops *ops;
	void *user;
	bool is_loopback_only, is_relay_only, is_closed, is_gathering, is_gathered, has_remote, has_stun;
	struct dh_ice_servers *servers;
	struct dh_rtc_timer relay_timer;
	int relay_count, relay_looks; /* addresses that TURN servers gave us */
	enum dh_ice_state state;
	int remote_count; /* with those whose name is not known yet */
	bool is_remote_done;
	struct dh_ice_names names;
	gchar *ufrag, *password;
};

static void tell_candidate(struct dh_ice *ice, const NiceCandidate *from)
{
	if (from->component_id != COMPONENT || (ice->is_relay_only && from->type != NICE_CANDIDATE_TYPE_RELAYED))
		return;
	if (from->type == NICE_CANDIDATE_TYPE_PEER_REFLEXIVE) /* a restart lists them; RFC 8445, 7.2.5.3.1: never told */
		return;
	NiceCandidate *c = nice_candidate_copy(from);
	ice->relay_count += c->type == NICE_CANDIDATE_TYPE_RELAYED;
	if (ice->is_relay_only) { /* RFC 8839, 5.1: a related address that shall not be shown reads 0.0.0.0 and 9 or 0 */
		nice_address_set_from_string(&c->base_addr, nice_address_ip_version(&c->addr) == 6 ? "::" : "0.0.0.0");
		nice_address_set_port(&c->base_addr, 9);
	}
	gchar *sdp = nice_agent_generate_local_candidate_sdp(ice->agent, c);
	if (sdp && g_str_has_prefix(sdp, "a="))
		ice->ops->candidate(ice->user, sdp + 2);
	g_free(sdp);
	nice_candidate_free(c);
}

static void on_candidate(NiceAgent *agent, NiceCandidate *c, gpointer arg)
{
	struct dh_ice *ice = arg;
	if (!ice->is_closed)
		tell_candidate(ice, c);
}

static void set_state(struct dh_ice *ice, enum dh_ice_state state)
{
	if (ice->is_closed || state == ice->state)
		return;
	ice->state = state;
	DH_DEBUG(ice, "state %d", (int)state);
	ice->ops->state(ice->user, state);
}

/* Nothing to show and nothing to come: it cannot succeed any more. */
static void relay_over(struct dh_ice *ice)
{
	dh_rtc_timer_stop(&ice->relay_timer);
	ice->is_gathered = true;
	if (!ice->relay_count)
		set_state(ice, DH_ICE_FAILED);
}

static void look_for_relay(void *arg)
{
	struct dh_ice *ice = arg;
	if (ice->relay_looks++ >= RELAY_LOOKS || (!ice->relay_count && dh_ice_servers_are_hopeless(ice->servers)))
		relay_over(ice);
	else
		dh_rtc_timer_start(ice->thread, &ice->relay_timer, RELAY_LOOK_MS, look_for_relay, ice);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	struct dh_ice *ice = arg;
	ice->is_gathered = true;
	g_object_set(ice->agent, "stun-max-retransmissions", STUN_TRIES, NULL);
	if (!ice->is_closed)
		ice->ops->candidate(ice->user, NULL);
	if (!ice->is_closed && ice->is_relay_only)
		relay_over(ice);
}

static bool pair_is_allowed(struct dh_ice *ice)
{
	struct dh_ice_pair pair;
	return !ice->is_loopback_only || dh_ice_selected(ice, &pair) || dh_own_address_is(pair.remote_address);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer arg)
{
	struct dh_ice *ice = arg;
	switch (state) {
	case NICE_COMPONENT_STATE_CONNECTING: set_state(ice, DH_ICE_CHECKING); break;
	case NICE_COMPONENT_STATE_CONNECTED:
	case NICE_COMPONENT_STATE_READY:
		/* A stranger can only come this far with our password, by a check of its own. */
		set_state(ice, pair_is_allowed(ice) ? DH_ICE_CONNECTED : DH_ICE_FAILED);
		break;
	case NICE_COMPONENT_STATE_FAILED: set_state(ice, DH_ICE_FAILED); break;
	default: break; /* gathering, disconnected: nothing to act on */
	}
}

static void on_receive(NiceAgent *agent, guint stream, guint component, guint size, gchar *data, gpointer arg)
{
	struct dh_ice *ice = arg;
	if (!ice->is_closed && size)
		ice->ops->receive(ice->user, (const uint8_t *)data, size);
}

static void add_server(void *arg, const struct dh_ice_ready_server *s)
{
	struct dh_ice *ice = arg;
	if (s->kind == DH_ICE_STUN) { /* libnice takes one: the first that has an address */
		if (!ice->has_stun)
			g_object_set(ice->agent, "stun-server", s->address, "stun-server-port", (guint)s->port, NULL);
		ice->has_stun = true;
		return;
	}
	NiceRelayType type = s->kind == DH_ICE_TURN_TCP ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
	if (!nice_agent_set_relay_info(ice->agent, ice->stream, COMPONENT, s->address, s->port, s->username, s->password,
				       type))
		DH_WARN(ice, "TURN server at %s was refused by the ICE library", s->address);
}

static int gather(struct dh_ice *ice, struct dh_err *e)
{
	if (dh_ice_servers_has_tunnel(ice->servers))
		g_object_set(ice->agent, "stun-max-retransmissions", TUNNEL_TRIES, NULL);
	if (!nice_agent_gather_candidates(ice->agent, ice->stream))
		return dh_fail(e, DH_EIO, "no network address to offer");
	if (ice->is_relay_only && !ice->is_gathered && !ice->is_closed)
		look_for_relay(ice);
	return DH_OK;
}

static void on_servers_ready(void *user)
{
	struct dh_ice *ice = user;
	struct dh_err e;
	dh_ice_servers_each(ice->servers, add_server, ice);
	if (ice->is_gathering && gather(ice, &e)) {
		DH_WARN(ice, "%s", e.text);
		set_state(ice, DH_ICE_FAILED);
	}
}

static void add_own_address(void *arg, const char *text)
{
	struct dh_ice *ice = arg;
	NiceAddress a;
	nice_address_init(&a);
	if (nice_address_set_from_string(&a, text))
		nice_agent_add_local_address(ice->agent, &a);
}

static int add_parsed(struct dh_ice *ice, NiceCandidate *c, struct dh_err *e)
{
	char address[NICE_ADDRESS_STRING_LEN];
	nice_address_to_string(&c->addr, address);
	if (c->component_id != COMPONENT)
		return DH_OK;
	if (ice->is_loopback_only && !dh_own_address_is(address))
		return dh_fail(e, DH_EPERM, "%s is not an address of this machine", address);
	GSList *list = g_slist_append(NULL, c);
	nice_agent_set_remote_candidates(ice->agent, ice->stream, COMPONENT, list);
	g_slist_free(list);
	return DH_OK;
}

static int add_numeric(struct dh_ice *ice, const char *sdp, struct dh_err *e)
{
	gchar *line = g_strconcat("a=", sdp, NULL);
	NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, line);
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
	if (ice->is_remote_done)
		nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream);
}

static void read_credentials(struct dh_ice *ice)
{
	g_free(ice->ufrag);
	g_free(ice->password);
	ice->ufrag = ice->password = NULL;
	nice_agent_get_local_credentials(ice->agent, ice->stream, &ice->ufrag, &ice->password);
}

static NiceAgent *make_agent(GMainContext *context, const struct dh_ice_options *o)
{
	NiceAgent *agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
					       NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS |
						       NICE_AGENT_OPTION_REGULAR_NOMINATION);
	/* no router is asked to open ports: that needs a person's consent */
	g_object_set(agent, "upnp", FALSE, "controlling-mode", (gboolean)o->is_controlling, "force-relay",
		     (gboolean)o->is_relay_only, "ice-tcp", (gboolean)!o->is_loopback_only, NULL);
	return agent;
}

static void free_ice(struct dh_ice *ice)
{
	g_object_unref(ice->agent);
	dh_ice_servers_destroy(ice->servers); /* after the agent, which may use its tunnels */
	g_free(ice->ufrag);
	g_free(ice->password);
	free(ice);
}

int dh_ice_create(struct dh_ice **out, struct dh_rtc_thread *thread, const struct dh_ice_options *o, struct dh_err *e)
{
	struct dh_ice *ice = dh_alloc(sizeof(*ice));
	GMainContext *context = dh_ice_loop_context(dh_rtc_thread_loop(thread));
	dh_log_init(&ice->log, "agent/rtc/ice");
	ice->thread = thread;
	ice->ops = o->ops;
	ice->user = o->user;
	ice->is_loopback_only = o->is_loopback_only;
	ice->is_relay_only = o->is_relay_only;
	ice->state = DH_ICE_NEW;
	dh_rtc_timer_init(&ice->relay_timer);
	dh_ice_names_init(&ice->names, thread, on_name_known, on_names_known, ice);
	ice->agent = make_agent(context, o);
	ice->stream = nice_agent_add_stream(ice->agent, 1);
	int err = ice->stream ? dh_ice_servers_create(&ice->servers, thread, o, on_servers_ready, ice, e)
			      : dh_fail(e, DH_EFAIL, "cannot make an ICE stream");
	if (err) {
		free_ice(ice);
		return err;
	}
	if (o->is_loopback_only)
		dh_own_address_each(add_own_address, ice);
	g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_candidate), ice);
	g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
	g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
	nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, context, on_receive, ice);
	read_credentials(ice);
	dh_rtc_thread_hold(thread);
	*out = ice;
	return DH_OK;
}

static void closed(GObject *agent, GAsyncResult *result, gpointer arg)
{
	struct dh_ice *ice = arg;
	dh_rtc_thread_release(ice->thread);
	free_ice(ice);
}

static void finish(void *arg)
{
	struct dh_ice *ice = arg;
	/* on_receive() stays: without one, libnice reads no answers of TURN servers, and its closing waits for them */
	g_signal_handlers_disconnect_by_data(ice->agent, ice);
	nice_agent_close_async(ice->agent, closed, ice); /* gives relayed addresses back */
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
	dh_rtc_post(ice->thread, finish, ice); /* not here: a callback of it may be on the stack */
}

const char *dh_ice_local_ufrag(const struct dh_ice *ice)
{
	return ice->ufrag;
}

const char *dh_ice_local_password(const struct dh_ice *ice)
{
	return ice->password;
}

int dh_ice_gather(struct dh_ice *ice, struct dh_err *e)
{
	if (ice->is_gathering)
		return dh_fail(e, DH_ESTATE, "candidates are gathered once");
	int err = dh_ice_servers_are_ready(ice->servers) ? gather(ice, e) : DH_OK;
	ice->is_gathering = !err;
	return err;
}

int dh_ice_trouble(struct dh_ice *ice, struct dh_err *e)
{
	int err = dh_ice_servers_trouble(ice->servers, e);
	if (err || ice->relay_count || !ice->is_gathered || !dh_ice_servers_has_turn(ice->servers))
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
	if (!nice_agent_set_remote_credentials(ice->agent, ice->stream, ufrag, password))
		return dh_fail(e, DH_EINVAL, "ice-ufrag or ice-pwd was refused");
	ice->has_remote = true;
	return DH_OK;
}

int dh_ice_add_remote(struct dh_ice *ice, const char *sdp, struct dh_err *e)
{
	if (!ice->has_remote)
		return dh_fail(e, DH_ESTATE, "a candidate came before ice-ufrag and ice-pwd");
	if (!strncmp(sdp, "a=", 2))
		sdp += 2;
	if (strncmp(sdp, "candidate:", 10) || strnlen(sdp, MAX_SDP) == MAX_SDP || strpbrk(sdp, "\r\n"))
		return dh_fail(e, DH_EINVAL, "not a candidate line");
	if (ice->remote_count >= MAX_REMOTE)
		return dh_fail(e, DH_ELIMIT, "more than %d candidates", MAX_REMOTE);
	int err = DH_OK;
	if (dh_ice_names_has_name(sdp))
		dh_ice_names_add(&ice->names, sdp);
	else
		err = add_numeric(ice, sdp, e);
	ice->remote_count += !err;
	return err;
}

void dh_ice_remote_done(struct dh_ice *ice)
{
	ice->is_remote_done = true;
	if (!dh_ice_names_is_waiting(&ice->names))
		nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream);
}

int dh_ice_restart(struct dh_ice *ice, struct dh_err *e)
{
	if (!nice_agent_restart_stream(ice->agent, ice->stream))
		return dh_fail(e, DH_EFAIL, "ICE cannot restart");
	ice->has_remote = ice->is_remote_done = false;
	ice->remote_count = 0;
	dh_ice_names_cancel(&ice->names);
	read_credentials(ice);
	GSList *list = nice_agent_get_local_candidates(ice->agent, ice->stream, COMPONENT);
	for (GSList *i = list; i && !ice->is_closed; i = i->next)
		tell_candidate(ice, i->data);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	if (!ice->is_closed)
		ice->ops->candidate(ice->user, NULL);
	return DH_OK;
}

enum dh_ice_state dh_ice_get_state(const struct dh_ice *ice)
{
	return ice->state;
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
	if (!nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote))
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
	gint n = nice_agent_send(ice->agent, ice->stream, COMPONENT, (guint)size, (const gchar *)data);
	return n == (gint)size ? DH_OK : DH_EAGAIN;
}
