/* ICE by libnice. The only file that knows GLib and libnice; they live on the rtc thread only. */
#include "agent/rtc/ice.h"

#include <assert.h>
#include <nice/agent.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/ice_loop.h"
#include "agent/rtc/ice_names.h"
#include "agent/rtc/own_address.h"
#include "common/alloc.h"
#include "common/log.h"

#define COMPONENT 1
#define MAX_REMOTE 64
#define MAX_SDP 1024

/* -- the loop -- */

struct dh_ice_loop {
	GMainContext *context;
	GSource *timer;
};

static gboolean timer_due(GSource *s, GSourceFunc fn, gpointer arg)
{
	g_source_set_ready_time(s, -1);
	return G_SOURCE_CONTINUE;
}

struct dh_ice_loop *dh_ice_loop_create(void)
{
	static GSourceFuncs timer_funcs = {.dispatch = timer_due};
	struct dh_ice_loop *l = dh_alloc(sizeof(*l));
	l->context = g_main_context_new();
	l->timer = g_source_new(&timer_funcs, sizeof(GSource));
	g_source_attach(l->timer, l->context);
	return l;
}

void dh_ice_loop_destroy(struct dh_ice_loop *l)
{
	g_source_destroy(l->timer);
	g_source_unref(l->timer);
	g_main_context_unref(l->context);
	free(l);
}

void dh_ice_loop_enter(struct dh_ice_loop *l)
{
	g_main_context_push_thread_default(l->context);
}

void dh_ice_loop_leave(struct dh_ice_loop *l)
{
	g_main_context_pop_thread_default(l->context);
}

void dh_ice_loop_wait(struct dh_ice_loop *l, int64_t until_us)
{
	/* GLib's monotonic time is CLOCK_MONOTONIC in microseconds, like the agent's clock. */
	g_source_set_ready_time(l->timer, until_us == INT64_MAX ? -1 : until_us);
	g_main_context_iteration(l->context, TRUE);
}

void dh_ice_loop_wake(struct dh_ice_loop *l)
{
	g_main_context_wakeup(l->context);
}

struct dh_ice_watch {
	GSource source;
	void (*fn)(void *arg);
	void *arg;
};

static gboolean watch_ready(GSource *s, GSourceFunc fn, gpointer arg)
{
	struct dh_ice_watch *w = (struct dh_ice_watch *)s;
	w->fn(w->arg);
	return G_SOURCE_CONTINUE;
}

