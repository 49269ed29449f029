#!/usr/bin/python3
"""G13: what a further peer costs the sender: CPU of one agent with 1, 2 and 4 others on this machine, one encode for all.

g13_fanout.py BUILD_DIR [--json OUT] [--rounds N]"""
import json
import os
import statistics
import subprocess
import sys

from calls import TOP, arguments, finish, prepare, row


def measure(build_dir):
    env = dict(os.environ, BUILD_DIR=os.path.abspath(build_dir))
    p = subprocess.run(['node', 'tests/bench/fanout_bench.mjs'], cwd=TOP, env=env, stdout=subprocess.PIPE, check=True, timeout=300,
                       text=True)
    out = json.loads(p.stdout.splitlines()[-1])
    print(json.dumps(out), file=sys.stderr)
    return out


def main():
    a = arguments(__doc__)
    prepare()
    runs = [measure(a.build_dir) for _ in range(a.rounds)]
    cost = statistics.median((r['4'] - r['1']) / 3 for r in runs)
    one = statistics.median(r['1'] for r in runs)
    finish('G13', [row('CPU of a sender with one peer (720p30 and sound), % of a core', one, None, 'told only', True),
                   row('a further peer, % of a core', cost, None, '<= 2 %', cost <= 2)], a.json)


main()
