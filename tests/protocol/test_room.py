#!/usr/bin/env python3
"""Rooms: real agents with fake devices and the real room service on this machine, over the command line's road.
usage: test_room.py DESKHAND DESKHAND_ROOMS READ_PATTERN"""
import json
import os
import select
import signal
import subprocess
import sys
import time

from room_desk import APP, PAGE, Desk, Service, name
from wire import Tap, WebSocket, cli, free_port, until

PROGRAM, SERVICE, READ_PATTERN = (os.path.abspath(p) for p in sys.argv[1:4])
HELLO = {'min_version': 1, 'max_version': 1, 'client': 'test'}
tap = Tap()
resumes = {}


def ok(reply):
    tap.equal(name(reply), 'OK', reply)
    return reply.get('result')


def two_members():
    """two agents in a room hear and see each other"""
    a = ok(ann.join('r', room_name='Advice', template='1v3'))
    tap.equal((a['role'], a['creator'], a['name'], a['template'], a['history']), ('host', 'ann', 'Advice', '1v3', []))
    tap.true(a['resume'] and a['session'])
    tap.equal(ann.event('room.joined')['room'], 'r')
    b = ok(bob.join('r', role='member'))
    tap.equal(b['role'], 'member')
    resumes['bob'] = b['resume']
    tap.equal(ann.event('room.member_joined')['user_id'], 'bob')
    for desk, other in (ann, 'bob'), (bob, 'ann'):
        desk.goes_on(desk.sees('r', other)['member'], f'{other} at {desk.user}')
    sources = ok(ann.call('session.list'))['sessions'][0]['sources']
    tap.equal([s.get('label') for s in sources if s['role'] in ('remote', 'camera')], ['Ann', 'Bob'], sources)
    tap.equal(ann.member('r', 'ann')['connection'], 'none')
    listed = ok(ann.call('room.list'))['rooms']
    tap.equal([(r['room'], r['origin']) for r in listed], [('r', 'local:cli')])
    tap.true('history' not in listed[0])


def words():
    """chat goes both ways and is numbered, custom data reaches the one it is for"""
    first = ok(ann.call('room.chat', room='r', text='hello'))
    tap.equal(bob.event('room.chat')['text'], 'hello')
    second = ok(bob.call('room.chat', room='r', text='你好'))
    tap.true(second['id'] > first['id'])
    got = ann.event('room.chat', lambda p: p['user_id'] == 'bob')
    tap.equal((got['text'], got['user_name'], got['id']), ('你好', 'Bob', second['id']))
    tap.equal([line['text'] for line in ann.room('r')['history']], ['hello', '你好'])
    ok(bob.call('room.custom', room='r', data={'page': [7, None]}, to=ann.number('r', 'ann')))
    got = ann.event('room.custom')
    tap.equal((got['from'], got['data']), (bob.number('r', 'bob'), {'page': [7, None]}))
    tap.equal(name(ann.call('room.chat', room='r', text='')), 'EINVAL')
    tap.equal(name(ann.call('room.chat', room='nope', text='x')), 'ENOENT')


def late_third():
    """a third one comes late, sees both and the history, and leaves again"""
    c = ok(cat.join('r'))
    tap.equal([line['text'] for line in c['history']], ['hello', '你好'])
    for desk, other in (cat, 'ann'), (cat, 'bob'), (ann, 'cat'), (bob, 'cat'):
        desk.goes_on(desk.sees('r', other)['member'], f'{other} at {desk.user}')
    ann.goes_on(ann.number('r', 'bob'), 'bob beside cat')
    number = ann.number('r', 'cat')
    ok(cat.call('room.leave', room='r'))
    left = ann.event('room.member_left')
    tap.equal((left['member'], left['reason']), (number, 'left'))
    tap.equal(cat.event('room.closed')['reason'], 'left')
    until(lambda: not ok(cat.call('session.list'))['sessions'], 'the session that was made for the room ends with it')
    until(lambda: [s['label'] for s in ok(ann.call('session.list'))['sessions'][0]['sources'] if s['role'] == 'remote'] == ['Bob'],
          'the source of who left is gone')


def sent(desk, track):
    return next(s['packets'] for s in ok(desk.call('rtc.stats'))['peers'][0]['send'] if s['track'] == track)


