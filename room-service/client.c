/* Connections above their transport; see client.h. */
#include "room-service/client.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/call.h"

#define ACK_EVENTS 32 /* that many unacknowledged, and the other end is asked */

const char *dh_close_text(int code)
{
	switch (code) {
#define XX(name, value, text)                                                                                              \
	case value: return text;
		DH_CLOSE_MAP(XX)
#undef XX
	default: return "";
	}
}

static void become_stranger(struct dh_client *c)
{
	struct dh_hub *hub = c->hub;
	c->login_by_us = dh_now_us() + DH_LOGIN_US;
	dh_list_add(&hub->strangers, &c->node);
	hub->stranger_count++;
	if (hub->stranger_count > DH_STRANGERS_MAX) {
		struct dh_client *oldest = dh_container_of(hub->strangers.next, struct dh_client, node);
		dh_client_close(oldest, DH_CLOSE_TOO_MANY);
	}
	dh_hub_watch(hub);
}

struct dh_client *dh_client_create(struct dh_hub *hub, const char *address, const struct dh_client_ops *ops, void *arg)
{
	struct dh_client *c = dh_alloc(sizeof(*c));
	c->hub = hub;
	c->ops = ops;
	c->ops_arg = arg;
	dh_strcopy(c->address, sizeof(c->address), address);
	dh_list_init(&c->calls);
	dh_list_init(&c->waiting);
	hub->metrics.connections++;
	become_stranger(c);
	return c;
}

static void unlink_client(struct dh_client *c)
{
	dh_list_del(&c->node);
	if (c->user)
		c->hub->client_count--;
	else
		c->hub->stranger_count--;
}

void dh_client_leave_user(struct dh_client *c)
{
	struct dh_user *user = c->user;
	unlink_client(c);
	c->user = NULL;
	free(c->guest_room);
	c->guest_room = NULL;
	user->client = NULL;
	if (user->member && user->member->is_attached)
		dh_member_detach(user->member);
	dh_hub_forget(c->hub, user);
	become_stranger(c);
}

void dh_client_destroy(struct dh_client *c)
{
	if (!c)
		return;
	c->is_closing = true;
	dh_dispatch_abandon(c);
	if (c->user)
		dh_client_leave_user(c);
	unlink_client(c);
	free(c);
}

void dh_client_became(struct dh_client *c, struct dh_user *user, const struct dh_token_row *token)
{
	unlink_client(c);
	c->user = user;
	user->client = c;
	memcpy(c->token, token->hash, sizeof(c->token));
	c->expires_ms = token->expires_ms;
	c->guest_room = token->room_id ? dh_strdup(token->room) : NULL;
	dh_list_add(&c->hub->clients, &c->node);
	c->hub->client_count++;
}

void dh_client_close(struct dh_client *c, enum dh_close_code code)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	c->ops->close(c->ops_arg, code);
}

struct dh_member *dh_client_member(const struct dh_client *c)
{
	return c->user && c->user->member && c->user->member->is_attached ? c->user->member : NULL;
}

void dh_client_receive(struct dh_client *c, const char *text, size_t size)
{
	if (!c->is_closing)
		dh_dispatch(c, text, size);
}

void dh_client_send_event(struct dh_client *c, struct dh_event *take)
{
	char *text = dh_alloc(dh_event_size(take, 0));
	size_t size = dh_event_write(take, 0, text);
	if (!c->is_closing)
		c->ops->send(c->ops_arg, text, size);
	free(text);
	dh_event_unref(take);
}

int64_t dh_client_last_event(const struct dh_client *c)
{
	const struct dh_member *m = dh_client_member(c);
	return m ? m->row.last : 0;
}

bool dh_client_has(const struct dh_client *c, int64_t seq)
{
	const struct dh_member *m = dh_client_member(c);
	return c->is_closing || !m || m->sent >= seq;
}

struct dh_event *dh_client_next_event(struct dh_client *c, int64_t *seq)
{
	struct dh_member *m = c->is_closing ? NULL : dh_client_member(c);
	if (!m || m->sent == m->row.last)
		return NULL;
	*seq = ++m->sent;
	c->hub->metrics.events++;
	return dh_row_at(&m->row, *seq);
}

bool dh_client_wants_ack(struct dh_client *c, int64_t *seq)
{
	struct dh_member *m = c->is_closing ? NULL : dh_client_member(c);
	bool is_asked = m && m->asked > m->row.last - m->row.count; /* no answer yet */
	if (!m || is_asked || m->row.count < ACK_EVENTS)
		return false;
	*seq = m->asked = m->sent;
	return true;
}

void dh_client_heard(struct dh_client *c, int64_t seq)
{
	struct dh_member *m = dh_client_member(c);
	if (m && seq <= m->sent)
		dh_row_ack(&m->row, seq);
}
