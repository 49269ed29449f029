#!/usr/bin/env python3
"""Cameras through pw-v4l2: a fake camera in PipeWire (tests/tools/fakecam) looks like /dev/video0 to the driver.

test_src_v4l2.py RUN_SOURCE FAKECAM       TAP on stdout. A session bus, pipewire and wireplumber of its own, all ended again."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

NEEDED = ('dbus-daemon', 'pipewire', 'wireplumber', 'pw-v4l2', 'pw-cli')


class Session:
    """A PipeWire of the test's own."""

    def __init__(self, directory):
        self.env = dict(os.environ, XDG_RUNTIME_DIR=directory, HOME=directory, XDG_CONFIG_HOME=directory + '/config',
                        XDG_STATE_HOME=directory + '/state', DBUS_SESSION_BUS_ADDRESS=f'unix:path={directory}/bus',
                        PIPEWIRE_RUNTIME_DIR=directory, DISABLE_RTKIT='1')
        # pw-v4l2 is preloaded: it stands before the sanitizers in the list of libraries, and would get their mmap()
        self.env['ASAN_OPTIONS'] = 'verify_asan_link_order=0:detect_leaks=0:symbolize=0'
        self.running = []
        self.log = open(directory + '/log', 'w')
        bus = self.start(['dbus-daemon', '--session', f'--address=unix:path={directory}/bus', '--nofork', '--nopidfile',
                          '--print-address'], stdout=subprocess.PIPE)
        bus.stdout.readline()
        self.start(['pipewire'])
        self.wait_for(['pw-cli', 'info', '0'])
        self.start(['wireplumber'])
        self.wait_for(['sh', '-c', 'pw-cli ls Client | grep -q WirePlumber'])

    def start(self, argv, **options):
        options = {'stdout': self.log, 'stderr': self.log, **options}
        p = subprocess.Popen(argv, env=self.env, **options)
        self.running.append(p)
        return p

    def wait_for(self, argv):
        """Poll a command until it succeeds (PipeWire's tools have no way to wait); each call takes a moment by itself."""
        for _ in range(200):
            if subprocess.run(argv, env=self.env, stdout=self.log, stderr=self.log).returncode == 0:
                return
        raise RuntimeError(f'{argv} never succeeded')

    def stop(self, p):
        p.terminate()
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        self.running.remove(p)

    def close(self):
        for p in reversed(list(self.running)):
            self.stop(p)


class Camera:
    """A fresh provider per test: PipeWire 0.3.65 gives no pictures to the client after the first one."""

    def __init__(self, session, fakecam, *args):
        self.session = session
        self.process = session.start([fakecam, *args], stdout=subprocess.PIPE)
        assert self.process.stdout.readline().strip() == b'ready'
        session.wait_for(['sh', '-c', f'pw-cli ls Node | grep -q {args[0]}'])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process in self.session.running:
            self.session.stop(self.process)


def run(session, *argv, timeout=30):
    p = subprocess.run(['pw-v4l2', *argv], env=session.env, capture_output=True, text=True, timeout=timeout)
    return p.returncode, p.stdout.strip(), p.stderr.strip()


def no_camera(session, run_source, fakecam):
    code, out, err = run(session, run_source, 'v4l2', '', '640', '480', '30', '1')
    assert code == 1 and 'ENODEV' in err, (code, out, err)


def pictures(session, run_source, fakecam, form, size, fps):
    width, height = size
    with Camera(session, fakecam, 'fakecam', str(width), str(height), str(fps), form):
        code, out, err = run(session, run_source, 'v4l2', '', str(width), str(height), str(fps), '3')
        assert code == 0, err
        got = json.loads(out)
        assert (got['width'], got['height']) == size, got
        assert got['frames'] >= fps, got                # 3 s, some of it start-up, perhaps on a busy machine
        assert got['marked'] == got['frames'], got      # every number could be read
        # the fake camera's own server may skip pictures on a busy machine, without a gap in its sequence numbers
        assert got['doubled'] == 0 and got['missing'] <= got['dropped'] + got['frames'] / 2, got
        rate = (got['frames'] - 1) * 1e6 / got['span_us']
        assert rate < 1.1 * fps, (rate, got)


def yuyv(session, run_source, fakecam):
    pictures(session, run_source, fakecam, 'yuyv', (640, 480), 30)


def mjpeg(session, run_source, fakecam):
    pictures(session, run_source, fakecam, 'mjpg', (1280, 720), 25)


def listed(session, run_source, fakecam):
    with Camera(session, fakecam, 'listcam', '800', '600', '20', 'yuyv'):
        code, out, err = run(session, run_source, '--list', 'v4l2')
        assert code == 0, err
        device = json.loads(out.splitlines()[0])
        assert device['id'].startswith('v4l2:') and device['kind'] == 'camera' and device['name'], device
        assert any(f[:3] == ['YUYV', 800, 600] for f in device['formats']), device
        # the id opens the same camera, another id none
        code, out, err = run(session, run_source, 'v4l2', device['id'][5:], '800', '600', '20', '1')
        assert code == 0 and json.loads(out)['width'] == 800, (out, err)
        code, out, err = run(session, run_source, 'v4l2', 'usb-other', '800', '600', '20', '1')
        assert code == 1 and 'ENODEV' in err and 'usb-other' in err, (out, err)


def goes_silent(session, run_source, fakecam):
    """PipeWire tells a V4L2 client nothing when the camera vanishes: only that no pictures come."""
    with Camera(session, fakecam, 'fakecam', '320', '240', '30', 'yuyv') as camera:
        p = subprocess.Popen(['pw-v4l2', run_source, 'v4l2', '', '320', '240', '30', '20'], env=session.env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert camera.process.stdout.readline().strip() == b'streaming'
        camera.process.send_signal(signal.SIGSTOP)
        try:
            out, err = p.communicate(timeout=19)
        finally:
            camera.process.send_signal(signal.SIGCONT)
            p.kill()
        assert p.returncode == 1 and 'ENODEV' in err, (out, err)


def main():
    run_source, fakecam = sys.argv[1:]
    missing = [n for n in NEEDED if not shutil.which(n)]
    if missing:
        print(f'1..0 # SKIP not installed: {" ".join(missing)}')
        return 0
    tests = [no_camera, yuyv, mjpeg, listed, goes_silent]
    print(f'1..{len(tests)}')
    bad = 0
    with tempfile.TemporaryDirectory(prefix='dh-v4l2-') as directory:
        session = Session(directory)
        try:
            for i, test in enumerate(tests, 1):
                try:
                    test(session, run_source, fakecam)
                    print(f'ok {i} - {test.__name__}', flush=True)
                except (AssertionError, OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as e:
                    bad += 1
                    print(f'# {type(e).__name__}: {e}\nnot ok {i} - {test.__name__}', flush=True)
        finally:
            session.close()
    return bad > 0


sys.exit(main())
