#!/usr/bin/env python3
"""The real room service over its WebSocket: logins, rooms, members that come back, chat, signals, hosts and guests, and what
each wrong request gets. usage: test_rooms.py DESKHAND_ROOMS PAGES_FOLDER"""
import contextlib
import ctypes
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile

from rooms import APP, APP2, KEY2, Service, packed, user_sig
from wire import ROOM, Closed, Tap, WebSocket, http

PROGRAM, PAGES = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
tap = Tap()
half_open, strangers = [], []  # from the first test to the last
service = Service(PROGRAM, '--pages', PAGES, '--stun', 'stun:stun.example:3478', '--origin', 'https://crm.example')


def login_error(service_=None, **params):
    """The name of the error of one login on a connection of its own, from an address of its own."""
    login_error.count += 1
    c = (service_ or service).connect(X_Forwarded_For=f'192.0.2.{login_error.count}')
    name = c.error('room.login', **params)
    c.close()
    return name


login_error.count = 0


def test_a_thousand_half_open():
    """1,000 connections that never finish their request, and some that never log in, hinder nobody"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    rss_kb = service.rss_kb()
    for i in range(1000):
        sock = socket.create_connection(('127.0.0.1', service.port))
        sock.sendall(b'GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpg'[:i % 36])  # nothing, or a part
        half_open.append(sock)
    strangers.extend(service.connect() for _ in range(30))
    service.user('a0', 'R-open').ok('room.chat', text='served')
    tap.true(service.metric('tcp_connections') >= 1000, service.metric('tcp_connections'))
    grown_kb = service.rss_kb() - rss_kb
    tap.true(grown_kb < 16000 * ROOM, f'{grown_kb} KB for 1,000')


def test_command_line():
    """the command line: help, version, bad usage is exit code 2, user_sig"""
    def run(*args):
        p = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=20)
        return p.returncode, p.stdout, p.stderr
    for args in ('--version',), ('serve', '--version'), ('usersig', '--version'):
        tap.equal(run(*args)[:2], (0, run('--version')[1]), args)
    for args in ('--help',), ('serve', '--help'), ('usersig', '--help'):
        code, out, _ = run(*args)
        tap.true(code == 0 and 'usage' in out, args)
    help_text = run('--help')[1]
    tap.true(all(f'--{word}' in help_text for word in ('port', 'db', 'redis', 'secret-file', 'print-ready', 'log-level')), help_text)
    secrets = service.home + '/secrets.json'
    for args in ((), ('nonsense',), ('--port', '70000', '--secret-file', secrets), ('--secret-file', secrets, 'more'),
                 ('--secret-file', secrets, '--cert', 'x'), ('--secret-file', secrets, '--turn', 'turn:a'), ('--nonsense',),
                 ('--secret-file', secrets, '--stun', 'http://a'), ('--secret-file', secrets, '--origin', 'crm'),
                 ('usersig', '--secret-file', secrets), ('--log-level', 'loud')):
        tap.equal(run(*args)[0], 2, args)
    code, _, err = run('--secret-file', secrets, '--redis', 'redis://x')
    tap.true(code == 2 and 'not there yet' in err, err)
    code, out, _ = run('usersig', '--secret-file', secrets, '--sdk-app-id', str(APP), '--user-id', 'made by the tool')
    tap.equal(code, 0)
    c = service.connect()
    c.ok('room.login', sdk_app_id=APP, user_id='made by the tool', user_sig=out.strip())
    code, _, err = run('--secret-file', secrets, '--db', service.home + '/rooms.db', '--port', '0')
    tap.true(code == 1 and 'another deskhand-rooms' in err, err)
    code, _, err = run('--secret-file', secrets, '--db', service.home + '/other.db', '--port', str(service.port))
    tap.true(code == 1 and 'cannot listen' in err, err)
    with tempfile.NamedTemporaryFile('w') as f:
        f.write('{"1": "key"}')
        f.flush()
        os.chmod(f.name, 0o640)
        code, _, err = run('--secret-file', f.name, '--port', '0')
        tap.true(code == 1 and 'can be read by others' in err, err)


def test_files_that_do_not_open():
    """a database that is damaged, newer, another program's, not ours to write or in no folder: exit code 1, which and what to do"""
    def refused(file, *said, **how):
        p = subprocess.run([PROGRAM, '--secret-file', service.home + '/secrets.json', '--db', file, '--port', '0'], capture_output=True,
                           text=True, timeout=20, **how)
        tap.equal(p.returncode, 1, p.stderr)
        tap.true(all(text in p.stderr for text in (file, *said)), p.stderr)
    with tempfile.TemporaryDirectory(dir=service.home) as folder:
        with open(folder + '/damaged.db', 'wb') as f:
            f.write(os.urandom(8192))
        refused(folder + '/damaged.db', 'not a database', 'backup')
        for file, sql in ('newer.db', 'PRAGMA user_version=2'), ('other.db', 'CREATE TABLE rooms(x)'), ('readonly.db', 'CREATE TABLE y(x)'):
            with contextlib.closing(sqlite3.connect(f'{folder}/{file}')) as db:
                db.execute(sql)
                db.commit()
        refused(folder + '/newer.db', 'newer deskhand-rooms', 'its version is 2')
        refused(folder + '/other.db', 'another program')
        refused(folder + '/nowhere/rooms.db', 'folder must exist')
        if os.getuid() == 0:  # nobody else can become somebody who may not write
            os.chmod(folder, 0o755)
            os.chmod(folder + '/readonly.db', 0o444)
            refused(folder + '/readonly.db', 'cannot be written', preexec_fn=drop_override)


