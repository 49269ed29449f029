#!/usr/bin/python3
"""G8: composing against ffmpeg's xstack and overlay filters, as in-turn runs; one thread each, CPU per picture.

g8_compose.py BUILD_DIR [--json OUT] [--rounds N]

Both read the same raw pictures. Ours counts the draw alone; from ffmpeg's user + system time the time of the
same command that only reads its four inputs is subtracted. Ratios are medians over the rounds."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

OUR_FRAMES, PEER_FRAMES, FILE_FRAMES = 1500, 400, 20
LARGE, SMALL = (1280, 720), (640, 360)

GRID = ['0,0,640x360', '640,0,640x360', '0,360,640x360', '640,360,640x360']
PIP = ['0,0,1280x720', '944,16,320x180', '944,208,320x180', '944,400,320x180']
ODD = ['0,0,854x480', '854,0,426x240', '854,240,426x240', '854,480,426x240']


def overlays(places, background):
    """An ffmpeg graph: scale each input to its place, lay one over the other."""
    parts, last, first = [], '0:v', 1
    if background:
        parts, last, first = ['color=black:s=1280x720:r=30,format=yuv420p[bg]'], 'bg', 0
    for i in range(first, 4):
        x, y, size = places[i].split(',')
        parts.append(f'[{i}:v]scale={size.replace("x", ":")}:flags=bilinear[s{i}]')
        parts.append(f'[{last}][s{i}]overlay={x}:{y}:shortest=1:format=yuv420[o{i}]')
        last = f'o{i}'
    return ';'.join(parts), f'[{last}]'


def stack(places):
    parts = []
    for i, place in enumerate(places):
        parts.append(f'[{i}:v]scale={place.split(",")[2].replace("x", ":")}:flags=bilinear[s{i}]')
    layout = '|'.join('_'.join(p.split(',')[:2]) for p in places)
    return ';'.join(parts) + f';[s0][s1][s2][s3]xstack=inputs=4:layout={layout}:fill=black[o]', '[o]'


# name, places, ffmpeg graph, goal: a ratio, or milliseconds
ROWS = [
    ('2x2 grid vs xstack', GRID, stack(GRID), 0.2),
    ('2x2 grid vs overlay chain', GRID, overlays(GRID, True), 0.1),
    ('picture in picture vs overlay chain', PIP, overlays(PIP, False), 0.1),
    ('854x480 + 3x 426x240 vs xstack, ms', ODD, stack(ODD), '<= 0.5 ms'),
]


def make_inputs(folder):
    """Noise over a slow pan, so that nothing is flat; 20 pictures each, read round and round."""
    files = []
    for i, (w, h) in enumerate([LARGE] + [SMALL] * 3):
        path = os.path.join(folder, f'{i}.yuv')
        subprocess.run(['ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', f'testsrc2=s={w}x{h}:r=30,noise=alls=8:allf=t',
                        '-frames:v', str(FILE_FRAMES), '-pix_fmt', 'yuv420p', '-f', 'rawvideo', path], check=True)
        files.append((path, w, h))
    return files


def cpu_of(command):
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit(f'{" ".join(command)} failed: exit {p.returncode}')
    return usage.ru_utime + usage.ru_stime


def peer(files, graph):
    command = ['ffmpeg', '-v', 'error', '-nostdin', '-threads', '1', '-filter_threads', '1', '-filter_complex_threads', '1']
    for path, w, h in files:
        command += ['-stream_loop', '-1', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', f'{w}x{h}', '-r', '30', '-i', path]
    if graph:
        command += ['-filter_complex', graph[0], '-map', graph[1]]
    else:
        command += [word for i in range(4) for word in ('-map', f'{i}:v')]
    return cpu_of(command + ['-frames:v', str(PEER_FRAMES), '-f', 'null', '-']) * 1000 / PEER_FRAMES


def ours(program, files, places, overlay='none'):
    command = [program, str(OUR_FRAMES), overlay, '1280x720']
    for (path, w, h), place in zip(files, places):
        command += [path, f'{w}x{h}', place]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def measure(program, files, rounds):
    names = [r[0] for r in ROWS]
    ours_ms, peer_ms, written = {n: [] for n in names}, {n: [] for n in names}, []
    for _ in range(rounds):
        reading = peer(files, None)
        for name, places, graph, _goal in ROWS:
            ours_ms[name].append(ours(program, files, places))
            peer_ms[name].append(peer(files, graph) - reading)
        plain = ours(program, files, GRID)
        written.append(ours(program, files, GRID, 'all') - plain)
    rows = []
    for name, _places, _graph, goal in ROWS:
        a, b = statistics.median(ours_ms[name]), statistics.median(peer_ms[name])
        ratio = statistics.median(x / y for x, y in zip(ours_ms[name], peer_ms[name]))
        rows.append({'name': name, 'ours': a, 'peer': b, 'ratio': ratio, 'goal': goal,
                     'ok': a <= 0.5 if isinstance(goal, str) else ratio <= goal})
    cost = statistics.median(written)
    rows.append({'name': 'clock + text + watermark on top, ms', 'ours': cost, 'peer': None, 'ratio': None,
                 'goal': '<= 0.1 ms', 'ok': cost <= 0.1})
    return rows


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=5)
    a = a.parse_args()
    program = os.path.join(a.build_dir, 'tests', 'bench', 'bench_compose')
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        rows = measure(program, make_inputs(folder), a.rounds)
    print(f'{"":38} {"ours ms":>9} {"ffmpeg ms":>10} {"ratio":>7}  goal', file=sys.stderr)
    for r in rows:
        peer_ms, ratio = ('-' if r[k] is None else f'{r[k]:.3f}' for k in ('peer', 'ratio'))
        print(f'{r["name"]:38} {r["ours"]:9.3f} {peer_ms:>10} {ratio:>7}  {r["goal"]}{"" if r["ok"] else "  MISSED"}',
              file=sys.stderr)
    if a.json:
        with open(a.json, 'w') as f:
            json.dump({'goal': 'G8', 'rows': rows}, f, indent=1)


main()
