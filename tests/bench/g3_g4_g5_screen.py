#!/usr/bin/python3
"""G3, G4, G5: the whole screen recorder against ffmpeg x11grab + x264 at the same preset, 1920x1080 at 30/s.

g3_g4_g5_screen.py BUILD_DIR [--json OUT] [--rounds N] [--seconds S] [--preset P] [--kinds still scroll motion]

Each round measures the idle server, ours (with the encoder's defaults, and tuned) and ffmpeg in turn on the same desktop. A number is the CPU of the program plus what
the X server uses more than when nobody looks, in seconds a second; "steady" leaves the first 4 s out. Ratios are
medians of the rounds. Sizes are of the finished files. At full motion CPU and size are per recorded picture, as a loaded
machine makes both leave some out; ours owns up to them."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import desktop

START_S = 4


def run_ns(pid):
    """Time all threads of a process ran so far, in ns (ended threads are forgotten by the kernel)."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/schedstat') as f:
            total += int(f.read().split()[0])
    return total


class Run:
    """One recording: cpu and server over all of it, steady_* after the start; out is what it printed."""

    def __init__(self, d, argv, seconds):
        server = d.server.pid
        begin, server_begin = time.monotonic(), run_ns(server)
        p = subprocess.Popen(argv or ['sleep', str(seconds)], env=d.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(START_S)
        middle, middle_ns = time.monotonic(), (run_ns(p.pid), run_ns(server))
        time.sleep(seconds - START_S - 1)
        steady = time.monotonic() - middle
        self.steady = (run_ns(p.pid) - middle_ns[0]) / 1e9 / steady
        self.steady_server = (run_ns(server) - middle_ns[1]) / 1e9 / steady
        self.out = p.stdout.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            raise RuntimeError(f'{argv[0]} ended with {p.returncode}')
        wall = time.monotonic() - begin
        self.cpu = (usage.ru_utime + usage.ru_stime) / wall if argv else 0
        self.server = (run_ns(server) - server_begin) / 1e9 / wall


def add(run, idle, part=''):
    return getattr(run, part or 'cpu') + max(0, getattr(run, part + '_server' if part else 'server') -
                                             getattr(idle, part + '_server' if part else 'server'))


def pictures(path):
    p = subprocess.run(['ffprobe', '-v', 'error', '-select_streams', 'v', '-count_packets', '-show_entries',
                        'stream=nb_read_packets', '-of', 'csv=p=0', path], capture_output=True, text=True, check=True)
    return int(p.stdout.strip().strip(','))


def record(d, a, argv, path, idle):
    run = Run(d, argv, a.seconds)
    n, size = pictures(path), os.path.getsize(path)
    cpu = add(run, idle)
    got = {'cpu': cpu, 'steady': add(run, idle, 'steady'), 'size': size, 'pictures': n, 'picture_ms': cpu * a.seconds / n * 1000,
           'picture_bytes': size / n}
    if run.out.startswith('{'):
        counters = json.loads(run.out)
        got['lost'] = counters['source_dropped'] + counters['compose_dropped']
    return got


def compare(kind, a, folder):
    """Figures of each round: {'default': {..}, 'tuned': {..}, 'peer': {..}}."""
    rounds = []
    w, h = desktop.SIZE
    path = os.path.join(folder, 'x.mp4')
    ours = {who: [f'{a.build_dir}/tests/bench/bench_screen', path, str(a.seconds),
                  json.dumps({'preset': a.preset, 'crf': 23, **more})] for who, more in (('default', {}), ('tuned', TUNED[kind]))}
    with desktop.Desktop(kind, a.build_dir) as d:
        peer = ['ffmpeg', '-v', 'error', '-y', '-f', 'x11grab', '-framerate', '30', '-video_size', f'{w}x{h}', '-i', d.display, '-t',
                str(a.seconds), '-c:v', 'libx264', '-preset', a.preset, '-crf', '23', '-pix_fmt', 'yuv420p', path]
        for _ in range(a.rounds):
            idle = Run(d, None, a.seconds)
            rounds.append({who: record(d, a, argv, path, idle) for who, argv in {**ours, 'peer': peer}.items()})
            for who, got in rounds[-1].items():
                print(kind, who, {k: round(v, 4) for k, v in got.items()}, file=sys.stderr)
    return rounds


def row(name, rounds, who, figure, goal):
    ratio = statistics.median(r[who][figure] / r['peer'][figure] for r in rounds)
    return {'name': name, 'ours': statistics.median(r[who][figure] for r in rounds), 'ratio': ratio,
            'peer': statistics.median(r['peer'][figure] for r in rounds), 'goal': goal, 'ok': ratio <= goal}


ROWS = {  # goal, and its rows: name, figure, ratio wanted
    'still': ('G3', [('still desktop, with start, CPU s/s', 'cpu', 0.03), ('still desktop, steady, CPU s/s', 'steady', 0.005)]),
    'scroll': ('G4', [('scrolling text, CPU s/s', 'cpu', 0.38), ('scrolling text, bytes', 'size', 0.8)]),
    'motion': ('G5', [('full-screen motion, CPU ms a picture', 'picture_ms', 0.75),
                      ('full-screen motion, bytes a picture', 'picture_bytes', 1.0)]),
}
TUNED = {  # what the encoder can do beyond its defaults
    'still': {'still_key_interval_ms': 10000},
    'scroll': {'key_interval_ms': 10000},
    'motion': {'key_interval_ms': 10000, 'lookahead': 10},
}


def result(kind, rounds, a):
    goal, wanted = ROWS[kind]
    rows = []
    for who in ('default', 'tuned'):
        more = '' if who == 'default' else ' ' + json.dumps(TUNED[kind])
        rows += [row(f'{name} ({a.preset}{more})', rounds, who, figure, ratio) for name, figure, ratio in wanted]
        if kind == 'motion':
            lost = statistics.median(r[who]['lost'] for r in rounds)
            rows.append({'name': f'full-screen motion, pictures lost ({a.preset}{more})', 'ours': lost, 'goal': 0, 'ok': lost == 0})
    return {'goal': goal, 'rows': rows}


def main():
    a = argparse.ArgumentParser()
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=3)
    a.add_argument('--seconds', type=float, default=10)
    a.add_argument('--preset', default='veryfast')
    a.add_argument('--kinds', nargs='*', default=desktop.KINDS)
    a = a.parse_args()
    with tempfile.TemporaryDirectory(prefix='dh-screen-') as folder:
        results = [result(kind, compare(kind, a, folder), a) for kind in a.kinds]
    if a.json:
        with open(a.json, 'w') as f:
            json.dump(results, f, indent=1)
    print(json.dumps(results))


main()