def drop_override():
    """Root without the right to write files that nobody may."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: gone with the next exec


def test_logins():
    """room.login by user_sig: each thing that is wrong has its name; by token"""
    def sig(**more):
        return user_sig('anna', **more)
    base = {'sdk_app_id': APP, 'user_id': 'anna'}
    good = sig()
    for what, params, want in (
            ('another user', {'user_id': 'bert', 'user_sig': good}, 'EPERM'),
            ('another key', {'user_sig': sig(key='wrong')}, 'EPERM'),
            ('an app not served', {'sdk_app_id': 7, 'user_sig': sig(app=7)}, 'EPERM'),
            ('another app', {'user_sig': sig(app=APP2, key=KEY2)}, 'EPERM'),
            ('expired', {'user_sig': sig(now=1600000000, expire=60)}, 'ETIMEDOUT'),
            ('truncated', {'user_sig': good[:-8]}, 'EPROTO'),
            ('odd', {'user_sig': good[:-1]}, 'EPROTO'),
            ('empty', {'user_sig': ''}, 'EPROTO'),
            ('huge', {'user_sig': 'A' * 5000}, 'ELIMIT'),
            ('a bomb', {'user_sig': packed({'TLS.ver': 'x' * 400000})}, 'ELIMIT'),
            ('a flipped signature', {'user_sig': sig(claims={'TLS.sig': 'A' * 43 + '='})}, 'EPERM'),
            ('no JSON object', {'user_sig': packed([1])}, 'EPROTO'),
            ('no token and no sig', {}, 'EINVAL'),
            ('both', {'user_sig': good, 'token': 'x'}, 'EINVAL'),
            ('an unknown parameter', {'user_sig': good, 'admin': True}, 'EINVAL'),
            ('a control character', {'user_id': 'a\nb', 'user_sig': user_sig('a\nb')}, 'EINVAL')):
        tap.equal(login_error(**{**base, **params}), want, what)
    tap.equal(login_error(token='A' * 43), 'EPERM', 'no such token')
    tap.equal(login_error(token='short'), 'EPERM', 'no token at all')
    c = service.connect()
    got = c.ok('room.login', **base, user_sig=sig(userbuf='YWJj'), user_name='Anna')
    tap.equal((got['user_id'], got['user_name'], got['replaced'], 'room' in got), ('anna', 'Anna', False, False))
    tap.true(3590 <= got['expires_s'] <= 3600, got)
    tap.equal(c.error('room.login', **base, user_sig=good), 'ESTATE', 'a second login')
    fresh = c.ok('room.refresh')['token']
    tap.true(fresh != got['token'], 'a new token')
    again = service.connect()
    back = again.ok('room.login', token=fresh)
    tap.equal((back['user_id'], back['user_name'], back['replaced'], back['token']), ('anna', 'Anna', False, fresh))
    tap.equal(c.close_code(), 4409, 'the older connection of the device')
    again.ok('room.logout')
    tap.equal(login_error(token=fresh), 'EPERM', 'after logout')
    tap.equal(again.error('room.join', room='x'), 'ESTATE')


def test_failed_logins_back_off():
    """failed logins make their address wait, and no other"""
    def attempt(address, **params):
        c = service.connect(X_Forwarded_For=f'10.9.9.9, {address}')
        name = c.error('room.login', sdk_app_id=APP, user_id='eve', **params)
        c.close()
        return name
    names = [attempt('198.51.100.1', user_sig=user_sig('eve', key='guess')) for _ in range(7)]
    tap.equal(names, ['EPERM'] * 6 + ['EAGAIN'])
    tap.equal(attempt('198.51.100.1', user_sig=user_sig('eve')), 'EAGAIN', 'even the right one waits')
    tap.equal(attempt('198.51.100.2', user_sig=user_sig('eve'))['user_id'], 'eve', 'from another address')


def test_calls_before_login_and_in_no_room():
    """what needs a login or a room says so; requests sent ahead wait for the login and the join"""
    c = service.connect()
    for method in 'room.join', 'room.chat', 'room.ice', 'room.create', 'room.refresh':
        params = {'room.join': {'room': 'x'}, 'room.chat': {'text': 'x'}}.get(method, {})
        tap.equal(c.error(method, **params), 'ESTATE', method)
    ids = [c.ask('room.login', {'sdk_app_id': APP, 'user_id': 'fast', 'user_sig': user_sig('fast')}),
           c.ask('room.join', {'room': 'ahead'}), c.ask('room.chat', {'text': 'at once'}), c.ask('room.leave'),
           c.ask('room.chat', {'text': 'too late'})]
    replies = [c.reply(i) for i in ids]
    tap.equal(['error' in r for r in replies], [False] * 4 + [True], replies)
    tap.equal(replies[4]['error']['data']['name'], 'ESTATE')


def test_a_room():
    """a room: who is in it, chat, custom data, state, leaving"""
    a = service.user('a1', 'R-room', name='Case 17', template='1v2', state={'camera': True})
    tap.equal((a.here['name'], a.here['template'], a.here['kind'], a.here['creator'], a.here['member'], a.here['role']),
              ('Case 17', '1v2', 'rtc', 'a1', 1, 'host'))
    tap.equal((a.here['resumed'], a.here['seq'], a.here['history']), (False, 0, []))
    tap.equal(a.here['ice_servers'], [{'urls': ['stun:stun.example:3478']}])
    b = service.user('b1', 'R-room')
    tap.equal([(m['member'], m['user_id'], m['role'], m['camera'], m['away']) for m in b.here['members']],
              [(1, 'a1', 'host', True, False), (2, 'b1', 'member', False, False)])
    joined = a.event('room.member_joined')
    tap.equal((joined['seq'], joined['member'], joined['user_id']), (1, 2, 'b1'))
    line = b.ok('room.chat', text='hello "quoted" \\ 你好 \u2028', key='k1')
    for c in a, b:
        got = c.event('room.chat')
        tap.equal((got['id'], got['user_id'], got['text'], got['ts_ms']), (line['id'], 'b1', 'hello "quoted" \\ 你好 \u2028', line['ts_ms']))
    tap.equal(b.ok('room.chat', text='hello again', key='k1'), line, 'the same key is the same line')
    a.ok('room.custom', data={'deep': [1, None, 'x']})
    got = b.event('room.custom')
    tap.equal((got['from'], got['user_id'], got['data']), (1, 'a1', {'deep': [1, None, 'x']}))
    b.ok('room.custom', data=None, to=1)
    tap.equal(a.event('room.custom')['data'], None)
    b.ok('room.state', recording=True, microphone=True)
    for c in a, b:
        got = c.event('room.member_changed')
        tap.equal((got['member'], got['recording'], got['microphone'], got['camera']), (2, True, True, False))
    tap.equal(b.error('room.join', room='other'), 'ESTATE', 'one room at a time')
    third = service.user('c1', 'R-room')
    tap.equal(third.here['members'][1]['recording'], True)
    tap.equal([x['text'] for x in third.here['history']], ['hello "quoted" \\ 你好 \u2028'])
    fourth = service.user('d1')
    tap.equal(fourth.error('room.join', room='R-room'), 'ELIMIT', 'full')
    third.ok('room.leave')
    got = a.event('room.member_left')
    tap.equal((got['member'], got['reason']), (3, 'left'))
    tap.equal(fourth.join('R-room')['member'], 4, 'a number is never used twice')
    a.ok('room.leave')
    a.join('R-room')
    tap.equal((a.here['role'], a.here['member']), ('host', 5), 'the host stays it')


def test_creating():
    """room.create and the ways of room.join to a room that is not there"""
    a, b = service.user('a2'), service.user('b2')
    room = a.ok('room.create', name='Mine', template='1v1')
    tap.true(len(room['room']) > 16 and room['template'] == '1v1' and room['kind'] == 'rtc', room)
    tap.equal(b.error('room.create', room=room['room']), 'EEXIST')
    tap.equal(b.error('room.join', room=room['room'], create='must'), 'EEXIST')
    tap.equal(b.join(room['room'])['role'], 'member')
    tap.equal(b.here['creator'], 'a2')
    tap.equal(a.error('room.join', room='R-none', create='never'), 'ENOENT')
    tap.equal(a.error('room.create', kind='other'), 'EINVAL')
    tap.equal(a.error('room.create', template='1v9'), 'EINVAL')
    tap.equal(a.error('room.join', room=''), 'EINVAL')
    tap.equal(a.error('room.join', room='x' * 129), 'EINVAL')
    other = service.connect()
    other.ok('room.login', sdk_app_id=APP2, user_id='a2', user_sig=user_sig('a2', KEY2, APP2))
    tap.equal(other.error('room.join', room=room['room'], create='never'), 'ENOENT', 'a room of another app')
    a.ok('room.ice')  # its login is untouched by the other app's user of that name


def test_signals():
    """room.signal goes to one member as it is"""
    a, b, c = (service.user(u, 'R-signal') for u in ('a3', 'b3', 'c3'))
    description = {'type': 'offer', 'sdp': 'v=0\r\n' + 'a=x\r\n' * 4000}
    c.ok('room.signal', to=1, description=description, streams={'camera': 's1', 'screen': 's2'})
    got = a.event('room.signal')
    tap.equal((got['from'], got['description'], got['streams'], 'candidate' in got), (3, description, {'camera': 's1', 'screen': 's2'}, False))
    candidate = {'candidate': 'candidate:1 1 udp 1 x.local 9 typ host', 'sdpMid': '0', 'sdpMLineIndex': 0}
    c.ok('room.signal', to=1, candidate=candidate)
    c.ok('room.signal', to=1, candidate=None)
    tap.equal([a.event('room.signal')['candidate'] for _ in range(2)], [candidate, None])
    tap.true('room.signal' not in b.settle(), 'nobody else hears it')
    for params, want in (({'to': 9, 'candidate': None}, 'ENOENT'), ({'to': 3, 'candidate': None}, 'ENOENT'), ({'to': 1}, 'EINVAL'),
                         ({'to': 1, 'candidate': 'x'}, 'EINVAL'), ({'to': 1, 'description': {'type': 'evil'}}, 'EINVAL'),
                         ({'to': 1, 'description': {'type': 'offer', 'extra': 1}}, 'EINVAL'), ({'candidate': None}, 'EINVAL')):
        tap.equal(c.error('room.signal', **params), want, params)
    out = service.user('z3', 'R-elsewhere')
    tap.equal(out.error('room.signal', to=2, candidate=None), 'ENOENT', 'a member of another room')


def test_guests():
    """tickets: one room, so many uses, an end; what a guest may not"""
    host = service.user('h4', 'R-guests')
    ticket = host.ok('room.ticket', uses=2)
    tap.equal((ticket['room'], ticket['expires_s']), ('R-guests', 3600))
    g = service.guest(ticket['ticket'], 'R-guests', '李梅')
    tap.equal((g.login['room'], g.login['role'], g.login['user_name']), ('R-guests', 'guest', '李梅'))
    tap.equal((g.here['role'], g.here['members'][1]['user_name']), ('guest', '李梅'))
    other = service.guest(ticket['ticket'])
    tap.equal(other.error('room.join', room='R-other'), 'EPERM', 'another room')
    tap.equal(service.connect().error('room.redeem', ticket=ticket['ticket']), 'EPERM', 'used up')
    tap.equal(service.connect().error('room.redeem', ticket='A' * 43), 'EPERM')
    tap.equal(service.connect().error('room.redeem', ticket=g.login['token']), 'EPERM', 'a token is no ticket')
    for method, params in (('room.create', {}), ('room.ticket', {}), ('room.kick', {'member': 1}), ('room.close', {}),
                           ('room.mute', {'member': 1, 'camera': True})):
        tap.equal(g.error(method, **params), 'EPERM', method)
    token = g.login['token']
    g.close()
    back = service.connect()
    got = back.ok('room.login', token=token)
    tap.equal((got['room'], got['role'], got['user_name']), ('R-guests', 'guest', '李梅'))
    back.join('R-guests')
    member = service.user('m4', 'R-guests')
    tap.equal(member.error('room.ticket'), 'EPERM', 'a member makes no tickets')
    tap.equal(service.user('n4').error('room.ticket', room='R-guests'), 'EPERM')
    tap.equal(service.user('n4').error('room.ticket', room='R-nowhere'), 'ENOENT')


def test_kick_and_close():
    """a kick and the room's end: who hears what, and who cannot come back"""
    host, member = service.user('h5', 'R-kick'), service.user('m5', 'R-kick')
    ticket = host.ok('room.ticket', uses=5)['ticket']
    guest = service.guest(ticket, 'R-kick')
    tap.equal(member.error('room.kick', member=1), 'EPERM')
    tap.equal(host.error('room.kick', member=1), 'ENOENT', 'oneself')
    host.ok('room.mute', member=2, microphone=True)
    got = member.event('room.muted')
    tap.equal((got['by'], got['microphone'], 'camera' in got), (1, True, False))
    tap.equal(host.error('room.mute', member=2, microphone=False), 'EINVAL', 'nobody is switched on')
    tap.equal(host.error('room.mute', member=2), 'EINVAL')
    host.ok('room.kick', member=2, reason='rude')
    got = member.event('room.closed')
    tap.equal((got['reason'], got['text']), ('kicked', 'rude'))
    tap.equal(guest.event('room.member_left')['reason'], 'kicked')
    tap.equal(member.error('room.join', room='R-kick'), 'EPERM')
    tap.equal(service.user('m5').error('room.join', room='R-kick'), 'EPERM', 'nor after another login')
    host.ok('room.kick', member=3)
    tap.equal(guest.event('room.closed')['reason'], 'kicked')
    tap.equal(guest.close_code(), 4440)
    tap.equal(login_error(token=guest.login['token']), 'EPERM', "the guest's login has ended")
    tap.equal(service.connect().error('room.redeem', ticket=ticket), 'EPERM', 'its ticket too')
    ticket = host.ok('room.ticket', uses=5)['ticket']
    guest = service.guest(ticket, 'R-kick')
    host.ok('room.close')
    for c in host, guest:
        tap.equal(c.event('room.closed')['reason'], 'closed')
    tap.equal(login_error(token=guest.login['token']), 'EPERM')
    tap.equal(service.connect().error('room.redeem', ticket=ticket), 'EPERM')
    again = service.user('m5', 'R-kick')
    tap.equal((again.here['role'], again.here['member'], again.here['history']), ('host', 1, []), 'a new room of that name')


