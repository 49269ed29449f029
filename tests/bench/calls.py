"""Shared by g9_page and g11 to g13, which run Node: their options, rows and JSON; runs call_bench.mjs and reads what it says."""
import argparse
import json
import os
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments(doc):
    a = argparse.ArgumentParser(description=doc.splitlines()[0])
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=3)
    return a.parse_args()


def prepare():
    if not os.path.exists(f'{TOP}/tests/node_modules/.package-lock.json'):
        subprocess.run(['npm', 'ci', '--prefix', 'tests', '--no-audit', '--no-fund', '--ignore-scripts'], cwd=TOP,
                       stdout=sys.stderr, check=True)


def call(build_dir, sender, receiver, scenario):
    """The seconds of one call: [{frames, age_ms, freezes, queue_ms, kbps}]."""
    env = dict(os.environ, BUILD_DIR=os.path.abspath(build_dir))
    p = subprocess.run(['node', 'tests/bench/call_bench.mjs', sender, receiver, scenario], cwd=TOP, env=env,
                       stdout=subprocess.PIPE, check=True, timeout=180, text=True)
    seconds = json.loads(p.stdout.splitlines()[-1])['seconds']
    print(f'{sender} -> {receiver}, {scenario}: ' + ' '.join(
        f"{s['frames']}" + (f"/{s['kbps']}k/{s['queue_ms']}ms" if s['kbps'] is not None else '') +
        (f"/{s['age_ms']:.0f}" if s['age_ms'] is not None else '') for s in seconds), file=sys.stderr)
    return seconds


def interleaved(build_dir, calls, scenario, rounds):
    """Each call once a round, in turn: [runs of the first], [runs of the second], ..."""
    runs = [[] for _ in calls]
    for _ in range(rounds):
        for i, (sender, receiver) in enumerate(calls):
            runs[i].append(call(build_dir, sender, receiver, scenario))
    return runs


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def row(name, ours, peer, goal, ok, digits=1):
    r = lambda v: None if v is None else round(v, digits)
    return {'name': name, 'ours': r(ours), 'peer': r(peer), 'ratio': r(ours / peer) if peer and ours is not None else None,
            'goal': goal, 'ok': bool(ok)}


def finish(goal, rows, path):
    for r in rows:
        print(f"{r['name']:66} {r['ours']!s:>9} {r['peer']!s:>9}  {r['goal']:16} {'ok' if r['ok'] else 'MISSED'}", file=sys.stderr)
    if path:
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'goal': goal, 'rows': rows}, f, indent=1)
