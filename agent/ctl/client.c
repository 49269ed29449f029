/* One speaker: admission, hello in time, rates, sending. See client.h. */
#include "agent/ctl/client.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

const char *dh_close_text(int code)
{
	switch (code) {
#define XX(name, value, text) case value: return text;
	DH_CLOSE_MAP(XX)
#undef XX
	default: return "closed";
	}
}

/* Whether this origin gets in at all (api.md, "Who is speaking"; SR-02, SR-04). */
static int admit(struct dh_ctl *ctl, const char *text, struct dh_origin *out, struct dh_err *e)
{
	struct dh_err why = {0};
	int err = dh_origin_parse(out, text, false, &why);
	if (err) {
		dh_fail(e, DH_EPERM, "%s", why.text);
		dh_hint(e, "%s", why.hint);
	} else if (!dh_ctl_scopes(ctl, out->text)) {
		if (!ctl->policy.may_user_grant || ctl->policy.error.code) {
			err = dh_fail(e, DH_EPERM, "%s is not listed by the policy of this computer", out->text);
			dh_hint(e, "Ask the administrator to list it in /etc/deskhand/policy.d/.");
		} else if (!dh_origin_may_ask(out, e)) {
			err = DH_EPERM;
		}
	}
	if (err) {
		dh_throttle_failed(&ctl->throttle, text ? text : "", dh_now_us());
		dh_ctl_note_denial(ctl, e);
		return DH_EPERM;
	}
	return DH_OK;
}

bool dh_ctl_may_connect(struct dh_ctl *ctl, const char *origin, struct dh_err *e)
{
	struct dh_origin o;
	struct dh_err own = {0};
	return !ctl->is_stopping && admit(ctl, origin, &o, e ? e : &own) == DH_OK;
}

/* SR-17: a frame speaks inside a page of its own origin, or of one that has a grant itself. */
static bool may_embed(struct dh_ctl *ctl, const struct dh_identity *id)
{
	struct dh_origin embedder;
	if (!strcmp(id->top_origin, id->origin))
		return true;
	return !dh_origin_parse(&embedder, id->top_origin, false, NULL) && dh_ctl_scopes(ctl, id->top_origin);
}

/* Pages that nobody granted anything must not take all the places. */
static int count_ungranted(struct dh_ctl *ctl)
{
	int n = 0;
	dh_list_for_each(pos, &ctl->clients) {
		const struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		n += !c->is_cli && !dh_ctl_scopes(ctl, c->id.origin);
	}
	return n;
}

/* A page's own conditions, on top of its origin's. */
static int admit_page(struct dh_ctl *ctl, const struct dh_identity *id, struct dh_origin *origin, struct dh_err *e)
{
	int err = admit(ctl, id->origin, origin, e);
	if (err)
		return err;
	if (id->channel == DH_CHANNEL_NATIVE && !id->is_top_frame && !may_embed(ctl, id)) {
		dh_fail(e, DH_EPERM, "%s is a frame inside a page that has no grant", origin->text);
		dh_ctl_note_denial(ctl, e);
		return dh_hint(e, "Use Deskhand from the top page of a tab, or list the embedding site as well.");
	}
	if (id->channel == DH_CHANNEL_NATIVE && id->is_incognito) {
		dh_fail(e, DH_EPERM, "%s is in a private window", origin->text); /* SR-17 */
		dh_ctl_note_denial(ctl, e);
		return dh_hint(e, "Open the page in an ordinary window.");
	}
	if (!dh_ctl_scopes(ctl, origin->text) && count_ungranted(ctl) >= DH_UNGRANTED_MAX) {
		dh_fail(e, DH_ELIMIT, "%d pages without a grant are connected already", DH_UNGRANTED_MAX);
		return dh_hint(e, "Close a tab that asks for Deskhand.");
	}
	if (ctl->page_clients >= DH_PAGE_CLIENTS_MAX) {
		dh_fail(e, DH_ELIMIT, "%d pages are connected already", ctl->page_clients);
		return dh_hint(e, "Close a tab that uses Deskhand.");
	}
	if (!dh_throttle_handshake(&ctl->throttle, origin->text, dh_now_us())) {
		dh_fail(e, DH_ELIMIT, "%s connects too often: 20 times in 10 s are allowed", origin->text);
		return dh_hint(e, "Wait some seconds.");
	}
	return DH_OK;
}

