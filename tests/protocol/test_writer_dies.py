#!/usr/bin/env python3
"""The process that writes a recording is killed: the recording goes on by itself in a next file, nothing is missing, and the
chain goes over all of them. usage: test_writer_dies.py DESKHAND"""
import json
import os
import signal
import subprocess
import sys

from wire import Tap, agent_with_policy, cli, until, wait_event, writer_of
from wire import result as call

PROGRAM = os.path.abspath(sys.argv[1])
SOURCES = [{'role': 'camera'}, {'role': 'microphone'}]
SMALL = {'width': 320, 'height': 180, 'fps': 15}
tap = Tap()


agent = agent_with_policy(PROGRAM, {'websocket': False})


def begin(client, sources=None, **more):
    session = {'session': call(client, 'session.open', {'sources': sources or SOURCES, 'canvas': SMALL})['session']}
    return session, {'recording': call(client, 'recording.start', {**session, **more})['recording']}


def kill_writer():
    os.kill(until(lambda: writer_of(agent.process.pid), 'a writer'), signal.SIGKILL)


def wait_grown(c, ms):
    wait_event(c, 'recording.progress', lambda p: p['duration_ms'] >= ms)


def files(c, recording):
    """What recording.get says of each file, and where it is."""
    facts = call(c, 'recording.get', recording)
    folder = os.path.dirname(facts['path'])
    return facts, [f'{folder}/{s["name"]}' for s in facts['segments']]


def verify(*paths):
    done = subprocess.run([PROGRAM, 'verify', *paths, '--json'], env=agent.env, capture_output=True, text=True)
    return json.loads(done.stdout)


def notes(report, kind):
    return [n['text'] for n in report['notes'] if n['kind'] == kind]


def packets(path):
    """Hashes of all, pictures and sound, those before the edit's begin too."""
    done = subprocess.run(['ffprobe', '-v', 'error', '-of', 'json', '-show_packets', '-show_data_hash', 'md5',
                           '-ignore_editlist', '1', path], check=True, capture_output=True, text=True)
    tap.equal(done.stderr, '', path)
    found = {'video': [], 'audio': []}
    for p in json.loads(done.stdout)['packets']:
        found[p['codec_type']].append(p['data_hash'])
    return found


def wait_noted(c, recording, kind):
    """Until the file has it: a note that comes just before its writer dies goes into the next file."""
    path = call(c, 'recording.get', recording)['path']
    until(lambda: notes(verify(path), kind), f'{kind} in {path}')


def plays(path):
    """Without a word, from the first shown picture on; sound may begin a packet later, the file before has it (joined())."""
    done = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-f', 'null', '-'], capture_output=True, text=True)
    tap.equal((done.returncode, done.stderr), (0, ''), path)
    done = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'stream=codec_type,start_time', '-of', 'csv=p=0', path],
                          capture_output=True, text=True)
    for kind, at in (line.split(',') for line in done.stdout.split()):
        tap.true(abs(float(at)) < (0.022 if kind == 'audio' else 0.001), done.stdout)


def times(path):
    """As players have it, what leads in too: {(kind, hash): seconds} of what is in it once."""
    done = subprocess.run(['ffprobe', '-v', 'error', '-of', 'json', '-show_packets', '-show_data_hash', 'md5', path], check=True,
                          capture_output=True, text=True)
    found = {}
    for p in json.loads(done.stdout)['packets']:
        found.setdefault((p['codec_type'], p['data_hash']), []).append(float(p['pts_time']))
    return {key: at[0] for key, at in found.items() if len(at) == 1}


def in_step(before, path):
    """Pictures and sound that are in both files stand to each other as they stood."""
    old, new = times(before), times(path)
    moved = {kind: [old[k] - new[k] for k in new if k in old and k[0] == kind] for kind in ('video', 'audio')}
    tap.true(all(moved.values()), f'{path} has nothing of {before}: {moved}')
    every = sum(moved.values(), [])
    tap.true(max(every) - min(every) < 0.001, f'{path}: {moved}')


