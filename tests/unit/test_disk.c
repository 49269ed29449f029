/* What is left for recordings: rates, limits of a disk, quotas. */
#include "agent/ctl/disk.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tst.h"

#define S 1000000LL
#define MIB (1LL << 20)
#define GIB (1LL << 30)

static void rates(void)
{
	struct dh_disk_rate r = {.guess = 5000};
	for (int64_t i = 0; i < 3; i++)
		dh_disk_rate_add(&r, i * S, i * 1000);
	TST_EQ(dh_disk_rate_get(&r), 5000); /* 2 s say nothing */
	dh_disk_rate_add(&r, 3 * S, 3000);
	TST_CHECK(dh_disk_rate_is_measured(&r));
	TST_EQ(dh_disk_rate_get(&r), 1000);
	for (int64_t i = 4; i <= 40; i++) /* the last 30 s count */
		dh_disk_rate_add(&r, i * S, 3000 + (i - 3) * 200);
	TST_EQ(dh_disk_rate_get(&r), 200);
	dh_disk_rate_pause(&r);
	TST_CHECK(!dh_disk_rate_is_measured(&r));
	TST_EQ(dh_disk_rate_get(&r), 200);
	dh_disk_rate_pause(&r);
	TST_EQ(dh_disk_rate_get(&r), 200);
	for (int64_t i = 100; i <= 104; i++) /* nothing grows */
		dh_disk_rate_add(&r, i * S, 10400);
	TST_EQ(dh_disk_rate_get(&r), 0);
	TST_EQ(dh_disk_guess(1280, 720, 25), (1280 * 720 * 25 / 10 + 160000) / 8);
}

static void stops(void)
{
	struct dh_policy_disk p = {0};
	TST_EQ(dh_disk_stop_bytes(&p, 100 * GIB), GIB);
	TST_EQ(dh_disk_stop_bytes(&p, 20 * GIB), GIB);
	TST_EQ(dh_disk_stop_bytes(&p, 10 * GIB), 512 * MIB);
	p.stop_free_bytes = MIB;
	TST_EQ(dh_disk_stop_bytes(&p, 100 * GIB), MIB);
	p.stop_free_bytes = 3 * GIB;
	TST_EQ(dh_disk_stop_bytes(&p, 1 * GIB), 3 * GIB);
}

static void lefts(void)
{
	struct dh_policy_disk p = {.stop_free_bytes = 10 * MIB};
	struct dh_disk d = {.free_bytes = 70 * MIB, .total_bytes = 100 * MIB};
	struct dh_disk_left left;
	dh_disk_left(&left, &p, &d, 100 * 1024, 0, 0, 0);
	TST_CHECK(left.bytes == 60 * MIB && left.minutes == 10 && !left.is_quota);
	dh_disk_left(&left, &p, &d, 100 * 1024, 100 * MIB, 94 * MIB, 100 * 1024);
	TST_CHECK(left.bytes == 6 * MIB && left.minutes == 1 && left.is_quota);
	dh_disk_left(&left, &p, &d, 100 * 1024, 100 * MIB, 10 * MIB, 100 * 1024);
	TST_CHECK(left.minutes == 10 && !left.is_quota);
	/* another folder fills the same disk: the disk is full first, though more bytes of it are left */
	dh_disk_left(&left, &p, &d, 1000 * 1024, 50 * MIB, 0, 100 * 1024);
	TST_CHECK(left.minutes == 1 && !left.is_quota);
	dh_disk_left(&left, &p, &d, 0, 0, 0, 0);
	TST_CHECK(left.bytes == 60 * MIB && left.minutes == DH_DISK_NEVER);
	dh_disk_left(&left, &p, &d, 0, 5 * MIB, 6 * MIB, 0);
	TST_CHECK(left.bytes == -1 * MIB && left.minutes == 0 && left.is_quota);
	d.free_bytes = 9 * MIB;
	dh_disk_left(&left, &p, &d, 100, 0, 0, 0);
	TST_CHECK(left.bytes == -1 * MIB && left.minutes == 0);
	d.free_bytes = -1; /* unknown: no reason to end anything */
	dh_disk_left(&left, &p, &d, 100, 0, 0, 0);
	TST_CHECK(left.bytes > 0 && left.minutes == DH_DISK_NEVER);
	dh_disk_left(&left, &p, &d, 100, 10 * MIB, 10 * MIB, 100);
	TST_CHECK(left.bytes == 0 && left.minutes == 0 && left.is_quota);
}

static void measures(void)
{
	char dir[] = "/tmp/dh-disk-XXXXXX", path[100];
	struct dh_disk d, there;
	TST_CHECK(mkdtemp(dir) != NULL);
	dh_disk_measure(dir, &d);
	TST_CHECK(d.free_bytes > 0 && d.total_bytes > d.free_bytes && d.dev);
	snprintf(path, sizeof(path), "%s/not/there/yet", dir);
	dh_disk_measure(path, &there);
	TST_CHECK(there.total_bytes == d.total_bytes && there.dev == d.dev);
	rmdir(dir);
}

TST_MAIN({"rates", rates}, {"stops", stops}, {"what is left", lefts}, {"measures", measures})
