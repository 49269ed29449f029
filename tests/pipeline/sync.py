#!/usr/bin/env python3
"""Sound and picture fit: the pattern's pictures say the agent's time, the tone source beeps at each of its seconds, and
both are read back from the recording. sync.py ROAD_RECORD READ_PATTERN ENCODER MILLISECONDS DRIFT_PPM"""
import json
import statistics
import struct
import subprocess
import sys
import tempfile

recorder, reader, encoder, milliseconds, ppm = sys.argv[1:6]
MOST_US = 20000  # half of what anybody notices
print('1..3')
tone = json.dumps({'beep': True, 'level_db': -6, 'frequency_hz': 1000, 'drift_ppm': float(ppm)})
with tempfile.TemporaryDirectory() as folder:
    path = f'{folder}/sync.mp4'
    subprocess.run([recorder, path, milliseconds, encoder, '', tone], check=True, stdout=subprocess.DEVNULL)
    lines = subprocess.run([reader, path], check=True, capture_output=True, text=True).stdout.splitlines()
    sound = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-map', '0:a', '-af', 'aresample=async=1:first_pts=0',
                            '-ac', '1', '-ar', '48000', '-f', 'f32le', '-'], check=True, capture_output=True).stdout
pictures = [p for p in map(json.loads, lines) if p.get('number') is not None]
offset_us = statistics.median(p['time_us'] - p['pts_us'] for p in pictures)  # file time of the agent's time 0
samples = struct.unpack(f'<{len(sound) // 4}f', sound)

beeps, quiet = [], 0
for i, value in enumerate(samples):
    if abs(value) > 0.2:
        if quiet > 9600:  # 0.2 s of silence before: this is a beginning
            beeps.append(i / 0.048)
        quiet = 0
    elif abs(value) < 0.01:
        quiet += 1

skews = [(t - offset_us + 500000) % 1000000 - 500000 for t in beeps]
print('# pictures', len(pictures), 'sound_s', round(len(samples) / 48000, 2), 'skews_us', [round(s) for s in skews])


def check(number, name, is_true):
    print(f'{"ok" if is_true else "not ok"} {number} - {name}')
    return is_true


good = [check(1, 'beeps are there', len(beeps) >= int(milliseconds) // 1000 - 1),
        check(2, 'sound fits the picture', skews and max(map(abs, skews)) < MOST_US),
        check(3, 'and does not move away', skews and max(skews) - min(skews) < 2000)]
sys.exit(0 if all(good) else 1)
