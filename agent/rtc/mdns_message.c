/* DNS messages: the few parts that resolving a candidate's name needs. */
#include "agent/rtc/mdns_message.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "agent/rtc/bytes.h"
#include "common/err.h"

#define HEADER 12
#define TYPE_A 1
#define TYPE_AAAA 28
#define CLASS_IN 1

bool dh_mdns_is_name(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.local";
	_Static_assert(sizeof(form) == DH_MDNS_NAME_SIZE, "a UUID and .local");
	for (size_t i = 0; i < sizeof(form); i++) { /* ends at the first difference, so also at text's end */
		unsigned char c = (unsigned char)text[i];
		if (form[i] == 'x' ? !isxdigit(c) : tolower(c) != form[i])
			return false;
	}
	return true;
}

size_t dh_mdns_write_query(uint8_t *out, const char *name)
{
	memset(out, 0, HEADER); /* RFC 6762, 18: id 0, a query */
	dh_put16(out + 4, 2);
	uint8_t *p = out + HEADER;
	*p++ = 36;
	memcpy(p, name, 36);
	p += 36;
	*p++ = 5;
	memcpy(p, "local", 6); /* with the root's empty label */
	p += 6;
	dh_put16(p, TYPE_A);
	dh_put16(p + 2, CLASS_IN);
	dh_put16(p + 4, 0xc000 | HEADER); /* RFC 1035, 4.1.4: the same name */
	dh_put16(p + 6, TYPE_AAAA);
	dh_put16(p + 8, CLASS_IN);
	return (size_t)(p + 10 - out);
}

struct reader {
	const uint8_t *data;
	size_t size, at;
};

/* Append a label to name, which becomes no valid name when it does not fit. */
static void append(char *name, size_t *used, const uint8_t *label, size_t n)
{
	size_t dot = *used > 0;
	if (*used + dot + n >= DH_MDNS_NAME_SIZE) {
		*used = DH_MDNS_NAME_SIZE;
		name[0] = 0;
		return;
	}
	if (dot)
		name[(*used)++] = '.';
	for (size_t i = 0; i < n; i++)
		name[(*used)++] = (char)tolower(label[i]);
	name[*used] = 0;
}

/* One name at r->at, which moves behind it. Pointers go back only, so there is no loop. */
static bool read_name(struct reader *r, char *name)
{
	size_t at = r->at, bound = r->at, used = 0;
	bool jumped = false;
	name[0] = 0;
	for (;;) {
		if (at >= r->size)
			return false;
		uint8_t n = r->data[at++];
		if (n == 0 || n >= 0xc0) {
			at += n != 0;
			if (at > r->size)
				return false;
			if (!jumped)
				r->at = at;
			if (n == 0)
				return true;
			jumped = true;
			at = dh_get16(r->data + at - 2) & 0x3fff;
			if (at >= bound)
				return false;
			bound = at;
			continue;
		}
		if (n > 63 || at + n > r->size)
			return false;
		append(name, &used, r->data + at, n);
		at += n;
	}
}

static bool read_record(struct reader *r, struct dh_mdns_record *out, bool *is_address)
{
	if (!read_name(r, out->name) || r->size - r->at < 10)
		return false;
	const uint8_t *p = r->data + r->at;
	uint16_t type = dh_get16(p), class = dh_get16(p + 2) & 0x7fff; /* RFC 6762, 10.2: top bit is cache-flush */
	size_t length = dh_get16(p + 8);
	out->ttl_s = dh_get32(p + 4);
	r->at += 10;
	if (r->size - r->at < length)
		return false;
	int family = type == TYPE_A && length == 4 ? AF_INET : type == TYPE_AAAA && length == 16 ? AF_INET6 : 0;
	*is_address = class == CLASS_IN && family && dh_mdns_is_name(out->name) &&
		      inet_ntop(family, p + 10, out->address, sizeof(out->address));
	r->at += length;
	return true;
}

int dh_mdns_parse(const uint8_t *message, size_t size, void (*fn)(void *user, const struct dh_mdns_record *r),
		  void *user)
{
	struct reader r = {message, size, HEADER};
	struct dh_mdns_record record;
	if (size < HEADER || size > DH_MDNS_MESSAGE_MAX)
		return DH_EPROTO;
	if (!(message[2] & 0x80) || (message[2] & 0x78) || (message[3] & 0x0f)) /* RFC 6762, 18: QR, opcode, rcode */
		return DH_ENOENT;
	/* counts may lie: every entry takes bytes, so the message's end is the bound */
	for (unsigned n = dh_get16(message + 4); n > 0; n--) {
		if (!read_name(&r, record.name) || r.size - r.at < 4)
			return DH_EPROTO;
		r.at += 4;
	}
	unsigned records = dh_get16(message + 6) + dh_get16(message + 8) + dh_get16(message + 10);
	for (; records > 0; records--) {
		bool is_address;
		if (!read_record(&r, &record, &is_address))
			return DH_EPROTO;
		if (is_address)
			fn(user, &record);
	}
	return DH_OK;
}
