/* What each address may do: connections a second, tries to log in; and that one address does not pay for another. */
#include "room-service/throttle.h"

#include <stdio.h>
#include <string.h>

#include "tst.h"

#define S 1000000LL
#define BEGIN (1000 * S)

static struct dh_throttle t;

static int connect_until_refused(const char *address, int64_t now_us)
{
	int count = 0;
	while (count < 10000 && dh_throttle_connect(&t, address, now_us))
		count++;
	return count;
}

static void connections_have_a_burst_and_a_rate(void)
{
	memset(&t, 0, sizeof(t));
	TST_EQ(connect_until_refused("192.0.2.1", BEGIN), 4000);
	TST_EQ(connect_until_refused("192.0.2.1", BEGIN + S), 200);
	TST_EQ(connect_until_refused("192.0.2.1", BEGIN + 3600 * S), 4000); /* no more than that is saved up */
	TST_EQ(connect_until_refused("192.0.2.2", BEGIN), 4000);
	TST_EQ(connect_until_refused("2001:db8::1", BEGIN), 4000);
}

static void failures_make_the_next_login_wait(void)
{
	static const int waits_s[] = {0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60};
	int64_t now_us = BEGIN;
	memset(&t, 0, sizeof(t));
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		dh_throttle_failed(&t, "192.0.2.1", now_us);
		int64_t wait_us = dh_throttle_wait_us(&t, "192.0.2.1", now_us);
		TST_EQ((int)(wait_us / S), waits_s[i]);
		TST_EQ((int)dh_throttle_wait_us(&t, "192.0.2.9", now_us), 0);
		now_us += wait_us;
		TST_EQ((int)dh_throttle_wait_us(&t, "192.0.2.1", now_us), 0); /* the time is over */
	}
	for (int i = 0; i < 100; i++) /* the wait does not overflow */
		dh_throttle_failed(&t, "192.0.2.1", now_us);
	TST_EQ((int)(dh_throttle_wait_us(&t, "192.0.2.1", now_us) / S), 60);
}

static void a_login_that_works_forgets_them(void)
{
	memset(&t, 0, sizeof(t));
	for (int i = 0; i < 8; i++)
		dh_throttle_failed(&t, "192.0.2.1", BEGIN);
	dh_throttle_succeeded(&t, "192.0.2.1", BEGIN);
	TST_EQ((int)dh_throttle_wait_us(&t, "192.0.2.1", BEGIN), 0);
	for (int i = 0; i < 5; i++)
		dh_throttle_failed(&t, "192.0.2.1", BEGIN);
	TST_EQ((int)dh_throttle_wait_us(&t, "192.0.2.1", BEGIN), 0);
	dh_throttle_failed(&t, "192.0.2.1", BEGIN);
	TST_EQ((int)(dh_throttle_wait_us(&t, "192.0.2.1", BEGIN) / S), 1);
}

/* More addresses than there are places: the one used last is still known, however many came. */
static void the_least_recently_used_makes_room(void)
{
	char address[DH_ADDRESS_SIZE];
	memset(&t, 0, sizeof(t));
	for (int i = 0; i < 6; i++)
		dh_throttle_failed(&t, "203.0.113.7", BEGIN);
	for (int i = 0; i < DH_THROTTLE_ADDRESSES * 4; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 256, i % 256);
		TST_CHECK(dh_throttle_connect(&t, address, BEGIN + i));
		TST_CHECK(dh_throttle_wait_us(&t, "203.0.113.7", BEGIN + i) > 0);
	}
	int known = 0;
	for (int i = 0; i < DH_THROTTLE_ADDRESSES; i++)
		known += t.entries[i].used_us > 0;
	TST_CHECK(known > DH_THROTTLE_ADDRESSES * 9 / 10); /* the places are used evenly */
}

TST_MAIN({"connections of an address have a burst and a rate", connections_have_a_burst_and_a_rate},
	 {"failures make the next login of an address wait longer, up to a minute", failures_make_the_next_login_wait},
	 {"a login that works forgets them", a_login_that_works_forgets_them},
	 {"the least recently used address makes room", the_least_recently_used_makes_room})
