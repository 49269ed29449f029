#!/usr/bin/env python3
"""A disk that fills under recordings: the warning and its end, a clean end, starts refused, the quota of a folder; folders that
go away and disks that fail while something is written to them. usage: test_disk.py DESKHAND"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from wire import Tap, WebSocket, agent_with_policy, cli
from wire import result as call

PROGRAM = os.path.abspath(sys.argv[1])
CRM = 'http://localhost:8480'
SMALL = {'width': 320, 'height': 180, 'fps': 15}
MB = 1 << 20
SIZE_MB, STOP_MB = 512, 16
tap = Tap()
home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
DISK, BAD_DISK = f'{home}/disk', f'{home}/bad'


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def verify(path):
    """What the command line of that desk says."""
    return json.loads(subprocess.run([PROGRAM, 'verify', '--json', path], env=agent.env, capture_output=True, text=True).stdout)


def start_agent():
    return agent_with_policy(PROGRAM, {
        'origins': [{'origin': CRM, 'scopes': ['*']}], 'disk': {'stop_free_mb': STOP_MB},
        'folders': {'videos': DISK + '/videos', 'small': {'path': DISK + '/small', 'quota_mb': 10},
                    'gone': DISK + '/gone', 'bad': BAD_DISK + '/in'}}, home)


def page():
    ws = WebSocket(agent.port, CRM)
    ws.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    return ws


def wait_event(c, name, wanted=lambda p: True):
    """The next one that is wanted; an end that nobody expected ends the waiting."""
    while True:
        m = c.get()
        if m.get('method') == name and wanted(m['params']):
            return m['params']
        if m.get('method') in ('recording.stopped', 'recording.failed'):
            raise AssertionError(f'waiting for {name}: {m}')


def open_session(ws):
    return {'session': call(ws, 'session.open', {'sources': [{'role': 'camera'}, {'role': 'microphone'}], 'canvas': SMALL})['session']}


def begin(ws, session, **more):
    recording = {'recording': call(ws, 'recording.start', {**session, **more})['recording']}
    wait_event(ws, 'recording.progress', lambda p: p['video_frames'] > 0)
    return recording


def leave_free(mb):
    """A file that leaves so much of the disk."""
    st = os.statvfs(DISK)
    with open(DISK + '/filler', 'wb') as f:
        os.posix_fallocate(f.fileno(), 0, st.f_bavail * st.f_frsize - int(mb * MB))


def refused(ws, session, folder):
    reply = ws.call('recording.start', {**session, 'folder': folder})
    tap.true('error' in reply, reply)
    e = reply['error']
    tap.equal(e['data']['name'], 'ENOSPC', reply)
    tap.true(home not in json.dumps(reply), f'a path: {reply}')
    return e['message'], e['data']['hint']


def path_of(recording):
    c = cli(agent.socket)
    path = call(c, 'recording.get', recording)['path']
    c.close()
    return path


def fills_up():
    """the disk fills: warned, all clear, warned, ended cleanly with disk_full, all segments whole, no new start"""
    ws = page()
    session = open_session(ws)
    recording = begin(ws, session, name='long', segment_s=1)
    before = wait_event(ws, 'recording.progress', lambda p: p['bytes'] > 0)
    tap.true(before['disk_minutes_left'] > 30 and 400 * MB < before['disk_free_bytes'] <= SIZE_MB * MB, before)
    leave_free(STOP_MB + 4)
    low = wait_event(ws, 'disk.low')
    tap.equal([low[k] for k in ('recording', 'folder', 'state', 'limit')], [recording['recording'], 'videos', 'start', 'disk'])
    tap.true(low['minutes_left'] < 30 and STOP_MB * MB < low['free_bytes'] <= (STOP_MB + 4) * MB and low['hint'], low)
    facts = call(ws, 'recording.get', recording)
    tap.true(facts['disk_minutes_left'] < 30 and facts['disk_free_bytes'] <= (STOP_MB + 4) * MB, facts)
    folder, = call(ws, 'agent.status', {})['folders']
    tap.true(folder['folder'] == 'videos' and folder['disk_minutes_left'] < 30 and folder['disk_free_bytes'] > 0, folder)
    os.unlink(DISK + '/filler')
    over = wait_event(ws, 'disk.low')
    tap.equal((over['state'], 'hint' in over), ('end', False))
    tap.true(over['minutes_left'] >= 37, over)
    leave_free(STOP_MB - 1)
    stopped = wait_event(ws, 'recording.stopped')
    tap.equal((stopped['recording'], stopped['reason']), (recording['recording'], 'disk_full'))
    facts = call(ws, 'recording.get', recording)
    tap.equal((facts['state'], facts['reason']), ('done', 'disk_full'))
    tap.true(len(facts['segments']) >= 3 and 'disk_minutes_left' not in facts, facts)
    folder = os.path.dirname(path_of(recording))
    tap.equal([os.path.getsize(f'{folder}/{s["name"]}') for s in facts['segments']], [s['bytes'] for s in facts['segments']])
    report = verify(f'{folder}/long.mp4')
    tap.equal((report['verdict'], len(report['segments'])), ('whole', len(facts['segments'])), report['text'])
    text, hint = refused(ws, session, 'videos')
    tap.true(f'{STOP_MB - 1} MB are free for folder videos, of which {STOP_MB} MB' in text and '5 min are needed' in text, text)
    tap.true('Free some space' in hint, hint)
    os.unlink(DISK + '/filler')
    call(ws, 'session.close', session)
    ws.close()


def quota():
    """the quota of a folder: warned of at once, then no start, though the disk has room"""
    ws = page()
    session = open_session(ws)
    recording = begin(ws, session, folder='small')
    low = wait_event(ws, 'disk.low')
    tap.equal((low['folder'], low['limit'], low['state']), ('small', 'quota', 'start'))
    tap.true(low['minutes_left'] < 30 and low['free_bytes'] > 400 * MB and 'quota' in low['hint'], low)
    call(ws, 'recording.stop', recording)
    agent.stop()
    index = f'{home}/state/deskhand/recordings/{recording["recording"]}.json'
    with open(index) as f:
        known = json.load(f)
    known['bytes'] = 10 * MB - 1000  # as if it had been a long one
    with open(index, 'w') as f:
        json.dump(known, f)
    agent.start()
    ws = page()
    session = open_session(ws)
    text, hint = refused(ws, session, 'small')
    tap.true('folder small have 0 of their 10 MB left' in text and 'quota' in hint, f'{text} {hint}')
    call(ws, 'recording.start', session)  # elsewhere on that disk there is room
    call(ws, 'recording.delete', recording)
    call(ws, 'recording.start', {**session, 'folder': 'small'})
    call(ws, 'session.close', session)
    ws.close()


def folder_gone():
    """the folder is deleted under a recording: it fails and says so, and the next one begins in a new folder"""
    ws = page()
    session = open_session(ws)
    recording = begin(ws, session, folder='gone', segment_s=1)
    shutil.rmtree(DISK + '/gone')
    failed = wait_event(ws, 'recording.failed')
    tap.equal((failed['recording'], failed['name']), (recording['recording'], 'ENOENT'))
    tap.true('deleted or moved' in failed['reason'] and failed['hint'] and home not in json.dumps(failed), failed)
    facts = call(ws, 'recording.get', recording)
    tap.equal((facts['state'], facts['reason']), ('failed', 'file_gone'))
    call(ws, 'recording.delete', recording)
    call(ws, 'recording.start', {**session, 'folder': 'gone'})
    tap.equal(len([n for n in os.listdir(DISK + '/gone') if n.endswith('.mp4')]), 1)
    call(ws, 'session.close', session)
    ws.close()


def turned_read_only():
    """the disk turns read-only under a recording, as ext4 does after an error: it fails at once, nothing hangs"""
    image = f'{home}/image'
    os.mkdir(BAD_DISK)
    with open(image, 'wb') as f:
        f.truncate(128 * MB)
    made = run('mkfs.ext4', '-qF', image) if shutil.which('mkfs.ext4') else None
    if not made or made.returncode or run('mount', '-o', 'loop', image, BAD_DISK).returncode:
        return 'no ext4 in a file can be mounted here'
    ws = page()
    session = open_session(ws)
    recording = begin(ws, session, folder='bad')
    tap.equal(run('mount', '-o', 'remount,abort', BAD_DISK).returncode, 0)
    failed = wait_event(ws, 'recording.failed')
    tap.true(failed['recording'] == recording['recording'] and failed['name'] in ('EPERM', 'EIO') and failed['hint'], failed)
    tap.true(home not in json.dumps(failed), failed)
    tap.true('error' in ws.call('recording.start', {**session, 'folder': 'bad'}))
    call(ws, 'recording.start', session)
    call(ws, 'session.close', session)
    ws.close()
    return None


os.mkdir(DISK)
mounted = run('mount', '-t', 'tmpfs', '-o', f'size={SIZE_MB}m', 'dh-test', DISK)
if mounted.returncode:
    print(f'1..0 # SKIP no disk of its own can be mounted here: {mounted.stderr.strip()}')
    shutil.rmtree(home)
    sys.exit(0)
try:
    agent = start_agent()
    code = tap.run([fills_up, quota, folder_gone, turned_read_only])
    agent.finish()
    for disk in BAD_DISK, DISK:
        if os.path.ismount(disk):
            tap.equal(run('umount', disk).returncode, 0, 'something still holds a file there')
    code = code or len(tap.failed)
finally:
    for disk in BAD_DISK, DISK:
        if os.path.ismount(disk):
            run('umount', '-l', disk)
    shutil.rmtree(home, ignore_errors=True)
sys.exit(code)
