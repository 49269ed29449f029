/* Logs: one line per fact on stderr, as text or JSON. No secrets, no page data, no per-frame
 * lines above trace. An object that logs has a member `struct dh_log log`. */
#ifndef DH_COMMON_LOG_H
#define DH_COMMON_LOG_H

#include <stdbool.h>

#include "common/err.h"

enum dh_log_level { DH_LOG_TRACE = 1, DH_LOG_DEBUG, DH_LOG_INFO, DH_LOG_WARN, DH_LOG_ERROR, DH_LOG_OFF };

struct dh_log {
	char name[64]; /* a path: agent/session1/src_x11 */
};

/* Set the least level written and the form, for the whole process. Before threads start. */
void dh_log_configure(enum dh_log_level level, bool as_json);

/* What was set. Any thread. */
enum dh_log_level dh_log_settings(bool *as_json);

/* "trace".."error", "off" -> level; 0 for an unknown name. And back. */
enum dh_log_level dh_log_level_from_name(const char *name);
const char *dh_log_level_name(enum dh_log_level level);

/* Name a log. Any thread. */
void dh_log_init(struct dh_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Write one line. Any thread. */
void dh_log_write(const struct dh_log *log, enum dh_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

bool dh_log_is_on(enum dh_log_level level);

#define DH_LOG_AT(obj, level, ...)                                                               \
	do {                                                                                     \
		if (dh_log_is_on(level))                                                         \
			dh_log_write(&(obj)->log, level, __VA_ARGS__);                           \
	} while (0)
#define DH_TRACE(obj, ...) DH_LOG_AT(obj, DH_LOG_TRACE, __VA_ARGS__)
#define DH_DEBUG(obj, ...) DH_LOG_AT(obj, DH_LOG_DEBUG, __VA_ARGS__)
#define DH_INFO(obj, ...) DH_LOG_AT(obj, DH_LOG_INFO, __VA_ARGS__)
#define DH_WARN(obj, ...) DH_LOG_AT(obj, DH_LOG_WARN, __VA_ARGS__)
#define DH_ERROR(obj, ...) DH_LOG_AT(obj, DH_LOG_ERROR, __VA_ARGS__)

#endif
