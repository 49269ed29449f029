#!/usr/bin/env python3
"""Recordings in several files as a page sees them: events, what recording.get says, verify, delete, a kill in the middle;
pauses and claims in the evidence. usage: test_recordings.py DESKHAND"""
import json
import os
import subprocess
import sys
import tempfile

from wire import Agent, Tap, WebSocket, cli

PROGRAM = os.path.abspath(sys.argv[1])
CRM = 'http://localhost:8480'
SOURCES = [{'role': 'camera'}, {'role': 'microphone'}]
SMALL = {'width': 320, 'height': 180, 'fps': 15}
tap = Tap()


def start_agent():
    home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
    for name in 'run', 'policy':
        os.mkdir(f'{home}/{name}', 0o700)
    with open(f'{home}/policy/10.json', 'w') as f:
        json.dump({'origins': [{'origin': CRM, 'scopes': ['*']}]}, f)
    os.chmod(f.name, 0o644)
    return Agent([PROGRAM, 'agent', '--fake', '--print-ready'], {'DESKHAND_POLICY_DIRS': home + '/policy'}, home)


agent = start_agent()


def page():
    ws = WebSocket(agent.port, CRM)
    ws.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    return ws


def call(client, method, params):
    reply = client.call(method, params)
    tap.true('result' in reply, f'{method}: {reply}')
    return reply['result']


def error(reply):
    return reply['error']['data']['name']


def wait_event(c, name, wanted=lambda p: True):
    while True:
        m = c.get()
        if m.get('method') == name and wanted(m['params']):
            return m['params']


def begin(client, **more):
    session = {'session': call(client, 'session.open', {'sources': SOURCES, 'canvas': SMALL})['session']}
    return session, {'recording': call(client, 'recording.start', {**session, **more})['recording']}


def path_of(recording):
    c = cli(agent.socket)
    path = call(c, 'recording.get', recording)['path']
    c.close()
    return path


def seconds(path):
    done = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path], check=True,
                          capture_output=True, text=True)
    tap.equal(done.stderr, '')
    return float(done.stdout)


def segments():
    """each finished file is told of; get, verify and delete know all of them"""
    ws = page()
    session, recording = begin(ws, name='parts', segment_s=1)
    told = [wait_event(ws, 'recording.segment') for _ in range(2)]
    tap.equal([(p['segment'], p['name']) for p in told], [(1, 'parts.mp4'), (2, 'parts_002.mp4')])
    tap.true(all(p['bytes'] > 0 and p['duration_ms'] >= 1000 and len(p['chain']['head']) == 64 for p in told), told)
    running = call(ws, 'recording.get', recording)['segments']
    tap.equal([s['name'] for s in running[:2]], ['parts.mp4', 'parts_002.mp4'])
    facts = call(ws, 'recording.stop', recording)
    all_of_it = facts['segments']
    folder = os.path.dirname(path_of(recording))
    paths = [f'{folder}/{s["name"]}' for s in all_of_it]
    tap.equal([os.path.getsize(p) for p in paths], [s['bytes'] for s in all_of_it])
    tap.equal(sum(s['bytes'] for s in all_of_it), facts['bytes'])
    tap.equal(sum(s['video_frames'] for s in all_of_it), facts['video_frames'])
    tap.equal(all_of_it[-1]['chain'], facts['chain'])
    tap.true(abs(sum(map(seconds, paths)) * 1000 - facts['duration_ms']) < 100, f'{facts}')
    report = call(ws, 'recording.verify', recording)
    tap.equal((report['verdict'], len(report['segments'])), ('whole', len(paths)), report['text'])
    os.rename(paths[1], paths[1] + '.away')
    report = call(ws, 'recording.verify', recording)
    tap.equal((report['fault'], report['segment'], report['file']), ('segment_missing', 2, 'parts_002.mp4'))
    os.rename(paths[1] + '.away', paths[1])
    call(ws, 'recording.delete', recording)
    tap.equal([n for n in os.listdir(folder) if n.startswith('parts')], [])
    call(ws, 'session.close', session)
    ws.close()


def claims_and_pauses():
    """claims are signed as the page's word; a pause says who, where and how long"""
    ws = page()
    wanted = [{'name': 'operator', 'value': '王芳'}, {'name': 'location', 'value': 'Branch 17'}]
    session, recording = begin(ws, case_id='C-17', claims=wanted)
    for bad in ({'name': 'agent_key', 'value': 'x'}, {'name': 'Operator', 'value': 'x'}, {'name': '', 'value': 'x'}):
        tap.equal(error(ws.call('recording.start', {**session, 'claims': [bad]})), 'EINVAL', bad)
    tap.equal(error(ws.call('recording.start', {**session, 'claims': [{'name': 'a', 'value': 'x' * 301}]})), 'EINVAL')
    wait_event(ws, 'recording.progress', lambda p: p['video_frames'] > 0)
    call(ws, 'recording.pause', recording)
    wait_event(ws, 'recording.paused')
    call(ws, 'recording.resume', recording)
    facts = call(ws, 'recording.stop', recording)
    tap.equal(facts['claims'], wanted)
    pause, = facts['pauses']
    tap.true(pause['by'] == CRM and pause['t_ms'] >= 0 and pause['duration_ms'] >= 0 and pause['started_ms'] > 0, pause)
    notes = call(ws, 'recording.verify', recording)['notes']
    said = {n['text']: n['who'] for n in notes if n['kind'] == 'claim'}
    tap.equal([said.get(f'{c["name"]}={c["value"]}') for c in wanted], [CRM, CRM], said)
    tap.equal(said['case_id=C-17'], CRM)
    tap.equal([n['text'] for n in notes if n['kind'] == 'resume'], [f'asked, after {pause["duration_ms"]} ms'])
    call(ws, 'session.close', session)
    ws.close()


def killed_in_the_middle():
    """kill -9: the earlier files are finished, the newest is recovered at the next start, and all of it is whole"""
    c = cli(agent.socket)
    _, recording = begin(c, name='cut', segment_s=1)
    wait_event(c, 'recording.segment', lambda p: p['segment'] == 2)
    wait_event(c, 'recording.progress')
    agent.stop(9)
    c.close()
    agent.start()
    c = cli(agent.socket)
    while (facts := call(c, 'recording.get', recording))['state'] == 'interrupted':
        pass
    tap.equal((facts['state'], facts['is_recovered'], facts['reason']), ('done', True, 'interrupted'))
    tap.true(len(facts['segments']) >= 3, facts)
    folder = os.path.dirname(facts['path'])
    tap.equal([os.path.getsize(f'{folder}/{s["name"]}') for s in facts['segments']], [s['bytes'] for s in facts['segments']])
    tap.equal(sum(s['bytes'] for s in facts['segments']), facts['bytes'])
    report = call(c, 'recording.verify', recording)
    tap.equal((report['verdict'], len(report['segments'])), ('whole', len(facts['segments'])), report['text'])
    c.close()


code = tap.run([segments, claims_and_pauses, killed_in_the_middle])
agent.is_home_ours = True
agent.finish()
sys.exit(code)
