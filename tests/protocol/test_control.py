#!/usr/bin/env python3
"""The real agent with its fakes, over its socket and its WebSocket: what each bad input gets, sessions, recordings, grants.
usage: test_control.py DESKHAND"""
import json
import os
import socket
import stat
import struct
import subprocess
import sys

from wire import Agent, Closed, Framed, Tap, WebSocket, cli, host, until, wait_event

PROGRAM = os.path.abspath(sys.argv[1])
CRM, OTHER = 'http://localhost:8480', 'https://other.example'
HELLO = {'min_version': 1, 'max_version': 1, 'client': 'test'}
SOURCES = [{'role': 'camera'}, {'role': 'screen'}, {'role': 'microphone'}]
# Tests that switch devices on each have an origin of their own: SR-20 allows an origin 5 times in 10 s.
PAGES = [CRM] + [f'http://localhost:{port}' for port in range(8481, 8489)]
ORIGINS = [{'origin': origin, 'scopes': ['*']} for origin in PAGES]
tap = Tap()


def write_policy(agent_home, policy):
    path = f'{agent_home}/policy/10.json'
    with open(path + '.new', 'w') as f:
        json.dump(policy, f)
    os.chmod(path + '.new', 0o644)
    os.rename(path + '.new', path)


def make_agent():
    import tempfile
    home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
    for name in 'run', 'policy':
        os.mkdir(f'{home}/{name}', 0o700)
    write_policy(home, {'origins': ORIGINS})
    return Agent([PROGRAM, 'agent', '--fake', '--print-ready', '--port', 'PORT'], {'DESKHAND_POLICY_DIRS': home + '/policy'}, home)


agent = make_agent()


def telling(test):
    """The test; when it breaks off, the last answer and the end of the agent's log are shown."""
    def told():
        try:
            return test()
        finally:
            if sys.exc_info()[0] or tap.failed:
                tap.failed += [f'last answer: {last}', agent.log_text()[-3000:]]
    told.__doc__ = test.__doc__
    return told


last = None
for kind in Framed, WebSocket:
    def call(self, *args, plain=kind.call, **more):
        global last
        last = plain(self, *args, **more)
        return last
    kind.call = call


def page(origin=CRM, hello=True):
    ws = WebSocket(agent.port, origin)
    if hello:
        reply = ws.call('agent.hello', HELLO)
        tap.true('result' in reply, f'hello of {origin}: {reply}')
    return ws