def joined(lists, segments, name):
    """One behind the other, what the next begins with again taken once; after a death it must be the end of the one before."""
    whole = list(lists[0])
    for more, segment in zip(lists[1:], segments[1:]):
        n = next((n for n in range(len(more), 0, -1) if whole[-n:] == more[:n]), 0)
        tap.true(n > 0 or 'after' not in segment, f'{name}: {segment} does not begin with what the one before has')
        whole += more[n:]
    return whole


def check_all(c, recording, count):
    """The whole of a recording in so many files. Its reports by file."""
    facts, paths = files(c, recording)
    tap.equal((facts['state'], len(paths), facts['dropped']), ('done', count, 0), facts)
    tap.equal([os.path.getsize(p) for p in paths], [s['bytes'] for s in facts['segments']])
    for name in 'bytes', 'video_frames':
        tap.equal(sum(s[name] for s in facts['segments']), facts[name], name)
    tap.true(abs(sum(s['duration_ms'] for s in facts['segments']) - facts['duration_ms']) <= count, facts)
    tap.equal(facts['segments'][-1]['chain'], facts['chain'])
    found = [packets(p) for p in paths]
    deaths = sum('after' in s for s in facts['segments'])
    if facts['video_frames']:
        again = facts['video_frames'] - len(joined([f['video'] for f in found], facts['segments'], 'pictures'))
        tap.true(0 <= again <= deaths * SMALL['fps'], f'all pictures are shown, {again} again where the sound had ended before')
    joined([f['audio'] for f in found], facts['segments'], 'sound')
    tap.true(all(os.path.exists(f'{path}.chain') for path in paths), 'the sidecars')
    report = verify(paths[0])
    tap.equal((report['verdict'], len(report['segments'])), ('whole', count), report['text'])
    tap.equal(verify(*reversed(paths))['verdict'], 'whole')
    return report['segments']


def goes_on():
    """killed twice: three files, nothing missing, and stop tells of everything"""
    c = cli(agent.socket)
    session, recording = begin(c, name='on', claims=[{'name': 'operator', 'value': 'Li'}])
    wait_grown(c, 1000)
    call(c, 'recording.marker', {**recording, 'text': 'one'})
    wait_noted(c, recording, 'marker')
    for number in 2, 3:
        kill_writer()
        told = wait_event(c, 'recording.continued')
        tap.equal((told['recording'], told['segment'], told['name'], told['gap_ms']),
                  (recording['recording'], number, f'on_00{number}.mp4', 0))
        tap.true('signal 9' in told['reason'], told)
        now = call(c, 'recording.get', recording)
        tap.equal((now['state'], [s['segment'] for s in now['segments']]), ('recording', list(range(1, number + 1))))
        wait_grown(c, now['duration_ms'] + 1000)
    t_ms = call(c, 'recording.marker', {**recording, 'text': 'two'})['t_ms']
    facts = call(c, 'recording.stop', recording)
    tap.equal([(s.get('gap_ms'), 'signal 9' in s.get('after', '')) for s in facts['segments']],
              [(None, False), (0, True), (0, True)])
    tap.true(facts['duration_ms'] >= 3000 and t_ms > 2500, facts)
    first, second, third = check_all(c, recording, 3)
    tap.equal([r['is_recovered'] for r in (first, second, third)], [True, True, False])
    tap.true('signal 9' in notes(first, 'recovery')[0], first['notes'])
    tap.equal((notes(first, 'next'), notes(second, 'next'), notes(third, 'next')), (['on_002.mp4'], ['on_003.mp4'], []))
    for r in second, third:
        tap.true(notes(r, 'gap')[0].endswith('0 ms missing'), r['notes'])
        tap.true('operator=Li' in notes(r, 'claim'), r['notes'])
    tap.equal((notes(first, 'marker'), notes(third, 'marker')), (['one'], ['two']))
    tap.equal(notes(third, 'stop'), ['asked'])
    paths = files(c, recording)[1]
    for path in paths:
        plays(path)
    in_step(*paths[:2])
    in_step(*paths[1:])
    call(c, 'recording.delete', recording)
    tap.equal([n for n in os.listdir(os.path.dirname(paths[0])) if n.startswith('on')], [])
    call(c, 'session.close', session)
    c.close()


