/* Candidates with names: cut at the fifth word (RFC 8839, 5.1), resolve, put together again. */
#include "agent/rtc/ice_names.h"

#include <stdlib.h>
#include <string.h>

#include "agent/rtc/mdns.h"
#include "common/alloc.h"

struct held {
	struct dh_list node;
	struct dh_ice_names *names;
	struct dh_mdns_query query;
	char *head, *tail; /* what stands before and behind the name */
};

void dh_ice_names_init(struct dh_ice_names *n, struct dh_rtc_thread *thread,
		       void (*known)(void *user, const char *sdp), void (*all_known)(void *user), void *user)
{
	n->thread = thread;
	n->known = known;
	n->all_known = all_known;
	n->user = user;
	n->unknown = 0;
	dh_list_init(&n->held);
}

/* The fifth word and its length; NULL: there are not as many. */
static const char *find_address(const char *sdp, size_t *length)
{
	const char *p = sdp;
	for (int i = 0; i < 4; i++) {
		p = strchr(p, ' ');
		if (!p)
			return NULL;
		p += strspn(p, " ");
	}
	*length = strcspn(p, " ");
	return p[*length] ? p : NULL;
}

bool dh_ice_names_has_name(const char *sdp)
{
	size_t n;
	const char *address = find_address(sdp, &n);
	return address && n > 6 && !strncmp(address + n - 6, ".local", 6);
}

static void drop(struct held *h)
{
	dh_list_del(&h->node);
	dh_mdns_cancel(&h->query);
	free(h->head);
	free(h->tail);
	free(h);
}

static void resolved(void *arg, const char *address)
{
	struct held *h = arg;
	struct dh_ice_names *n = h->names;
	char *sdp = address ? dh_strfmt("%s%s%s", h->head, address, h->tail) : NULL;
	drop(h);
	if (sdp)
		n->known(n->user, sdp);
	else
		n->unknown++;
	free(sdp);
	if (dh_list_is_empty(&n->held))
		n->all_known(n->user);
}

void dh_ice_names_add(struct dh_ice_names *n, const char *sdp)
{
	size_t length;
	const char *address = find_address(sdp, &length);
	char name[DH_MDNS_NAME_SIZE];
	if (!address || length + 1 != sizeof(name)) { /* not of the form that browsers use */
		n->unknown++;
		return;
	}
	struct held *h = dh_alloc(sizeof(*h));
	dh_strcopy(name, sizeof(name), address);
	h->names = n;
	if (dh_mdns_ask(dh_rtc_thread_mdns(n->thread), &h->query, name, resolved, h)) {
		n->unknown++;
		free(h);
		return;
	}
	h->head = dh_strfmt("%.*s", (int)(address - sdp), sdp);
	h->tail = dh_strdup(address + length);
	dh_list_add(&n->held, &h->node);
}

bool dh_ice_names_is_waiting(const struct dh_ice_names *n)
{
	return !dh_list_is_empty(&n->held);
}

void dh_ice_names_cancel(struct dh_ice_names *n)
{
	dh_list_for_each_safe(node, &n->held)
		drop(dh_container_of(node, struct held, node));
}
