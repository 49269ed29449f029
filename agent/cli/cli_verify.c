/* `deskhand verify FILE...`: is a recording what Deskhand wrote? Offline, without an agent. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/ctl/trust.h"
#include "agent/record/verify_sequence.h"
#include "common/alloc.h"
#include "common/beneath.h"
#include "common/clock.h"

static void show_note(const cJSON *n)
{
	double t_ms = dh_cli_number(n, "t_ms");
	fprintf(stdout, "  %9.3f s  %s  %-11s %s: %s\n", t_ms / 1000, dh_json_text(n, "utc"), dh_json_text(n, "kind"),
		dh_json_text(n, "who"), dh_json_text(n, "text"));
}

static void show(const char *file, const struct dh_verify_report *r)
{
	cJSON *json = dh_verify_to_json(r);
	const cJSON *chain = cJSON_GetObjectItemCaseSensitive(json, "chain"), *n;
	fprintf(stdout, "%s: %s\n", file, r->text);
	if (r->links) {
		fprintf(stdout, "  %.3f s, %.0f pictures, %.0f packets of sound; %s to %s\n",
			dh_cli_number(json, "duration_ms") / 1000, dh_cli_number(json, "video_frames"),
			dh_cli_number(json, "audio_packets"), dh_json_text(json, "started"), dh_json_text(json, "ended"));
		fprintf(stdout, "  head %.0f:%s\n", dh_cli_number(chain, "seq"), dh_json_text(chain, "head"));
		if (r->is_signed)
			fprintf(stdout, "  signed by %s\n", dh_json_text(json, "signer"));
	}
	cJSON_ArrayForEach(n, cJSON_GetObjectItemCaseSensitive(json, "notes"))
		show_note(n);
	cJSON_Delete(json);
}

/* [SEQ:]HEX */
static bool parse_head(const char *text, struct dh_verify_options *o)
{
	const char *colon = strchr(text, ':');
	char *end = NULL;
	o->head_seq = -1;
	if (colon) {
		o->head_seq = strtoll(text, &end, 10);
		if (end != colon || end == text || o->head_seq < 0 || o->head_seq > UINT32_MAX)
			return false;
	}
	o->has_head = true;
	return dh_hash_from_hex(colon ? colon + 1 : text, o->head);
}

static void show_all(const struct dh_verify_sequence *s, const char *file)
{
	bool is_one = s->count == 1 && s->fault != DH_FAULT_SEGMENT_MISSING;
	if (!is_one)
		fprintf(stdout, "%s\n", s->text);
	for (int i = 0; i < s->count; i++)
		show(is_one ? file : s->parts[i].name, &s->parts[i].report);
}