def run(*args):
    done = subprocess.run([PROGRAM, *args], env=agent.env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def alive():
    """Another client is served all the while, and memory stays bounded."""
    c = cli(agent.socket)
    tap.equal(c.call('agent.status')['result']['state'], 'running')
    c.close()


def error(reply):
    e = reply.get('error')
    return (e['code'], e['data']['name']) if e else (0, 'OK')


# ---- bad input ----

def shapes():
    """bad input: unknown method or parameter, wrong type, out of range: each its own error, with a hint"""
    c = cli(agent.socket)
    cases = [
        ('agent.nope', {}, -32601, 'ENOENT'), ('session.open', {'sources': [], 'x': 1}, -32602, 'EINVAL'),
        ('session.open', {'sources': 'all'}, -32602, 'EINVAL'), ('session.open', {}, -32602, 'EINVAL'),
        ('session.open', {'sources': [{'role': 'king'}]}, -32602, 'EINVAL'),
        ('session.open', {'sources': [], 'canvas': {'width': 5}}, -32602, 'EINVAL'),
        ('session.open', {'sources': [], 'canvas': {'fps': 0}}, -32602, 'EINVAL'),
        ('session.open', {'sources': [], 'canvas': {'fps': 29.97}}, -32602, 'EINVAL'),
        ('session.open', {'sources': [], 'template': 'nope'}, -32005, 'EINVAL'),
        ('session.open', {'sources': [{'role': 'camera', 'device': 'nocolon'}]}, -32005, 'EINVAL'),
        ('session.open', {'sources': [{'role': 'camera', 'device': 'nodriver:x'}]}, -32004, 'ENOENT'),
        ('session.open', {'sources': [{'role': 'camera', 'options': {'nope': 1}}]}, -32005, 'EINVAL'),
        ('session.close', {'session': 'nope'}, -32004, 'ENOENT'), ('recording.get', {'recording': 'nope'}, -32004, 'ENOENT'),
        ('beauty.set', {'session': 'x', 'smooth': 10}, -32602, 'EINVAL'), ('grants.revoke', {'origin': 'null'}, -32005, 'EINVAL'),
        ('audio.set', {'speaker': 'x'}, -32004, 'ENOENT'), ('devices.list', {'kinds': ['printer']}, -32602, 'EINVAL'),
    ]
    for method, params, code, name in cases:
        reply = c.call(method, params)
        tap.equal(error(reply), (code, name), f'{method} {params}')
        tap.true(reply['error']['message'] and isinstance(reply['error']['data']['retriable'], bool), method)
    c.close()
    alive()


def texts():
    """bad input: depth 10,000, broken UTF-8, duplicate keys, 2 MiB: an error or a close code each (SR-19)"""
    for body, code in ((b'[' * 10000 + b']' * 10000, -32700), (b'{"a":"\xff\xfe"}', -32700), (b'{"a":1,"a":2}', -32700),
                       (b'{"jsonrpc":"2.0","id":1,"method":"agent.status","id":2}', -32700), (b'\x00', -32700),
                       (b'{"jsonrpc":"2.0","id":1,"method":"agent.status","params":{"a":"%s"}}' % (b'x' * 70000), -32700),
                       (b'[]', -32600), (b'{}', -32600), (b'{"jsonrpc":"2.0","method":"agent.status"}', -32600)):
        c = cli(agent.socket)
        c.put_bytes(body)
        tap.equal(c.get()['error']['code'], code, body[:40])
        c.close()
        ws = page()
        ws.put_frame(ws.TEXT, body)
        try:
            tap.equal(ws.get()['error']['code'], code, body[:40])
        except Closed as e:
            tap.true(e.code == 1007, f'{body[:40]} closed with {e.code}')  # the transport refuses broken UTF-8 itself
        ws.close()
    for at in agent.socket, None:
        try:
            if at:
                c = cli(at)
                c.put_bytes(b'"' + b'x' * 2097150 + b'"')
                while True:
                    m = c.get()
                    if m.get('method') == 'transport.closed':
                        tap.equal(m['params']['code'], 4413)
            else:
                c = page()
                c.put_frame(c.TEXT, b'"' + b'x' * 2097150 + b'"')
                tap.equal(c.close_code(), 4413)
        except (Closed, BrokenPipeError, ConnectionResetError):
            pass
        c.close()
    alive()


def flood():
    """bad input: 10,000 requests in a second: 400 served, errors, then close 4429; others are served (SR-20)"""
    ws = page()
    request = json.dumps({'jsonrpc': '2.0', 'id': 7, 'method': 'session.list'}).encode()
    import threading

    def send():
        try:
            for _ in range(10000):
                ws.put_frame(ws.TEXT, request)
        except OSError:
            pass
    sender = threading.Thread(target=send)
    sender.start()
    alive()
    served = limited = 0
    code = None
    try:
        while True:
            m = ws.get()
            if m.get('id') == 7:
                served += 'result' in m
                limited += m.get('error', {}).get('data', {}).get('name') == 'ELIMIT'
    except Closed as e:
        code = e.code
    sender.join()
    ws.close()
    # the last answers may be lost with the connection: it is reset while requests still come in
    tap.true(399 <= served < 3000 and limited > 0, f'{served} served, {limited} refused')
    tap.true(code in (4429, None), f'closed with {code}')
    tap.true(agent.wait_log('closed with 4429'), 'the log says so')
    alive()


def never_reads():
    """bad input: a client that never reads is closed, memory stays bounded (SR-20)"""
    before = agent.rss_kb()
    c = cli(agent.socket)
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'policy.get'}).encode()
    try:
        for _ in range(200000):
            c.send(struct.pack('<I', len(body)) + body)
    except OSError:
        pass
    c.close()
    alive()
    tap.true(agent.rss_kb() - before < 20000, f'{before} -> {agent.rss_kb()} KiB')