struct dh_ice_watch *dh_ice_loop_watch(struct dh_ice_loop *l, int fd, void (*fn)(void *arg), void *arg)
{
	static GSourceFuncs watch_funcs = {.dispatch = watch_ready};
	struct dh_ice_watch *w = (struct dh_ice_watch *)g_source_new(&watch_funcs, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	g_source_add_unix_fd(&w->source, fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	g_source_attach(&w->source, l->context);
	return w;
}

void dh_ice_loop_unwatch(struct dh_ice_watch *w)
{
	if (!w)
		return;
	g_source_destroy(&w->source);
	g_source_unref(&w->source);
}

/* -- ICE -- */

struct dh_ice {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	NiceAgent *agent;
	guint stream;
	const struct dh_ice_ops *ops;
	void *user;
	bool is_loopback_only, is_closed, is_gathering, has_remote;
	enum dh_ice_state state;
	int remote_count; /* with those whose name is not known yet */
	bool is_remote_done;
	struct dh_ice_names names;
	gchar *ufrag, *password;
};

static void tell_candidate(struct dh_ice *ice, NiceCandidate *c)
{
	if (c->component_id != COMPONENT)
		return;
	gchar *sdp = nice_agent_generate_local_candidate_sdp(ice->agent, c);
	if (sdp && g_str_has_prefix(sdp, "a="))
		ice->ops->candidate(ice->user, sdp + 2);
	g_free(sdp);
}

static void on_candidate(NiceAgent *agent, NiceCandidate *c, gpointer arg)
{
	struct dh_ice *ice = arg;
	if (!ice->is_closed)
		tell_candidate(ice, c);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	struct dh_ice *ice = arg;
	if (!ice->is_closed)
		ice->ops->candidate(ice->user, NULL);
}

static void set_state(struct dh_ice *ice, enum dh_ice_state state)
{
	if (ice->is_closed || state == ice->state)
		return;
	ice->state = state;
	DH_DEBUG(ice, "state %d", (int)state);
	ice->ops->state(ice->user, state);
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

static int add_server(struct dh_ice *ice, const struct dh_ice_server *s, struct dh_err *e)
{
	if (!s->host || !s->host[0] || !s->port)
		return dh_fail(e, DH_EINVAL, "an ICE server needs a host and a port");
	if (s->kind == DH_ICE_STUN) { /* libnice takes one; the last wins */
		g_object_set(ice->agent, "stun-server", s->host, "stun-server-port", (guint)s->port, NULL);
		return DH_OK;
	}
	if (s->kind != DH_ICE_TURN_UDP && s->kind != DH_ICE_TURN_TCP) {
		dh_fail(e, DH_ENOTSUP, "TURN over TLS to %s is not supported yet", s->host);
		dh_hint(e, "use turn: with transport=tcp or udp");
		return DH_ENOTSUP;
	}
	NiceRelayType type = s->kind == DH_ICE_TURN_TCP ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
	if (!s->username || !s->password ||
	    !nice_agent_set_relay_info(ice->agent, ice->stream, COMPONENT, s->host, s->port, s->username, s->password,
				       type))
		return dh_fail(e, DH_EINVAL, "TURN server %s: needs an address, a user name and a password", s->host);
	return DH_OK;
}

static int add_servers(struct dh_ice *ice, const struct dh_ice_options *o, struct dh_err *e)
{
	int err = DH_OK;
	for (int i = 0; i < o->server_count && !err && !o->is_loopback_only; i++)
		err = add_server(ice, &o->servers[i], e);
	return err;
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

int dh_ice_create(struct dh_ice **out, struct dh_rtc_thread *thread, const struct dh_ice_options *o, struct dh_err *e)
{
	struct dh_ice *ice = dh_alloc(sizeof(*ice));
	GMainContext *context = dh_rtc_thread_loop(thread)->context;
	dh_log_init(&ice->log, "agent/rtc/ice");
	ice->thread = thread;
	ice->ops = o->ops;
	ice->user = o->user;
	ice->is_loopback_only = o->is_loopback_only;
	ice->state = DH_ICE_NEW;
	dh_ice_names_init(&ice->names, thread, on_name_known, on_names_known, ice);
	ice->agent = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
					 NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS |
						 NICE_AGENT_OPTION_REGULAR_NOMINATION);
	/* no router is asked to open ports: that needs a person's consent */
	g_object_set(ice->agent, "upnp", FALSE, "controlling-mode", (gboolean)o->is_controlling, "force-relay",
		     (gboolean)o->is_relay_only, "ice-tcp", (gboolean)!o->is_loopback_only, NULL);
	ice->stream = nice_agent_add_stream(ice->agent, 1);
	int err = ice->stream ? add_servers(ice, o, e) : dh_fail(e, DH_EFAIL, "cannot make an ICE stream");
	if (err) {
		g_object_unref(ice->agent);
		free(ice);
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
	g_object_unref(ice->agent);
	g_free(ice->ufrag);
	g_free(ice->password);
	dh_rtc_thread_release(ice->thread);
	free(ice);
}

static void finish(void *arg)
{
	struct dh_ice *ice = arg;
	nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, dh_rtc_thread_loop(ice->thread)->context, NULL, NULL);
	g_signal_handlers_disconnect_by_data(ice->agent, ice);
	nice_agent_close_async(ice->agent, closed, ice); /* gives relayed addresses back */
}

void dh_ice_close(struct dh_ice *ice)
{
	if (!ice)
		return;
	assert(!ice->is_closed);
	ice->is_closed = true;
	dh_ice_names_cancel(&ice->names);
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
	if (!nice_agent_gather_candidates(ice->agent, ice->stream))
		return dh_fail(e, DH_EIO, "no network address to offer");
	ice->is_gathering = true;
	return DH_OK;
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