def test_replaced():
    """a newer login of a user ends the older one"""
    other = service.user('o6', 'R-replaced')
    old = service.user('u6', 'R-replaced')
    token = old.ok('room.refresh')['token']
    new = service.connect()
    got = new.ok('room.login', sdk_app_id=APP, user_id='u6', user_sig=user_sig('u6'))
    tap.equal(got['replaced'], True)
    tap.equal(old.event('room.closed')['reason'], 'replaced')
    tap.equal(old.close_code(), 4409)
    tap.equal(other.event('room.member_left')['reason'], 'replaced')
    tap.equal(login_error(token=token), 'EPERM', 'the older token')
    tap.equal(new.join('R-replaced')['member'], 3)


def test_resume():
    """a connection that comes back within 30 s has missed nothing"""
    a, b = service.user('a7', 'R-resume'), service.user('b7', 'R-resume')
    token = b.ok('room.refresh')['token']
    a.ok('room.chat', text='one')
    b.event('room.chat')
    seq, number = b.seq, b.here['member']
    b.close()
    tap.equal(a.event('room.member_changed')['away'], True)
    a.ok('room.chat', text='two')
    a.ok('room.signal', to=number, candidate=None)
    back = service.connect()
    back.ok('room.login', token=token)
    here = back.join('R-resume', member=number, seq=seq, chat=b.chat)
    tap.equal((here['resumed'], here['member'], here['seq'], here['history']), (True, number, seq, []))
    tap.equal([m['away'] for m in here['members']], [False, False])
    two = back.event('room.chat')
    tap.equal((two['text'], two['seq']), ('two', seq + 1))
    tap.equal(back.event('room.signal')['seq'], seq + 2)
    tap.equal(a.event('room.member_changed')['away'], False)
    tap.true('room.member_left' not in a.settle(), 'nobody saw it leave')
    # the same device again while its older connection still seems to live
    third = service.connect()
    third.ok('room.login', token=token)
    tap.equal(third.join('R-resume', member=number, seq=back.seq)['resumed'], True)
    tap.equal(back.close_code(), 4409)
    # a client that lost what it knew begins anew
    fourth = service.connect()
    fourth.ok('room.login', token=token)
    here = fourth.join('R-resume')
    tap.equal((here['resumed'], here['member']), (False, 3))
    tap.equal(a.event('room.member_left')['reason'], 'replaced')
    tap.equal(fourth.error('room.join', room='R-resume', member=number), 'ESTATE')