static void hello_is_late(uv_timer_t *timer)
{
	struct dh_client *c = dh_container_of(timer, struct dh_client, hello_timer);
	dh_client_close(c, DH_CLOSE_HELLO_TIMEOUT);
}

int dh_client_create(struct dh_client **out, struct dh_ctl *ctl, const struct dh_identity *id,
		     const struct dh_client_ops *ops, void *arg, struct dh_err *e)
{
	struct dh_err own = {0};
	struct dh_origin origin = {0};
	bool is_cli = id->channel == DH_CHANNEL_CLI;
	if (!e)
		e = &own;
	if (ctl->is_stopping)
		return dh_fail(e, DH_ECLOSED, "the agent is shutting down");
	int err = is_cli ? DH_OK : admit_page(ctl, id, &origin, e);
	if (err)
		return err;
	struct dh_client *c = dh_alloc(sizeof(*c));
	c->ctl = ctl;
	c->id = *id;
	c->origin = origin;
	c->is_cli = is_cli;
	dh_strcopy(c->id.origin, sizeof(c->id.origin), is_cli ? DH_ORIGIN_CLI : origin.text);
	dh_log_init(&c->log, "agent/client %.50s", c->id.origin);
	c->ops = ops;
	c->arg = arg;
	c->state = is_cli ? DH_CLIENT_READY : DH_CLIENT_NEW;
	c->held = cJSON_CreateObject();
	dh_list_init(&c->calls);
	dh_list_add(&ctl->clients, &c->node);
	ctl->page_clients += !is_cli;
	uv_timer_init(&ctl->loop->uv, &c->hello_timer);
	if (!is_cli)
		uv_timer_start(&c->hello_timer, hello_is_late, DH_HELLO_TIMEOUT_MS, 0);
	*out = c;
	return DH_OK;
}

static void free_client(uv_handle_t *timer)
{
	free(dh_container_of(timer, struct dh_client, hello_timer));
}

void dh_client_destroy(struct dh_client *c)
{
	if (!c)
		return;
	c->is_closing = true;
	dh_list_del(&c->node);
	c->ctl->page_clients -= !c->is_cli;
	dh_dispatch_abandon(c);
	dh_previews_client_gone(c->ctl, c);
	dh_sessions_client_gone(c->ctl, c);
	cJSON_Delete(c->held);
	cJSON_Delete(c->prefixes);
	uv_close((uv_handle_t *)&c->hello_timer, free_client);
}

void dh_client_close(struct dh_client *c, enum dh_close_code code)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	uv_timer_stop(&c->hello_timer);
	DH_INFO(c, "closed with %d: %s", (int)code, dh_close_text(code));
	c->ops->close(c->arg, code);
}

void dh_client_granted(struct dh_client *c, bool is_granted)
{
	uv_timer_stop(&c->hello_timer);
	c->state = is_granted ? DH_CLIENT_READY : DH_CLIENT_UNGRANTED;
}

void dh_client_send_text(struct dh_client *c, const char *text)
{
	if (c->is_closing)
		return;
	int err = text ? c->ops->send(c->arg, text, strlen(text)) : DH_ENOMEM;
	if (err == DH_EBUSY || err == DH_ENOMEM)
		dh_client_close(c, DH_CLOSE_SLOW_READER); /* other errors: it is gone, destroy follows */
}

void dh_client_send_json(struct dh_client *c, const cJSON *message)
{
	if (c->is_closing)
		return;
	char *text = dh_json_print(message);
	dh_client_send_text(c, text);
	free(text);
}

void dh_client_drained(struct dh_client *c)
{
	if (!c->is_closing)
		dh_events_flush(c);
}

void dh_client_receive(struct dh_client *c, const char *text, size_t size)
{
	if (c->is_closing)
		return;
	if (c->state == DH_CLIENT_NEW && size > DH_HELLO_BYTES_MAX) {
		dh_client_close(c, DH_CLOSE_TOO_LARGE);
		return;
	}
	struct dh_err e = {0};
	cJSON *json = dh_json_parse(text, size, &e);
	if (json)
		dh_dispatch(c, json);
	else
		dh_dispatch_parse_error(c, &e);
}

void dh_client_receive_json(struct dh_client *c, cJSON *take)
{
	if (c->is_closing)
		cJSON_Delete(take);
	else
		dh_dispatch(c, take);
}
