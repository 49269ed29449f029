#!/usr/bin/env python3
"""Power cuts: from a journal of a writer's calls (tests/tools/power_cut.c) the files that a disk may hold after one, at random
moments: what the last finished sync covers is there, and of each later write any of its pages, in any order; before its folder was
synced, there is no file. Recovery must make each one playable, with a whole chain, and lose at most 1 s of what had been written before the cut.

power_cut.py MP4_WRITER PRELOAD [IMAGES] [SEED]        (IMAGES 30 unless given; prints TAP)"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

PAGE = 4096
LOST_S = 1.0
SECONDS = 4


def journal(path):
    """The calls in order: (kind, time in s, at or size, bytes)."""
    calls = []
    with open(path, 'rb') as f:
        while head := f.read(32):
            kind, us, a, b = struct.unpack('=4Q', head)
            calls.append((chr(kind), us / 1e6, a, f.read(b) if chr(kind) == 'W' else b''))
    return calls


def synced_before(calls, cut):
    """How many calls the last finished sync covers: those before its beginning."""
    covered = begun = 0
    for n, (kind, _, _, _) in enumerate(calls[:cut]):
        begun = n if kind == 'S' else begun
        covered = begun if kind == 'D' else covered
    return covered


def named_at(calls):
    """The call after which the file has its name on the disk: the folder's sync after the first write; the key's was before."""
    written = next(n for n, c in enumerate(calls) if c[0] == 'W')
    return next((n for n, c in enumerate(calls) if n > written and c[0] == 'N'), len(calls))


def apply(image, call, chance=None):
    """Do a call to the image; with chance, a page of it at a time and perhaps."""
    kind, _, at, data = call
    if kind == 'T' and (not chance or chance.random() < 0.5):
        del image[at:]
        image.extend(bytes(at - len(image)))
    while kind == 'W' and data:
        n = min(PAGE - at % PAGE, len(data))
        if not chance or chance.random() < 0.5:
            image.extend(bytes(max(0, at + n - len(image))))
            image[at:at + n] = data[:n]
        at, data = at + n, data[n:]


def image_after(calls, cut, chance):
    image = bytearray()
    covered = synced_before(calls, cut)
    for call in calls[:covered]:
        apply(image, call)
    for call in calls[covered:cut]:
        apply(image, call, chance)
    return bytes(image), calls[covered][1] if covered else None


def duration_s(path):
    p = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'json', path], capture_output=True,
                       text=True)
    return (float(json.loads(p.stdout)['format']['duration']), p.stderr.strip()) if not p.returncode else (0, p.stderr or 'exit')


def judge(writer, path, written_s):
    """What is wrong with the file once recovered, and how much of what had been written is lost."""
    done = subprocess.run([writer, path, 'recover'], capture_output=True, text=True)
    if done.returncode:
        is_young = 'nothing was recorded yet' in done.stderr and written_s < 0  # the head alone is on the disk
        return '' if is_young else f'recovery: {done.stderr}', written_s
    length, said = duration_s(path)
    verdict = subprocess.run([writer, path, 'verify'], capture_output=True, text=True)
    if not said and verdict.returncode:
        said = f'the chain: {verdict.returncode}, {verdict.stdout}'
    played = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-f', 'null', '-'], capture_output=True, text=True)
    lost = written_s - length
    return said or played.stderr.strip() or (f'{lost:.3f} s lost' if lost > LOST_S else ''), lost


def main():
    writer, preload = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else None)
    worst, bad = 0.0, 0
    print(f'1..{count}')
    with tempfile.TemporaryDirectory() as folder:
        os.environ['KEY_DIR'] = folder
        env = dict(os.environ, LD_PRELOAD=os.environ.get('LD_PRELOAD', '') + ' ' + preload, POWER_CUT_LOG=f'{folder}/log')
        said = subprocess.run([writer, f'{folder}/whole.mp4', 'moving', str(SECONDS * 1000)], env=env, stdout=subprocess.PIPE,
                              text=True, check=True).stdout
        start_s = json.loads(said.splitlines()[0])['start_us'] / 1e6
        calls = journal(f'{folder}/log')
        first_sync = [n for n, c in enumerate(calls) if c[0] == 'D'][0]
        path = f'{folder}/cut.mp4'
        for n in range(1, count + 1):
            cut = chance.randint(first_sync + 1, len(calls))
            image, synced_s = image_after(calls, cut, chance)
            has_name = cut > named_at(calls)
            with open(path, 'wb') as f:
                f.write(image)
            # a fragment holds 0.4 s at most, so that much before a write is not written yet
            written_s = min(calls[cut - 1][1] - start_s, SECONDS) - 0.4
            wrong, lost = judge(writer, path, written_s) if has_name else \
                (f'no file, {written_s:.3f} s lost' if written_s > LOST_S else '', written_s)
            worst, bad = max(worst, lost), bad + bool(wrong)
            print(f'{"not ok" if wrong else "ok"} {n} - cut at call {cut} of {len(calls)}, '
                  f'{calls[cut - 1][1] - synced_s:.3f} s after the sync, lost {lost:.3f} s' + (f': {wrong}' if wrong else ''),
                  flush=True)
    print(f'# {count} power cuts, {bad} bad, most lost {worst:.3f} s of what was written')
    return bad > 0


sys.exit(main())
