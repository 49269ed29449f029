/* The pattern source: numbers without a gap the drop counter does not own up to, times on an exact grid. */
#include "agent/sources/pattern_code.h"
#include "common/clock.h"
#include "tests/pipeline/src_host.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_pattern;

static void numbers_and_times(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_pattern, "camera", 640, 360, 100, "{\"number_origin\": 4000000000}"), DH_OK);
	const int64_t start_us = dh_now_us();
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 100, 5000000), DH_OK);
	const int64_t took_us = dh_now_us() - start_us;
	TST_CHECK(took_us > 980000); /* paced: 99 periods of 10 ms */
	int64_t lost = 0;
	struct dh_pattern_mark last = {0};
	for (int i = 0; i < h.count; i++) {
		struct dh_pattern_mark m = {0};
		TST_EQ(dh_pattern_read(h.frames[i], NULL, &m), DH_OK);
		TST_EQ(m.pts_us, h.frames[i]->pts_us);
		if (i) {
			TST_CHECK(m.number > last.number);
			TST_EQ(m.pts_us - last.pts_us, 10000 * (int64_t)(m.number - last.number));
			lost += m.number - last.number - 1;
		} else {
			TST_CHECK(m.number >= 4000000000u);
			lost = m.number - 4000000000u;
		}
		last = m;
	}
	TST_EQ(lost, atomic_load(&h.source.dropped));
	TST_EQ(h.source.frames, h.count);
	src_host_close(&h);
	TST_EQ(dh_frame_live_count(), 0);
}

static int moved(const char *json)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_pattern, "screen", 1280, 720, 60, json), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 2, 5000000), DH_OK);
	int rows = 0;
	for (int y = 0; y < 240; y++) /* above the mark */
		rows += memcmp(h.frames[0]->plane[0] + (ptrdiff_t)y * h.frames[0]->stride[0],
			       h.frames[1]->plane[0] + (ptrdiff_t)y * h.frames[1]->stride[0], 1280) != 0;
	src_host_close(&h);
	return rows;
}

static void motion(void)
{
	TST_CHECK(moved("{\"motion\": \"pan\"}") > 100);
	TST_EQ(moved("{\"motion\": \"still\"}"), 0);
}

static void waits_no_longer_than_told(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_pattern, "", 0, 0, 1, NULL), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 1, 1000000), DH_OK);
	TST_EQ(h.frames[0]->width_px, 1280);
	TST_EQ(h.frames[0]->height_px, 720);
	TST_EQ(h.source.driver->read(&h.source, 1000, &h.err), DH_AGAIN);
	src_host_close(&h);
}

static void says_what_is_wrong(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_pattern, "nonsense", 0, 0, 0, NULL), DH_ENODEV);
	TST_CHECK(strstr(h.err.text, "nonsense") != NULL);
	TST_EQ(src_host_open(&h, &dh_src_pattern, "camera", 32, 32, 30, NULL), DH_EINVAL);
	TST_EQ(src_host_open(&h, &dh_src_pattern, "camera", 0, 0, 0, "{\"motion\": \"fly\"}"), DH_EINVAL);
	TST_EQ(dh_frame_live_count(), 0);
}

static void lists_both(void)
{
	struct dh_device_list l = {0};
	struct dh_err e = {0};
	TST_EQ(dh_src_pattern.list(&l, &e), DH_OK);
	TST_EQ(l.count, 2);
	TST_STR(l.devices[0].id, "pattern:screen");
	TST_EQ(l.devices[0].kind, DH_DEVICE_SCREEN);
	TST_STR(l.devices[1].id, "pattern:camera");
	TST_EQ(l.devices[1].kind, DH_DEVICE_CAMERA);
	TST_CHECK(l.devices[1].format_count > 0);
	dh_device_list_finish(&l);
}

TST_MAIN({"numbers without a gap, times on the grid", numbers_and_times},
	 {"motion", motion},
	 {"waits no longer than told", waits_no_longer_than_told},
	 {"says what is wrong", says_what_is_wrong},
	 {"lists a camera and a screen", lists_both})
