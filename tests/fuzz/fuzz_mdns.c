/* libFuzzer: a DNS message from anybody on the link. Every record told is of the names and forms promised. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>

#include "agent/rtc/mdns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(void *user, const struct dh_mdns_record *r)
{
	uint8_t raw[16];
	int *count = user;
	if (inet_pton(AF_INET, r->address, raw) != 1 && inet_pton(AF_INET6, r->address, raw) != 1)
		abort();
	if (!dh_mdns_is_name(r->name))
		abort();
	if (++*count > DH_MDNS_MESSAGE_MAX / 11)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int count = 0;
	dh_mdns_parse(bytes, size, check, &count);
	return 0;
}