def test_too_much_waited():
    """more than 512 events: the same member, and history tells what was said"""
    a, b = service.user('a8', 'R-long'), service.user('b8', 'R-long')
    token = b.ok('room.refresh')['token']
    seq, number, chat = b.seq, b.here['member'], b.chat
    b.close()
    a.event('room.member_changed')
    # limits are per connection: several senders
    senders = [service.user(f's{i}', 'R-long') for i in range(3)]
    for i in range(200):
        for s in senders:
            s.ask('room.custom', {'data': i, 'to': number})
    a.ok('room.chat', text='while you were away')
    for s in senders:
        s.settle()
    back = service.connect()
    back.ok('room.login', token=token)
    here = back.join('R-long', member=number, seq=seq, chat=chat)
    tap.equal((here['resumed'], here['member'], [x['text'] for x in here['history']]), (False, number, ['while you were away']))
    tap.equal(len(here['members']), 5)
    a.ok('room.chat', text='and now')
    got = back.event('room.chat')
    tap.equal((got['text'], got['seq'] > here['seq']), ('and now', True))


def test_history():
    """room.history pages back through all lines"""
    a = service.user('a9', 'R-history')
    for i in range(60):
        a.ok('room.chat', text=f'line {i}')
    tap.equal([x['text'] for x in service.user('b9', 'R-history').here['history']], [f'line {i}' for i in range(10, 60)])
    lines, before = [], None
    while True:
        page = a.ok('room.history', limit=25, **({'before': before} if before else {}))['lines']
        if not page:
            break
        lines, before = page + lines, page[0]['id']
    tap.equal([x['text'] for x in lines], [f'line {i}' for i in range(60)])
    tap.equal(a.error('room.history', limit=101), 'EINVAL')
    tap.equal(a.error('room.chat', text=''), 'EINVAL')
    tap.equal(a.error('room.chat', text='x' * 4097), 'EINVAL')
    nasty = '\'; DROP TABLE chat; -- "}]} %s%n \\u0000'
    service.user('c9', 'R-history').ok('room.chat', text=nasty, key="' OR 1=1")  # a has had its share
    tap.equal(a.ok('room.history', limit=1)['lines'][0]['text'], nasty)
    strange = service.user("x' OR '1'='1", "R'; DELETE FROM rooms; --\"")
    tap.equal(strange.here['role'], 'host')


