/* preview.open: live pictures and sound of a session for the page that controls it. */
#include "agent/ctl/preview.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	int err = dh_call_session(call, &s);
	return err ? err : dh_preview_open(call, s);
}

static const char *const sounds[] = {"local", "all", "none", NULL};

const struct dh_command dh_cmd_preview_open = {
	.name = "preview.open",
	.doc = "Send tracks of a session to the page, by a WebRTC connection that stays on this computer. The SDK's "
	       "captureStream() does it all.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"tracks", DH_ARR, .items = DH_STR, .max = DH_PREVIEW_TRACKS_MAX, .required = true,
		 .doc = "program, camera, screen (the first of the role), remote:NUMBER; each once, in the order of the "
			"offer's video lines"},
		{"sound", DH_STR, .choices = sounds, .def_str = "local",
		 .doc = "local: microphones and system sound, if there are any; all: remote members too; none"},
		{"offer", DH_STR, .max = DH_PREVIEW_OFFER_MAX, .required = true,
		 .doc = "SDP with a line to receive for each track, and one for sound"}, {0}},
	.reply = (const struct dh_param[]){
		{"preview", DH_STR, .required = true, .doc = "id for preview.candidate and preview.close"},
		{"answer", DH_STR, .required = true,
		 .doc = "SDP, with the addresses known by now; later ones come as events preview.candidate"}, {0}},
	.scope_doc = "those of the sources it shows",
	.handle = handle,
};