def malformed_again_and_again():
    """bad input: ten malformed messages end the connection (4400)"""
    ws = page()
    for _ in range(10):
        ws.put_frame(ws.TEXT, b'nonsense')
    tap.equal(ws.close_code(), 4400)
    ws.close()


def hello_rules():
    """SR-21: before hello nothing, and only for 3 s"""
    ws = page(hello=False)
    ws.put({'jsonrpc': '2.0', 'id': 1, 'method': 'agent.status'})
    tap.equal(ws.close_code(), 4401)
    ws.close()
    ws = page(hello=False)
    tap.equal(ws.close_code(), 4408)
    ws.close()
    ws = page(hello=False)
    tap.equal(error(ws.call('agent.hello', {**HELLO, 'min_version': 2, 'max_version': 9})), (-32016, 'EVERSION'))
    ws.put({'jsonrpc': '2.0', 'id': 'a', 'method': 'agent.hello', 'params': HELLO})
    ws.put({'jsonrpc': '2.0', 'id': 'b', 'method': 'session.list'})  # pipelined
    tap.equal([ws.get()['id'], ws.get()['id']], ['a', 'b'])
    ws.close()


def origins():
    """SR-04: foreign, null, look-alike and malformed origins are refused and logged"""
    for origin in ('null', 'file://', 'http://localhost:8480.evil.test', 'http://crm.example', 'https://10.1.2.3',
                   'http://localhost:8480/', 'local:cli', 'chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'javascript:x'):
        try:
            WebSocket(agent.port, origin)
            tap.true(False, f'{origin} got in')
        except Closed as e:
            tap.equal(e.code, 403, origin)
    tap.true('not served over https' in agent.log_text(), 'the log says why')
    c = host(agent.socket)
    for n, changes in enumerate(({'origin': 'null'}, {'origin': CRM, 'is_top_frame': False}, {'origin': CRM, 'is_incognito': True})):
        c.put({'jsonrpc': '2.0', 'method': 'transport.open',
               'params': {'ch': n + 1, 'origin': CRM, 'is_top_frame': True, 'is_incognito': False, **changes}})
        m = c.get()
        tap.equal(m.get('method'), 'transport.closed', f'{changes}: {m}')
        tap.equal(m['params']['code'], 4403, changes)
    c.close()


def without_a_grant():
    """a second origin without a grant can do nothing but agent.hello and learn why"""
    ws = page(OTHER, hello=False)
    reply = ws.call('agent.hello', HELLO)['result']
    tap.equal({k: reply[k] for k in ('version', 'granted')}, {'version': 1, 'granted': []})
    tap.equal(set(reply) - {'version', 'granted', 'hint'}, set())
    for method in 'agent.status', 'devices.list', 'session.list', 'recording.list', 'policy.get', 'events.subscribe', 'grants.list':
        tap.equal(error(ws.call(method)), (-32002, 'EPERM'), method)
    line = ws.call('grants.request', {'scopes': ['camera', 'stats']})['result']['command']
    tap.equal(line, f'deskhand grants allow {OTHER} camera stats')
    tap.equal(run(*line.split()[1:])[0], 0)
    tap.equal(wait_event(ws, 'grants.changed')['granted'], ['camera', 'stats'])
    tap.true('result' in ws.call('agent.stats'), 'stats')
    tap.equal(error(ws.call('devices.list')), (-32002, 'EPERM'))
    tap.equal(error(ws.call('session.open', {'sources': SOURCES})), (-32002, 'EPERM'))  # no screen, no microphone
    session = ws.call('session.open', {'sources': [{'role': 'camera'}]})['result']['session']
    tap.equal(run('grants', 'revoke', OTHER)[0], 0)
    tap.equal(ws.close_code(), 4440)
    ws.close()
    c = cli(agent.socket)
    tap.true(session not in json.dumps(c.call('session.list')), 'its session is closed with the grant')
    c.close()


# ---- sessions and recordings ----

def sessions_survive_a_reload():
    """a session belongs to its origin and survives a reload; another tab cannot take it over (SR-14, SR-18)"""
    ws = page(PAGES[1])
    opened = ws.call('session.open', {'sources': SOURCES, 'template': 'desk'})['result']
    tap.equal(len(opened['resume']), 32)
    session = {'session': opened['session']}
    recording = ws.call('recording.start', session)['result']
    ws.close()
    ws = page(PAGES[1])
    mine = [s for s in ws.call('session.list')['result']['sessions'] if s['session'] == opened['session']]
    tap.equal(mine[0]['recordings'], [recording['recording']])
    tap.equal(error(ws.call('session.update', {**session, 'template': 'grid'})), (-32002, 'EPERM'))
    tap.equal(error(ws.call('recording.stop', recording)), (-32002, 'EPERM'))
    tap.equal(error(ws.call('session.attach', {**session, 'resume': '0' * 32})), (-32002, 'EPERM'))
    tap.equal(ws.call('session.attach', {**session, 'resume': opened['resume']})['result']['state']['is_controlled'], True)
    tap.true('result' in ws.call('session.update', {**session, 'template': 'grid', 'overlay': {'text': 'C-17'}}), 'update')
    wait_event(ws, 'recording.progress', lambda p: p['video_frames'] > 0)
    facts = ws.call('recording.stop', recording)['result']
    tap.equal(facts['state'], 'done')
    tap.true('path' not in facts and agent.home not in json.dumps(facts), 'SR-26: no path towards pages')
    stranger = page('http://127.0.0.1:8480', hello=False)
    tap.equal(stranger.call('agent.hello', HELLO)['result']['granted'], [])
    stranger.close()
    tap.true('result' in ws.call('session.close', session), 'close')
    tap.equal(ws.call('session.list')['result']['sessions'], [])
    ws.close()


def orphan_policies():
    """orphan_policy stop ends a session with its page; a closed session is gone"""
    ws = page(PAGES[2])
    session = ws.call('session.open', {'sources': [], 'orphan_policy': 'stop'})['result']['session']
    c = cli(agent.socket)
    c.call('events.subscribe', {'prefixes': ['session.'], 'only': True})
    ws.close()
    p = wait_event(c, 'session.changed', lambda p: p['session'] == session and p['state'] == 'closed')
    tap.equal(p['reason'], 'its page is gone')
    c.close()


def wrong_secrets_back_off():
    """SR-20: three wrong resume secrets block the origin for a while"""
    ws = page(PAGES[3])
    opened = ws.call('session.open', {'sources': []})['result']
    names = [error(ws.call('session.attach', {'session': opened['session'], 'resume': 'x' * 32}))[1] for _ in range(5)]
    tap.equal(names[0], 'EPERM')
    tap.true('ELIMIT' in names, names)
    ws.call('session.close', {'session': opened['session']})
    ws.close()


def evidence(ws, recording, facts, kept, path):
    """The file is whole, signed by this desk, says who did what, and holds the head that an event told earlier."""
    report = ws.call('recording.verify', {**recording, **kept})['result']
    tap.equal((report['verdict'], report['exit_code'], report['chain']), ('whole', 0, facts['chain']), report)
    tap.equal((report['video_frames'], report['duration_ms']), (facts['video_frames'], facts['duration_ms']))
    notes = {n['kind']: (n['who'], n['text']) for n in report['notes'] if n['kind'] not in ('claim', 'gap')}
    resumed = f'asked, after {facts["pauses"][0]["duration_ms"]} ms'
    tap.equal(notes, {'pause': (PAGES[4], 'asked'), 'resume': (PAGES[4], resumed), 'marker': (PAGES[4], '3: signed'),
                      'stop': (PAGES[4], 'asked')})
    claims = {n['text']: n['who'] for n in report['notes'] if n['kind'] == 'claim'}
    tap.equal((claims['case_id=C-17'], claims[f'origin={PAGES[4]}']), (PAGES[4], 'agent'), claims)
    tap.equal(stat.S_IMODE(os.stat(path + '.chain').st_mode), 0o600)
    with open(path, 'rb') as f, open(path + '.chain', 'rb') as g:
        links = g.read()
        tap.true(links[:int.from_bytes(links[:4], 'big')] in f.read(), 'the sidecar holds the links')
    code, out, _ = run('verify', path, '--json', '--head', f'{kept["seq"]}:{kept["head"]}')
    tap.equal((code, json.loads(out)['signer']), (0, report['signer']), 'deskhand verify says the same')
    other = ws.call('recording.verify', {**recording, 'head': '0' * 64})['result']
    tap.equal((other['verdict'], other['fault']), ('altered', 'other_head'))
    tap.equal(error(ws.call('recording.verify', {**recording, 'head': 'x'})), (-32005, 'EINVAL'))


def a_recording():
    """a recording: events, markers, pause, the same request_id, facts; the file plays"""
    ws = page(PAGES[4])
    session = {'session': ws.call('session.open', {'sources': SOURCES, 'overlay': {'clock': True}})['result']['session']}
    request = {**session, 'request_id': 'r-1', 'case_id': 'C-17', 'name': 'C-17_a'}
    first, again = ws.call('recording.start', request)['result'], ws.call('recording.start', request)['result']
    tap.equal(first, again, 'SR-22: one recording')
    tap.equal(error(ws.call('recording.start', {**session, 'name': '../x'})), (-32005, 'EINVAL'), 'SR-25')
    tap.equal(error(ws.call('recording.start', {**session, 'name': 'C-17_a'})), (-32017, 'EEXIST'))
    tap.equal(error(ws.call('recording.start', {**session, 'folder': 'nope'})), (-32004, 'ENOENT'))
    tap.equal(error(ws.call('recording.start', {**session, 'targets': ['push']})), (-32005, 'EINVAL'))
    progress = wait_event(ws, 'recording.progress', lambda p: p['video_frames'] > 10)
    tap.true(progress['disk_free_bytes'] > 0, progress)
    tap.true(progress['chain']['seq'] > 0 and len(progress['chain']['head']) == 64, progress)
    tap.equal(error(ws.call('recording.verify', first)), (-32013, 'ESTATE'), 'not while it is written')
    tap.equal(error(ws.call('recording.resume', first)), (-32013, 'ESTATE'), 'SR-22: states are checked')
    ws.call('recording.pause', first)
    tap.equal(wait_event(ws, 'recording.paused')['recording'], first['recording'])
    tap.equal(error(ws.call('recording.pause', first)), (-32013, 'ESTATE'))
    ws.call('recording.resume', first)
    wait_event(ws, 'recording.resumed')
    tap.true(ws.call('recording.marker', {**first, 'text': 'signed', 'step': '3'})['result']['t_ms'] > 0, 'marker')
    wait_event(ws, 'recording.progress')
    facts = ws.call('recording.stop', first)['result']
    tap.equal((facts['state'], facts['reason'], facts['case_id'], facts['dropped']), ('done', 'asked', 'C-17', 0))
    tap.equal([(m['text'], m['step']) for m in facts['markers']], [('signed', '3')])
    tap.equal(ws.call('recording.stop', first)['result']['state'], 'done', 'asked again')
    tap.equal(error(ws.call('recording.pause', first)), (-32013, 'ESTATE'))
    listed = ws.call('recording.list', {'case_id': 'C-17'})['result']['recordings']
    tap.equal([r['recording'] for r in listed], [first['recording']])
    path = cli(agent.socket).call('recording.get', first)['result']['path']
    tap.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    evidence(ws, first, facts, progress['chain'], path)
    probe = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path],
                           capture_output=True, text=True)
    tap.equal(probe.stderr, '')
    tap.true(abs(float(probe.stdout) * 1000 - facts['duration_ms']) < 100, f'{probe.stdout} {facts}')
    tap.true('result' in ws.call('recording.delete', first), 'delete')
    tap.true(not os.path.exists(path) and not os.path.exists(path + '.chain'), 'the files are gone')
    tap.equal(error(ws.call('recording.get', first)), (-32004, 'ENOENT'))
    ws.call('session.close', session)
    ws.close()