def is_still(desk, track):
    before = sent(desk, track)
    select.select([], [], [], 0.5)
    return sent(desk, track) == before


def mutes():
    """mute sends nothing and says so; the host asks another, whose client obeys; only the host may"""
    ok(bob.call('room.mute', room='r', microphone=True))
    until(lambda: not ann.member('r', 'bob')['microphone'], 'the state is told')
    until(lambda: is_still(bob, 'sound'), 'no sound is sent')
    tap.true(ann.member('r', 'bob')['camera'] and not is_still(bob, 'camera'))
    ok(bob.call('room.mute', room='r', microphone=False))
    ann.goes_on(ann.number('r', 'bob'), 'bob after mute')
    tap.equal(name(bob.call('room.mute', room='r', member=bob.number('r', 'ann'), microphone=True)), 'EPERM')
    ok(ann.call('room.mute', room='r', member=ann.number('r', 'bob'), camera=True))
    tap.equal(bob.event('room.muted')['camera'], True)
    until(lambda: not ann.member('r', 'bob')['camera'] and is_still(bob, 'camera'), 'the camera is off')
    tap.equal(name(ann.call('room.mute', room='r', member=ann.number('r', 'bob'), camera=False)), 'EINVAL')
    ok(bob.call('room.mute', room='r', camera=False))
    ann.goes_on(ann.number('r', 'bob'), 'bob with camera again')


def screen():
    """a screen is one more source beside the camera, and goes again"""
    ok(bob.call('room.share', room='r', screen=True))
    shown = until(lambda: (lambda m: m['screen'] and 'screen' in m['sources'] and m)(ann.member('r', 'bob')), 'the screen')
    tap.true(shown['sources']['camera'] != shown['sources']['screen'], shown)
    ann.goes_on(shown['member'], 'camera and screen')
    labels = [s['label'] for s in ok(ann.call('session.list'))['sessions'][0]['sources'] if s['role'] == 'remote']
    tap.equal(labels, ['Bob', 'Bob · screen'])
    ok(bob.call('room.share', room='r', screen=False))
    until(lambda: (lambda m: not m['screen'] and 'screen' not in m['sources'])(ann.member('r', 'bob')), 'no screen')
    tap.equal([s['role'] for s in ok(bob.call('session.list'))['sessions'][0]['sources']], ['camera', 'microphone', 'remote'])
    ann.goes_on(shown['member'], 'the camera after the screen')


def recording():
    """a recording is of everybody, and everybody sees that it runs"""
    own = ok(cat.call('session.open', template='grid', canvas={'width': 1280, 'height': 720, 'fps': 25},
                        sources=[{'role': 'microphone', 'muted': True}]))
    ok(cat.join('r', session=own['session']))
    others = [cat.sees('r', other)['member'] for other in ('ann', 'bob')]
    for other in others:
        cat.goes_on(other, f'member {other}')
    claimed = [{'name': 'operator', 'value': 'Cat'}, {'name': 'customer', 'value': 'Bob Li'}]
    started = ok(cat.call('recording.start', session=own['session'], case_id='C-7', claims=claimed))
    until(lambda: bob.member('r', 'cat')['recording'], 'bob sees it')
    until(lambda: ok(cat.call('recording.get', recording=started['recording']))['video_frames'] > 20, 'its first pictures')
    for other in others:
        cat.goes_on(other, f'member {other} in the recording')
    done = ok(cat.call('recording.stop', recording=started['recording']))
    until(lambda: not bob.member('r', 'cat')['recording'], 'bob sees that it ended')
    report = ok(cat.call('recording.verify', recording=started['recording']))
    said = [(n['who'], n['text']) for n in report['notes'] if n['kind'] == 'claim']
    tap.equal(report['verdict'], 'whole')
    tap.equal(sorted(s for s in said if s[1].startswith('room')), [('agent', 'room=r')] +
              [('agent', f'room_member={user}') for user in ('ann', 'bob', 'cat')])
    for text in 'case_id=C-7', 'operator=Cat', 'customer=Bob Li':
        tap.true(('local:cli', text) in said, said)
    for left in 0, 640:  # a grid of two: each member's whole picture, with the code that is painted in it
        read = subprocess.run([READ_PATTERN, '--summary', '--region', f'{left},180,640,360', done['path']], capture_output=True, text=True)
        sums = json.loads(read.stdout or '{}')
        tap.true(sums.get('readable', 0) > 20 and sums['distinct'] > 5, f'{left}: {sums} {read.stderr}')
    volume = subprocess.run(['ffmpeg', '-hide_banner', '-i', done['path'], '-af', 'volumedetect', '-f', 'null', '-'], check=True,
                            capture_output=True, text=True).stderr
    tap.true('max_volume' in volume and 'max_volume: -91' not in volume, f'the members are heard: {volume}')
    ok(cat.call('room.leave', room='r'))
    tap.equal(len(ok(cat.call('session.list'))['sessions']), 1, 'its own session stays')
    ok(cat.call('session.close', session=own['session']))
    until(lambda: ann.member('r', 'cat') is None, 'cat is gone')


