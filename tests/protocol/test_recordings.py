#!/usr/bin/env python3
"""Recordings in several files as a page sees them: events, what recording.get says, verify, delete, a kill in the middle;
pauses and claims in the evidence; markers as chapters and WebVTT. usage: test_recordings.py DESKHAND"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'pipeline'))
from chapters import chapters  # noqa: E402
from wire import Tap, WebSocket, agent_with_policy, cli, until, wait_event  # noqa: E402
from wire import result as call  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
CRM = 'http://localhost:8480'
SOURCES = [{'role': 'camera'}, {'role': 'microphone'}]
SMALL = {'width': 320, 'height': 180, 'fps': 15}
tap = Tap()


agent = agent_with_policy(PROGRAM, {'origins': [{'origin': CRM, 'scopes': ['*']}]})


def page():
    ws = WebSocket(agent.port, CRM)
    ws.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    return ws


def error(reply):
    return reply['error']['data']['name']


def begin(client, **more):
    session = {'session': call(client, 'session.open', {'sources': SOURCES, 'canvas': SMALL})['session']}
    return session, {'recording': call(client, 'recording.start', {**session, **more})['recording']}


def path_of(recording):
    c = cli(agent.socket)
    path = call(c, 'recording.get', recording)['path']
    c.close()
    return path


def wait_saved(recording, text):
    """The agent writes its index in the background."""
    def is_there():
        with open(f'{agent.home}/state/deskhand/recordings/{recording["recording"]}.json', encoding='utf-8') as f:
            return text in f.read()
    until(is_there, f'"{text}" in the index')


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


def stopped_at_once():
    """stopped before or just after it began: a file with what came, or a clear error and no file"""
    ws = page()
    slow = {**SMALL, 'fps': 1}  # where the second recording waits for its first key frame
    session = {'session': call(ws, 'session.open', {'sources': SOURCES, 'canvas': slow})['session']}
    first = {'recording': call(ws, 'recording.start', {**session, 'name': 'first'})['recording']}
    wait_event(ws, 'recording.progress', lambda p: p['video_frames'] > 0)
    ends = set()
    for n in range(6):
        name = f'short{n}'
        ws.put({'jsonrpc': '2.0', 'id': name, 'method': 'recording.start', 'params': {**session, 'name': name}})
        while n % 2:
            m = ws.get()
            if m.get('id') == name:
                break
        recording = {'recording': max(call(ws, 'recording.list', {})['recordings'], key=lambda r: r['started_ms'])['recording']}
        tap.true(recording != first)
        reply = ws.call('recording.stop', recording)
        facts, path = call(ws, 'recording.get', recording), path_of(recording)
        if 'result' in reply:
            tap.equal((facts['state'], facts['video_frames'] > 0), ('done', True), facts)
            tap.equal(call(ws, 'recording.verify', recording)['verdict'], 'whole')
        else:
            tap.equal((error(reply), facts['state'], facts['bytes']), ('ENODEV', 'failed', 0), reply)
            tap.true('nothing to keep' in reply['error']['message'] and reply['error']['data']['hint'], reply)
            until(lambda path=path: not os.path.exists(path) and not os.path.exists(f'{path}.chain'), 'its file to go')
        ends.add('result' in reply)
        call(ws, 'recording.delete', recording)
    tap.true(False in ends, 'none was stopped before its first picture')
    call(ws, 'recording.stop', first)
    call(ws, 'session.close', session)
    ws.close()


def a_long_check():
    """recording.verify tells how far it is, and can be given up: by a command, and by the agent's end"""
    ws = page()
    session, recording = begin(ws, name='long')
    wait_event(ws, 'recording.progress', lambda p: p['duration_ms'] > 500)
    call(ws, 'recording.stop', recording)
    call(ws, 'session.close', session)
    tap.equal(call(ws, 'recording.verify_cancel', recording)['cancelled'], 0)
    path = path_of(recording)
    with open(path, 'r+b') as f:  # boxes up to the middle, and 200 GB of nothing to look for a link in
        f.truncate(os.path.getsize(path) // 2)
        f.truncate(200 << 30)
    ws.put({'jsonrpc': '2.0', 'id': 'long', 'method': 'recording.verify', 'params': recording})
    told = wait_event(ws, 'recording.verifying', lambda p: p['bytes'] > 1 << 20)
    tap.equal((told['recording'], told['total_bytes'] > 0), (recording['recording'], True))
    tap.equal(call(ws, 'recording.verify_cancel', recording)['cancelled'], 1)
    reply = ws.get()
    while reply.get('id') != 'long':
        reply = ws.get()
    tap.equal(error(reply), 'ECANCELED')
    ws.put({'jsonrpc': '2.0', 'id': 'again', 'method': 'recording.verify', 'params': recording})
    wait_event(ws, 'recording.verifying')
    ws.close()  # nobody waits for that one
    c = cli(agent.socket)
    c.put({'jsonrpc': '2.0', 'id': 'end', 'method': 'recording.verify', 'params': recording})
    wait_event(c, 'recording.verifying')
    tap.equal(agent.stop(), 0)
    c.close()
    os.unlink(path)
    agent.start()


def milliseconds(time_text):
    h, m, s, ms = map(int, re.fullmatch(r'(\d\d):([0-5]\d):([0-5]\d)\.(\d{3})', time_text).groups())
    return ((h * 60 + m) * 60 + s) * 1000 + ms


def read_vtt(path, recording):
    """(begin, end, text) of each cue; what WebVTT asks for is checked."""
    until(lambda: os.path.exists(path), path)  # written behind the answer of recording.stop
    tap.equal(os.stat(path).st_mode & 0o777, 0o600)
    with open(path, encoding='utf-8', newline='') as f:
        head, note, *blocks = f.read().removesuffix('\n').split('\n\n')
    tap.equal((head, note), ('WEBVTT', f'NOTE Deskhand recording {recording["recording"]}'))
    cues = []
    for n, block in enumerate(blocks, 1):
        number, timing, text = block.split('\n')  # one line of text
        begin, end = map(milliseconds, timing.split(' --> '))
        tap.true(number == str(n) and begin < end, block)
        tap.true('-->' not in text and '<' not in text and not re.search('&(?!(amp|lt|gt);)', text), text)
        cues.append((begin, end, text.replace('&lt;', '<').replace('&gt;', '>').replace('&amp;', '&')))
    return cues


def markers():
    """chapters of the file and cues of NAME.vtt: the times that were answered, any text; a pause; deleted with it"""
    ws = page()
    session, recording = begin(ws, name='marked')
    wait_event(ws, 'recording.progress', lambda p: p['duration_ms'] > 0)

    def mark(**what):
        return call(ws, 'recording.marker', {**recording, **what})['t_ms']

    long_text = '签' * 166
    told = [(mark(text='signed --> <b>&amp;\nnext\x85', step='3'), '3: signed --> <b>&amp; next ')]
    call(ws, 'recording.pause', recording)
    wait_event(ws, 'recording.paused')
    paused = [(mark(text=f'in the pause {n}'), f'in the pause {n}') for n in (1, 2)]
    tap.equal(paused[0][0], paused[1][0], 'no time goes by')
    call(ws, 'recording.resume', recording)
    wait_event(ws, 'recording.progress', lambda p: p['state'] == 'recording' and p['duration_ms'] > paused[0][0] + 200)
    told += paused + [(mark(text=long_text, step='s' * 64), f'{"s" * 64}: {long_text}')]
    tap.equal(error(ws.call('recording.marker', {**recording, 'text': 'x' * 501})), 'EINVAL')
    facts = call(ws, 'recording.stop', recording)
    tap.equal((facts['vtt'], [m['t_ms'] for m in facts['markers']]), ('marked.vtt', [t for t, _ in told]))
    path = path_of(recording)
    found = chapters(path)
    tap.equal([us // 1000 for us, _ in found], [t for t, _ in told])
    tap.equal([title for _, title in found], [t.encode()[:255].decode(errors='ignore') for _, t in told])
    report = call(ws, 'recording.verify', recording)
    noted = [n for n in report['notes'] if n['kind'] == 'marker']
    tap.equal((report['verdict'], [n['t_ms'] for n in noted]), ('whole', [t for t, _ in told]))
    tap.equal(noted[-1]['text'], told[-1][1].encode()[:511].decode(errors='ignore'))
    cues = read_vtt(path.replace('.mp4', '.vtt'), recording)
    tap.equal([(begin, text) for begin, _, text in cues], told)
    last = told[-1][0]
    ends = [min([t for t, _ in told if t > begin], default=max(facts['duration_ms'], last)) for begin, _ in told]
    tap.equal([end for _, end, _ in cues[:-1]], ends[:-1])
    tap.true(cues[-1][1] in (facts['duration_ms'], last + 1000), cues[-1])
    call(ws, 'recording.delete', recording)
    tap.equal([n for n in os.listdir(os.path.dirname(path)) if 'marked' in n], [])
    with open(path.replace('.mp4', '.vtt'), 'w', encoding='utf-8') as f:
        f.write('mine')
    recording = {'recording': call(ws, 'recording.start', {**session, 'name': 'marked'})['recording']}
    wait_event(ws, 'recording.progress', lambda p: p['recording'] == recording['recording'] and p['video_frames'] > 0)
    mark(text='x')
    call(ws, 'recording.stop', recording)
    until(lambda: 'vtt' not in call(ws, 'recording.get', recording), 'the failure to write')
    call(ws, 'recording.delete', recording)
    tap.equal([n for n in os.listdir(os.path.dirname(path)) if 'marked' in n], ['marked.vtt'], "another's file stays")
    tap.equal(open(f.name, encoding='utf-8').read(), 'mine')
    call(ws, 'session.close', session)
    ws.close()


def killed_in_the_middle():
    """kill -9: the earlier files are finished, the newest is recovered at the next start, and all of it is whole"""
    c = cli(agent.socket)
    _, recording = begin(c, name='cut', segment_s=1)
    marks = [call(c, 'recording.marker', {**recording, 'text': 'early'})['t_ms']]
    wait_event(c, 'recording.segment', lambda p: p['segment'] == 2)
    wait_event(c, 'recording.progress')
    marks.append(call(c, 'recording.marker', {**recording, 'text': 'late'})['t_ms'])
    wait_saved(recording, 'late')
    agent.stop(9)
    c.close()
    agent.start()
    c = cli(agent.socket)
    until(lambda: call(c, 'recording.get', recording)['state'] != 'interrupted', 'the recovery')
    facts = call(c, 'recording.get', recording)
    tap.equal((facts['state'], facts['is_recovered'], facts['reason']), ('done', True, 'interrupted'))
    tap.true(len(facts['segments']) >= 3, facts)
    folder = os.path.dirname(facts['path'])
    tap.equal([os.path.getsize(f'{folder}/{s["name"]}') for s in facts['segments']], [s['bytes'] for s in facts['segments']])
    tap.equal(sum(s['bytes'] for s in facts['segments']), facts['bytes'])
    report = call(c, 'recording.verify', recording)
    tap.equal((report['verdict'], len(report['segments'])), ('whole', len(facts['segments'])), report['text'])
    found, before = [], 0
    for s in facts['segments']:
        found += [(before + us // 1000, title) for us, title in chapters(f'{folder}/{s["name"]}')]
        before += s['duration_ms']
    tap.equal([title for _, title in found], ['early', 'late'])
    cut = len(facts['segments'])  # what the lengths lost to whole milliseconds
    tap.true(all(-cut <= at - t < 600 for (at, _), t in zip(found, marks)), f'{found}, {marks}')
    cues = read_vtt(f'{folder}/{facts["vtt"]}', recording)
    tap.equal([(begin, text) for begin, _, text in cues], list(zip(marks, ['early', 'late'])))
    c.close()


code = tap.run([segments, claims_and_pauses, markers, killed_in_the_middle, stopped_at_once, a_long_check])
agent.is_home_ours = True
agent.finish()
sys.exit(code)
