#!/usr/bin/env python3
"""Roads to a room: the service over TLS, through HTTP and SOCKS5 proxies, calls by TURN only, through the proxy too; and
what is said when it cannot work. usage: test_room_roads.py DESKHAND DESKHAND_ROOMS"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../pipeline'))
import test_turn  # noqa: E402
from room_desk import Desk, Service, name  # noqa: E402
from test_turn import PROXY_PASSWORD, PROXY_USER  # noqa: E402
from wire import Tap  # noqa: E402

PROGRAM, SERVICE = (os.path.abspath(p) for p in sys.argv[1:3])
tap = Tap()


class Stage(test_turn.Stage):
    """coturn that knows credentials of the room service's kind, proxies that lead to it and to the service."""

    def write(self, file, text):
        if file == 'turn.conf':
            text = text.replace('lt-cred-mech', 'use-auth-secret\nstatic-auth-secret=the turn secret')
            text = '\n'.join(line for line in text.split('\n') if not line.startswith('user='))
        if file == 'tinyproxy.conf':
            text = '\n'.join(line for line in text.split('\n') if not line.startswith('ConnectPort'))
        return super().write(file, text)


def proxy(kind, password=PROXY_PASSWORD):
    port = stage.http if kind == 'http' else stage.socks
    return {'kind': kind, 'host': '127.0.0.1', 'port': port, 'username': PROXY_USER, 'password': password}


def tls():
    """the service's certificate is checked: one that is signed by whom the policy names, no other"""
    reply = bob_astray.join('tls')
    tap.equal(name(reply), 'EPERM', reply)
    tap.true('certificate' in reply['error']['message'], reply)
    for desk in ann, bob:
        tap.equal(name(desk.join('tls')), 'OK')
    ann.goes_on(ann.sees('tls', 'bob')['member'], 'bob')
    for desk in ann, bob:
        desk.call('room.leave', room='tls')


def through_proxies():
    """signalling and TURN go through the proxy with its login, and no address but the relay's is used"""
    for kind, desk in ('http', ann), ('socks5', bob):
        tap.equal(name(desk.join('p', proxy=proxy(kind), ice='relay')), 'OK', kind)
    for desk, other in (ann, 'bob'), (bob, 'ann'):
        desk.goes_on(desk.sees('p', other)['member'], other)
        road = desk.call('rtc.stats')['result']['peers'][0]['road']
        tap.equal(road['local_kind'], 'relay', road)
    for desk in ann, bob:
        desk.call('room.leave', room='p')


def wrong_proxies():
    """bad input: a proxy that wants another password, one that is not there; no log tells a password"""
    for kind in 'http', 'socks5':
        tap.equal(name(ann.join('w', proxy=proxy(kind, 'wrong'))), 'EPERM', kind)
    tap.equal(name(ann.join('w', proxy={'kind': 'socks5', 'host': '127.0.0.1', 'port': stage.dead})), 'EIO')
    tap.equal(name(ann.join('w', proxy={'kind': 'ftp', 'host': '127.0.0.1', 'port': 1})), 'EINVAL')
    for desk in ann, bob:
        tap.true(PROXY_PASSWORD not in desk.agent.log_text())


missing = [n for n in test_turn.NEEDED if not shutil.which(n)]
address = test_turn.own_address()
if missing or not address:
    print(f'1..0 # SKIP {"no network" if not missing else " ".join(missing) + " missing"}')
    sys.exit(0)
with tempfile.TemporaryDirectory() as directory:
    stage = Stage(directory, address)
    stage.write('turn.secret', 'the turn secret')
    os.chmod(stage.path('turn.secret'), 0o600)
    os.chmod(stage.path('key.pem'), 0o600)
    service = Service(SERVICE, '--host', address, '--cert', stage.path('cert.pem'), '--key', stage.path('key.pem'),
                      '--turn', f'turn:{address}:{stage.udp}?transport=tcp', '--turn-secret-file', stage.path('turn.secret'))
    policy = {'signal_hosts': [address], 'ca_file': stage.path('cert.pem')}
    desks = ann, bob = [Desk(PROGRAM, service, user, **policy) for user in ('ann', 'bob')]
    bob_astray = Desk(PROGRAM, service, 'bob', signal_hosts=[address])
    try:
        status = tap.run([tls, through_proxies, wrong_proxies])
    finally:
        if os.environ.get('DH_TEST_LOGS'):
            for d in (*desks, bob_astray):
                print(f'# {d.user}:\n' + d.agent.log_text(), file=sys.stderr)
        for d in (*desks, bob_astray):
            d.finish()
        service.kill()
        stage.stop()
sys.exit(status)
