/* Devices of a PulseAudio or PipeWire server; see pulse_devices.h. Lists come from `pactl`, its command line tool: a
 * library more (libpulse) would be mapped into the agent for nothing else. */
#include "agent/sources/pulse_devices.h"

#include <alsa/asoundlib.h>
#include <cjson/cJSON.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

#define ANSWER_US 2000000
enum { ANSWER_BYTES = 1 << 20 };

extern char **environ;

/* ---- noise ---- */

static void alsa_says(const char *file, int line, const char *function, int err, const char *fmt, ...)
{
}

static void jack_says(const char *text)
{
}

void dh_pulse_quiet(void)
{
	snd_lib_error_set_handler(alsa_says);
	void *jack = dlopen("libjack.so.0", RTLD_NOW | RTLD_NOLOAD); /* Debian's PortAudio links it */
	if (!jack)
		return;
	void (*set)(void (*)(const char *));
	*(void **)&set = dlsym(jack, "jack_set_error_function");
	if (set)
		set(jack_says);
	*(void **)&set = dlsym(jack, "jack_set_info_function");
	if (set)
		set(jack_says);
	dlclose(jack);
}

/* ---- pactl ---- */

/* All that comes from fd until its end, ANSWER_BYTES or the deadline; free() it. NULL when it did not end well. */
static char *read_answer(int fd)
{
	const int64_t end_us = dh_now_us() + ANSWER_US;
	char *text = dh_alloc(ANSWER_BYTES + 1);
	size_t size = 0;
	for (;;) {
		int64_t left_us = end_us - dh_now_us();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (left_us <= 0 || size == ANSWER_BYTES || poll(&p, 1, (int)(left_us / 1000) + 1) < 0)
			break;
		if (!p.revents)
			continue;
		ssize_t n = read(fd, text + size, ANSWER_BYTES - size);
		if (n == 0)
			return text;
		if (n > 0)
			size += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	free(text);
	return NULL;
}

static pid_t start_pactl(const char *const *words, int *out_fd)
{
	const char *argv[8] = {"env", "LC_ALL=C", "pactl", "-f", "json"};
	for (int i = 0; words[i] && i < 2; i++)
		argv[5 + i] = words[i];
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	pid_t pid;
	int err = posix_spawnp(&pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return -1;
	}
	*out_fd = fds[0];
	return pid;
}

/* Ask the server; NULL when there is no answer. cJSON_Delete() it. */
static cJSON *ask(const char *first, const char *second)
{
	int fd;
	pid_t pid = start_pactl((const char *const[]){first, second, NULL}, &fd);
	if (pid < 0)
		return NULL;
	char *text = read_answer(fd);
	close(fd);
	if (!text)
		kill(pid, SIGKILL); /* a child of our own, not yet waited for */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	cJSON *json = text ? cJSON_Parse(text) : NULL;
	free(text);
	return json;
}

/* ---- list ---- */

/* Whether this can be the name of a source. It goes into ALSA's "plugin:ARG=value" syntax, and the server would take
 * "@..." and numbers for others than what they seem: a page that may use microphones could get at the monitor. */
static bool is_plain(const char *name)
{
	if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_'))
		return false;
	for (; *name; name++)
		if (!((*name >= '0' && *name <= '9') || (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
		      strchr(".-_+:", *name)))
			return false;
	return true;
}

static void add(struct dh_device_list *out, enum dh_device_kind kind, const char *driver, const char *key,
		const char *name, const char *description, bool is_default)
{
	struct dh_device *d = dh_device_list_add(out, kind, driver);
	d->is_default = is_default;
	if ((size_t)snprintf(d->id, sizeof(d->id), "%s:%s%s", driver, key, name) >= sizeof(d->id))
		out->count--; /* no id that survives: such names have not been seen */
	else
		snprintf(d->name, sizeof(d->name), "%s", description[0] ? description : name);
}

static bool is_monitor(const cJSON *source)
{
	const char *of = dh_json_text(source, "monitor_source"), *name = dh_json_text(source, "name");
	size_t n = strlen(name);
	return (of[0] && strcmp(of, "n/a") != 0) || (n > 8 && !strcmp(name + n - 8, ".monitor"));
}

/* "Default microphone: Webcam", from the list's entry of that name. */
static void add_default(struct dh_device_list *out, enum dh_device_kind kind, const char *driver, const char *key,
			const char *words, const cJSON *list, const char *name)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		if (strcmp(dh_json_text(item, "name"), name) != 0)
			continue;
		char *description = dh_strfmt("%s: %s", words, dh_json_text(item, "description"));
		add(out, kind, driver, key, "", description, true);
		free(description);
	}
}

