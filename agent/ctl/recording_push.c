/* The push of a recording (target push): begun, paused and ended with it. The local file has the last word: whatever
 * becomes of the push, the recording goes on. */
#include "agent/ctl/push.h"
#include "agent/ctl/recording_priv.h"
#include "agent/ctl/session.h"
#include "common/alloc.h"

int dh_recording_start_push(struct dh_recording *r, struct dh_err *e)
{
	struct dh_push *p = NULL;
	const struct dh_push_order order = {r->origin, r->push_url, r->id, NULL};
	int err = dh_push_start(r->session, &order, &p, e);
	dh_free_secret(r->push_url);
	r->push_url = NULL;
	if (err && !r->is_push_only)
		dh_push_tell_failed(r->session, r->id, e);
	if (!err && r->is_push_only)
		r->output = p->output;
	return err;
}

void dh_recording_end_push(struct dh_recording *r, const char *reason)
{
	struct dh_push *p = dh_push_of_recording(r->ctl, r->id);
	if (p)
		dh_push_end(p, reason);
}

void dh_recording_pause_push(struct dh_recording *r, bool paused)
{
	struct dh_push *p = r->is_push_only ? NULL : dh_push_of_recording(r->ctl, r->id);
	if (p)
		dh_push_pause(p, paused);
}

void dh_recording_add_push(cJSON *to, const struct dh_recording *r)
{
	struct dh_push *p = dh_push_of_recording(r->ctl, r->id);
	if (p)
		cJSON_AddItemToObject(to, "push", dh_push_to_json(p));
}

int dh_recording_need_file(const struct dh_recording *r, struct dh_err *e)
{
	return r->is_push_only ? dh_fail(e, DH_ENOTSUP, "the recording went to a server: there is no file here") : DH_OK;
}