def snapshots():
    """a snapshot is a JPEG of at most 700 KiB"""
    import base64
    ws = page(PAGES[5])
    session = ws.call('session.open', {'sources': SOURCES, 'canvas': {'width': 1920, 'height': 1080, 'fps': 10}})['result']['session']
    def take():
        reply = ws.call('snapshot.take', {'session': session, 'track': 'program'})
        tap.true('result' in reply or error(reply)[1] == 'ENODEV', f'before the first picture: {reply}')
        return 'result' in reply and reply

    reply = until(take)
    data = base64.b64decode(reply['result']['data'])
    tap.equal(data[:3], b'\xff\xd8\xff')
    tap.true(len(reply['result']['data']) <= 700 * 1024, 'size')
    tap.equal(reply['result']['width'], 1920)
    tap.true('error' in ws.call('snapshot.take', {'session': session, 'track': '../x'}), 'track')
    ws.call('session.close', {'session': session})
    ws.close()


def sources_change_while_running():
    """sources come, go and change their settings; a page cannot name a driver of files or participants (SR-24)"""
    ws = page(PAGES[6])
    session = {'session': ws.call('session.open', {'sources': [{'role': 'camera'}]})['result']['session']}
    for device in ('file:/etc/passwd', 'remote:1'):
        tap.equal(error(ws.call('source.add', {**session, 'source': {'role': 'camera', 'device': device}}))[1] in
                  ('EPERM', 'EINVAL', 'ENOENT'), True)
    number = ws.call('source.add', {**session, 'source': {'role': 'microphone', 'gain_db': -3}})['result']['source']
    wait_event(ws, 'session.changed', lambda p: any(s['source'] == number and s['state'] == 'live' for s in p['sources']))
    tap.true('result' in ws.call('source.update', {**session, 'source': number, 'muted': True}), 'mute')
    tap.true('result' in ws.call('audio.set', {**session, 'muted': False, 'microphone_gain': 6}), 'audio.set')
    tap.true('result' in ws.call('audio.set', {'muted': True}), 'the only session')
    tap.equal([s['muted'] for s in ws.call('session.list')['result']['sessions'][0]['sources'] if s['source'] == number], [True])
    other = {'session': ws.call('session.open', {'sources': [{'role': 'camera'}]})['result']['session']}
    tap.equal(error(ws.call('audio.set', {'muted': True})), (-32005, 'EINVAL'))
    tap.equal(error(ws.call('audio.set', {**other, 'speaker_volume': 7, 'muted': True})), (-32004, 'ENOENT'))  # changes nothing
    ws.call('session.close', other)
    tap.true('result' in ws.call('audio.set', {**session, 'speaker': '', 'speaker_volume': 30, 'auto_gain': False}), 'speaker')
    tap.equal(error(ws.call('audio.set', {**session, 'speaker': 'portaudio:sink:x'})), (-32005, 'EINVAL'))
    tap.equal(error(ws.call('audio.set', {**session, 'speaker_volume': 101})), (-32602, 'EINVAL'))
    tap.true('result' in ws.call('source.update', {**session, 'source': 1, 'mirror': True}), 'mirror')
    ws.call('source.remove', {**session, 'source': number})
    tap.equal(error(ws.call('source.remove', {**session, 'source': number})), (-32004, 'ENOENT'))
    ws.call('session.update', {**session, 'sources': [{'role': 'screen'}]})
    sources = ws.call('session.list')['result']['sessions'][0]['sources']
    tap.equal([s['role'] for s in sources], ['screen'])
    ws.call('session.close', session)
    ws.close()


