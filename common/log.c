/* Log lines; see log.h. One write() per line, so lines of several threads never mix. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

static const char *const level_names[] = {"", "trace", "debug", "info", "warn", "error", "off"};

/* -- immutable after dh_log_configure() */
static enum dh_log_level least = DH_LOG_INFO;
static bool json;

void dh_log_configure(enum dh_log_level level, bool as_json)
{
	least = level;
	json = as_json;
}

enum dh_log_level dh_log_settings(bool *as_json)
{
	*as_json = json;
	return least;
}

const char *dh_log_level_name(enum dh_log_level level)
{
	return level_names[level];
}

enum dh_log_level dh_log_level_from_name(const char *name)
{
	for (int i = DH_LOG_TRACE; i <= DH_LOG_OFF; i++)
		if (!strcmp(name, level_names[i]))
			return (enum dh_log_level)i;
	return 0;
}

void dh_log_init(struct dh_log *log, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(log->name, sizeof(log->name), fmt, ap);
	va_end(ap);
}

bool dh_log_is_on(enum dh_log_level level)
{
	return level >= least;
}

/* Control characters become spaces; in JSON also quote and backslash are escaped. */
static size_t clean(char *out, size_t size, const char *in)
{
	size_t n = 0;
	for (; *in && n + 3 < size; in++) {
		unsigned char c = (unsigned char)*in;
		if (json && (c == '"' || c == '\\'))
			out[n++] = '\\';
		out[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
	}
	out[n] = '\0';
	return n;
}

void dh_log_write(const struct dh_log *log, enum dh_log_level level, const char *fmt, ...)
{
	char text[800], safe[1200], line[1400], when[32];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean(safe, sizeof(safe), text);

	int64_t us = dh_wall_us();
	time_t sec = (time_t)(us / 1000000);
	struct tm tm;
	gmtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	const char *form = json ? "{\"ts\":\"%s.%03dZ\",\"level\":\"%s\",\"log\":\"%s\",\"msg\":\"%s\"}\n"
				: "%s.%03dZ %-5s %s: %s\n";
	int n = snprintf(line, sizeof(line), form, when, (int)(us / 1000 % 1000), level_names[level],
			 log->name, safe);
	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}
