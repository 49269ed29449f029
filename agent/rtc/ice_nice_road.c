/* One road of ICE by libnice: a NiceAgent, which gathers once. Each restart opens another one, so that it knows the
 * addresses of today; the one before carries on until the new one is connected. */
#include <stdlib.h>

#include "agent/rtc/ice_nice_priv.h"
#include "agent/rtc/own_address.h"
#include "common/alloc.h"

/* libnice's 3 (2 s) give up before a slow proxy and TLS let a request through; but more of them in checks of pairs would
 * make the choice of a pair as late */
#define STUN_TRIES 3
#define TUNNEL_TRIES 5
/* how long TURN servers have for an address when we may show nothing else: so many looks, so far apart */
#define RELAY_LOOKS 24
#define RELAY_LOOK_MS 500
/* the other side may still send on the road before the restart when ours is connected */
#define OLD_ROAD_MS 2000

static void on_candidate(NiceAgent *agent, NiceCandidate *from, gpointer arg)
{
	struct dh_ice_road *r = arg;
	struct dh_ice *ice = r->ice;
	if (ice->is_closed || r != ice->road || from->component_id != DH_ICE_COMPONENT ||
	    (ice->is_relay_only && from->type != NICE_CANDIDATE_TYPE_RELAYED))
		return;
	NiceCandidate *c = nice_candidate_copy(from);
	r->relay_count += c->type == NICE_CANDIDATE_TYPE_RELAYED;
	if (ice->is_relay_only) { /* RFC 8839, 5.1: a related address that shall not be shown reads 0.0.0.0 and 9 or 0 */
		nice_address_set_from_string(&c->base_addr, nice_address_ip_version(&c->addr) == 6 ? "::" : "0.0.0.0");
		nice_address_set_port(&c->base_addr, 9);
	}
	gchar *sdp = nice_agent_generate_local_candidate_sdp(agent, c);
	if (sdp && g_str_has_prefix(sdp, "a="))
		ice->ops->candidate(ice->user, sdp + 2);
	g_free(sdp);
	nice_candidate_free(c);
}

void dh_ice_road_set_state(struct dh_ice_road *r, enum dh_ice_state state)
{
	struct dh_ice *ice = r->ice;
	if (ice->is_closed || state == r->state)
		return;
	r->state = state;
	if (r != ice->road)
		return;
	DH_DEBUG(ice, "state %d", (int)state);
	ice->ops->state(ice->user, state);
}

/* Nothing to show and nothing to come: it cannot succeed any more. */
static void relay_over(struct dh_ice_road *r)
{
	dh_rtc_timer_stop(&r->ice->relay_timer);
	r->is_gathered = true;
	if (!r->relay_count)
		dh_ice_road_set_state(r, DH_ICE_FAILED);
}

static void look_for_relay(void *arg)
{
	struct dh_ice *ice = arg;
	struct dh_ice_road *r = ice->road;
	if (r->relay_looks++ >= RELAY_LOOKS || (!r->relay_count && dh_ice_servers_are_hopeless(ice->servers)))
		relay_over(r);
	else
		dh_rtc_timer_start(ice->thread, &ice->relay_timer, RELAY_LOOK_MS, look_for_relay, ice);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	struct dh_ice_road *r = arg;
	struct dh_ice *ice = r->ice;
	r->is_gathered = true;
	g_object_set(agent, "stun-max-retransmissions", STUN_TRIES, NULL);
	if (r != ice->road)
		return;
	if (!ice->is_closed)
		ice->ops->candidate(ice->user, NULL);
	if (!ice->is_closed && ice->is_relay_only)
		relay_over(r);
}

static bool pair_is_allowed(struct dh_ice *ice)
{
	struct dh_ice_pair pair;
	return !ice->is_loopback_only || dh_ice_selected(ice, &pair) || dh_own_address_is(pair.remote_address);
}

void dh_ice_road_close_old(void *arg)
{
	struct dh_ice *ice = arg;
	dh_rtc_timer_stop(&ice->old_timer);
	if (ice->old)
		dh_ice_road_close(ice->old);
	ice->old = NULL;
}