def commands_to_a_closing_session():
    """commands pipelined behind session.close get an answer each, and the agent stays up"""
    c = cli(agent.socket)
    small = {'width': 320, 'height': 180, 'fps': 15}
    for pause in True, False, True, False:
        session = {'session': c.call('session.open', {'sources': SOURCES, 'canvas': small})['result']['session']}
        recording = c.call('recording.start', session)['result']
        first = c.next_id + 1
        for method, params in (('session.close', session), ('recording.pause', recording) if pause else
                               ('recording.marker', {**recording, 'text': 'x'}), ('recording.stop', recording)):
            c.next_id += 1
            c.put({'jsonrpc': '2.0', 'id': c.next_id, 'method': method, 'params': params})
        answers = {}
        while len(answers) < 3:
            m = c.get()
            if m.get('id', 0) >= first:
                answers[m['id'] - first] = error(m)[1]
        tap.equal((answers[0], answers[1]), ('OK', 'ESTATE'))
    c.close()
    alive()


def refused_recordings_leave_nothing():
    """a recording that is refused leaves no open file in the agent"""
    def open_files():
        folder = f'/proc/{agent.process.pid}/fd'
        return [f for f in (os.readlink(f'{folder}/{n}') for n in os.listdir(folder)) if f.endswith('.mp4')]

    c = cli(agent.socket)
    session = {'session': c.call('session.open', {'sources': []})['result']['session']}
    for _ in range(3):
        tap.equal(error(c.call('recording.start', session)), (-32013, 'ESTATE'))
    tap.equal(open_files(), [])
    c.call('session.close', session)
    session = {'session': c.call('session.open', {'sources': SOURCES})['result']['session']}
    names = [error(c.call('recording.start', session))[1] for _ in range(6)]
    tap.equal(names, ['OK'] * 4 + ['ELIMIT'] * 2)
    tap.equal(len(open_files()), 4)
    c.call('session.close', session)
    tap.equal(open_files(), [])
    c.close()


