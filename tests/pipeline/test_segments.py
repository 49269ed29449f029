#!/usr/bin/env python3
"""Recordings in several files: each plays alone, none of the media is lost or doubled between them, and deskhand verify names
a segment that is missing, swapped, foreign, cut off or changed.

test_segments.py DESKHAND MP4_WRITER        (prints TAP)"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'protocol'))
from chapters import chapters  # noqa: E402
from wire import Tap  # noqa: E402

DESKHAND, WRITER = map(os.path.abspath, sys.argv[1:3])
tap = Tap()
folder = tempfile.mkdtemp(prefix='dh-segments-')
STATE = f'{folder}/state/deskhand'
os.makedirs(STATE, 0o700)
os.mkdir(f'{folder}/policy', 0o755)
ENV = {**os.environ, 'KEY_DIR': STATE, 'XDG_STATE_HOME': f'{folder}/state', 'DESKHAND_POLICY_DIRS': f'{folder}/policy',
       'SEGMENT_S': '1', 'MARK_MS': '170'}


marks = {}  # by recording


def record(name, mode, ms):
    """The writer's reports: what each segment was, and the sums."""
    os.makedirs(f'{folder}/{name}', exist_ok=True)
    env = {**ENV, 'CLAIM': f'recording={name}'}
    done = subprocess.run([WRITER, f'{folder}/{name}/a.mp4', mode, str(ms)], env=env, check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    marks[name] = [(line['media_us'], line['marker']) for line in lines if 'marker' in line]
    return [line for line in lines if line.get('is_over')], lines[-1]


def paths(name, over):
    return [f'{folder}/{name}/{g["name"]}' for g in over]


def verify(*files):
    done = subprocess.run([DESKHAND, 'verify', *files, '--json'], env=ENV, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def probe(path, *what):
    done = subprocess.run(['ffprobe', '-v', 'error', '-of', 'json', *what, path], check=True, capture_output=True, text=True)
    tap.equal(done.stderr, '', path)
    return json.loads(done.stdout)


def packets(path, kind):
    got = probe(path, '-show_packets', '-show_data_hash', 'md5', '-select_streams', kind)['packets']
    return [p['data_hash'] for p in got], [p['flags'] for p in got]


def joined(lists):
    """One behind the other, what the next begins with again taken once; and how much that was."""
    whole, again = list(lists[0]), []
    for more in lists[1:]:
        n = next((k for k in (3, 2, 1) if whole[-k:] == more[:k]), 0)
        again.append(n)
        whole += more[n:]
    return whole, again


over, sums = record('good', 'moving', 3400)
good = paths('good', over)


def nothing_is_lost():
    """each file plays alone; pictures are in one of them each, sound too but for what leads the decoder in"""
    tap.equal([g['segment'] for g in over], list(range(1, len(good) + 1)))
    tap.equal([os.path.basename(p) for p in good], ['a.mp4'] + [f'a_{n:03}.mp4' for n in range(2, len(good) + 1)])
    tap.true(len(good) >= 4, f'{len(good)} segments in 3.4 s')
    pictures, sounds = [], []
    for path, g in zip(good, over):
        tap.equal(os.stat(path).st_mode & 0o777, 0o600)
        tap.equal(os.path.getsize(path), g['bytes'])
        hashes, flags = packets(path, 'v')
        tap.true(flags[0].startswith('K'), 'it begins with a key frame')
        tap.equal(len(hashes), g['video_frames'])
        pictures += hashes
        sounds.append(packets(path, 'a')[0])
        streams = {s['codec_type']: s for s in probe(path, '-show_streams')['streams']}
        tap.equal([float(s['start_time']) for s in streams.values()], [0.0, 0.0])
        if path != good[-1]:
            tap.equal(streams['audio']['duration'], streams['video']['duration'], 'sound and pictures end together')
        played = subprocess.run(['ffmpeg', '-v', 'warning', '-i', path, '-f', 'null', '-'], capture_output=True, text=True)
        tap.equal((played.returncode, played.stderr), (0, ''), path)
    tap.equal(len(pictures), sums['video_frames'])
    tap.equal(len(set(pictures)), len(pictures), 'no picture twice')
    whole, again = joined(sounds)
    tap.equal(len(whole), sums['audio_frames'], 'every packet of sound')
    tap.equal(sum(g['audio_frames'] for g in over), sums['audio_frames'])
    tap.true(all(1 <= n <= 2 for n in again), f'one or two packets lead each segment in: {again}')
    tap.equal(sum(g['duration_us'] for g in over), sums['duration_us'])


def markers_are_chapters():
    """each is in the file it falls in, at that file's time; one that comes just after a cut is at the beginning, or at the end"""
    begin_us, told, edges = 0, [], set()
    for path, g in zip(good, over):
        for at_us, title in chapters(path):
            tap.true(at_us <= g['duration_us'], f'{title} in {path}')
            told.append((begin_us + at_us, title))
        edges |= {begin_us, begin_us + g['duration_us']}
        begin_us += g['duration_us']
    tap.equal([title for _, title in told], [title for _, title in marks['good']])
    for (at_us, title), (wanted_us, _) in zip(told, marks['good']):
        tap.true(at_us in edges | {wanted_us}, f'{title}: {at_us}, not {wanted_us}')
    tap.true(sum(t == w for t, w in zip(told, marks['good'])) > len(told) // 2, f'{told}')


def no_sound():
    """pictures alone are cut without waiting; where no key frame comes, the segment goes on"""
    more, total = record('mute', 'mute', 1400)
    tap.equal(len(more), 2)
    tap.equal(sum(g['video_frames'] for g in more), total['video_frames'])
    tap.equal(verify(paths('mute', more)[0])[0], 0)
    more, total = record('still', 'still', 1800)
    tap.equal([g['duration_us'] for g in more], [total['duration_us']])


def whole():
    """the first stands for all; one in the middle says what it is; all in any order"""
    code, report = verify(good[0])
    tap.equal((code, report['verdict'], len(report['segments'])), (0, 'whole', len(good)), report['text'])
    tap.equal(report['video_frames'], sums['video_frames'])
    tap.equal(report['bytes'], sums['bytes'])
    code, report = verify(good[1])
    tap.equal((code, report['segment'], report['previous_file'], report['next_file']), (0, 2, 'a.mp4', 'a_003.mp4'))
    tap.true('part 2' in report['text'], report['text'])
    code, report = verify(*reversed(good))
    tap.equal((code, [s['segment'] for s in report['segments']]), (0, list(range(1, len(good) + 1))))
    head = report['segments'][2]['chain']
    tap.equal(verify(good[0], '--head', f'{head["seq"]}:{head["head"]}')[0], 0, 'a head of the third')
    code, report = verify(good[0], '--head', 'ab' * 32)
    tap.equal((code, report['fault']), (1, 'other_head'))


def tamper(fault, segment, name, change):
    """The recording copied, changed, and asked for by its first file; and by all files where that can tell."""
    there = tempfile.mkdtemp(dir=folder)
    for path in good:
        shutil.copy(path, there)
    change(there)
    code, report = verify(f'{there}/a.mp4')
    tap.equal((code, report.get('fault'), report.get('segment'), report.get('file')), (1, fault, segment, name), report['text'])
    return there


def rename(there, a, b):
    os.rename(f'{there}/{a}', f'{there}/x')
    os.rename(f'{there}/{b}', f'{there}/{a}')
    os.rename(f'{there}/x', f'{there}/{b}')


def flip(path):
    with open(path, 'r+b') as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([byte ^ 1]))


def tampering():
    """missing, swapped, foreign, cut off, changed; each is named"""
    last = os.path.basename(good[-1])
    there = tamper('segment_missing', 2, 'a_002.mp4', lambda d: os.unlink(f'{d}/a_002.mp4'))
    code, report = verify(*[f'{there}/{n}' for n in sorted(os.listdir(there))])
    tap.equal((code, report['fault'], report['segment']), (1, 'segment_missing', 2), 'in a list')
    tamper('segment_missing', len(good), last, lambda d: os.unlink(f'{d}/{last}'))
    tap.equal(verify(*good, good[0])[0], 0, 'one that is named twice')
    code, report = verify(*good[1:])
    tap.equal((code, report['fault'], report['segment']), (1, 'segment_missing', 1), 'the first is not given')
    there = tamper('segment_swapped', 2, 'a_002.mp4', lambda d: rename(d, 'a_002.mp4', 'a_003.mp4'))
    tap.equal(verify(*[f'{there}/{n}' for n in os.listdir(there)])[0], 0, 'renamed only: all of it is there')
    tamper('segment_swapped', 2, 'a_002.mp4', lambda d: shutil.copy(f'{d}/a.mp4', f'{d}/a_002.mp4'))
    other = paths('other', record('other', 'moving', 1400)[0])
    tamper('segment_foreign', 2, 'a_002.mp4', lambda d: shutil.copy(other[1], f'{d}/a_002.mp4'))
    alone = paths('alone', record('alone', 'moving', 700)[0])
    code, report = verify(*alone, *good, *other)
    tap.equal((code, report['verdict'], len(report['segments'])), (0, 'whole', len(alone + good + other)), 'three recordings at once')
    head = report['segments'][1]['chain']['head']
    tap.equal([verify(*alone, *good, '--head', h)[0] for h in (head, 'ab' * 32)], [0, 1])
    code, report = verify(*alone, *good[:2], *good[3:], *other)
    tap.equal((code, report['fault'], report['segment']), (1, 'segment_missing', 3), report['text'])
    code, report = verify(*alone, good[0], other[1], *good[2:])
    tap.equal((code, report['fault']), (1, 'segment_missing'), report['text'])
    tamper('truncated', 3, 'a_003.mp4', lambda d: os.truncate(f'{d}/a_003.mp4', os.path.getsize(good[2]) // 2))
    tamper('changed', 3, 'a_003.mp4', lambda d: flip(f'{d}/a_003.mp4'))
    there = tempfile.mkdtemp(dir=folder)
    for path in good[:2]:
        shutil.copy(path, there)
    open(f'{there}/a_003.mp4', 'wb').close()
    tap.equal(verify(f'{there}/a.mp4')[0], 3, 'a next file without a byte: cut off there')


def killed():
    """the earlier ones are finished, the last is recovered, and all of it is whole"""
    there = f'{folder}/killed'
    os.mkdir(there)
    with subprocess.Popen([WRITER, f'{there}/a.mp4', 'moving', '60000'], env=ENV, stdout=subprocess.PIPE, text=True) as p:
        lines = (json.loads(line) for line in p.stdout)
        next(g for g in lines if g.get('segment') == 3)
        signal.sigtimedwait([], 0.7)
        p.kill()
    code, report = verify(f'{there}/a.mp4')
    tap.equal((code, [s['exit_code'] for s in report['segments']]), (3, [0, 0, 3]), report['text'])
    subprocess.run([WRITER, f'{there}/a_003.mp4', 'recover'], env=ENV, check=True, stdout=subprocess.DEVNULL)
    code, report = verify(f'{there}/a.mp4')
    tap.equal((code, [s['is_recovered'] for s in report['segments']]), (0, [False, False, True]), report['text'])


def names():
    """a name that is taken: another one; it is never written over"""
    os.mkdir(f'{folder}/taken')
    open(f'{folder}/taken/a_002.mp4', 'wb').close()
    more, _ = record('taken', 'moving', 1300)
    tap.equal([g['name'] for g in more], ['a.mp4', 'a_002b.mp4'])
    tap.equal(os.path.getsize(f'{folder}/taken/a_002.mp4'), 0)
    tap.equal(verify(f'{folder}/taken/a.mp4')[0], 0)


def folder_gone():
    """no further file can be made: this one goes on to the end"""
    there = f'{folder}/gone'
    os.mkdir(there)
    with subprocess.Popen([WRITER, f'{there}/a.mp4', 'moving', '2500'], env=ENV, stdout=subprocess.PIPE, text=True) as p:
        lines = (json.loads(line) for line in p.stdout)
        next(g for g in lines if 'start_us' in g)
        kept = os.open(f'{there}/a.mp4', os.O_RDONLY)
        os.unlink(f'{there}/a.mp4')
        os.rmdir(there)
        ends = list(lines)
    tap.equal((p.returncode, [g['segment'] for g in ends if g.get('is_over')]), (0, [1]))
    tap.equal(os.fstat(kept).st_size, ends[-1]['bytes'])
    os.close(kept)


def main():
    code = tap.run([nothing_is_lost, markers_are_chapters, no_sound, whole, tampering, killed, names, folder_gone])
    shutil.rmtree(folder)
    return code


sys.exit(main())
