#!/usr/bin/python3
"""An hour's recording at 720p30 with beauty: camera pattern, X screen, sound of the sound server, by the real agent. Prints frames
lost, the skew of each minute, memory at the start and at the end, CPU. Ends with 1 when something is lost or apart.

hour.py BUILD_DIR [--minutes N] [--keep FILE]"""
import argparse
import shutil
import subprocess
import sys

from flashes import SCREEN, SOUND, Desk, by_minute, missing, report, skews

BEAUTY = {'style': 'natural', 'smooth': 9, 'whiten': 5, 'ruddy': 5, 'sharpen': 3}
CAMERA = {'role': 'camera', 'device': 'pattern:camera'}
# Pictures of two sources stand on the canvas's rhythm, half a period after their capture on the average.
MOST_MS, GROWTH_MB = 20 + 1000 / 30 / 2, 20


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('build_dir')
    a.add_argument('--minutes', type=float, default=60)
    a.add_argument('--keep', help='copy the recording there')
    a = a.parse_args()
    if missing():
        sys.exit(f'no {", ".join(missing())} here')
    with Desk(a.build_dir) as desk:
        path, facts = desk.record([SCREEN, CAMERA, SOUND], a.minutes * 60, BEAUTY)
        verdict = subprocess.run([f'{desk.build}/agent/deskhand', 'verify', path], env=desk.env, capture_output=True, text=True)
        pairs = skews(path)
        if a.keep:
            shutil.copy(path, a.keep)
    print(report(pairs, facts))
    print(verdict.stdout.split('\n')[0])
    apart = [m for m, _, median, _ in by_minute(pairs) if abs(median) > MOST_MS]
    problems = [f'sound and picture are apart in minutes {apart}'] if apart else []
    if len(pairs) < a.minutes * 60 / 0.97 * 0.7 - 4:
        problems.append(f'only {len(pairs)} flashes have their beep')
    if facts['lost_by_encoder'] or facts['lost_by_writer']:
        problems.append('pictures were lost')
    if facts['rss_end_mb'] > facts['rss_start_mb'] + GROWTH_MB:
        problems.append('memory grows')
    if verdict.returncode:
        problems.append('the recording is not whole')
    print('; '.join(problems) or 'good')
    return 1 if problems else 0


sys.exit(main())