def toggles_are_limited():
    """SR-20: devices are switched on 5 times in 10 s, not more"""
    ws = page()
    replies = [ws.call('session.open', {'sources': [], 'orphan_policy': 'stop'}) for _ in range(6)]
    tap.equal([error(r)[1] for r in replies], ['OK'] * 5 + ['ELIMIT'])
    for r in replies[:5]:
        ws.call('session.close', {'session': r['result']['session']})
    ws.close()


def stats_and_levels():
    """high-volume events come only when asked"""
    ws = page(PAGES[7])
    session = ws.call('session.open', {'sources': SOURCES})['result']['session']
    ws.call('events.subscribe', {'prefixes': ['agent.stats', 'audio.levels']})
    levels = wait_event(ws, 'audio.levels', lambda p: p['source'] == 0)
    tap.true(-100 <= levels['rms_db'] <= 0, levels)
    stats = wait_event(ws, 'agent.stats', lambda p: p['sessions'])
    tap.true(stats['rss_bytes'] > 0 and stats['sessions'][0]['session'] == session, stats)
    tap.true(stats['peers'] == [] and set(ws.call('agent.stats')['result']) >= {'sessions', 'peers', 'cpu_percent'}, stats)
    moving = wait_event(ws, 'agent.stats', lambda p: p['sessions'] and p['sessions'][0]['sources'][0]['fps'] > 1)
    tap.true(moving['sessions'][0]['encoded_bps'] == 0, moving)  # nothing records
    ws.call('events.subscribe', {'prefixes': []})
    ws.call('session.close', {'session': session})
    ws.close()


