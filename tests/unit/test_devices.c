/* Devices come and go: a driver that lists the files of a directory, watched as /dev is. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/client_priv.h"
#include "agent/media/driver_load.h"
#include "agent/media/drivers.gen.h"
#include "common/alloc.h"
#include "tst.h"

static char dir[64], dev[80];
static struct dh_loop loop;
static struct dh_ctl *ctl;
static char last[4096]; /* what the agent said last */

static int list_files(struct dh_device_list *out, struct dh_err *e)
{
	DIR *d = opendir(dev);
	for (struct dirent *f; d && (f = readdir(d));) {
		if (f->d_name[0] == '.')
			continue;
		struct dh_device *x = dh_device_list_add(out, DH_DEVICE_CAMERA, "files");
		snprintf(x->id, sizeof(x->id), "files:%.100s", f->d_name);
	}
	if (d)
		closedir(d);
	return DH_OK;
}

static const struct dh_source_driver files = {.base = {.name = "files", .doc = "files"}, .list = list_files};
static const struct dh_source_driver *const sources[] = {&files, NULL};
static const struct dh_filter_driver *const filters[] = {NULL};
static const struct dh_compositor_driver *const compositors[] = {NULL};
static const struct dh_encoder_driver *const encoders[] = {NULL};
static const struct dh_sink_driver *const sinks[] = {NULL};
static const struct dh_driver_tables tables = {sources, filters, compositors, encoders, sinks};

const struct dh_driver_tables *dh_driver_tables_load(struct dh_err *e)
{
	return &tables;
}

static int take(void *arg, const char *text, size_t size)
{
	dh_strcopy(last, sizeof(last), text);
	dh_loop_stop(&loop);
	return DH_OK;
}

static size_t queued(void *arg)
{
	return 0;
}

static void hang_up(void *arg, enum dh_close_code code)
{
}

static const struct dh_client_ops ops = {take, queued, hang_up};

static void touch(const char *name)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", dev, name);
	fclose(fopen(path, "we"));
}

static void stopped(void *arg)
{
	dh_loop_stop(&loop);
}

static void come_and_go(void)
{
	static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"devices.list\",\"params\":{"
				  "\"kinds\":[\"camera\"]}}";
	struct dh_client *client = NULL;
	char path[160];
	dh_strcopy(dir, sizeof(dir), "/tmp/dh-devices-XXXXXX");
	TST_CHECK(mkdtemp(dir) != NULL);
	snprintf(dev, sizeof(dev), "%s/dev", dir);
	mkdir(dev, 0700);
	setenv("HOME", dir, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	dh_log_configure(DH_LOG_OFF, false);
	TST_EQ(dh_loop_init(&loop), DH_OK);
	TST_EQ(dh_ctl_create(&ctl, &loop, &(struct dh_ctl_config){.dev_dir = dev}, NULL), DH_OK);
	TST_EQ(dh_client_create(&client, ctl, &(struct dh_identity){.channel = DH_CHANNEL_CLI}, &ops, NULL, NULL), DH_OK);
	dh_client_receive(client, ask, sizeof(ask) - 1);
	dh_loop_run(&loop);
	TST_CHECK(strstr(last, "\"devices\":[]") != NULL);
	touch("tty7"); /* not ours: no event; the next one is about video0 */
	touch("video0");
	dh_loop_run(&loop);
	TST_CHECK(strstr(last, "devices.changed") && strstr(last, "\"files:video0\"") && strstr(last, "\"removed\":[]"));
	snprintf(path, sizeof(path), "%s/video0", dev);
	unlink(path);
	dh_loop_run(&loop);
	TST_CHECK(strstr(last, "\"added\":[]") && strstr(last, "\"removed\":[\"files:video0\"]"));
	dh_client_destroy(client);
	dh_ctl_stop(ctl, stopped, NULL);
	dh_loop_run(&loop);
	dh_ctl_destroy(ctl);
	dh_loop_finish(&loop);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	TST_EQ(system(path), 0);
}

TST_MAIN({"devices come and go", come_and_go})
