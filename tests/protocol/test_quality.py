#!/usr/bin/env python3
"""Faults of cameras and microphones, for a while each: one warning begins and one ends, towards the page, in the session's
state and in the evidence of the recording. usage: test_quality.py DESKHAND"""
import json
import os
import shutil
import subprocess
import sys

from wire import Tap, WebSocket, agent_with_policy, cli
from wire import result as call

PROGRAM = os.path.abspath(sys.argv[1])
CRM, OTHER = 'http://localhost:8480', 'http://localhost:8481'
tap = Tap()


def fault(role, name, after, lasts, **more):
    device = {'camera': 'pattern:camera', 'microphone': 'tone:microphone', 'screen': 'pattern:screen'}[role]
    return {'role': role, 'device': device, 'options': {'fault': name, 'fault_after_ms': after, 'fault_for_ms': lasts, **more}}


# source number -> kind, of the list below
SOURCES = [
    fault('camera', 'black', 1000, 5000), fault('camera', 'frozen', 1000, 6000), fault('camera', 'stopped', 1000, 6000),
    fault('camera', 'covered', 1000, 5000), fault('microphone', 'zero', 1000, 6500), fault('microphone', 'clipped', 1000, 2000),
    fault('microphone', 'none', 0, 0, times_late_ms=-900),
    {'role': 'camera'}, {'role': 'screen'}, {'role': 'microphone', 'muted': True, 'options': {'level_db': -90}}, {'role': 'system'},
]
KINDS = {1: 'black', 2: 'frozen', 3: 'frozen', 4: 'covered', 5: 'silent', 6: 'clipping', 7: 'skew'}
STAYS = 7


agent = agent_with_policy(PROGRAM, {'origins': [{'origin': o, 'scopes': ['*']} for o in (CRM, OTHER)]})


def page(origin):
    ws = WebSocket(agent.port, origin)
    ws.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    return ws


def warning(watcher):
    """The next one; the watcher calls nothing, so that it misses none."""
    while (m := watcher.get()).get('method') != 'quality.warning':
        pass
    return m['params']


def notes(path):
    """[(kind, state, source)] that the evidence tells of."""
    done = subprocess.run([PROGRAM, 'verify', path, '--json'], env=agent.env, capture_output=True, text=True, timeout=60)
    report = json.loads(done.stdout)
    tap.equal(report['verdict'], 'whole')
    texts = [n['text'] for n in report['notes'] if n['kind'] == 'quality']
    tap.true(all('threshold=' in t and 'role=' in t for t in texts), texts)
    return [(t.split()[0], t.split()[1], int(t.split('source=')[1].split()[0])) for t in texts]


def one_start_and_one_end():
    """each fault begins once and ends once: events, session.list, status, the notes of the recording"""
    ws, watcher, other, desk = page(CRM), page(CRM), page(OTHER), cli(agent.socket)
    session = call(ws, 'session.open', {'sources': SOURCES, 'template': 'grid', 'canvas': {'width': 320, 'height': 180}})['session']
    first = call(ws, 'recording.start', {'session': session, 'name': 'all'})['recording']
    events, second, listed = [], None, set()
    wanted = {(kind, state, source) for source, kind in KINDS.items() for state in ('start', 'end')} - {('skew', 'end', STAYS)}
    while not wanted <= {(e['kind'], e['state'], e['source']) for e in events}:
        p = warning(watcher)
        events.append(p)
        if p['state'] == 'start':
            sources = call(desk, 'session.list', {})['sessions'][0]['sources']
            listed |= {(s['source'], w['kind']) for s in sources for w in s['warnings']}
            tap.true(p['hint'] and p['session'] == session and p['role'] in ('camera', 'microphone'), p)
        if p['state'] == 'start' and p['source'] == 2:
            second = call(ws, 'recording.start', {'session': session, 'name': 'late'})['recording']
    told = sorted((e['kind'], e['state'], e['source']) for e in events)
    tap.equal(told, sorted(wanted), 'nothing twice, nothing else')
    tap.equal(listed, {(source, kind) for source, kind in KINDS.items()}, 'session.list')
    ended = {e['source']: e['since_ms'] for e in events if e['state'] == 'end'}
    tap.true(all(ms >= 2000 for ms in ended.values()), ended)
    status = subprocess.run([PROGRAM, 'status'], env=agent.env, capture_output=True, text=True, timeout=60).stdout
    tap.true('WARNING: skew' in status and 'black' not in status, status)
    for recording in first, second:
        call(ws, 'recording.stop', {'recording': recording})
    said = notes(f'{agent.home}/videos/Deskhand/all.mp4')
    tap.equal(sorted(said), told, 'the evidence')
    late = notes(f'{agent.home}/videos/Deskhand/late.mp4')
    tap.true(('black', 'start', 1) in late and late.index(('black', 'start', 1)) < late.index(('black', 'end', 1)), late)
    tap.equal(late.count(('frozen', 'start', 2)), 1, 'what was wrong when it began')
    other.put({'jsonrpc': '2.0', 'id': 99, 'method': 'agent.status', 'params': {}})
    while (m := other.get()).get('id') != 99:
        tap.true(m.get('method') != 'quality.warning', 'another origin hears nothing of it')
    call(ws, 'session.close', {'session': session})
    for c in ws, watcher, other, desk:
        c.close()


def switched_off():
    """a kind that is off says nothing, and what it said ends; a wrong name is an error"""
    ws, watcher = page(CRM), page(CRM)
    session = call(ws, 'session.open', {'sources': [fault('camera', 'black', 0, 60000)] * 2, 'quality': {'black': False},
                                        'canvas': {'width': 320, 'height': 180}})['session']
    tap.equal(ws.call('session.update', {'session': session, 'quality': {'blak': True}})['error']['data']['name'], 'EINVAL')
    call(ws, 'session.update', {'session': session, 'quality': {'black': True, 'frozen': False}})
    starts = [warning(watcher) for _ in range(2)]
    tap.equal({(e['kind'], e['state'], e['source']) for e in starts}, {('black', 'start', 1), ('black', 'start', 2)})
    call(ws, 'source.remove', {'session': session, 'source': 1})
    call(ws, 'session.update', {'session': session, 'quality': {'black': False}})
    ends = [warning(watcher) for _ in range(2)]
    tap.equal([(e['kind'], e['state'], e['source']) for e in ends], [('black', 'end', 1), ('black', 'end', 2)])
    for c in ws, watcher:
        c.close()


code = tap.run([one_start_and_one_end, switched_off])
if code:
    print('\n'.join('# ' + line for line in agent.log_text()[-3000:].splitlines()))
code = agent.finish() or code
shutil.rmtree(agent.home, ignore_errors=True)
sys.exit(code)
