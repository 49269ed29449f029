/* Starting the agent. It must be no child of ours: browsers kill their hosts' process group, and the agent serves
 * other browsers and a running recording besides. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/host.h"

#define LOG_MAX (4 * 1024 * 1024)

extern char **environ;

static bool is_program(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* Beside us (packages), one folder up (build tree), or where packages put it. */
static int find_agent(char *out, size_t size, struct dh_err *e)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash) {
		*slash = '\0';
		snprintf(out, size, "%s/deskhand", self);
		if (is_program(out))
			return DH_OK;
		snprintf(out, size, "%s/../deskhand", self);
		if (is_program(out))
			return DH_OK;
	}
	snprintf(out, size, "/usr/bin/deskhand");
	if (is_program(out))
		return DH_OK;
	return dh_fail(e, DH_ENOENT, "the agent's program, deskhand, is neither in %s nor in /usr/bin", slash ? self : "?");
}

/* What a browser's start script sets for the browser alone. */
static bool is_browser_junk(const char *entry)
{
	static const char *const prefixes[] = {"LD_LIBRARY_PATH=", "CHROME_", "CHROMIUM_", "MOZ_", "SNAP",
					       "GIO_LAUNCHED_", "BAMF_DESKTOP_FILE_HINT=", "DESKTOP_STARTUP_ID=",
					       "XDG_ACTIVATION_TOKEN=", "XUL_APP_FILE=", "PWD=", "OLDPWD=",
					       "DBUS_SESSION_BUS_ADDRESS=disabled:"};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(entry, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static void clean_environment(void)
{
	char **to = environ;
	for (char **from = environ; *from; from++)
		if (!is_browser_junk(*from))
			*to++ = *from;
	*to = NULL;
}

/* Append to "agent.log" in the state directory; an old long one steps aside. */
static int open_log(void)
{
	char dir[DH_PLACE_MAX], path[DH_PLACE_MAX + 16], old[DH_PLACE_MAX + 24];
	struct stat st;
	if (dh_place_state(dir, sizeof(dir), NULL))
		return open("/dev/null", O_WRONLY);
	snprintf(path, sizeof(path), "%s/agent.log", dir);
	snprintf(old, sizeof(old), "%s.1", path);
	if (!stat(path, &st) && st.st_size > LOG_MAX)
		rename(path, old);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
}

/* In the grandchild: become the agent. Returns only the errno of a failure. */
static int become_agent(const char *path)
{
	char *argv[] = {(char *)(uintptr_t)path, (char *)(uintptr_t)"agent", NULL};
	sigset_t none;
	sigemptyset(&none);
	int null = open("/dev/null", O_RDWR), log = open_log();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log < 0 ? null : log, 2) < 0 || chdir("/"))
		return errno;
	if (null > 2)
		close(null);
	if (log > 2)
		close(log);
	umask(077);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	clean_environment();
	execv(path, argv);
	return errno;
}

/* In the child: leave the browser's session, fork once more, say the number of the agent, be gone. */
static void split(const char *path, int report)
{
	setsid();
	pid_t pid = fork();
	if (pid == 0) {
		int failed = become_agent(path);
		(void)!write(report, &failed, sizeof(failed));
		_exit(127);
	}
	int number = pid < 0 ? -errno : (int)pid;
	(void)!write(report, &number, sizeof(number));
	_exit(0);
}

static ssize_t read_whole(int fd, void *out, size_t size)
{
	ssize_t n;
	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	return n;
}

int dh_host_spawn(int *pidfd, struct dh_err *e)
{
	char path[300];
	int report[2], first = 0, second = 0;
	int err = find_agent(path, sizeof(path), e);
	if (err)
		return err;
	if (pipe2(report, O_CLOEXEC))
		return dh_fail(e, DH_EIO, "no pipe: %s", strerror(errno));
	pid_t child = fork();
	if (child == 0)
		split(path, report[1]);
	close(report[1]);
	if (child < 0) {
		close(report[0]);
		return dh_fail(e, DH_EIO, "cannot start a process: %s", strerror(errno));
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	/* the agent's number and, if it could not be started, an errno; in either order. exec closes the pipe. */
	bool has_first = read_whole(report[0], &first, sizeof(first)) == sizeof(first);
	bool has_second = read_whole(report[0], &second, sizeof(second)) == sizeof(second);
	close(report[0]);
	if (!has_first || has_second || first < 0)
		return dh_fail(e, DH_EIO, "cannot start %s", path);
	*pidfd = (int)syscall(SYS_pidfd_open, first, 0);
	return DH_OK;
}