def with_segments():
    """a recording that is cut by time too goes on being cut; and its agent and writer may die after that"""
    c = cli(agent.socket)
    _, recording = begin(c, name='cut', segment_s=1)
    ended = wait_event(c, 'recording.segment', lambda p: p['segment'] == 1)
    until(lambda: call(c, 'recording.get', recording)['duration_ms'] > ended['duration_ms'], 'something in the second file')
    kill_writer()
    n = wait_event(c, 'recording.continued')['segment']
    wait_event(c, 'recording.segment', lambda p: p['segment'] == n)
    wait_grown(c, 2500)
    call(c, 'recording.stop', recording)
    count = len(files(c, recording)[1])
    tap.true(count >= 4, count)
    check_all(c, recording, count)
    session, recording = begin(c, name='both')
    wait_grown(c, 500)
    kill_writer()
    wait_event(c, 'recording.continued')
    wait_grown(c, 1500)
    writer = writer_of(agent.process.pid)
    agent.stop(9)
    os.kill(writer, signal.SIGKILL)
    c.close()
    agent.start()
    c = cli(agent.socket)
    until(lambda: call(c, 'recording.get', recording)['state'] != 'interrupted', 'the recovery')
    tap.true(call(c, 'recording.get', recording)['is_recovered'])
    check_all(c, recording, 2)
    c.close()


def in_a_pause():
    """paused: it stays paused, and both files know of it"""
    c = cli(agent.socket)
    session, recording = begin(c, name='paused')
    wait_grown(c, 500)
    call(c, 'recording.pause', recording)
    wait_event(c, 'recording.paused')
    wait_noted(c, recording, 'pause')
    kill_writer()
    wait_event(c, 'recording.continued')
    tap.equal(call(c, 'recording.get', recording)['state'], 'paused')
    call(c, 'recording.resume', recording)
    wait_grown(c, 1500)
    call(c, 'recording.stop', recording)
    first, second = check_all(c, recording, 2)
    tap.equal([[n['kind'] for n in r['notes'] if n['kind'] in ('pause', 'resume')] for r in (first, second)], [['pause'], ['resume']])
    call(c, 'session.close', session)
    c.close()


def sound_alone():
    """without pictures too"""
    c = cli(agent.socket)
    session, recording = begin(c, [{'role': 'microphone'}], name='sound')
    wait_grown(c, 500)
    kill_writer()
    wait_event(c, 'recording.continued')
    wait_grown(c, 1500)
    call(c, 'recording.stop', recording)
    check_all(c, recording, 2)
    call(c, 'session.close', session)
    c.close()


def gives_up():
    """killed three times within a minute: it ends, says why, and all of it is whole"""
    c = cli(agent.socket)
    session, recording = begin(c, name='thrice')
    wait_grown(c, 500)
    for _ in range(2):
        kill_writer()
        wait_event(c, 'recording.continued')
        wait_grown(c, call(c, 'recording.get', recording)['duration_ms'] + 300)
    kill_writer()
    failed = wait_event(c, 'recording.failed')
    tap.true(failed['name'] == 'EIO' and 'signal 9' in failed['reason'], failed)
    facts, paths = files(c, recording)
    tap.equal((facts['state'], len(paths), facts['bytes']), ('failed', 3, sum(map(os.path.getsize, paths))))
    tap.equal(verify(paths[0])['verdict'], 'whole')
    call(c, 'session.close', session)
    c.close()


def no_next_file():
    """its folder takes no further file: it ends with what it has, and says so"""
    c = cli(agent.socket)
    session, recording = begin(c, name='full')
    wait_grown(c, 500)
    folder = os.path.dirname(call(c, 'recording.get', recording)['path'])
    for letter in '', *'bcdefgh':
        with open(f'{folder}/full_002{letter}.mp4', 'x', encoding='utf-8'):
            pass
    kill_writer()
    failed = wait_event(c, 'recording.failed')
    tap.equal((failed['name'], 'another file' in failed['reason']), ('EEXIST', True), failed)
    tap.equal(verify(f'{folder}/full.mp4')['verdict'], 'whole')
    call(c, 'session.close', session)
    c.close()


code = tap.run([goes_on, with_segments, in_a_pause, sound_alone, gives_up, no_next_file])
agent.is_home_ours = True
agent.finish()
sys.exit(code)