def service_dies():
    """the service is killed and comes back: pictures and sound never stop, no line of chat is lost, everybody stays who it was"""
    numbers = ann.number('r', 'ann'), ann.number('r', 'bob')
    ok(ann.call('room.chat', room='r', text='before'))
    service.kill()
    for desk in ann, bob:
        desk.event('room.reconnecting')
    tap.true(ann.room('r')['is_away'])
    ann.asks.put({'jsonrpc': '2.0', 'id': 'waits', 'method': 'room.chat', 'params': {'room': 'r', 'text': 'while it was away'}})
    tap.equal(name(bob.call('room.kick', room='r', member=numbers[0])), 'ECLOSED')
    ann.goes_on(numbers[1], 'bob while the service is away')
    bob.goes_on(numbers[0], 'ann while the service is away')
    before = ann.received(numbers[1]), bob.received(numbers[0])
    service.start()
    for desk in ann, bob:
        desk.event('room.reconnected')
    tap.equal((ann.number('r', 'ann'), ann.number('r', 'bob')), numbers)
    until(lambda: all(d.room('r')['history'][-1]['text'] == 'while it was away' for d in (ann, bob)), 'the line that waited')
    ok(bob.call('room.chat', room='r', text='after'))
    until(lambda: [line['text'] for line in ann.room('r')['history']][-3:] == ['before', 'while it was away', 'after'], 'all lines, once')
    after = ann.received(numbers[1]), bob.received(numbers[0])
    tap.true(all(now[i] >= then[i] for then, now in zip(before, after) for i in (0, 1)), f'{before} {after}: the same connections')
    ann.goes_on(numbers[1], 'bob after the service came back')


def is_back(before):
    until(lambda: (ann.member('r', 'bob') or {'member': before})['member'] != before, 'bob is another member')
    for desk, other in (ann, 'bob'), (bob, 'ann'):
        desk.goes_on(desk.sees('r', other)['member'], f'{other} at {desk.user}')


def agent_dies():
    """an agent is killed and joins again by itself, the session is the page's still; a room.join of its page counts more"""
    before, session = ann.number('r', 'bob'), bob.room('r')['session']
    kept = [f'{bob.home}/state/deskhand/rooms/{f}' for f in os.listdir(f'{bob.home}/state/deskhand/rooms')]
    tap.equal([os.stat(f).st_mode & 0o777 for f in kept], [0o600])
    with open(kept[0]) as f:
        tap.true(service.sig('bob')[:40] not in f.read(), 'no user_sig on disk')
    bob.agent.stop(signal.SIGKILL)
    bob.agent.start()
    bob.connect()
    until(lambda: bob.room('r'), 'bob joins by itself')
    page = cli(bob.agent.socket)
    tap.equal(name(page.call('session.attach', {'session': session, 'resume': resumes['bob']})), 'OK', 'the secret of before')
    tap.equal(name(bob.join('r')), 'EEXIST', 'somebody has it')
    page.close()
    until(lambda: not ok(bob.call('session.list'))['sessions'][0]['is_controlled'], 'nobody has it')
    is_back(before)
    before = ann.number('r', 'bob')
    tap.equal(name(bob.join('r', session='nope')), 'ENOENT')
    ok(bob.join('r'))
    tap.equal(len(ok(bob.call('room.list'))['rooms']), 1)
    is_back(before)


