#!/usr/bin/env python3
"""Run every tests/bench/g*.py in turn, print one table, write one JSON file.

Each bench is called with BUILD_DIR --json OUT and writes {"goal": "G1", "rows": [{"name", "ours", "peer", "ratio",
"goal", "ok"}]}; it prints its own details on stderr."""
import argparse
import glob
import json
import os
import platform
import subprocess
import sys
import tempfile


def one(bench, build_dir):
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        p = subprocess.run(['/usr/bin/python3', bench, build_dir, '--json', out.name], stdout=sys.stderr)
        text = open(out.name).read()
    results = json.loads(text) if text.strip() else []
    results = results if isinstance(results, list) else [results]
    if p.returncode and not results:
        results = [{'goal': os.path.basename(bench)[:-3], 'rows': [{'name': f'did not run (exit {p.returncode})', 'ok': False}]}]
    return results


def cell(value):
    if isinstance(value, float):
        return f'{value:.4g}'
    return '-' if value is None else str(value)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('build_dir')
    a.add_argument('--json', default='bench.json')
    a.add_argument('names', nargs='*')
    a = a.parse_intermixed_args()
    benches = [b for b in sorted(glob.glob('tests/bench/g[0-9]*.py')) if not a.names or any(n in b for n in a.names)]
    results = [r for b in benches for r in one(b, a.build_dir)]
    columns = ('goal', 'name', 'ours', 'peer', 'ratio', 'goal_value', 'ok')
    table = [columns] + [tuple(cell(v) for v in (r['goal'], row['name'], row.get('ours'), row.get('peer'), row.get('ratio'),
                                                 row.get('goal'), 'yes' if row.get('ok') else 'NO'))
                         for r in results for row in r['rows']]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    for row in table:
        print('  '.join(c.ljust(w) for c, w in zip(row, widths)).rstrip())
    machine = {'processor': platform.processor() or platform.machine(), 'cores': os.cpu_count(), 'load': os.getloadavg()}
    with open(a.json, 'w') as f:
        json.dump({'machine': machine, 'goals': results}, f, indent=1)
    print(f'written to {a.json}')


main()
