/* push.stop: end a push. */
#include <string.h>

#include "agent/ctl/push.h"
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	const char *id = dh_arg_str(call->args, "push");
	dh_list_for_each(pos, &call->ctl->pushes) {
		struct dh_push *p = dh_container_of(pos, struct dh_push, node);
		if (strcmp(p->id, id) || (!call->is_cli && strcmp(p->origin, call->origin)))
			continue;
		if (!call->is_cli && p->session && p->session->controller != call->client) { /* SR-18 */
			dh_fail(&call->err, DH_EPERM, "the push's session is controlled by another page");
			return dh_hint(&call->err, "Call session.attach with the resume secret that session.open returned.");
		}
		if (p->recording_id[0]) {
			dh_fail(&call->err, DH_ESTATE, "this push belongs to a recording");
			return dh_hint(&call->err, "recording.stop ends both.");
		}
		return dh_push_stop(p, call);
	}
	dh_fail(&call->err, DH_ENOENT, "there is no push \"%.40s\"", id);
	return dh_hint(&call->err, "agent.status shows the pushes of this origin; one that has ended is none.");
}

const struct dh_command dh_cmd_push_stop = {
	.name = "push.stop",
	.doc = "End a push. Answers when what was queued is sent, or 2 s have gone.",
	.params = (const struct dh_param[]){{"push", DH_STR, .max = 64, .required = true, .doc = "from push.start"}, {0}},
	.reply = (const struct dh_param[]){{"bytes", DH_INT, "B", .required = true, .doc = "sent"},
					   {"duration_ms", DH_INT, "ms", .required = true, .doc = "of what was sent"},
					   {"dropped", DH_INT, .required = true, .doc = "packets that did not go out"}, {0}},
	.scope = DH_SCOPE_PUSH,
	.handle = handle,
};