def tickets_and_kick():
    """the host makes links and sends somebody away for good"""
    made = ok(ann.call('room.ticket', room='r', uses=2))
    tap.equal(made['link'], f'{service.url}/customer.html#t={made["ticket"]}')
    tap.equal(name(bob.call('room.ticket', room='r')), 'EPERM')
    ok(ann.call('room.kick', room='r', member=ann.number('r', 'bob'), reason='enough'))
    closed = bob.event('room.closed', lambda p: p['reason'] != 'left')
    tap.equal((closed['reason'], closed['text']), ('kicked', 'enough'))
    until(lambda: ann.member('r', 'bob') is None, 'bob is gone')
    tap.equal(name(bob.join('r')), 'EPERM')
    tap.equal(ok(bob.call('room.list')), {'rooms': []})
    ok(ann.call('room.leave', room='r'))


def refusals():
    """bad input: servers that no policy lists, no TLS, no service, wrong signatures, another page's room"""
    join = lambda **more: name(cat.join('x', **more))  # noqa: E731
    tap.equal(join(server='https://rooms.example'), 'EPERM')
    tap.equal(join(server='http://rooms.example'), 'EINVAL')
    tap.equal(join(server='ftp://127.0.0.1'), 'EINVAL')
    tap.equal(join(server='http://127.0.0.1@rooms.example'), 'EINVAL')
    tap.equal(join(server=f'http://127.0.0.1:{free_port()}'), 'EIO')
    tap.equal(join(user_sig='eJwrz'), 'EPROTO')
    tap.equal(join(kind='live'), 'ENOTSUP')
    tap.equal(join(role='member'), 'ENOENT')
    tap.equal(join(proxy={'kind': 'http', 'host': '127.0.0.1', 'port': free_port()}), 'EIO')
    until(lambda: not ok(cat.call('session.list'))['sessions'], 'no session is left of a join that failed')
    page, other = WebSocket(cat.agent.port, PAGE), WebSocket(cat.agent.port, PAGE)
    for ws in page, other:
        ws.call('agent.hello', HELLO)
    params = {'server': service.url.replace('http', 'ws'), 'room': 'x', 'user_id': 'cat', 'user_sig': service.sig('cat'), 'sdk_app_id': APP}
    joined = ok(page.call('room.join', params))
    tap.equal(name(page.call('room.join', params)), 'EEXIST')
    tap.equal(name(other.call('room.get', {'room': 'x'})), 'EPERM')
    page.close()
    until(lambda: not ok(other.call('session.list'))['sessions'][0]['is_controlled'], 'the page is gone')
    ok(other.call('session.attach', {'session': joined['session'], 'resume': joined['resume']}))
    tap.equal(ok(other.call('room.get', {'room': 'x'}))['member'], joined['member'], 'a page that was loaded again')
    ok(other.call('session.close', {'session': joined['session']}))
    tap.equal(cat.event('room.closed', lambda p: p['reason'] != 'left')['reason'], 'session_closed')
    other.close()


def ends():
    """agents end at once while in a room, and no log tells a secret"""
    ok(ann.join('z'))
    ok(cat.join('z'))
    ann.goes_on(ann.sees('z', 'cat')['member'], 'cat')
    secrets = [service.sig(u)[:40] for u in ('ann', 'cat')]
    for desk in ann, cat:
        log = desk.agent.log_text()
        begin = time.monotonic()
        tap.equal(desk.agent.stop(), 0)
        tap.true(time.monotonic() - begin < 5, 'it took too long')
        tap.true('"token"' not in log and not any(s in log for s in secrets))


service = Service(SERVICE)
ann, bob, cat = (Desk(PROGRAM, service, user) for user in ('ann', 'bob', 'cat'))
try:
    status = tap.run([two_members, words, late_third, mutes, screen, recording, service_dies, agent_dies, tickets_and_kick, refusals, ends])
finally:
    if os.environ.get('DH_TEST_LOGS'):
        for d in ann, bob, cat:
            print(f'# {d.user}:\n' + d.agent.log_text(), file=sys.stderr)
    for d in ann, bob, cat:
        d.finish()
    service.kill()
sys.exit(status)
