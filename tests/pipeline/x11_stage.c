/* See x11_stage.h. */
#include "tests/pipeline/x11_stage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void quiet(void)
{
	int null = open("/dev/null", O_RDWR);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

/* Xvfb picks a free display and writes its number when it serves. */
static bool start_server(struct x11_stage *t, int width_px, int height_px)
{
	int pipe_fd[2];
	char size[32], fd[12];
	if (pipe(pipe_fd))
		return false;
	snprintf(size, sizeof(size), "%dx%dx24", width_px, height_px);
	snprintf(fd, sizeof(fd), "%d", pipe_fd[1]);
	t->server = fork();
	if (!t->server) {
		quiet();
		close(pipe_fd[0]);
		execlp("Xvfb", "Xvfb", "-displayfd", fd, "-screen", "0", size, "-nolisten", "tcp", "-noreset", (char *)NULL);
		_exit(127);
	}
	close(pipe_fd[1]);
	/* number and newline come in two writes, and the server dies when the second one fails */
	size_t len = 1;
	t->display[0] = ':';
	while (len < sizeof(t->display) - 1 && read(pipe_fd[0], t->display + len, 1) == 1 && t->display[len] != '\n')
		len++;
	t->display[len] = '\0';
	close(pipe_fd[0]);
	if (len > 1)
		return !setenv("DISPLAY", t->display, 1);
	waitpid(t->server, NULL, 0);
	return false;
}

bool x11_stage_start(struct x11_stage *t, int width_px, int height_px)
{
	memset(t, 0, sizeof(*t));
	signal(SIGPIPE, SIG_IGN);
	if (!start_server(t, width_px, height_px))
		return false;
	t->conn = xcb_connect(t->display, NULL);
	t->screen = xcb_setup_roots_iterator(xcb_get_setup(t->conn)).data;
	t->window = xcb_generate_id(t->conn);
	xcb_create_window(t->conn, XCB_COPY_FROM_PARENT, t->window, t->screen->root, 0, 0, (uint16_t)width_px,
			  (uint16_t)height_px, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, t->screen->root_visual,
			  XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, (uint32_t[]){0, 1});
	xcb_map_window(t->conn, t->window);
	t->gc = xcb_generate_id(t->conn);
	xcb_create_gc(t->conn, t->gc, t->window, 0, NULL);
	x11_stage_sync(t);
	return true;
}

void x11_stage_kill(struct x11_stage *t)
{
	if (t->server <= 0)
		return;
	kill(t->server, SIGKILL);
	waitpid(t->server, NULL, 0);
	xcb_disconnect(t->conn);
	t->server = 0;
}

void x11_stage_sync(struct x11_stage *t)
{
	free(xcb_get_input_focus_reply(t->conn, xcb_get_input_focus(t->conn), NULL));
}

void x11_stage_fill(struct x11_stage *t, int x, int y, int w, int h, uint32_t rgb)
{
	xcb_change_gc(t->conn, t->gc, XCB_GC_FOREGROUND, &rgb);
	xcb_poly_fill_rectangle(t->conn, t->window, t->gc, 1,
				&(xcb_rectangle_t){(int16_t)x, (int16_t)y, (uint16_t)w, (uint16_t)h});
	x11_stage_sync(t);
}

void x11_stage_move_pointer(struct x11_stage *t, int x, int y)
{
	xcb_warp_pointer(t->conn, XCB_NONE, t->screen->root, 0, 0, 0, 0, (int16_t)x, (int16_t)y);
	x11_stage_sync(t);
}

int x11_stage_run(const char *const argv[])
{
	int status = 0;
	pid_t pid = fork();
	if (!pid) {
		quiet();
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