def unwritable_folder():
    """unwritable folder, no space: an error a person can act on"""
    ws = page(PAGES[8])
    session = ws.call('session.open', {'sources': [{'role': 'camera'}]})['result']['session']
    write_policy(agent.home, {'origins': ORIGINS, 'folders': {'none': '/proc/nothing'}})
    until(lambda: 'none' in ws.call('policy.get')['result']['folders'])
    reply = ws.call('recording.start', {'session': session, 'folder': 'none'})
    tap.true(error(reply)[1] in ('EPERM', 'ENOENT', 'EIO', 'ENOSPC') and reply['error']['data']['hint'], reply)
    ws.call('session.close', {'session': session})
    ws.close()
    alive()


def killed_while_recording():
    """kill -9 while recording: finished at the next start, listed as recovered"""
    c = cli(agent.socket)
    session = c.call('session.open', {'sources': SOURCES})['result']['session']
    recording = c.call('recording.start', {'session': session})['result']['recording']
    kept = wait_event(c, 'recording.progress', lambda p: p['recording'] == recording and p['duration_ms'] > 1000)['chain']
    agent.stop(9)
    c.close()
    agent.start()
    c = cli(agent.socket)
    get = {'recording': recording}
    until(lambda: c.call('recording.get', get)['result']['state'] != 'interrupted')
    facts = c.call('recording.get', get)['result']
    tap.equal((facts['state'], facts['is_recovered'], facts['reason']), ('done', True, 'interrupted'))
    tap.true(facts['duration_ms'] >= 500, facts)
    probe = subprocess.run(['ffprobe', '-v', 'error', '-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0',
                            facts['path']], capture_output=True, text=True)
    tap.equal((probe.returncode, probe.stderr), (0, ''), 'every frame decodes')
    tap.equal(int(probe.stdout.split()[0]), facts['video_frames'])
    report = c.call('recording.verify', {**get, **kept})['result']
    tap.equal((report['verdict'], report['is_recovered'], report['chain']), ('whole', False, facts['chain']), report)
    tap.equal([n['text'] for n in report['notes'] if n['kind'] == 'stop'], ['agent gone'], 'its writer finished it')
    c.close()


