"""A desk whose screen flashes while its sound server beeps (tests/tools/flash_beep), recorded by the real agent, and how far
flashes and beeps lie apart in the file. Used by g14_sync.py and hour.py.

with Desk(build_dir) as desk: path, facts = desk.record(sources, seconds); skews(path)"""
import array
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from desktop import cpu_s

PERIOD_MS = 970  # no multiple of a picture's time: flashes meet every phase of the rhythm
CANVAS = {'width': 1280, 'height': 720, 'fps': 30}
SCREEN, SOUND = {'role': 'screen', 'device': 'x11:desktop'}, {'role': 'system', 'device': 'portaudio:pulse:flash.monitor'}


def missing():
    """The programs that are not here."""
    return [p for p in ('Xvfb', 'pulseaudio', 'pactl', 'ffmpeg', 'ffprobe') if not shutil.which(p)]


class Desk:
    def __init__(self, build_dir):
        self.build = os.path.abspath(build_dir)
        self.running = []

    def start(self, argv, **more):
        p = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        self.running.append(p)
        return p

    def ready(self, argv):
        """Start it and wait for its first line."""
        p = self.start(argv, stdout=subprocess.PIPE)
        if not select.select([p.stdout], [], [], 30)[0] or not (line := p.stdout.readline()):
            raise RuntimeError(f'{argv[0]} does not begin')
        return p, line.decode()

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix='dh-flash-', dir='/tmp')
        names = ('HOME', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith('PULSE_') and k != 'DBUS_SESSION_BUS_ADDRESS'}
        self.env.update({name: f'{self.home}/{name}' for name in names}, XDG_VIDEOS_DIR=f'{self.home}/videos')
        for name in names:
            os.mkdir(self.env[name], 0o700)
        try:
            self.env['DISPLAY'] = ':' + self.ready(['Xvfb', '-displayfd', '1', '-screen', '0', '1280x720x24', '-nolisten', 'tcp',
                                                    '-noreset'])[1].strip()
            self.start(['pulseaudio', '-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '-L',
                        'module-native-protocol-unix', '-L', 'module-null-sink sink_name=flash rate=48000'])
            while subprocess.run(['pactl', 'info'], env=self.env, capture_output=True).returncode:
                time.sleep(0.1)  # it says nothing when it is ready
            self.ready([f'{self.build}/tests/tools/flash_beep', 'pulse:DEVICE=flash', str(PERIOD_MS)])
            self.agent = self.ready([f'{self.build}/agent/deskhand', 'agent', '--print-ready'])[0]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for p in reversed(self.running):
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, **params):
        done = subprocess.run([f'{self.build}/agent/deskhand', 'call', method, json.dumps(params)], env=self.env,
                              capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f'{method}: {done.stdout} {done.stderr}')
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def rss_mb(self):
        with open(f'/proc/{self.agent.pid}/statm') as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE') / 1e6

    def record(self, sources, seconds, beauty=None, template='desk'):
        """Path of the finished file, and what it took: rss_mb at start and end, cpu (of one core), pictures and what was lost."""
        session = self.call('session.open', sources=sources, canvas=CANVAS, template=template)['session']
        if beauty:
            self.call('beauty.set', session=session, **beauty)
        recording = self.call('recording.start', session=session, name='flash')['recording']
        time.sleep(3)  # all is warm
        rss, cpu, begin = self.rss_mb(), cpu_s(self.agent.pid), time.monotonic()
        time.sleep(max(0, seconds - 3))
        facts = {'rss_start_mb': rss, 'rss_end_mb': self.rss_mb(),
                 'cpu': (cpu_s(self.agent.pid) - cpu) / (time.monotonic() - begin)}
        stats = next(s for s in self.call('agent.stats')['sessions'] if s['session'] == session)
        done = self.call('recording.stop', recording=recording)
        facts.update(pictures=done['video_frames'], duration_s=done['duration_ms'] / 1000,
                     lost_by_writer=done['dropped'], lost_by_encoder=stats['compose_dropped'],
                     lost_by_sources={s['role']: s['dropped'] for s in stats['sources'] if s['width']})
        self.call('session.close', session=session)
        return f'{self.home}/videos/Deskhand/flash.mp4', facts


def flashes(path):
    """Times (s) at which the upper left corner turns white."""
    times = subprocess.run(['ffprobe', '-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', path],
                           check=True, capture_output=True, text=True).stdout.split()
    luma = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-map', '0:v', '-fps_mode', 'passthrough', '-vf',
                           'crop=iw/4:ih/4:0:0,scale=1:1:flags=area,format=gray', '-f', 'rawvideo', '-'], check=True,
                          capture_output=True).stdout
    stamps = sorted(float(t.strip(',')) for t in times)
    assert len(stamps) == len(luma), f'{len(stamps)} pictures, {len(luma)} decoded'
    return [stamps[i] for i in range(1, len(luma)) if luma[i] > 128 >= luma[i - 1]]


def beeps(path):
    """Times (s) at which a tone begins after 0.2 s of silence."""
    sound = subprocess.Popen(['ffmpeg', '-v', 'error', '-i', path, '-map', '0:a', '-af', 'aresample=async=1:first_pts=0', '-ac', '1',
                              '-ar', '48000', '-f', 's16le', '-'], stdout=subprocess.PIPE)
    found, quiet, at = [], 0, 0
    while block := sound.stdout.read(960):  # 10 ms
        samples = array.array('h', block[:len(block) // 2 * 2])
        if max(max(samples), -min(samples)) < 3000:
            quiet += 1
        else:
            first = next(i for i, v in enumerate(samples) if abs(v) >= 3000)
            if quiet >= 20:
                found.append(at + first / 48000)
            quiet = 0
        at += len(samples) / 48000
    assert sound.wait() == 0
    return found


def skews(path):
    """[(time of the flash in s, its beep's time less its own in ms)]"""
    heard, out, i = beeps(path), [], 0
    for t in flashes(path):
        while i + 1 < len(heard) and abs(heard[i + 1] - t) < abs(heard[i] - t):
            i += 1
        if heard and abs(heard[i] - t) < PERIOD_MS / 2500:
            out.append((t, (heard[i] - t) * 1000))
    return out


def by_minute(pairs):
    """[(minute, how many, median, farthest)] in ms"""
    minutes = {}
    for t, ms in pairs:
        minutes.setdefault(int(t // 60), []).append(ms)
    return [(m, len(v), statistics.median(v), max(v, key=abs)) for m, v in sorted(minutes.items())]


def report(pairs, facts):
    """A line a minute, then the sums."""
    lines = [f'minute {m:3}: {n:3} flashes, sound behind picture by {median:6.1f} ms (median), {far:6.1f} at most'
             for m, n, median, far in by_minute(pairs)]
    lost = ', '.join(f'{role} {n}' for role, n in facts['lost_by_sources'].items())
    lines.append(f'{facts["pictures"]} pictures in {facts["duration_s"]:.1f} s; lost: encoder {facts["lost_by_encoder"]}, '
                 f'writer {facts["lost_by_writer"]}, {lost}')
    lines.append(f'RSS {facts["rss_start_mb"]:.1f} MB at the start, {facts["rss_end_mb"]:.1f} MB at the end; '
                 f'CPU {100 * facts["cpu"]:.1f} % of one core')
    return '\n'.join(lines)
