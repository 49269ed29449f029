#!/usr/bin/python3
"""G6: fetching the screen and making it I420, alone, against ffmpeg's x11grab with swscale.

g6_x11.py BUILD_DIR [--json OUT] [--rounds N] [--seconds S]

Each round measures the idle server, ours and ffmpeg in turn on the same desktop. A number is the CPU of the program
plus what the X server uses more than when nobody looks, in seconds a second; ratios are medians of the rounds."""
import argparse
import json
import statistics
import sys

import desktop

GOAL = 0.35


def compare(kind, build_dir, rounds, seconds):
    ours, peer = [], []
    run_source = f'{build_dir}/tests/tools/run_source'
    with desktop.Desktop(kind, build_dir) as d:
        w, h = desktop.SIZE
        commands = {
            'idle': None,
            'ours': [run_source, 'x11', 'desktop', '0', '0', '30', str(seconds)],
            'peer': ['ffmpeg', '-v', 'error', '-f', 'x11grab', '-framerate', '30', '-video_size', f'{w}x{h}', '-i', d.display,
                     '-t', str(seconds), '-pix_fmt', 'yuv420p', '-f', 'null', '-'],
        }
        for _ in range(rounds):
            got = {name: desktop.measure(d, argv, seconds) for name, argv in commands.items()}
            idle = got['idle'][1]
            ours.append(got['ours'][0] + max(0, got['ours'][1] - idle))
            peer.append(got['peer'][0] + max(0, got['peer'][1] - idle))
            print(f'{kind}: ours {got["ours"][0]:.3f}+{got["ours"][1] - idle:.3f}, ffmpeg {got["peer"][0]:.3f}+'
                  f'{got["peer"][1] - idle:.3f}, server alone {idle:.3f} CPU s/s', file=sys.stderr)
    return statistics.median(ours), statistics.median(peer), statistics.median(o / p for o, p in zip(ours, peer))


def main():
    a = argparse.ArgumentParser()
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=5)
    a.add_argument('--seconds', type=float, default=5)
    a = a.parse_args()
    rows = []
    for kind in reversed(desktop.KINDS):
        ours, peer, ratio = compare(kind, a.build_dir, a.rounds, a.seconds)
        rows.append({'name': f'fetch and convert 1080p, {kind}, CPU s/s', 'ours': ours, 'peer': peer, 'ratio': ratio,
                     'goal': GOAL, 'ok': ratio <= GOAL})
    result = {'goal': 'G6', 'rows': rows}
    if a.json:
        with open(a.json, 'w') as f:
            json.dump(result, f, indent=1)
    print(json.dumps(result))


main()
