/* deskhand-host: started by a browser for our extension. Says who asked, then pumps; see host.h. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/host/host.h"

static int usage(int code)
{
	dprintf(STDERR_FILENO, "deskhand-host is started by a browser, not by people: it carries the messages of the\n"
			       "Deskhand extension to the agent. To look into a problem run: deskhand doctor\n"
			       "usage: deskhand-host chrome-extension://ID/\n"
			       "       deskhand-host /PATH/TO/MANIFEST ADD-ON-ID\n");
	return code;
}

/* Chromium: argv[1] is the extension's origin (and on Windows a window follows). Firefox: manifest, then add-on id. */
static bool parse_caller(int argc, char **argv, struct dh_host *h, char *id, size_t size)
{
	static const char scheme[] = "chrome-extension://";
	if (argc >= 2 && !strncmp(argv[1], scheme, strlen(scheme))) {
		size_t n = strlen(argv[1]) - strlen(scheme);
		if (n < 2 || n > size || argv[1][strlen(scheme) + n - 1] != '/')
			return false;
		memcpy(id, argv[1] + strlen(scheme), n - 1);
		id[n - 1] = '\0';
		h->browser = "chromium";
	} else if (argc >= 3 && argv[1][0] == '/' && strlen(argv[2]) < size) {
		snprintf(id, size, "%s", argv[2]);
		h->browser = "firefox";
	} else {
		return false;
	}
	h->extension = id;
	return true;
}

/* Whatever prints by mistake, prints to stderr from here on: stdout belongs to the protocol alone. */
static int protect_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -1;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	return fd;
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct dh_host h = {.sock = -1, .watch = -1, .agent = -1, .in = STDIN_FILENO};
	char id[128];
	dh_log_init(&h.log, "host");
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return dprintf(STDERR_FILENO, "deskhand-host %s\n", DH_VERSION) < 0;
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(0);
	if (!parse_caller(argc, argv, &h, id, sizeof(id)))
		return usage(2);
	if (!dh_host_knows(id)) {
		DH_ERROR(&h, "refused: extension %s is not ours and not in %s", id, DH_HOST_ADMIN_IDS);
		return 3;
	}
	h.out = protect_stdout();
	h.signals = open_signals();
	if (h.out < 0 || h.signals < 0) {
		DH_ERROR(&h, "cannot set up descriptors");
		return 1;
	}
	return dh_host_run(&h);
}
