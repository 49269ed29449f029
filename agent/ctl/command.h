/* Commands: one file each in agent/commands/, all in the generated table dh_commands. Loop thread only. */
#ifndef DH_CTL_COMMAND_H
#define DH_CTL_COMMAND_H

#include "agent/ctl/client.h"
#include "agent/ctl/scope.h"
#include "common/list.h"
#include "common/param.h"

#define DH_PENDING 1 /* a handler's answer: dh_call_finish() comes later */

enum dh_command_flags {
	DH_CMD_BEFORE_GRANT = 1, /* an origin without any grant may call it */
	DH_CMD_CLI_ONLY = 2,     /* the user at the command line only */
};

struct dh_ctl;
struct dh_session;
struct dh_recording;

/* One request under way. Made by dispatch, freed by dh_call_finish(). */
struct dh_call {
	struct dh_ctl *ctl;
	struct dh_client *client; /* NULL once the speaker is gone: finish all the same */
	const struct dh_command *command;
	struct dh_args args_value;
	const struct dh_args *args; /* checked */
	struct dh_err err;          /* for a handler to fill */
	char origin[256];
	bool is_cli;
	void *data;                 /* the handler's own */
	struct dh_list wait;        /* in a list of the handler's choice; initialised */
	/* -- private to dispatch.c */
	struct dh_list node;
	cJSON *request, *id, *result;
};

struct dh_command {
	const char *name; /* group.verb */
	const char *doc;  /* one sentence for people */
	const struct dh_param *params, *reply; /* end with a NULL name; NULL: none */
	uint32_t scope;                        /* needed always; what depends on the params the handler checks */
	const char *scope_doc;                 /* says which, for the docs; NULL: just scope */
	unsigned flags;                        /* enum dh_command_flags */
	/* 0 or a negative DH_E (with call->err filled) finishes the call; DH_PENDING: dh_call_finish() will. */
	int (*handle)(struct dh_call *call);
};

/* Every command, ends with NULL; generated. */
extern const struct dh_command *const dh_commands[];
const struct dh_command *dh_command_find(const char *name);

/* Exactly once for each call that answered DH_PENDING, even if the page is gone. e may be NULL. Frees call. */
void dh_call_finish(struct dh_call *call, int code, const struct dh_err *e);

/* Fields of the result. */
void dh_reply_int(struct dh_call *call, const char *name, int64_t value);
void dh_reply_bool(struct dh_call *call, const char *name, bool value);
void dh_reply_str(struct dh_call *call, const char *name, const char *value);
void dh_reply_json(struct dh_call *call, const char *name, cJSON *take);
void dh_reply_members(struct dh_call *call, cJSON *take); /* each of an object's */

/* DH_EPERM with the command line to type, unless the speaker has all of scopes. */
int dh_call_need(struct dh_call *call, uint32_t scopes);

/* The session named by param "session" if this speaker controls it. Errors (call->err): DH_ENOENT none of this
 * origin; DH_EPERM another client controls it (session.attach). */
int dh_call_session(struct dh_call *call, struct dh_session **out);
/* The recording named by param "recording" if it belongs to this origin. Errors: DH_ENOENT. */
int dh_call_recording(struct dh_call *call, struct dh_recording **out);

#endif
