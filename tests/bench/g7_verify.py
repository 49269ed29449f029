#!/usr/bin/python3
"""G7: deskhand verify against sha256sum on the same recording of 1 GB, in turn; both from the page cache.

g7_verify.py BUILD_DIR [--json OUT] [--rounds N]"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SECONDS, PICTURE_BYTES = 3750, 8600  # about an hour of 720p30 with sound


def timed(command, expected):
    before, start = os.times(), time.monotonic()
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    wall, after = time.monotonic() - start, os.times()
    if code != expected:
        sys.exit(f'{command}: exit {code}, not {expected}')
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def row(name, ours, peer, goal):
    ratio = statistics.median(p / o for o, p in zip(ours, peer))  # of speeds
    return {'name': name, 'ours': statistics.median(ours), 'peer': statistics.median(peer), 'ratio': ratio, 'goal': goal,
            'ok': ratio >= goal}


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=5)
    a = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'rec.mp4')
        subprocess.run([os.path.join(a.build_dir, 'tests', 'bench', 'bench_mp4'), 'ours', path, str(SECONDS), str(PICTURE_BYTES)],
                       check=True, stdout=subprocess.DEVNULL)
        size = os.path.getsize(path) / 1e6
        verify = [os.path.join(a.build_dir, 'agent', 'deskhand'), 'verify', path]
        times = {'ours': [], 'peer': []}
        timed(['sha256sum', path], 0)  # into the page cache
        for _ in range(a.rounds):
            times['ours'].append(timed(verify, 4))  # whole; nobody signed it
            times['peer'].append(timed(['sha256sum', path], 0))
    rows = [row(f'verify {size:.0f} MB, s (ratio of speeds)', *([t[0] for t in times[k]] for k in ('ours', 'peer')), 0.8),
            row('the same, CPU s', *([t[1] for t in times[k]] for k in ('ours', 'peer')), 0.8)]
    for r in rows:
        print(f'{r["name"]:46} {r["ours"]:9.3f} {r["peer"]:9.3f} {r["ratio"]:7.3f}  >= {r["goal"]}{"" if r["ok"] else "  MISSED"}',
              file=sys.stderr)
    if a.json:
        with open(a.json, 'w') as f:
            json.dump({'goal': 'G7', 'rows': rows}, f, indent=1)


main()
