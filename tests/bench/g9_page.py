#!/usr/bin/python3
"""G9: 1000 calls from a page in Chromium through extension, host and agent and back; medians over the rounds.

g9_page.py BUILD_DIR [--json OUT] [--rounds N]"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

from calls import TOP, arguments, finish, prepare, row

GOALS = {('extension', 'p50_ms'): 1.0, ('extension', 'p99_ms'): 10.0}
NAMES = {'extension': 'page -> extension -> agent -> page', 'content_script': 'the same by the content script',
         'websocket': 'page -> WebSocket -> agent -> page'}


def run(build_dir):
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, 'latency.json')
        env = dict(os.environ, LATENCY_JSON=out, DESKHAND=os.path.abspath(f'{build_dir}/agent/deskhand'))
        subprocess.run(['node', '--test', '--test-name-pattern=1000 calls', 'tests/e2e/chromium.test.mjs'], cwd=TOP, env=env,
                       stdout=sys.stderr, check=True, timeout=180)
        with open(out, encoding='utf-8') as f:
            return json.load(f)


def main():
    a = arguments(__doc__)
    prepare()
    runs = [run(a.build_dir) for _ in range(a.rounds)]
    rows = []
    for road, name in NAMES.items():
        for what in ('p50_ms', 'p99_ms'):
            value, goal = statistics.median(r[road][what] for r in runs), GOALS.get((road, what))
            rows.append(row(f'{name}, {what[:3]} of 1000, ms', value, None, f'<= {goal:g} ms' if goal else 'told only',
                            value <= goal if goal else True, digits=3))
    finish('G9', rows, a.json)


main()
