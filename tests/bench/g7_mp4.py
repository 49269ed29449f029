#!/usr/bin/python3
"""G7: the crash-safe recording, by its writer's process, against libavformat's plain mp4 muxer, in turn; CPU of the muxing
alone, of both processes. The peer does not hash, so the floor of whoever does is measured beside it: the peer, and SHA-256
of the same bytes. And how long the finish takes by length, and how much kill -9 costs.

g7_mp4.py BUILD_DIR [--json OUT] [--rounds N] [--kills N]"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

MINUTES_20, PICTURE_BYTES = 1200, 8200  # 20 min of 720p30 with sound: 320 MB, as in performance.md


def run(program, kind, path, seconds, picture_bytes):
    out = subprocess.run([program, kind, path, str(seconds), str(picture_bytes)], check=True, stdout=subprocess.PIPE).stdout
    size = os.path.getsize(path) if kind != 'hash' else 0
    if size:
        os.unlink(path)
    return json.loads(out), size


def mux_cost(program, folder, rounds):
    path = os.path.join(folder, 'mux.mp4')
    cpu, size = {'writer': [], 'ours': [], 'plain': [], 'floor': [], 'hash': []}, {}
    for _ in range(rounds):
        for kind, values in cpu.items():
            result, size[kind] = run(program, kind, path, MINUTES_20, PICTURE_BYTES)
            values.append(result['cpu_s'])

    def row(name, values, goal):
        ratio = statistics.median(a / b for a, b in zip(values, cpu['plain']))
        return {'name': name, 'ours': statistics.median(values), 'peer': statistics.median(cpu['plain']), 'ratio': ratio,
                'goal': goal or '-', 'ok': not goal or ratio <= goal}

    larger = size['writer'] / size['plain']
    return [row('20 min 720p30 + AAC, CPU s vs plain mp4', cpu['writer'], 1.5),
            row('floor: plain mp4 and SHA-256 of the same bytes', cpu['floor'], None),
            row('of that, SHA-256', cpu['hash'], None),
            row('without SHA-256', [a - b for a, b in zip(cpu['writer'], cpu['hash'])], 1.5),
            row('in one process, with SHA-256', cpu['ours'], None),
            {'name': 'the same, size in MB', 'ours': size['writer'] / 1e6, 'peer': size['plain'] / 1e6, 'ratio': larger,
             'goal': 1.01, 'ok': larger <= 1.01}]


def finish_time(program, folder, rounds):
    rows = []
    for name, seconds in (('1 min', 60), ('1 h', 3600), ('4 h', 14400)):
        results = [run(program, 'writer', os.path.join(folder, 'finish.mp4'), seconds, 400)[0] for _ in range(rounds)]
        close_ms = statistics.median(r['close_ms'] for r in results)
        rows.append({'name': f'finish of {name}, ms ({results[0]["close_bytes"] / 1e6:.2f} MB written)', 'ours': close_ms,
                     'peer': None, 'ratio': None, 'goal': '<= 300 ms', 'ok': close_ms <= 300})
    return rows


def kill(build_dir, kills):
    script = os.path.join(os.path.dirname(__file__), '..', 'pipeline', 'kill9.py')
    out = subprocess.run([sys.executable, script, os.path.join(build_dir, 'tests', 'pipeline', 'mp4_writer'), str(kills)],
                         stdout=subprocess.PIPE, text=True).stdout
    bad, most = re.search(r'# \d+ kills, (\d+) bad, most lost (-?[\d.]+) s', out).groups()
    return [{'name': f'{kills} kill -9: most lost, s', 'ours': float(most), 'peer': None, 'ratio': None,
             'goal': '<= 0.5 s', 'ok': float(most) <= 0.5},
            {'name': f'{kills} kill -9: files with a decode error', 'ours': int(bad), 'peer': None, 'ratio': None,
             'goal': '0', 'ok': bad == '0'}]


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=5)
    a.add_argument('--kills', type=int, default=12)
    a = a.parse_args()
    program = os.path.join(a.build_dir, 'tests', 'bench', 'bench_mp4')
    with tempfile.TemporaryDirectory() as folder:
        rows = mux_cost(program, folder, a.rounds) + finish_time(program, folder, 3)
    rows += kill(a.build_dir, a.kills)
    for r in rows:
        peer, ratio = ('-' if r[k] is None else f'{r[k]:.3f}' for k in ('peer', 'ratio'))
        print(f'{r["name"]:46} {r["ours"]:9.3f} {peer:>9} {ratio:>7}  {r["goal"]}{"" if r["ok"] else "  MISSED"}',
              file=sys.stderr)
    if a.json:
        with open(a.json, 'w') as f:
            json.dump({'goal': 'G7', 'rows': rows}, f, indent=1)


main()
