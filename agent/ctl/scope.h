/* Scopes: what an origin may be granted. One list makes bits, wire names and texts. */
#ifndef DH_CTL_SCOPE_H
#define DH_CTL_SCOPE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/err.h"

/* Append only. */
#define DH_SCOPE_MAP(XX)                                                                         \
	XX(DEVICES_LIST, 0, "devices.list", "see which cameras and microphones there are")       \
	XX(CAMERA, 1, "camera", "use a camera")                                                  \
	XX(MICROPHONE, 2, "microphone", "use a microphone")                                      \
	XX(SCREEN, 3, "screen", "capture screens, and see their names")                          \
	XX(SYSTEM_AUDIO, 4, "system_audio", "capture what the computer plays")                   \
	XX(RECORD_LOCAL, 5, "record.local", "record into a folder of this computer")             \
	XX(RECORD_PUSH, 6, "record.push", "record to a server the policy lists")                 \
	XX(SNAPSHOT, 7, "snapshot", "take still pictures")                                       \
	XX(FILES_LIST, 8, "files.list", "list its own recordings")                               \
	XX(STATS, 9, "stats", "see load and frame rates")                                        \
	XX(ROOM, 10, "room", "join rooms")                                                       \
	XX(PUSH, 11, "push", "push a live stream")

enum dh_scope {
#define XX(id, bit, name, text) DH_SCOPE_##id = 1 << bit,
	DH_SCOPE_MAP(XX)
#undef XX
};
#define DH_SCOPE_ALL 0xfffu

/* Bits of a name ("*" is all), 0 for an unknown one. Any thread. */
uint32_t dh_scope_from_name(const char *name);

/* Bits of a JSON array of names. Errors: DH_EINVAL names the unknown one. Any thread. */
int dh_scopes_from_json(const cJSON *names, uint32_t *out, struct dh_err *e);

/* New array of names; the caller owns it. Any thread. */
cJSON *dh_scopes_to_json(uint32_t scopes);

/* "camera, screen" into out. Any thread. */
const char *dh_scopes_text(uint32_t scopes, const char *separator, char *out, size_t size);

#endif
