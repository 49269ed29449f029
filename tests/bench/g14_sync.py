#!/usr/bin/python3
"""G14: sound and picture of a recording, by flashes on an X screen and beeps in a sound server that come together; the real
agent records them. Prints the skew of each minute, frames lost, memory and CPU.

g14_sync.py BUILD_DIR [--json OUT] [--minutes N] [--tap]"""
import argparse
import json
import statistics
import sys

from flashes import SCREEN, SOUND, Desk, missing, report, skews

GOAL_MS = 20
TEST_MS = 40  # EBU R37: sound may come so much early; tests run on busy machines


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--minutes', type=float, default=1)
    a.add_argument('--tap', action='store_true', help='as a test: TAP on stdout')
    a = a.parse_args()
    if missing():
        print(f'1..0 # SKIP no {", ".join(missing())} here' if a.tap else f'no {", ".join(missing())} here')
        return 0 if a.tap else 1
    seconds = a.minutes * 60
    with Desk(a.build_dir) as desk:
        path, facts = desk.record([SCREEN, SOUND], seconds)
        pairs = skews(path)
    values = [ms for _, ms in pairs]
    print('\n'.join('# ' + line for line in report(pairs, facts).split('\n')), file=sys.stdout if a.tap else sys.stderr)
    median, worst = statistics.median(values or [999]), max(values or [999], key=abs)
    lost = facts['lost_by_encoder'] + facts['lost_by_writer']
    if a.tap:
        # a single picture may be late on a busy machine; the clocks are not
        checks = [(len(values) >= seconds / 2, 'flashes have their beeps'), (abs(median) <= TEST_MS, 'sound fits the picture'),
                  (lost == 0, 'nothing is lost')]
        print(f'1..{len(checks)}')
        for i, (is_good, name) in enumerate(checks):
            print(f'{"ok" if is_good else "not ok"} {i + 1} - {name}')
        return 0 if all(is_good for is_good, _ in checks) else 1
    rows = [{'name': f'sound against picture, {a.minutes:g} min, farthest, ms', 'ours': abs(worst), 'goal': GOAL_MS,
             'ok': bool(values) and abs(worst) <= GOAL_MS},
            {'name': 'the same, median, ms', 'ours': abs(median), 'goal': GOAL_MS, 'ok': bool(values) and abs(median) <= GOAL_MS},
            {'name': 'frames lost', 'ours': lost, 'goal': 0, 'ok': lost == 0}]
    if a.json:
        with open(a.json, 'w') as f:
            json.dump({'goal': 'G14', 'rows': rows}, f, indent=1)
    return 0 if all(r['ok'] for r in rows) else 1


sys.exit(main())