/* One file, and those it goes on in; or all of a recording's files. */
static int check(char *const *files, int count, const struct dh_verify_options *o, struct dh_verify_sequence *out,
		 struct dh_err *e)
{
	if (count > 1)
		return dh_verify_files(files, count, o, out, e);
	int fd = open(files[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us */
	if (fd < 0)
		return dh_fail(e, DH_ENOENT, "cannot open %s: %s", files[0], strerror(errno));
	const char *name;
	int dir = dh_open_folder_of(files[0], &name);
	dh_verify_follow(dir, name, fd, o, out);
	if (dir >= 0)
		close(dir);
	close(fd);
	return DH_OK;
}

/* On a terminal: how far it is. */
struct progress {
	uint64_t total; /* of the files that were named; one may go on in others */
	int64_t shown_us;
};

#define SHOW_EACH_US 200000
#define MB 1000000.0

static bool show_progress(void *arg, uint64_t bytes)
{
	struct progress *p = arg;
	int64_t now_us = dh_now_us();
	if (now_us - p->shown_us < SHOW_EACH_US)
		return true;
	p->shown_us = now_us;
	if (bytes <= p->total)
		fprintf(stderr, "\r%3.0f %% of %.0f MB checked\033[K", 100.0 * (double)bytes / (double)p->total,
			(double)p->total / MB);
	else
		fprintf(stderr, "\r%.0f MB checked\033[K", (double)bytes / MB);
	return true;
}

static void watch(struct dh_verify_options *o, struct progress *p, char *const *files, int count)
{
	struct stat st;
	for (int i = 0; i < count; i++)
		p->total += stat(files[i], &st) ? 0 : (uint64_t)st.st_size;
	p->shown_us = dh_now_us(); /* a short check shows nothing */
	o->go_on = show_progress;
	o->go_on_arg = p;
}

static int verify(char *const *files, int count, struct dh_verify_options *o, bool is_json)
{
	struct progress progress = {0};
	struct dh_verify_sequence s;
	struct dh_err e = {0};
	if (isatty(STDERR_FILENO))
		watch(o, &progress, files, count);
	int err = check(files, count, o, &s, &e);
	if (o->go_on)
		fputs("\r\033[K", stderr);
	if (err) {
		fprintf(stderr, "deskhand: %s\n", e.text);
		return DH_VERDICT_UNREADABLE;
	}
	if (is_json) {
		cJSON *json = dh_verify_sequence_to_json(&s);
		dh_cli_print_json(json, true);
		cJSON_Delete(json);
	} else {
		show_all(&s, files[0]);
	}
	int code = (int)s.verdict;
	dh_verify_sequence_finish(&s);
	return code;
}

static void gather_trust(struct dh_trust *trust)
{
	struct dh_err e = {0};
	struct dh_paths paths;
	if (dh_paths_init(&paths, &e))
		return; /* no home: what --trust says */
	if (dh_trust_add_policy(trust, &paths, &e))
		fprintf(stderr, "deskhand: warning: no key of the policy is trusted: %s\n", e.text);
	dh_trust_add_own(trust, &paths);
	dh_paths_finish(&paths);
}

struct wish {
	struct dh_verify_options options;
	struct dh_trust trust;
	bool is_json;
};

/* Options up to the next word. False: exit with *code. */
static bool read_options(const struct dh_cli_command *cmd, int argc, char **argv, struct wish *w, int *code)
{
	static const struct option own[] = {{"json", no_argument, NULL, 'j'}, {"trust", required_argument, NULL, 't'},
					    {"head", required_argument, NULL, 'H'}, {0}};
	int c;
	while ((c = dh_cli_option(cmd, argc, argv, own, code)) != -1) {
		if (c == -2)
			return false;
		w->is_json |= c == 'j';
		if (c == 't' && !dh_trust_add(&w->trust, optarg)) {
			*code = dh_cli_misused(cmd, "\"%s\" is not a public key (44 characters of base64)", optarg);
			return false;
		}
		if (c == 'H' && !parse_head(optarg, &w->options)) {
			*code = dh_cli_misused(cmd, "\"%s\" is not a head (64 hex digits, or SEQ:HEX)", optarg);
			return false;
		}
	}
	return true;
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	struct wish w = {.options = {.head_seq = -1}};
	char **files = dh_alloc(sizeof(*files) * (size_t)argc);
	int code = 0, count = 0;
	bool is_good = read_options(cmd, argc, argv, &w, &code);
	while (is_good && optind < argc) { /* options may also stand behind a FILE */
		files[count++] = argv[optind++];
		is_good = read_options(cmd, argc, argv, &w, &code);
	}
	if (is_good && !count) {
		code = dh_cli_misused(cmd, "FILE is missing");
	} else if (is_good) {
		gather_trust(&w.trust);
		w.options.trusted = w.trust.keys;
		w.options.trusted_count = w.trust.count;
		code = verify(files, count, &w.options, w.is_json);
	}
	free(files);
	return code;
}

const struct dh_cli_command dh_cli_verify = {
	"verify", "FILE... [--json] [--trust PUBLIC_KEY] [--head [SEQ:]HEX]\n\n"
	"  FILE           the first of a recording in several files stands for all of them; or name each, in any order;\n"
	"                 of several recordings, the worst decides\n"
	"  --trust KEY    a key to trust, besides this desk's own and the policy's trusted_keys; may be repeated\n"
	"  --head HEX     must be in the chain: what an event recording.progress or .stopped told while it grew\n\n"
	"Exit codes: 0 whole and signed by a trusted key, 1 altered, 2 not a recording of Deskhand or unreadable,\n"
	"3 whole up to an unclean end, 4 whole, but the signer is not known here.",
	"Check offline that a recording is what Deskhand wrote; say where it is not.", run};
