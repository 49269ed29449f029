#!/usr/bin/env python3
"""Previews over the agent's roads: who may open one, what a bad offer or candidate gets, limits, and that nothing leaks.
A whole connection needs a browser: tests/e2e. usage: test_preview.py DESKHAND"""
import json
import os
import sys
import tempfile

from wire import Agent, Tap, WebSocket, cli, until

PROGRAM = os.path.abspath(sys.argv[1])
SDP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../fixtures/sdp')
# An origin switches devices on at most 5 times in 10 s (SR-20): each test has some of its own.
PAGES = [f'http://localhost:{port}' for port in range(8480, 8500)]
PICTURE = 'http://localhost:8479'
HELLO = {'min_version': 1, 'max_version': 1, 'client': 'test'}
# RFC 5737: addresses of nobody
FOREIGN = ['candidate:1 1 udp 2122260223 203.0.113.7 40000 typ host', 'candidate:1 1 udp 2122260223 2001:db8::7 40000 typ host',
           'candidate:2 1 udp 1686052607 198.51.100.9 40000 typ srflx raddr 127.0.0.1 rport 40000']
tap = Tap()


def make_agent():
    home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
    for name in 'run', 'policy':
        os.mkdir(f'{home}/{name}', 0o700)
    with open(f'{home}/policy/10.json', 'w') as f:
        json.dump({'origins': [{'origin': origin, 'scopes': ['*']} for origin in PAGES] + [{'origin': PICTURE, 'scopes': ['camera']}]}, f)
    os.chmod(f'{home}/policy/10.json', 0o644)
    return Agent([PROGRAM, 'agent', '--fake', '--print-ready', '--port', 'PORT'], {'DESKHAND_POLICY_DIRS': home + '/policy'}, home)


agent = make_agent()


def offer(name='chromium-offer-recvonly-video'):
    with open(f'{SDP}/{name}.sdp', newline='') as f:
        return f.read().replace('\r\n', '\n').replace('\n', '\r\n')


def page(origin):
    ws = WebSocket(agent.port, origin)
    tap.true('result' in ws.call('agent.hello', HELLO), 'hello')
    return ws


def start(ws, *roles):
    return ws.call('session.open', {'sources': [{'role': role} for role in roles or ('camera',)],
                                    'canvas': {'width': 320, 'height': 180, 'fps': 15}})['result']


def show(ws, session, **changes):
    return ws.call('preview.open', {'session': session['session'], 'tracks': ['program'], 'offer': offer(), **changes})


def name(reply):
    return reply['error']['data']['name'] if 'error' in reply else 'OK'


def sockets():
    folder = f'/proc/{agent.process.pid}/fd'
    found = 0
    for fd in os.listdir(folder):
        try:
            found += os.readlink(f'{folder}/{fd}').startswith('socket:')
        except FileNotFoundError:
            pass
    return found


def previews(ws):
    return [s['previews'] for s in ws.call('session.list')['result']['sessions']]


def wait_event(c, event):
    while True:
        m = c.get()
        if m.get('method') == event:
            return m['params']


def an_answer():
    """an offer gets an answer with addresses of this machine in it; close ends it"""
    ws = page(PAGES[0])
    session = start(ws, 'camera', 'screen', 'microphone')
    for case in 'chromium-offer-recvonly-video', 'chromium-offer-sendrecv', 'firefox-offer-recvonly-video':
        reply = show(ws, session, offer=offer(case))
        tap.equal(name(reply), 'OK', f'{case}: {reply}')
        answer = reply['result']['answer']
        tap.true('a=sendonly' in answer and 'a=fingerprint:sha-256 ' in answer, answer)
        tap.true('a=candidate:' in answer, f'no addresses: {answer}')
        tap.equal(previews(ws), [1])
        peers = ws.call('rtc.stats')['result']['peers']
        tap.equal([(p['kind'], p['preview'], p['session']) for p in peers],
                  [('preview', reply['result']['preview'], session['session'])])
        ws.put({'jsonrpc': '2.0', 'id': 'close', 'method': 'preview.close', 'params': {'preview': reply['result']['preview']}})
        closed = wait_event(ws, 'preview.closed')
        tap.equal((closed['preview'], closed['name'], closed['reason']), (reply['result']['preview'], 'ECLOSED', 'asked'))
        tap.equal(name(ws.call('preview.close', {'preview': reply['result']['preview']})), 'ENOENT')
    ws.call('session.close', {'session': session['session']})
    ws.close()


