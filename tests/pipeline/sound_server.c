/* See sound_server.h. */
#include "tests/pipeline/sound_server.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/media/queue.h"
#include "common/clock.h"

enum { RATE_HZ = 48000, SECONDS = 40 };

static char dir[64];
static pid_t server, players[2];

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static int run(const char *const *argv)
{
	int status;
	pid_t pid = start(argv);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static void end(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void write_tone(const char *name, double hz, double peak)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	for (int i = 0; f && i < RATE_HZ * SECONDS; i++) {
		int16_t v = (int16_t)lround(32767 * peak * sin(2 * M_PI * fmod(hz * i / RATE_HZ, 1)));
		fwrite((int16_t[]){v, v}, 4, 1, f);
	}
	if (f)
		fclose(f);
}

void sound_server_pause(int64_t us)
{
	struct dh_wake never;
	dh_wake_init(&never);
	dh_wake_wait(&never, dh_now_us() + us);
	dh_wake_finish(&never);
}

bool sound_server_prepare(void)
{
	char path[100];
	if (run((const char *[]){"pulseaudio", "--version", NULL}) || run((const char *[]){"pactl", "--version", NULL}))
		return false;
	snprintf(dir, sizeof(dir), "/tmp/dh-sound-XXXXXX");
	if (!mkdtemp(dir))
		return false;
	setenv("HOME", dir, 1);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	static const char *const others[] = {"PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_SINK", "PULSE_SOURCE",
		"DBUS_SESSION_BUS_ADDRESS", "DISPLAY"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		unsetenv(others[i]);
	snprintf(path, sizeof(path), "%s/pulse", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/pulse/client.conf", dir);
	FILE *f = fopen(path, "w");
	if (f) {
		fputs("autospawn = no\n", f);
		fclose(f);
	}
	write_tone("lab", SOUND_SERVER_LAB_HZ, SOUND_SERVER_LAB_PEAK);
	write_tone("mic", SOUND_SERVER_MIC_HZ, SOUND_SERVER_MIC_PEAK);
	return true;
}

bool sound_server_start(void)
{
	server = start((const char *[]){"pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		"-L", "module-native-protocol-unix", "-L", "module-null-sink sink_name=lab rate=48000", "-L",
		"module-null-sink sink_name=mic rate=48000", NULL});
	int tries = 0;
	while (run((const char *[]){"pactl", "info", NULL}) && tries++ < 100)
		sound_server_pause(50000);
	if (tries >= 100 || run((const char *[]){"pactl", "set-default-sink", "lab", NULL}) ||
	    run((const char *[]){"pactl", "set-default-source", "mic.monitor", NULL}))
		return false;
	static const char *const names[] = {"lab", "mic"};
	for (int i = 0; i < 2; i++) {
		char device[40], path[100];
		snprintf(device, sizeof(device), "--device=%s", names[i]);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		players[i] = start((const char *[]){"pacat", "--playback", "--raw", "--rate=48000", "--channels=2",
			"--format=s16le", "--latency-msec=50", device, path, NULL});
	}
	return true;
}

bool sound_server_add_sink(const char *name)
{
	char argument[80];
	snprintf(argument, sizeof(argument), "sink_name=%s", name);
	return !run((const char *[]){"pactl", "load-module", "module-null-sink", argument, "rate=48000", NULL});
}

void sound_server_kill(void)
{
	end(&server);
	end(&players[0]);
	end(&players[1]);
}

void sound_server_clean(void)
{
	sound_server_kill();
	if (dir[0])
		run((const char *[]){"rm", "-rf", dir, NULL});
}
