/* The servers of one connection: looked up at the same time, tunnels opened; a server that is late is left out. Of STUN
 * servers one is used: the first that answers. */
#include "agent/rtc/ice_servers.h"

#include <stdlib.h>
#include <string.h>

#include "agent/rtc/resolve.h"
#include "agent/rtc/stun_choice.h"
#include "agent/rtc/turn_tunnel.h"
#include "common/alloc.h"
#include "common/log.h"

#define LOOK_UP_MS 4000

struct server {
	struct dh_ice_servers *all;
	struct dh_ice_server wanted; /* its strings are ours */
	struct dh_ice_ready_server ready;
	struct dh_resolved found;
	struct dh_resolve *look_up; /* NULL: not under way */
	struct dh_turn_tunnel *tunnel;
	bool is_usable;
};

struct dh_ice_servers {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	struct server *server;
	int count, waiting;
	struct dh_stun_address stun[DH_STUN_CHOICE_MAX]; /* addresses of STUN servers, of one family */
	int stun_count, stun_used;
	struct dh_stun_choice *choice; /* NULL: not under way */
	bool are_ready;
	struct dh_rtc_timer timer; /* the limit; at 0 ms when there is nothing to wait for */
	void (*ready)(void *user);
	void *user;
	struct dh_err trouble;
};

static void chosen(void *arg, int index)
{
	struct dh_ice_servers *s = arg;
	s->choice = NULL;
	if (index >= 0)
		s->stun_used = index;
	if (index < 0)
		DH_WARN(s, "none of %d addresses of STUN servers answers: %s is used", s->stun_count,
			s->stun[s->stun_used].address);
	else
		DH_DEBUG(s, "STUN server %s answers first", s->stun[index].address);
	s->are_ready = true;
	s->ready(s->user);
}

/* IPv4 when there is any: IPv6 has no address translators, so its servers tell nothing new. */
static void list_stun(struct dh_ice_servers *s, bool is_v6)
{
	for (int i = 0; i < s->count; i++) {
		const struct server *v = &s->server[i];
		for (int k = 0; k < v->found.count && v->wanted.kind == DH_ICE_STUN; k++) {
			if (!strchr(v->found.address[k], ':') == is_v6 || s->stun_count == DH_STUN_CHOICE_MAX)
				continue;
			dh_strcopy(s->stun[s->stun_count].address, sizeof(s->stun[0].address), v->found.address[k]);
			s->stun[s->stun_count++].port = v->wanted.port;
		}
	}
}

static void choose_stun(struct dh_ice_servers *s)
{
	struct dh_err e;
	list_stun(s, false);
	if (!s->stun_count)
		list_stun(s, true);
	if (s->stun_count > 1 &&
	    !dh_stun_choice_start(&s->choice, s->thread, s->stun, s->stun_count, chosen, s, &e))
		return;
	s->are_ready = true;
	s->ready(s->user);
}

void dh_ice_servers_choose_again(struct dh_ice_servers *s)
{
	struct dh_err e;
	if (s->are_ready && s->stun_count > 1)
		s->are_ready = dh_stun_choice_start(&s->choice, s->thread, s->stun, s->stun_count, chosen, s, &e) != DH_OK;
}

static void all_ready(void *arg)
{
	struct dh_ice_servers *s = arg;
	for (int i = 0; i < s->count; i++) {
		if (!s->server[i].look_up)
			continue;
		dh_resolve_cancel(s->server[i].look_up);
		s->server[i].look_up = NULL;
		dh_fail(&s->trouble, DH_ETIMEDOUT, "the address of ICE server %s was not found in time",
			s->server[i].wanted.host);
		DH_WARN(s, "%s", s->trouble.text);
	}
	choose_stun(s);
}

static void resolved(void *arg, const struct dh_resolved *r)
{
	struct server *v = arg;
	struct dh_ice_servers *s = v->all;
	v->look_up = NULL;
	v->is_usable = r->count > 0;
	v->found = *r;
	if (!v->is_usable) {
		dh_fail(&s->trouble, DH_EIO, "cannot find the address of ICE server %s", v->wanted.host);
		DH_WARN(s, "%s", s->trouble.text);
	}
	if (--s->waiting == 0)
		dh_rtc_timer_start(s->thread, &s->timer, 0, all_ready, s);
}

static int open_tunnel(struct server *v, const struct dh_ice_options *o, struct dh_err *e)
{
	struct dh_turn_tunnel_options t = {.host = v->wanted.host, .port = v->wanted.port,
		.is_tls = v->wanted.kind == DH_ICE_TURN_TLS, .ca_file = o->ca_file,
		.proxy = o->proxy.kind ? &o->proxy : NULL};
	int err = dh_turn_tunnel_create(&v->tunnel, &t, e);
	if (err)
		return err;
	v->ready.kind = DH_ICE_TURN_TCP;
	v->ready.port = dh_turn_tunnel_port(v->tunnel);
	v->found.count = 1;
	dh_strcopy(v->found.address[0], sizeof(v->found.address[0]), "127.0.0.1");
	v->is_usable = true;
	return DH_OK;
}