static void connected(struct dh_ice_road *r)
{
	struct dh_ice *ice = r->ice;
	/* A stranger can only come this far with our password, by a check of its own. */
	dh_ice_road_set_state(r, pair_is_allowed(ice) ? DH_ICE_CONNECTED : DH_ICE_FAILED);
	if (!ice->is_closed && r == ice->road && ice->old)
		dh_rtc_timer_start(ice->thread, &ice->old_timer, OLD_ROAD_MS, dh_ice_road_close_old, ice);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer arg)
{
	struct dh_ice_road *r = arg;
	switch (state) {
	case NICE_COMPONENT_STATE_CONNECTING: dh_ice_road_set_state(r, DH_ICE_CHECKING); break;
	case NICE_COMPONENT_STATE_CONNECTED:
	case NICE_COMPONENT_STATE_READY: connected(r); break;
	case NICE_COMPONENT_STATE_FAILED: dh_ice_road_set_state(r, DH_ICE_FAILED); break;
	default: break; /* gathering, disconnected: nothing to act on */
	}
}

static void on_receive(NiceAgent *agent, guint stream, guint component, guint size, gchar *data, gpointer arg)
{
	struct dh_ice *ice = ((struct dh_ice_road *)arg)->ice;
	if (!ice->is_closed && size)
		ice->ops->receive(ice->user, (const uint8_t *)data, size);
}

static void add_server(void *arg, const struct dh_ice_ready_server *s)
{
	struct dh_ice_road *r = arg;
	if (s->kind == DH_ICE_STUN) { /* libnice takes one, and one is told */
		g_object_set(r->agent, "stun-server", s->address, "stun-server-port", (guint)s->port, NULL);
		return;
	}
	NiceRelayType type = s->kind == DH_ICE_TURN_TCP ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
	if (!nice_agent_set_relay_info(r->agent, r->stream, DH_ICE_COMPONENT, s->address, s->port, s->username, s->password,
				       type))
		DH_WARN(r->ice, "TURN server at %s was refused by the ICE library", s->address);
}

static void note_address(void *arg, const char *text)
{
	struct dh_ice_road *r = arg;
	r->own = g_slist_prepend(r->own, g_strdup(text));
}

int dh_ice_road_gather(struct dh_ice_road *r, struct dh_err *e)
{
	struct dh_ice *ice = r->ice;
	dh_own_address_each(note_address, r);
	dh_ice_servers_each(ice->servers, add_server, r);
	if (dh_ice_servers_has_tunnel(ice->servers))
		g_object_set(r->agent, "stun-max-retransmissions", TUNNEL_TRIES, NULL);
	if (!nice_agent_gather_candidates(r->agent, r->stream))
		return dh_fail(e, DH_EIO, "no network address to offer");
	if (ice->is_relay_only && !r->is_gathered && !ice->is_closed)
		look_for_relay(ice);
	return DH_OK;
}

static void add_own_address(void *arg, const char *text)
{
	struct dh_ice_road *r = arg;
	NiceAddress a;
	nice_address_init(&a);
	if (nice_address_set_from_string(&a, text))
		nice_agent_add_local_address(r->agent, &a);
}

struct dh_ice_road *dh_ice_road_in_use(const struct dh_ice *ice, NiceCandidate **local, NiceCandidate **remote)
{
	if (nice_agent_get_selected_pair(ice->road->agent, ice->road->stream, DH_ICE_COMPONENT, local, remote))
		return ice->road;
	if (ice->old && nice_agent_get_selected_pair(ice->old->agent, ice->old->stream, DH_ICE_COMPONENT, local, remote))
		return ice->old;
	return NULL;
}

