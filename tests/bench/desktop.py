"""A desktop to record: Xvfb at 1920x1080 with one of three kinds of content, the same at every run.

still   a background and a terminal full of text, nothing moves
scroll  a terminal that prints 20 lines a second
motion  30 new pictures a second over the whole screen (tests/tools/xmotion): a pan over a photograph-like scene with grain

with Desktop('scroll', build_dir) as d: d.display, d.server_cpu_s()"""
import os
import subprocess
import time

SIZE = (1920, 1080)
KINDS = ('still', 'scroll', 'motion')
TICKS = os.sysconf('SC_CLK_TCK')

TEXT = 'i={n}; while [ $i -gt 0 ]; do i=$((i-1)); echo "$i: the customer signs on page $((i%17)) of contract $((i*7919%10007)), ' \
       'and the clerk reads clause $((i%31)) aloud."; {pause}done; exec cat'


def cpu_s(pid):
    """User and system time of a process so far, in seconds."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Desktop:
    def __init__(self, kind, build_dir):
        assert kind in KINDS
        self.kind, self.build_dir, self.running = kind, build_dir, []

    def start(self, argv):
        p = subprocess.Popen(argv, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.running.append(p)
        return p

    def __enter__(self):
        read_end, write_end = os.pipe()
        self.server = subprocess.Popen(['Xvfb', '-displayfd', str(write_end), '-screen', '0', f'{SIZE[0]}x{SIZE[1]}x24', '-nolisten',
                                        'tcp', '-noreset'], pass_fds=[write_end], stderr=subprocess.DEVNULL)
        os.close(write_end)
        with os.fdopen(read_end) as f:
            self.display = ':' + f.readline().strip()
        self.env = dict(os.environ, DISPLAY=self.display)
        try:
            subprocess.run(['xsetroot', '-solid', '#30506a'], env=self.env, check=True)
            getattr(self, self.kind)()
        except BaseException:
            self.__exit__()
            raise
        time.sleep(2)  # until the content is up; nothing is measured yet
        return self

    def terminal(self, script):
        self.start(['xterm', '-fa', 'DejaVu Sans Mono', '-fs', '11', '-geometry', '130x45+120+80', '-e', 'sh', '-c', script])

    def still(self):
        self.terminal(TEXT.format(n=45, pause=''))

    def scroll(self):
        self.terminal(TEXT.format(n=100000, pause='sleep 0.05; '))

    def motion(self):
        p = subprocess.Popen([f'{self.build_dir}/tests/tools/xmotion', '30'], env=self.env, stdout=subprocess.PIPE)
        self.running.append(p)
        assert p.stdout.readline() == b'ready\n', 'xmotion shows nothing'

    def server_cpu_s(self):
        return cpu_s(self.server.pid)

    def __exit__(self, *_):
        for p in reversed(self.running):
            p.kill()
            p.wait()
        self.server.terminate()
        self.server.wait()


def measure(desktop, argv, seconds):
    """Run argv (which ends by itself after about that time; None: nothing runs). CPU seconds a second: (program, server)."""
    begin, server = time.monotonic(), desktop.server_cpu_s()
    if argv is None:
        time.sleep(seconds)
        used = 0
    else:
        p = subprocess.Popen(argv, env=desktop.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        complaint = p.stderr.read().decode(errors='replace')
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            raise RuntimeError(f'{argv[0]} failed: {complaint.strip()[-300:]}')
        used = usage.ru_utime + usage.ru_stime
    wall = time.monotonic() - begin
    return used / wall, (desktop.server_cpu_s() - server) / wall
