#!/usr/bin/env python3
"""No false alarm: good recordings of many lengths and shapes (good_files.c) are whole, and say what they are; and what is then
done to some of them is found and named. 1,000 for a proof, a few in CI.

false_alarms.py DESKHAND GOOD_FILES [N]         prints TAP, and the sums as JSON on stderr
"""
import collections
import copy
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from chain import FRAGMENT, Recording

PROGRAM, MAKER = map(os.path.abspath, sys.argv[1:3])
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
BATCH = 50
TAMPERED_OF_BATCH = 4
FRAGMENTS_MIN = 4

seed = random.randrange(1 << 24)
rng = random.Random(seed)
folder = tempfile.mkdtemp(prefix='dh-alarms-', dir=os.environ.get('TMPDIR', '/tmp'))
ENV = dict(os.environ, HOME=folder, XDG_STATE_HOME=folder, XDG_RUNTIME_DIR=folder, DESKHAND_POLICY_DIRS=f'{folder}/none')
KEYS = f'{folder}/deskhand'
os.mkdir(KEYS, 0o700)


def verify(*paths):
    done = subprocess.run([PROGRAM, 'verify', *paths, '--json'], env=ENV, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def parts(path, count):
    return [path] + [f'{path[:-4]}_{n:03}.mp4' for n in range(2, count + 1)]


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


# ---- what is done to a file: each gets the recording in pieces and returns the new bytes; what the fault may be called ----

def some_fragment(r):
    """Not the first, which settles the head, and not the last two."""
    at = [n for n, link in enumerate(r.links) if link.kind == FRAGMENT]
    return rng.choice(at[1:-2])


def flip_any_bit(r):
    data = bytearray(r.data())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def flip_media(r):
    region = r.links[some_fragment(r)].region
    region[rng.randrange(len(region) // 2, len(region))] ^= 1 << rng.randrange(8)
    return r.data()


def flip_time_in_link(r):
    r.links[some_fragment(r)].box[rng.randrange(96, 112)] ^= 1
    return r.data()


def relink(r):
    n = some_fragment(r)
    r.links[n].region[-10] ^= 1
    r.links[n].remake(n, r.links[n - 1].head)
    return r.data()


def remove_fragment(r):
    n = some_fragment(r)
    del r.links[n:n + rng.randrange(1, 3)]
    r.fit_head()
    return r.data()


def remove_bytes(r):
    del r.links[some_fragment(r)].region[-24:-16]
    return r.data()


def insert_copy(r):
    n = some_fragment(r)
    r.links.insert(n + 1, copy.deepcopy(r.links[n]))
    return r.data()


def insert_box(r):
    r.links[some_fragment(r)].region[:0] = b'\0\0\0\x10free12345678'
    return r.data()


def append(r):
    return r.data() + b'\0\0\0\x08free'


def exchange(r):
    n = some_fragment(r)
    r.links[n], r.links[n + 1] = r.links[n + 1], r.links[n]
    return r.data()


def truncate(r):
    data = r.data()
    return data[:rng.randrange(len(data) // 3, len(data) - 150)]


def change_head(r):
    r.links[0].region[rng.randrange(60, len(r.links[0].region))] ^= 1
    return r.data()


def change_index(r):
    r.links[-1].region[rng.randrange(len(r.links[-1].region) // 2, len(r.links[-1].region))] ^= 1
    return r.data()


def change_signature(r):
    r.rest[rng.randrange(56, 120)] ^= 1
    return r.data()


def remove_signature(r):
    r.rest = bytearray()
    return r.data()


def change_duration(r):
    link = r.links[some_fragment(r)]
    at = next(at for at in struct.unpack_from('>II', link.box, 144) if at)
    link.region[at + 3] ^= 1
    return r.data()


TAMPERINGS = [
    (flip_any_bit, None), (flip_media, {'changed'}), (flip_time_in_link, {'changed'}), (relink, {'changed'}),
    (change_duration, {'changed'}), (remove_fragment, {'removed'}), (remove_bytes, {'removed', 'changed'}),
    (insert_copy, {'inserted'}), (insert_box, {'inserted'}), (append, {'inserted'}), (exchange, {'reordered'}),
    (truncate, {'truncated', 'signature_wrong'}), (change_head, {'header_changed'}), (change_index, {'index_changed'}),
    (change_signature, {'signature_wrong'}), (remove_signature, {'signature_wrong'}),
]


def tamper_file(path, found, missed):
    with open(path, 'rb') as f:
        data = f.read()
    good = Recording(data)
    if sum(link.kind == FRAGMENT for link in good.links) < FRAGMENTS_MIN:
        return
    for change, faults in TAMPERINGS:
        changed = bytes(change(copy.deepcopy(good)))
        if changed == data:
            continue  # two fragments that are the same in all
        write(path, changed)
        code, report = verify(path)
        is_found = code == 1 and (faults is None or report['fault'] in faults)
        found[change.__name__] += is_found
        if not is_found:
            missed.append((path, change.__name__, code, report.get('fault')))
    write(path, data)


def tamper_files(paths, other, found, missed):
    """One of several is taken away, exchanged for another of them, or for one of another recording."""
    n = rng.randrange(1, len(paths))
    with open(paths[n], 'rb') as f:
        data = f.read()
    os.unlink(paths[n])
    cases = [('segment_missing', verify(paths[0]))]
    if len(paths) > 2:
        with open(paths[n % (len(paths) - 1) + 1], 'rb') as f:
            write(paths[n], f.read())
        cases.append(('segment_swapped', verify(paths[0])))
    with open(other, 'rb') as f:
        write(paths[n], f.read())
    cases.append(('segment_foreign', verify(paths[0])))
    write(paths[n], data)
    for fault, (code, report) in cases:
        is_found = code == 1 and report['fault'] == fault
        found[fault] += is_found
        if not is_found:
            missed.append((paths[0], fault, code, report.get('fault')))


def main():
    alarms, missed, found, shapes, files, ms = [], [], collections.Counter(), collections.Counter(), 0, 0
    for first in range(0, COUNT, BATCH):
        there = f'{folder}/{first}'
        os.mkdir(there)
        done = subprocess.run([MAKER, there, KEYS, str(seed + first), str(min(BATCH, COUNT - first))], check=True,
                              capture_output=True, text=True)
        made = [json.loads(line) for line in done.stdout.splitlines()]
        for g in made:
            code, report = verify(g['path'])
            files += g['files']
            ms += g['length_ms']
            shapes[g['end']] += 1
            known = len(report['segments']) if g['files'] > 1 else 1
            if code != (0 if g['signed'] else 4) or known != g['files']:
                alarms.append((g, code, report['text']))
        signed = [g for g in made if g['signed']]
        for g in rng.sample(signed, min(TAMPERED_OF_BATCH, len(signed))):
            tamper_file(g['path'], found, missed)
        several = [g for g in signed if g['files'] > 1]
        for g in several[:2]:
            other = next(o for o in signed if o is not g)
            tamper_files(parts(g['path'], g['files']), other['path'], found, missed)
        subprocess.run(['rm', '-rf', there], check=True)
    subprocess.run(['rm', '-rf', folder], check=True)
    print(f'1..2\n# seed {seed}: {COUNT} recordings, {files} files, {ms / 1000:.0f} s of media, {dict(shapes)}')
    print(f'{"not ok" if alarms else "ok"} 1 - {len(alarms)} false alarms of {COUNT} {alarms[:3]}')
    print(f'{"not ok" if missed or len(found) < 12 else "ok"} 2 - {sum(found.values())} of {sum(found.values()) + len(missed)} '
          f'tamperings of {len(found)} kinds found and named {missed[:3]}')
    print(json.dumps({'recordings': COUNT, 'alarms': len(alarms), 'missed': len(missed), 'found': found}), file=sys.stderr)
    return 1 if alarms or missed or len(found) < 12 else 0


sys.exit(main())
