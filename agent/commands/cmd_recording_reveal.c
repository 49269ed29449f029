/* recording.reveal: open a finished recording in the desk user's player. The program is fixed, the file comes from our
 * index: nothing a page says reaches a command line (SR-24). */
#include <stdlib.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/recording.h"
#include "common/alloc.h"

static void closed(uv_handle_t *h)
{
	free(h);
}

static void exited(uv_process_t *p, int64_t status, int signal)
{
	uv_close((uv_handle_t *)p, closed);
}

static int open_player(struct dh_call *call, const char *path)
{
	char *argv[] = {"xdg-open", (char *)path, NULL};
	uv_stdio_container_t none[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
	uv_process_options_t options = {.exit_cb = exited, .file = "xdg-open", .args = argv, .stdio = none,
					.stdio_count = 3, .flags = UV_PROCESS_DETACHED};
	uv_process_t *p = dh_alloc(sizeof(*p));
	int err = uv_spawn(&call->ctl->loop->uv, p, &options);
	uv_unref((uv_handle_t *)p);
	if (!err)
		return DH_OK;
	uv_close((uv_handle_t *)p, closed);
	dh_fail(&call->err, DH_ENOTSUP, "xdg-open cannot be started: %s", uv_strerror(err));
	return dh_hint(&call->err, "Install the package xdg-utils on this computer.");
}

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	if (!err)
		err = dh_recording_need_file(r, &call->err);
	if (err)
		return err;
	if (!dh_recording_is_over(r))
		return dh_fail(&call->err, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
	if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) {
		dh_fail(&call->err, DH_ENOTSUP, "the agent has no desktop to open a player on");
		return dh_hint(&call->err, "Start the agent within the desk user's graphical session.");
	}
	return open_player(call, r->path);
}

const struct dh_command dh_cmd_recording_reveal = {
	.name = "recording.reveal",
	.doc = "Open a finished recording in the desk user's player.",
	.params = (const struct dh_param[]){{"recording", DH_STR, .max = 64, .required = true,
					     .doc = "from recording.list"},
					    {0}},
	.scope = DH_SCOPE_RECORD_LOCAL,
	.handle = handle,
};
