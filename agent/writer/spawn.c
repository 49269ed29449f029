/* Starting a writer, and what it does to itself first. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/writer/writer.h"
#include "common/alloc.h"
#include "common/log.h"

#define SOCKET_FD 3
#define RING_FD 4
#define FIRST_FD 5 /* free for both, while they are put there */
#define FILES_MAX 32 /* the file, its sidecar, the key, and some for libraries */
#define ENVIRONMENT_MAX 16

extern char **environ;

/* Where libraries are, and what the tests tell the sanitizers. */
static bool is_needed(const char *entry)
{
	static const char *const names[] = {"LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS=",
					    "UBSAN_OPTIONS="};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(entry, names[i], strlen(names[i])))
			return true;
	return false;
}

static void needed_environment(char *out[ENVIRONMENT_MAX])
{
	int n = 0;
	for (char **v = environ; v && *v && n < ENVIRONMENT_MAX - 1; v++)
		if (is_needed(*v))
			out[n++] = *v;
	out[n] = NULL;
}

/* It ends when its socket does, not when somebody ends the session or the terminal the agent was started from. Blocked from
 * the first instruction on, for good. */
static void ending_signals(sigset_t *out)
{
	static const int numbers[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE,
				      SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGXFSZ};
	sigemptyset(out);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(out, numbers[i]);
}

static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes, int socket, int ring)
{
	sigset_t blocked, all;
	ending_signals(&blocked);
	sigfillset(&all);
	int err = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0);
	err = err ? err : posix_spawn_file_actions_adddup2(files, 0, 1);
	err = err ? err : posix_spawn_file_actions_adddup2(files, socket, SOCKET_FD);
	err = err ? err : posix_spawn_file_actions_adddup2(files, ring, RING_FD);
	err = err ? err : posix_spawn_file_actions_addclosefrom_np(files, FIRST_FD);
	err = err ? err : posix_spawnattr_setsigmask(attributes, &blocked);
	err = err ? err : posix_spawnattr_setsigdefault(attributes, &all);
	return err ? err : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
								POSIX_SPAWN_SETSIGDEF);
}

static int spawn(int socket, int ring, pid_t *pid)
{
	bool is_json;
	enum dh_log_level level = dh_log_settings(&is_json);
	char *argv[] = {(char *)(uintptr_t)"deskhand-writer", (char *)(uintptr_t)DH_WRITER_ARGUMENT,
			(char *)(uintptr_t)dh_log_level_name(level), (char *)(uintptr_t)(is_json ? "json" : "text"), NULL};
	char *environment[ENVIRONMENT_MAX];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	needed_environment(environment);
	int err = posix_spawn_file_actions_init(&files);
	if (err)
		return err;
	err = posix_spawnattr_init(&attributes);
	if (!err) {
		err = prepare(&files, &attributes, socket, ring);
		/* by its name of now, so that an update of the package cannot make the two of different versions */
		err = err ? err : posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return err;
}

/* The same descriptors where those of the new process do not fall on them. */
static int spawn_apart(int socket, int ring, pid_t *pid)
{
	int socket_apart = fcntl(socket, F_DUPFD_CLOEXEC, FIRST_FD), ring_apart = fcntl(ring, F_DUPFD_CLOEXEC, FIRST_FD);
	int err = socket_apart < 0 || ring_apart < 0 ? errno : spawn(socket_apart, ring_apart, pid);
	if (socket_apart >= 0)
		close(socket_apart);
	if (ring_apart >= 0)
		close(ring_apart);
	return err;
}

int dh_writer_spawn(int *out, pid_t *pid, int ring, struct dh_err *e)
{
	int pair[2];
	int err = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ? errno : 0;
	if (!err) {
		err = spawn_apart(pair[1], ring, pid);
		close(pair[1]);
		if (err)
			close(pair[0]);
	}
	if (err) {
		dh_fail(e, DH_EIO, "the process that writes the recording cannot be started: %s", strerror(err));
		return dh_hint(e, "Close programs or raise the limits of processes and open files, then start again.");
	}
	*out = pair[0];
	return DH_OK;
}

/* ---- in the new process ---- */

static void restrict_itself(void)
{
	static const struct rlimit no_core = {0, 0}, few_files = {FILES_MAX, FILES_MAX};
	prctl(PR_SET_NAME, "deskhand-writer");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &no_core); /* it would hold pictures and the key */
	setrlimit(RLIMIT_NOFILE, &few_files);
}

int dh_writer_main(int argc, char **argv)
{
	int type;
	socklen_t size = sizeof(type);
	enum dh_log_level level = argc > 3 ? dh_log_level_from_name(argv[2]) : 0;
	if (!level || getsockopt(SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &size))
		return 2; /* only an agent starts this */
	dh_log_configure(level, !strcmp(argv[3], "json"));
	restrict_itself();
	return dh_writer_run(SOCKET_FD, RING_FD) ? 1 : 0;
}