def bad_offers():
    """bad input: what is no offer, or lacks ICE, a fingerprint, a line for pictures: a named error each, nothing stays"""
    ws = page(PAGES[1])
    session = start(ws)
    good = offer()
    without = lambda line: ''.join(x for x in good.splitlines(True) if not x.startswith(line))  # noqa: E731
    digest = good.split('a=fingerprint:sha-256 ')[1].split('\r\n')[0]
    cases = [('', 'EPROTO'), ('hello', 'EPROTO'), ('v=0\r\n' * 1000, 'EPROTO'), ('{"type":"offer"}', 'EPROTO'), (good[:300], 'EPROTO'),
             ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n', 'ENOTSUP'), (without('a=ice-ufrag'), 'ENOTSUP'),
             (without('a=ice-pwd'), 'ENOTSUP'), (without('a=fingerprint'), 'ENOTSUP'), (good.replace(digest, 'AA:BB'), None),
             (good.replace('recvonly', 'inactive'), 'ENOTSUP'), (good.replace('m=video', 'm=audio'), None),
             (good.replace('m=video 9', 'm=video 999999'), None), ('x' * 65536, 'EPROTO')]
    for text, wanted in cases:
        reply = show(ws, session, offer=text)
        got = name(reply)
        tap.true(got == wanted if wanted else got in ('EPROTO', 'ENOTSUP', 'EINVAL'), f'{text[:40]!r}: {reply}')
        tap.true('error' in reply and reply['error']['message'], reply)
    tap.equal(previews(ws), [0])
    ws.call('session.close', {'session': session['session']})
    ws.close()


def bad_tracks():
    """bad input: tracks that are unknown, absent, named twice, none or too many"""
    ws = page(PAGES[2])
    session = start(ws)
    for tracks, wanted in (([], 'EINVAL'), (['king'], 'EINVAL'), (['screen'], 'ENOENT'), (['remote:1'], 'ENOENT'), (['remote:x'], 'EINVAL'),
                           (['remote:1x'], 'EINVAL'), (['program', 'program'], 'EINVAL'), (['program'] * 9, 'EINVAL'), ([7], 'EINVAL'),
                           (['x' * 60000], 'EINVAL'), (['sound'], 'EINVAL')):
        tap.equal(name(show(ws, session, tracks=tracks)), wanted, str(tracks)[:60])
    tap.equal(name(show(ws, session, sound='loud')), 'EINVAL')
    tap.equal(name(show(ws, {'session': 'nope'})), 'ENOENT')
    ws.call('session.close', {'session': session['session']})
    ws.close()


def who_may():
    """only the page that controls the session opens a preview, only the one that opened it touches it, and with its scopes"""
    ws, other = page(PAGES[3]), page(PAGES[3])
    session = start(ws, 'camera', 'microphone')
    tap.equal(name(show(other, session)), 'EPERM', 'another tab')
    reply = show(ws, session)
    preview = {'preview': reply['result']['preview']}
    tap.equal(name(other.call('preview.close', preview)), 'EPERM')
    tap.equal(name(other.call('preview.candidate', {**preview, 'candidate': ''})), 'EPERM')
    narrow = page(PICTURE)
    tap.equal(name(show(narrow, session)), 'ENOENT', 'another origin')
    tap.equal(name(narrow.call('preview.close', preview)), 'ENOENT')
    tap.equal(name(narrow.call('rtc.stats')), 'EPERM', 'scope stats')
    own = start(narrow)
    tap.equal(name(show(narrow, own)), 'OK')
    c = cli(agent.socket)
    tap.equal(len(c.call('rtc.stats')['result']['peers']), 2, 'the command line sees all')
    # the desk's user adds a screen, for which this origin has no grant
    c.call('source.add', {'session': own['session'], 'source': {'role': 'screen'}})
    tap.equal(name(show(narrow, own)), 'EPERM', 'scope screen')
    tap.equal(name(show(narrow, own, tracks=['camera'])), 'OK')
    c.call('session.close', {'session': own['session']})
    # who takes the session over ends the previews of who had it
    tap.equal(name(other.call('session.attach', {**{'session': session['session']}, 'resume': session['resume']})), 'OK')
    tap.equal(wait_event(ws, 'preview.closed')['name'], 'EPERM')
    other.call('session.close', {'session': session['session']})
    for client in ws, other, narrow, c:
        client.close()


def candidates():
    """addresses elsewhere are refused, a flood of candidates too; an empty one is the end"""
    ws = page(PAGES[4])
    session = start(ws)
    # in the offer they are passed over
    reply = show(ws, session, offer=offer().replace('a=ice-ufrag', ''.join(f'a={c}\r\n' for c in FOREIGN) + 'a=ice-ufrag', 1))
    preview = {'preview': reply['result']['preview']}
    say = lambda text: name(ws.call('preview.candidate', {**preview, 'candidate': text}))  # noqa: E731
    for text in FOREIGN:
        tap.equal(say(text), 'EPERM', text)
    for text in ('x', 'candidate:', 'candidate:1 1 udp', 'candidate:1\r\na=x'):
        tap.equal(say(text), 'EINVAL', text)
    tap.equal(say('candidate:1 1 udp 1 ' + 'x' * 2000), 'EINVAL')
    tap.equal(say('candidate:1 1 udp 2122260223 127.0.0.1 9 typ host'), 'OK')
    tap.equal(say(''), 'OK')
    names = [say(f'candidate:1 1 udp 2122260223 127.0.0.1 {port} typ host') for port in range(10000, 10080)]
    tap.true(names[0] == 'OK' and names[-1] == 'ELIMIT', names)
    tap.equal(name(ws.call('preview.candidate', {'preview': 'nope', 'candidate': ''})), 'ENOENT')
    ws.call('session.close', {'session': session['session']})
    ws.close()


