/* Names and files of recordings (SR-25), token buckets and back-off (SR-20). */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/recording_file.h"
#include "tst.h"

static void names(void)
{
	static const char *const bad[] = {"",	      ".",	  "..",	  ".x",	 "-x",	    "a/b",     "../x",
					  "a..b",     "a b",	  "x\n",  "con", "CON.mp4", "nul.txt", "com1",
					  "LPT9.mp4", "\xc3\xa9", "a\\b", "a:b", "a*"};
	static const char *const good[] = {"C-17", "case_4.mp4", "a.b.c", "console", "com", "com0x", "2026_01_02"};
	char longest[130];
	struct dh_err e;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		TST_EQ(dh_recording_name_check(bad[i], &e), DH_EINVAL);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		TST_EQ(dh_recording_name_check(good[i], NULL), DH_OK);
	memset(longest, 'a', sizeof(longest));
	longest[116] = '\0';
	TST_EQ(dh_recording_name_check(longest, &e), DH_OK);
	longest[116] = 'a';
	longest[117] = '\0';
	TST_EQ(dh_recording_name_check(longest, &e), DH_EINVAL);
}

static void files(void)
{
	char dir[] = "/tmp/dh-rec-XXXXXX", folder[64], name[128], path[300], command[80];
	struct dh_err e = {0};
	struct stat st;
	int fd = -1;
	TST_CHECK(mkdtemp(dir) != NULL);
	snprintf(folder, sizeof(folder), "%s/new/deep", dir);
	TST_EQ(dh_recording_file_create(folder, "C-17", name, sizeof(name), &fd, &e), DH_OK);
	TST_STR(name, "C-17.mp4");
	TST_EQ(fstat(fd, &st), 0);
	TST_EQ(st.st_mode & 0777, 0600);
	close(fd);
	TST_EQ(dh_recording_file_create(folder, "C-17.mp4", name, sizeof(name), &fd, &e), DH_EEXIST);
	snprintf(path, sizeof(path), "%s/link.mp4", folder);
	TST_EQ(symlink("/etc/passwd", path), 0);
	TST_CHECK(dh_recording_file_create(folder, "link", name, sizeof(name), &fd, &e) < 0);
	/* two in the same second get names of their own */
	char first[128];
	TST_EQ(dh_recording_file_create(folder, NULL, first, sizeof(first), &fd, &e), DH_OK);
	close(fd);
	TST_EQ(dh_recording_file_create(folder, NULL, name, sizeof(name), &fd, &e), DH_OK);
	close(fd);
	TST_CHECK(strcmp(first, name) != 0);
	TST_EQ((long long)strspn(first, "0123456789_"), 19);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	TST_EQ(system(command), 0);
}

static void buckets(void)
{
	struct dh_bucket b = {0};
	int64_t t = 1000000;
	int taken = 0;
	while (dh_bucket_take(&b, 200, 400, t))
		taken++;
	TST_EQ(taken, 400);
	t += 1000000;
	for (taken = 0; dh_bucket_take(&b, 200, 400, t);)
		taken++;
	TST_EQ(taken, 200);
}

static void backs_off(void)
{
	static struct dh_throttle t;
	int64_t now = 1000000;
	dh_throttle_failed(&t, "https://a.example", now);
	dh_throttle_failed(&t, "https://a.example", now);
	TST_CHECK(!dh_throttle_is_blocked(&t, "https://a.example", now));
	dh_throttle_failed(&t, "https://a.example", now);
	TST_CHECK(dh_throttle_is_blocked(&t, "https://a.example", now + 999999));
	TST_CHECK(!dh_throttle_is_blocked(&t, "https://a.example", now + 1000000));
	TST_CHECK(!dh_throttle_is_blocked(&t, "https://b.example", now));
	for (int i = 0; i < 40; i++)
		dh_throttle_failed(&t, "https://a.example", now);
	TST_CHECK(dh_throttle_is_blocked(&t, "https://a.example", now + 59999999));
	TST_CHECK(!dh_throttle_is_blocked(&t, "https://a.example", now + 60000000));
	dh_throttle_succeeded(&t, "https://a.example", now);
	TST_CHECK(!dh_throttle_is_blocked(&t, "https://a.example", now));
	int shakes = 0;
	while (dh_throttle_handshake(&t, "https://c.example", now))
		shakes++;
	TST_EQ(shakes, 20);
}

static void secrets(void)
{
	char a[33], b[33];
	dh_random_hex(a, 16);
	dh_random_hex(b, 16);
	TST_EQ((long long)strlen(a), 32);
	TST_CHECK(strcmp(a, b) != 0);
	TST_CHECK(dh_secret_is_equal(a, a) && !dh_secret_is_equal(a, b) && !dh_secret_is_equal(a, "") &&
		  !dh_secret_is_equal("", a));
}

TST_MAIN({"SR-25 names", names}, {"SR-25 files", files}, {"SR-20 token bucket", buckets},
	 {"SR-20 back-off and handshakes", backs_off}, {"SR-14 secrets", secrets})