def test_history_of_long_lines():
    """history of long lines stays within what clients read; room.history has the rest"""
    a = service.user('a9b', 'R-lines')
    for i in range(40):
        a.ok('room.chat', text=f'{i:02}' + '"' * 4094)
    lines = service.user('b9b', 'R-lines').here['history']
    size = len(json.dumps(lines))
    tap.true(100000 < size < 140000, f'{size} bytes')
    tap.equal([x['text'][:2] for x in lines], [f'{i:02}' for i in range(40 - len(lines), 40)])
    more = a.ok('room.history', before=lines[0]['id'], limit=5)['lines']
    tap.equal([x['text'][:2] for x in more], [f'{i:02}' for i in range(35 - len(lines), 40 - len(lines))])


def test_malformed():
    """messages that are none, too large, binary or in pieces"""
    c = service.user('a10', 'R-malformed')
    for text, name in ((b'', 'EPROTO'), (b'{', 'EPROTO'), (b'[]', 'EPROTO'), (b'{"jsonrpc":"2.0","id":1,"method":"room.ice","x":1}', 'EPROTO'),
                       (b'{"jsonrpc":"2.0","method":"room.ice"}', 'EPROTO'), (b'{"jsonrpc":"2.0","id":1,"method":"room.none"}', 'ENOENT'),
                       (b'[' * 5000, 'ELIMIT'), (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"room.ice"}', 'EPROTO')):
        c.put_frame(c.TEXT, text)
        reply = c.get()
        tap.equal(reply['error']['data']['name'], name, text[:60])
    c.put_frame(c.TEXT, b'{"jsonrpc":"2.0","id":77,', is_final=False)
    c.put_frame(0, b'"method":"room.ice"', is_final=False)
    c.put_frame(0, b'}')
    tap.equal(c.get()['id'], 77, 'in three pieces')
    for _ in range(3):  # seven were malformed above
        c.put_frame(c.TEXT, b'nonsense')
    tap.equal(c.close_code(), 4400, 'again and again')
    stranger = service.connect()
    stranger.put_frame(c.TEXT, b'nonsense')
    tap.equal(stranger.close_code(), 4400, 'before the login')
    c = service.user('a10')
    c.put_frame(c.BINARY, b'x')
    tap.equal(c.close_code(), 1003)
    c = service.user('a10')
    c.put_frame(c.TEXT, b' ' * (64 * 1024 + 1))
    tap.equal(c.close_code(), 4413)
    c = service.user('a10')
    big = json.dumps({'jsonrpc': '2.0', 'id': 5, 'method': 'room.ice'}).encode()
    c.put_frame(c.TEXT, big + b' ' * (64 * 1024 - len(big)))
    tap.equal(c.get()['id'], 5, 'just as large as allowed')
    c = service.user('a10', 'R-malformed')
    tap.equal(c.error('room.custom', data='x' * 9000), 'ELIMIT')


def test_rates():
    """more messages than allowed are refused, far more end the connection"""
    c = service.user('a11', 'R-rates')
    results = [c.ask('room.chat', {'text': 'x'}) for _ in range(100)]
    names = [r['error']['data']['name'] for r in map(c.reply, results) if 'error' in r]
    tap.true(names and set(names) == {'ELIMIT'}, names[:3])
    try:
        for _ in range(2000):
            c.ask('room.ice')
        code = c.close_code()
    except (BrokenPipeError, ConnectionResetError):
        code = 4429
    tap.equal(code, 4429)
    service.user('b11', 'R-rates').ok('room.chat', text='others are served')


def enter_and_never_read(user):
    c = service.connect(rcvbuf=4096)
    c.ok('room.login', sdk_app_id=APP, user_id=user, user_sig=user_sig(user))
    return c, c.ok('room.join', room='R-slow')['member']


def test_slow_readers():
    """who does not read is dropped at a limit, which bounds memory; the others get everything meanwhile"""
    reader = service.user('reader', 'R-slow')
    slow = [enter_and_never_read(f'slow{i}') for i in range(3)]
    before, rss_kb = service.metric('slow_readers_total'), service.rss_kb()
    got = 0
    for round_ in range(4):  # limits are per connection
        c = service.user(f'w{round_}', 'R-slow')
        for i in range(50):
            for _, number in slow:  # of its own for each: nothing is shared
                c.ask('room.custom', {'data': 'x' * 8000, 'to': number})
            c.ask('room.custom', {'data': i, 'to': reader.here['member']})
        for i in range(50):
            got += reader.event('room.custom')['data'] == i
        c.ok('room.leave')
    tap.equal(got, 200, 'events of the one who reads')
    tap.equal(service.metric('slow_readers_total') - before, 3)
    grown_kb = service.rss_kb() - rss_kb
    tap.true(grown_kb < 4000 * ROOM, f'3 x 1.6 MB were sent, 3 x 1 MiB may wait, and nothing does once they are dropped: {grown_kb} KB')
    for c, _ in slow:
        c.close()


def test_asks_and_never_reads():
    """answers that nobody takes are bounded as events are"""
    writer = service.user('wrote', 'R-answers')
    for _ in range(40):
        writer.ok('room.chat', text='y' * 4000)
    writer.ok('room.leave')
    c, before = service.connect(rcvbuf=4096), service.metric('slow_readers_total')
    c.ok('room.login', sdk_app_id=APP, user_id='asks', user_sig=user_sig('asks'))
    c.join('R-answers')
    rss_kb = service.rss_kb()
    for _ in range(60):
        c.ask('room.history', {'limit': 100})  # 128 KB each: 7 MB
    service.user('other', 'R-answers').ok('room.chat', text='served behind all of them')
    tap.equal(service.metric('slow_readers_total') - before, 1)
    grown_kb = service.rss_kb() - rss_kb
    tap.true(grown_kb < 5000 or ROOM > 1, f'{grown_kb} KB more')  # a sanitizer keeps what was freed: ten times that
    c.close()


def test_long_stay():
    """who reads and answers pings stays, however many events there are"""
    b, got = service.user('b12', 'R-stay'), []
    before = service.metric('slow_readers_total')
    for round_ in range(4):
        a = service.user(f'a12-{round_}', 'R-stay')  # limits are per connection
        for i in range(250):
            a.ask('room.custom', {'data': i, 'to': b.here['member']})
        got += [b.event('room.custom')['data'] for _ in range(250)]
        a.ok('room.leave')
    tap.equal(got, list(range(250)) * 4)
    tap.equal((service.metric('slow_readers_total'), b.error('room.state', camera=True)), (before, {}))


def test_http():
    """health, metrics, pages: known files only, no tricks with paths"""
    def get(path, method='GET', headers=''):
        return http(service.port, f'{method} {path} HTTP/1.1\r\nHost: rooms.example\r\nConnection: close\r\n{headers}\r\n')
    status, answer = get('/healthz')
    tap.true(status == 200 and answer.endswith('{"ok":true}'), answer)
    status, answer = get('/metrics')
    tap.true(status == 200 and 'deskhand_rooms_logged_in' in answer, answer)
    status, answer = get('/pages/index.html')
    tap.true(status == 200 and 'nosniff' in answer and "default-src 'none'" in answer and 'text/html' in answer, answer[:900])
    tap.true('wss://rooms.example ' in answer, 'our own host may be connected to')
    with open(PAGES + '/pages/index.html', encoding='utf-8') as f:
        tap.true(answer.encode('latin-1').decode().endswith(f.read()), 'whole')
    tap.equal(get('/deskhand.js')[0], 200)
    status, answer = get('/index.html')
    tap.true(status == 302 and '\r\nLocation: /pages/index.html\r\n' in answer, answer)
    for path in ('/', '/pages', '/pages/', '/pages/none.html', '/../room-service/main.c', '/pages/../../meson.build', '/.git/config',
                 '/pages/%2e%2e/%2e%2e/README.md', '/pages/..%2f..%2fREADME.md', '//etc/passwd', '/etc/passwd', '/package.json/x',
                 '/pages/index.html%00.js', '/pages/%5c..%5cindex.html', '/meson.build', '/src', '/pages/./index.html/../x.html',
                 '/' + 'a' * 3000 + '.html'):
        tap.true(get(path)[0] in (404, 403, 400, 0), path)
    tap.equal(get('/pages/index.html', 'POST', 'Content-Length: 0\r\n')[0], 405)
    tap.equal(get('/v1/ws')[0], 426)
    big = service.home + '/pages'
    os.mkdir(big)
    for name, size in (('big.js', 3000000), ('empty.css', 0)):
        with open(f'{big}/{name}', 'wb') as f:
            f.write(b'x' * size)
    os.symlink('/etc/hostname', big + '/link.html')
    os.symlink('/etc', big + '/etc')
    os.mkfifo(big + '/fifo.js')
    other = Service(PROGRAM, '--pages', big)
    try:
        for path, want in (('big.js', 200), ('empty.css', 200), ('link.html', 302), ('etc/hostname', 404), ('fifo.js', 404), ('x.js', 404)):
            status, answer = http(other.port, f'GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
            tap.equal(status, want, path)
            tap.equal(len(answer.split('\r\n\r\n', 1)[1]), 3000000 if path == 'big.js' else 0, path)
        os.mkdir(big + '/pages')
        os.symlink('/etc/hostname', big + '/pages/link.html')
        tap.equal(http(other.port, 'GET /pages/link.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')[0], 404, 'a symbolic link')
    finally:
        other.finish()


def test_origins():
    """which pages may connect: of our own host, or listed"""
    own = f'http://127.0.0.1:{service.port}'
    for origin, want in ((own, 0), ('https://crm.example', 0), (None, 0), ('https://evil.example', 403), ('null', 403),
                         ('https://crm.example.evil.test', 403), (f'http://127.0.0.1:{service.port + 1}', 403), ('http://crm.example', 403)):
        try:
            service.connect(origin=origin).close()
            got = 0
        except Closed as e:
            got = e.code
        tap.equal(got, want, origin)
    for path in '/', '/v1/ws2', '/deskhand':
        try:
            WebSocket(service.port, path=path, origin=None)
            tap.true(False, path)
        except Closed as e:
            tap.equal(e.code, 404, path)


def test_the_half_open_are_closed():
    """those 1,000 are closed by now or soon, and those who did not log in are told why"""
    for sock in half_open:
        sock.settimeout(20)
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
        sock.close()
    tap.equal({c.close_code() for c in strangers}, {4408})
    for c in strangers:
        c.close()
    tap.true(service.metric('tcp_connections') < 500, service.metric('tcp_connections'))


def main():
    tests = [f for name, f in sorted(globals().items(), key=lambda x: getattr(x[1], '__code__', main.__code__).co_firstlineno)
             if name.startswith('test_')]
    code = tap.run(tests)
    if code:
        print('# ' + service.log_text()[-6000:].replace('\n', '\n# '))
    sys.exit(service.finish() or code)


main()