def command_line():
    """exit codes: 0 done, 1 failed, 2 bad usage, 3 no agent"""
    tap.equal(run('call', 'agent.status')[0], 0)
    code, out, err = run('call', 'no.such')
    tap.equal((code, out, json.loads(err)['code']), (1, '', -32601))
    for args in (), ('nope',), ('call',), ('call', 'x', '{'), ('agent', '--port', '0'), ('grants',), ('grants', 'allow', 'x'), \
            ('status', 'x'), ('policy',), ('devices', '--nope'), ('record', '--duration', 'x'), ('recover',), ('verify',), \
            ('verify', 'x', '--head', '1:x'), ('verify', 'x', '--trust', 'x'), ('verify', 'x', 'y'):
        tap.equal(run(*args)[0], 2, args)
    for name in 'agent', 'call', 'events', 'devices', 'status', 'doctor', 'record', 'recover', 'verify', 'grants', 'policy', \
            'describe', 'version', 'manifests':
        code, out, _ = run(name, '--help')
        tap.true(code == 0 and 'usage: deskhand' in out, f'{name} --help')
    tap.equal(run('grants', 'allow', 'null', 'camera')[0], 1)
    tap.equal(run('grants', 'allow', 'https://x.example', 'nope')[0], 1)
    code, out, _ = run('doctor', '--json')
    tap.true(code in (0, 1) and json.loads(out)['checks'], 'doctor')
    code, out, _ = run('policy', 'check')
    tap.true(code == 0 and 'warning' in out and CRM in out, 'policy check warns of http')
    code, out, _ = run('record', '--duration', '1')
    tap.equal((code, json.loads(out)['state'] if code == 0 else out), (0, 'done'))


def stops_cleanly():
    """SIGTERM while recording: the file is finished, exit 0; then no agent: exit 3"""
    c = cli(agent.socket)
    session = c.call('session.open', {'sources': SOURCES})['result']['session']
    recording = c.call('recording.start', {'session': session})['result']['recording']
    wait_event(c, 'recording.progress', lambda p: p['recording'] == recording)
    path = c.call('recording.get', {'recording': recording})['result']['path']
    tap.equal(agent.stop(), 0)
    c.close()
    tap.equal(run('status')[0], 3)
    with open(f'{agent.home}/state/deskhand/recordings/{recording}.json') as f:
        tap.equal(json.load(f)['state'], 'done')
    probe = subprocess.run(['ffprobe', '-v', 'error', path], capture_output=True, text=True)
    tap.equal((probe.returncode, probe.stderr), (0, ''))


code = tap.run([telling(test) for test in (shapes, texts, flood, never_reads, malformed_again_and_again, hello_rules, origins, without_a_grant,
                sessions_survive_a_reload, orphan_policies, wrong_secrets_back_off, a_recording, snapshots,
                sources_change_while_running,
                commands_to_a_closing_session, refused_recordings_leave_nothing, toggles_are_limited, stats_and_levels, unwritable_folder, killed_while_recording, command_line,
                stops_cleanly)])
agent.is_home_ours = True
agent.finish()
sys.exit(code)