def a_hundred():
    """a page that opens 100 previews gets named errors, and nothing of them stays once it is gone"""
    probe = cli(agent.socket)
    probe.call('session.list')
    before = sockets()
    ws = page(PAGES[5])
    session = start(ws)
    names = [name(show(ws, session)) for _ in range(100)]
    tap.equal((names.count('OK'), names.count('ELIMIT')), (8, 92))
    second, third = start(ws), start(ws)
    names = [name(show(ws, s)) for s in (second, third) for _ in range(10)]
    tap.equal((names.count('OK'), names.count('ELIMIT')), (8, 12))
    tap.true(sockets() > before + 16, 'each has sockets of its own')
    # pipelined, and gone before an answer
    for i in range(40):
        ws.put({'jsonrpc': '2.0', 'id': 1000 + i, 'method': 'preview.open',
                'params': {'session': third['session'], 'tracks': ['program'], 'offer': offer()}})
    ws.close()
    until(lambda: sum(previews(probe)) == 0, 'the end of all previews')
    until(lambda: sockets() <= before, 'the end of their sockets')
    for s in session, second, third:
        probe.call('session.close', {'session': s['session']})
    probe.close()


def mid_handshake():
    """closing while an answer or a handshake is under way: session, preview, page, in every order"""
    probe = cli(agent.socket)
    probe.call('session.list')
    before = sockets()
    for i, how in enumerate(('session', 'preview', 'page', 'candidate')):
        ws = page(PAGES[10 + i])
        session = start(ws)
        if how == 'session': # close is pipelined behind open: each has one answer
            for i, (method, params) in enumerate((('preview.open', {'tracks': ['program'], 'offer': offer()}), ('session.close', {}))):
                ws.put({'jsonrpc': '2.0', 'id': f's{i}', 'method': method, 'params': {'session': session['session'], **params}})
            answers = {}
            while len(answers) < 2:
                m = ws.get()
                if str(m.get('id')).startswith('s'):
                    answers[m['id']] = name(m)
            tap.equal((answers['s0'] in ('OK', 'ECLOSED'), answers['s1']), (True, 'OK'), answers)
        else:
            preview = {'preview': show(ws, session)['result']['preview']}
            if how == 'candidate': # those pipelined behind close are answered as well
                for i, method in enumerate(('preview.candidate', 'preview.candidate', 'preview.close', 'preview.candidate')):
                    extra = {} if method == 'preview.close' else {'candidate': FOREIGN[0]}
                    ws.put({'jsonrpc': '2.0', 'id': f'c{i}', 'method': method, 'params': {**preview, **extra}})
                answers = {}
                while len(answers) < 4:
                    m = ws.get()
                    if str(m.get('id')).startswith('c'):
                        answers[m['id']] = name(m)
                tap.true(answers['c0'] in ('EPERM', 'ECLOSED') and answers['c2'] == 'OK' and answers['c3'] == 'ENOENT', answers)
            elif how == 'preview':
                tap.equal(name(ws.call('preview.close', preview)), 'OK')
        ws.close()
        until(lambda: sum(previews(probe)) == 0, 'the end')
        for s in probe.call('session.list')['result']['sessions']:
            probe.call('session.close', {'session': s['session']})
    until(lambda: sockets() <= before, 'the end of their sockets')
    probe.close()


def nobody_connects():
    """a page that never connects: the preview ends by itself after 10 s and says so; statistics come each second till then"""
    ws = page(PAGES[6])
    session = start(ws)
    ws.call('events.subscribe', {'prefixes': ['rtc.stats']})
    preview = show(ws, session)['result']['preview']
    stats = wait_event(ws, 'rtc.stats')
    tap.equal([p['preview'] for p in stats['peers']], [preview])
    tap.true(stats['peers'][0]['state'] in ('new', 'connecting'), stats)
    closed = wait_event(ws, 'preview.closed')
    tap.equal((closed['preview'], closed['name'] in ('ETIMEDOUT', 'EIO')), (preview, True), closed)
    tap.equal(previews(ws), [0])
    ws.call('session.close', {'session': session['session']})
    ws.close()


def the_agent_ends():
    """the agent ends cleanly while previews are open"""
    ws = page(PAGES[7])
    session = start(ws, 'camera', 'screen')
    for tracks in ['program'], ['camera', 'screen']:
        show(ws, session, tracks=tracks)
    ws.put({'jsonrpc': '2.0', 'id': 'last', 'method': 'preview.open',
            'params': {'session': session['session'], 'tracks': ['program'], 'offer': offer()}})
    tap.equal(agent.stop(), 0, agent.log_text()[-2000:])
    tap.true('Sanitizer' not in agent.log_text(), agent.log_text()[-4000:])


code = tap.run([an_answer, bad_offers, bad_tracks, who_may, candidates, a_hundred, mid_handshake, nobody_connects, the_agent_ends])
agent.is_home_ours = True
agent.finish()
sys.exit(code)