int dh_pulse_list(struct dh_device_list *out, const char *driver, struct dh_err *e)
{
	cJSON *info = ask("info", NULL);
	if (!info)
		return dh_fail(e, DH_ENODEV, "no PulseAudio or PipeWire server answers pactl");
	cJSON *sources = ask("list", "sources"), *sinks = ask("list", "sinks");
	const char *source = dh_json_text(info, "default_source_name"), *sink = dh_json_text(info, "default_sink_name");
	const cJSON *item;
	add_default(out, DH_DEVICE_MICROPHONE, driver, "default", "Default microphone", sources, source);
	add_default(out, DH_DEVICE_SYSTEM, driver, "monitor", "Sound of this computer", sinks, sink);
	cJSON_ArrayForEach(item, sources)
		if (is_plain(dh_json_text(item, "name")))
			add(out, is_monitor(item) ? DH_DEVICE_SYSTEM : DH_DEVICE_MICROPHONE, driver, "pulse:",
			    dh_json_text(item, "name"), dh_json_text(item, "description"), false);
	cJSON_ArrayForEach(item, sinks)
		add(out, DH_DEVICE_SPEAKER, driver, "sink:", dh_json_text(item, "name"), dh_json_text(item, "description"),
		    !strcmp(dh_json_text(item, "name"), sink));
	cJSON_Delete(sources);
	cJSON_Delete(sinks);
	cJSON_Delete(info);
	return DH_OK;
}

/* ---- resolve ---- */

/* Open the device as PortAudio will, but quietly: PortAudio's own failures go to stderr, once for each time the core tries
 * to reopen a device that is unplugged. */
static int try_pcm(const char *name, bool is_output, struct dh_err *e)
{
	snd_pcm_t *pcm;
	int err = snd_pcm_open(&pcm, name, is_output ? SND_PCM_STREAM_PLAYBACK : SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
	if (err == -EBUSY)
		return dh_fail(e, DH_EBUSY, "the sound device is used by another program");
	if (err) {
		dh_fail(e, DH_ENODEV, "the sound server cannot be reached: %s", snd_strerror(err));
		return dh_hint(e, "Start PulseAudio or pipewire-pulse; ALSA's plug-in for them is in libasound2-plugins.");
	}
	err = snd_pcm_set_params(pcm, SND_PCM_FORMAT_FLOAT, SND_PCM_ACCESS_RW_INTERLEAVED, 2, 48000, 1, 100000);
	snd_pcm_close(pcm);
	return err ? dh_fail(e, DH_ENODEV, "the sound server has no such device: %s", snd_strerror(err)) : DH_OK;
}

int dh_pulse_resolve(const char *key, char *out, size_t size, struct dh_err *e)
{
	if (!key[0] || !strcmp(key, "default")) {
		dh_strcopy(out, size, "pulse");
	} else if (!strcmp(key, "monitor")) {
		/* pipewire-pulse 0.3.65 takes @DEFAULT_MONITOR@ for the default source, so the name is asked for first */
		cJSON *info = ask("info", NULL);
		const char *sink = dh_json_text(info, "default_sink_name");
		if (is_plain(sink))
			snprintf(out, size, "pulse:DEVICE=%s.monitor", sink);
		else
			dh_strcopy(out, size, "pulse:DEVICE=@DEFAULT_MONITOR@");
		cJSON_Delete(info);
	} else if (!strncmp(key, "pulse:", 6) && is_plain(key + 6)) {
		snprintf(out, size, "pulse:DEVICE=%s", key + 6);
	} else {
		return dh_fail(e, DH_EINVAL, "there is no sound device \"%.80s\"", key);
	}
	dh_pulse_quiet();
	return try_pcm(out, false, e);
}

static int number_of(const cJSON *object, const char *name)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(number) ? number->valueint : -1;
}

static int index_of(const cJSON *sources, const char *name)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, sources)
		if (!strcmp(dh_json_text(item, "name"), name))
			return number_of(item, "index");
	return -1;
}

bool dh_pulse_is_elsewhere(const char *name, int *number)
{
	cJSON *sources = ask("list", "sources"), *streams = ask("list", "source-outputs");
	int there = 0, elsewhere = 0;
	*number = index_of(sources, name);
	const cJSON *item;
	cJSON_ArrayForEach(item, streams) {
		const cJSON *properties = cJSON_GetObjectItemCaseSensitive(item, "properties");
		if (atol(dh_json_text(properties, "application.process.id")) == getpid())
			number_of(item, "source") == *number ? there++ : elsewhere++;
	}
	cJSON_Delete(sources);
	cJSON_Delete(streams);
	return elsewhere && !there;
}

int dh_pulse_resolve_sink(const char *key, char *out, size_t size, struct dh_err *e)
{
	if (!key[0] || !strcmp(key, "default"))
		dh_strcopy(out, size, "pulse");
	else if (!strncmp(key, "sink:", 5) && is_plain(key + 5))
		snprintf(out, size, "pulse:DEVICE=%s", key + 5);
	else
		return dh_fail(e, DH_EINVAL, "there is no speaker \"%.80s\"", key);
	dh_pulse_quiet();
	return try_pcm(out, true, e);
}
