/* DNS messages as mDNS uses them (RFC 1035, RFC 6762): pure, bytes in and out. */
#ifndef DH_RTC_MDNS_MESSAGE_H
#define DH_RTC_MDNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_MDNS_NAME_SIZE 43    /* "01234567-89ab-cdef-0123-456789abcdef.local" and its end */
#define DH_MDNS_MESSAGE_MAX 9000 /* RFC 6762, 17 */
#define DH_MDNS_QUERY_MAX 96

struct dh_mdns_record { /* one A or AAAA record of a name that browsers use */
	char name[DH_MDNS_NAME_SIZE]; /* lower case */
	char address[46];             /* as inet_ntop() writes it */
	uint32_t ttl_s;               /* 0: the name is given up (RFC 6762, 10.1) */
};

/* Whether text is a version 4 style UUID and ".local", as browsers make them for candidates
 * (draft-ietf-mmusic-mdns-ice-candidates, 3.1.1). Any case. Any thread. */
bool dh_mdns_is_name(const char *text);

/* A question for the A and AAAA records of name (dh_mdns_is_name()). out: DH_MDNS_QUERY_MAX bytes. Returns bytes. */
size_t dh_mdns_write_query(uint8_t *out, const char *name);

/* Call fn for each record of interest in an answer; others are passed over. Records before a malformed place are told.
 * Any thread. Errors: DH_EPROTO malformed or truncated; DH_ENOENT not an answer. */
int dh_mdns_parse(const uint8_t *message, size_t size, void (*fn)(void *user, const struct dh_mdns_record *r),
		  void *user);

#endif