bool dh_ice_road_is_gone(const struct dh_ice *ice)
{
	NiceCandidate *local, *remote;
	char base[NICE_ADDRESS_STRING_LEN];
	const struct dh_ice_road *r = dh_ice_road_in_use(ice, &local, &remote);
	if (!r)
		return false;
	nice_address_to_string(&local->base_addr, base);
	if (local->type != NICE_CANDIDATE_TYPE_RELAYED)
		return !dh_own_address_is_up(base);
	for (const GSList *i = r->own; i; i = i->next) /* which of them leads to the server, libnice does not tell */
		if (!dh_own_address_is_up(i->data))
			return true;
	return false;
}

static NiceAgent *make_agent(const struct dh_ice *ice, GMainContext *context, bool is_controlling)
{
	/* Without its consent freshness: that asks each 4 to 6 s, once, and ends the road 10 s after the last answer, so one
	 * lost packet can end it. See docs/decisions/0016-consent-by-media.md */
	NiceAgent *agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
					       NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_REGULAR_NOMINATION);
	/* no router is asked to open ports: that needs a person's consent */
	g_object_set(agent, "upnp", FALSE, "controlling-mode", (gboolean)is_controlling, "force-relay",
		     (gboolean)ice->is_relay_only, "ice-tcp", (gboolean)!ice->is_loopback_only, NULL);
	return agent;
}

struct dh_ice_road *dh_ice_road_open(struct dh_ice *ice, bool is_controlling)
{
	GMainContext *context = dh_ice_loop_context(dh_rtc_thread_loop(ice->thread));
	NiceAgent *agent = make_agent(ice, context, is_controlling);
	guint stream = nice_agent_add_stream(agent, 1);
	if (!stream) {
		g_object_unref(agent);
		return NULL;
	}
	struct dh_ice_road *r = dh_alloc(sizeof(*r));
	*r = (struct dh_ice_road){.ice = ice, .agent = agent, .stream = stream, .state = DH_ICE_NEW,
				  .is_controlling = is_controlling};
	if (ice->is_loopback_only)
		dh_own_address_each(add_own_address, r);
	g_signal_connect(agent, "new-candidate-full", G_CALLBACK(on_candidate), r);
	g_signal_connect(agent, "candidate-gathering-done", G_CALLBACK(on_gathered), r);
	g_signal_connect(agent, "component-state-changed", G_CALLBACK(on_state), r);
	nice_agent_attach_recv(agent, stream, DH_ICE_COMPONENT, context, on_receive, r);
	nice_agent_get_local_credentials(agent, stream, &r->ufrag, &r->password);
	ice->roads++;
	dh_rtc_thread_hold(ice->thread);
	return r;
}

void dh_ice_free(struct dh_ice *ice)
{
	dh_ice_servers_destroy(ice->servers); /* after the agents, which may use its tunnels */
	free(ice);
}

/* libnice may keep its agent and read on after its closing, so on_receive() ends here at the latest. */
static void free_road(void *arg)
{
	struct dh_ice_road *r = arg;
	struct dh_ice *ice = r->ice;
	GMainContext *context = dh_ice_loop_context(dh_rtc_thread_loop(ice->thread));
	nice_agent_attach_recv(r->agent, r->stream, DH_ICE_COMPONENT, context, NULL, NULL);
	dh_rtc_thread_release(ice->thread);
	g_object_unref(r->agent);
	g_slist_free_full(r->own, g_free);
	g_free(r->ufrag);
	g_free(r->password);
	free(r);
	if (!--ice->roads && ice->is_closed)
		dh_ice_free(ice);
}

static void road_closed(GObject *agent, GAsyncResult *result, gpointer arg)
{
	struct dh_ice_road *r = arg;
	dh_rtc_post(r->ice->thread, free_road, r); /* not here: its own reading may be on the stack */
}

static void finish_road(void *arg)
{
	struct dh_ice_road *r = arg;
	/* on_receive() stays: without one, libnice reads no answers of TURN servers, and its closing waits for them */
	g_signal_handlers_disconnect_by_data(r->agent, r);
	nice_agent_close_async(r->agent, road_closed, r); /* gives relayed addresses back */
}

void dh_ice_road_close(struct dh_ice_road *r)
{
	dh_rtc_post(r->ice->thread, finish_road, r); /* not here: a callback of it may be on the stack */
}
