#!/usr/bin/env python3
"""kill -9 at random moments of a recording: each file must be read by ffprobe and decoded by ffmpeg without a word of
complaint, end within 0.5 s of the kill, and be finished in place by recovery. Its evidence chain must verify up to its
last link, and after recovery whole, signed and marked as recovered.

kill9.py MP4_WRITER [RUNS] [SEED]        (RUNS 5 unless given; prints TAP)"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

LONGEST_S = 3.0
LOST_S = 0.5


def quiet(command):
    """Run; what it said on stderr, or how it failed. Empty when all is well."""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip() or (f'exit {done.returncode}' if done.returncode else '')


def duration_s(path):
    out = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'json', path],
                         capture_output=True, text=True, check=True).stdout
    return float(json.loads(out)['format']['duration'])


def complaints(path):
    return quiet(['ffprobe', '-v', 'error', '-show_streams', '-show_format', path]).split('\n')[0] or \
        quiet(['ffmpeg', '-v', 'error', '-i', path, '-f', 'null', '-']).split('\n')[0]


def verify(writer, path):
    done = subprocess.run([writer, path, 'verify'], capture_output=True, text=True)
    return done.returncode, done.stdout.strip()


def one_run(writer, path, mode, delay_s):
    """Returns (what is wrong or '', seconds lost)."""
    with subprocess.Popen([writer, path, mode, '60000'], stdout=subprocess.PIPE, text=True) as process:
        start_s = json.loads(process.stdout.readline())['start_us'] / 1e6  # CLOCK_MONOTONIC, as time.monotonic()
        select_until(delay_s)
        os.kill(process.pid, signal.SIGKILL)
        killed_s = time.monotonic()
    wrong = complaints(path)
    lost = killed_s - start_s - duration_s(path)
    if not wrong and lost > LOST_S:
        wrong = f'{lost:.3f} s lost'
    before = duration_s(path)
    code, text = verify(writer, path)
    if not wrong and code != 3:
        wrong = f'the chain after the kill: {code}, {text}'
    wrong = wrong or quiet([writer, path, 'recover']) or complaints(path)
    if not wrong and abs(duration_s(path) - before) > 0.06:  # sound's lead-in counts in a growing file only
        wrong = f'recovery changed the length from {before} to {duration_s(path)}'
    code, text = verify(writer, path)
    if not wrong and (code or not text.startswith('recovered')):
        wrong = f'the chain after recovery: {code}, {text}'
    return wrong, lost


def select_until(delay_s):
    signal.sigtimedwait([], delay_s)


def main():
    writer = sys.argv[1]
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    worst, bad = 0.0, 0
    print(f'1..{runs}')
    with tempfile.TemporaryDirectory() as folder:
        os.environ['KEY_DIR'] = folder
        for n in range(1, runs + 1):
            mode = ['moving', 'still', 'silent'][n % 3]
            delay_s = chance.uniform(0, LONGEST_S)
            path = f'{folder}/{n}.mp4'
            wrong, lost = one_run(writer, path, mode, delay_s)
            worst = max(worst, lost)
            bad += bool(wrong)
            print(f'{"not ok" if wrong else "ok"} {n} - {mode}, killed after {delay_s:.3f} s, lost {lost:.3f} s'
                  + (f': {wrong}' if wrong else ''), flush=True)
            os.unlink(path)
    print(f'# {runs} kills, {bad} bad, most lost {worst:.3f} s')
    return bad > 0


sys.exit(main())
