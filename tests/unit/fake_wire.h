/* A wire that leads into the test: what is sent is kept, what comes is said by the test. One at a time. */
#ifndef DH_TESTS_FAKE_WIRE_H
#define DH_TESTS_FAKE_WIRE_H

#include <cjson/cJSON.h>

#include "agent/room/wire.h"

struct fake_wire { /* zeroed is new */
	const struct dh_room_wire_ops *ops; /* NULL: nobody is connected */
	void *user;
	int connects, closes;
	bool refuses;  /* connect() fails at once */
	cJSON *sent;   /* array of what was sent and not yet taken */
};

extern struct fake_wire fake_wire;
extern const struct dh_room_wire fake_wire_driver; /* arg: NULL */

void fake_wire_open(void);
void fake_wire_text(const char *text);
void fake_wire_cut(void); /* the connection fails */
/* The oldest message that was sent, NULL: none. cJSON_Delete() it. */
cJSON *fake_wire_take(void);
/* Answer the oldest message, which must be of that method: field is "result" or "error". Whether it was. */
bool fake_wire_answer(const char *method, const char *field, const char *json);

#endif