static int prepare(struct dh_ice_servers *s, struct server *v, const struct dh_ice_server *from,
		   const struct dh_ice_options *o, struct dh_err *e)
{
	int err = dh_ice_server_check(from, e);
	if (err)
		return err;
	v->all = s;
	v->wanted = *from;
	v->ready.kind = from->kind;
	v->ready.port = from->port;
	if (from->kind != DH_ICE_STUN) {
		v->ready.username = v->wanted.username = dh_strdup(from->username);
		v->ready.password = v->wanted.password = dh_strdup(from->password);
	} else {
		v->wanted.username = v->wanted.password = NULL;
	}
	if (from->kind == DH_ICE_TURN_TLS || (from->kind == DH_ICE_TURN_TCP && o->proxy.kind))
		return open_tunnel(v, o, e);
	err = dh_resolve_start(&v->look_up, s->thread, v->wanted.host, resolved, v);
	if (err)
		return dh_fail(e, err, "cannot look up ICE server %s", v->wanted.host);
	s->waiting++;
	return DH_OK;
}

int dh_ice_servers_create(struct dh_ice_servers **out, struct dh_rtc_thread *thread, const struct dh_ice_options *o,
			  void (*ready)(void *user), void *user, struct dh_err *e)
{
	int count = o->is_loopback_only ? 0 : o->server_count, err = DH_OK;
	if (count > DH_ICE_SERVERS_MAX)
		return dh_fail(e, DH_ELIMIT, "more than %d ICE servers", DH_ICE_SERVERS_MAX);
	if (o->proxy.kind)
		err = dh_proxy_check(&o->proxy, e);
	if (err)
		return err;
	struct dh_ice_servers *s = dh_alloc(sizeof(*s));
	dh_log_init(&s->log, "agent/rtc/ice_servers");
	dh_rtc_timer_init(&s->timer);
	s->thread = thread;
	s->ready = ready;
	s->user = user;
	s->server = dh_alloc(sizeof(struct server) * (size_t)(count + 1));
	for (; s->count < count && !err; s->count++)
		err = prepare(s, &s->server[s->count], &o->servers[s->count], o, e);
	if (err) {
		dh_ice_servers_destroy(s);
		return err;
	}
	s->are_ready = count == 0;
	if (count)
		dh_rtc_timer_start(thread, &s->timer, s->waiting ? LOOK_UP_MS : 0, all_ready, s);
	*out = s;
	return DH_OK;
}

void dh_ice_servers_stop(struct dh_ice_servers *s)
{
	dh_rtc_timer_stop(&s->timer);
	dh_stun_choice_cancel(s->choice);
	s->choice = NULL;
	for (int i = 0; i < s->count; i++) {
		dh_resolve_cancel(s->server[i].look_up);
		s->server[i].look_up = NULL;
	}
}

void dh_ice_servers_destroy(struct dh_ice_servers *s)
{
	if (!s)
		return;
	dh_ice_servers_stop(s);
	for (int i = 0; i < s->count; i++) {
		dh_turn_tunnel_close(s->server[i].tunnel);
		dh_free_secret(s->server[i].ready.username);
		dh_free_secret(s->server[i].ready.password);
	}
	free(s->server);
	free(s);
}

bool dh_ice_servers_are_ready(const struct dh_ice_servers *s)
{
	return s->are_ready;
}

/* The first address of each family: the engine takes those it can reach. */
static void tell_server(struct server *v, void (*fn)(void *arg, const struct dh_ice_ready_server *server), void *arg)
{
	bool has[2] = {false, false};
	for (int i = 0; i < v->found.count; i++) {
		bool is_v6 = strchr(v->found.address[i], ':');
		dh_strcopy(v->ready.address, sizeof(v->ready.address), v->found.address[i]);
		if (!has[is_v6])
			fn(arg, &v->ready);
		has[is_v6] = true;
	}
}

void dh_ice_servers_each(struct dh_ice_servers *s, void (*fn)(void *arg, const struct dh_ice_ready_server *server),
			 void *arg)
{
	if (s->stun_count) {
		struct dh_ice_ready_server stun = {.kind = DH_ICE_STUN, .port = s->stun[s->stun_used].port};
		dh_strcopy(stun.address, sizeof(stun.address), s->stun[s->stun_used].address);
		fn(arg, &stun);
	}
	for (int i = 0; i < s->count; i++)
		if (s->server[i].is_usable && s->server[i].wanted.kind != DH_ICE_STUN)
			tell_server(&s->server[i], fn, arg);
}

bool dh_ice_servers_has_turn(const struct dh_ice_servers *s)
{
	for (int i = 0; i < s->count; i++)
		if (s->server[i].wanted.kind != DH_ICE_STUN)
			return true;
	return false;
}

bool dh_ice_servers_has_tunnel(const struct dh_ice_servers *s)
{
	for (int i = 0; i < s->count; i++)
		if (s->server[i].tunnel)
			return true;
	return false;
}

bool dh_ice_servers_are_hopeless(struct dh_ice_servers *s)
{
	struct dh_err e;
	for (int i = 0; i < s->count; i++) {
		struct server *v = &s->server[i];
		bool is_bad = v->tunnel ? dh_turn_tunnel_trouble(v->tunnel, &e) != DH_OK : !v->is_usable && !v->look_up;
		if (v->wanted.kind != DH_ICE_STUN && !is_bad)
			return false;
	}
	return dh_ice_servers_has_turn(s);
}

int dh_ice_servers_trouble(struct dh_ice_servers *s, struct dh_err *e)
{
	for (int i = 0; i < s->count; i++)
		if (s->server[i].tunnel && dh_turn_tunnel_trouble(s->server[i].tunnel, e))
			return e->code;
	if (s->trouble.code)
		*e = s->trouble;
	return s->trouble.code;
}
