#!/usr/bin/env python3
"""Relayed connections through coturn, straight and through real proxies; and what is said when it cannot work.

test_turn.py TURN_PAIR       TAP on stdout. Servers of its own on free ports, all ended again."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

NEEDED = ('turnserver', 'tinyproxy', 'microsocks', 'openssl')
USER, PASSWORD = 'turn-user', 'turn-secret'
PROXY_USER, PROXY_PASSWORD = 'proxy-user', 'proxy-secret'


def own_address():
    """An address of this machine that is not loopback: ICE gathers on such ones only. None: there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(('198.51.100.1', 9))
            return s.getsockname()[0]
        except OSError:
            return None


def free_ports(address, n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind((address, 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Stage:
    def __init__(self, directory, address):
        self.dir, self.address, self.running = directory, address, []
        self.udp, self.tls, self.dead = free_ports(address, 3)
        self.http, self.socks = free_ports('127.0.0.1', 2)
        self.make_certificate()
        self.start_turn()
        self.start_proxies()

    def path(self, name):
        return os.path.join(self.dir, name)

    def make_certificate(self):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                        '-keyout', self.path('key.pem'), '-out', self.path('cert.pem'), '-subj', '/CN=turn.test',
                        '-addext', f'subjectAltName=IP:{self.address},DNS:turn.test'], check=True, capture_output=True)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def start(self, argv, **options):
        p = subprocess.Popen(argv, **{'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL, **options})
        self.running.append(p)
        return p

    def wait_port(self, address, port):
        """A server is ready when it accepts; these have no other way to say so."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection((address, port), 1).close()
                return
            except OSError:
                subprocess.run(['true'])  # lets others run
        raise RuntimeError(f'nothing listens on port {port}')

    def start_turn(self):
        a = self.address
        conf = self.write('turn.conf', f'''listening-ip={a}
listening-ip=127.0.0.1
relay-ip={a}
listening-port={self.udp}
tls-listening-port={self.tls}
cert={self.path('cert.pem')}
pkey={self.path('key.pem')}
lt-cred-mech
user={USER}:{PASSWORD}
realm=test
no-cli
no-dtls
log-file=stdout
pidfile={self.path('turn.pid')}
userdb={self.path('turn.db')}
''')
        self.turn = self.start(['turnserver', '-c', conf])
        self.wait_port(a, self.tls)
        self.wait_port(a, self.udp)

    def start_proxies(self):
        conf = self.write('tinyproxy.conf', f'''Port {self.http}
Listen 127.0.0.1
Timeout 60
MaxClients 50
BasicAuth {PROXY_USER} {PROXY_PASSWORD}
ConnectPort {self.udp}
ConnectPort {self.tls}
LogLevel Error
''')
        self.start(['tinyproxy', '-d', '-c', conf])
        self.start(['microsocks', '-i', '127.0.0.1', '-p', str(self.socks), '-u', PROXY_USER, '-P', PROXY_PASSWORD])
        self.wait_port('127.0.0.1', self.http)
        self.wait_port('127.0.0.1', self.socks)

    def wait_turn(self, program):
        """coturn accepts before it can give addresses: ask until it does, or the first case will tell."""
        for _ in range(10):
            if Pair(program, f'turn:{self.address}:{self.udp}', USER, PASSWORD).status == 0:
                return

    def stop(self):
        for p in self.running:
            p.kill()
            p.wait()


class Pair:
    """turn_pair run to its end: its candidate lines, its last line, how long it took."""

    def __init__(self, program, *args):
        begin = time.monotonic()
        p = subprocess.run([program, *args], capture_output=True, text=True, timeout=90)
        self.took, self.status, self.log = time.monotonic() - begin, p.returncode, p.stderr
        lines = p.stdout.strip().split('\n')
        self.candidates = [line for line in lines if line.startswith('candidate:')]
        self.result = lines[-1]
        self.leaks = [s for s in (PASSWORD, PROXY_PASSWORD) if s in p.stdout + p.stderr]

    def problems(self, wanted):
        out = [f'said "{self.result}", not "{wanted}"'] if wanted not in self.result else []
        if self.status not in (0, 2):
            out.append(f'ended with {self.status}: {self.log[-1500:]}')
        if 'did not end within' in self.log:
            out.append('closing was not finished in time')
        return out + [f'the log tells a secret: {s}' for s in self.leaks]


def cases(s):
    """(name, arguments after the program, what the last line contains, most seconds)"""
    a, tcp = s.address, f'turn:{s.address}:{s.udp}?transport=tcp'
    tls = f'turns:{a}:{s.tls}'
    ca, ok = f'ca={s.path("cert.pem")}', [USER, PASSWORD]
    http, socks = (f'{kind}=127.0.0.1:{port}:{PROXY_USER}:{PROXY_PASSWORD}' for kind, port in
                   (('http', s.http), ('socks5', s.socks)))
    good = 'connected'
    yield 'udp', [f'turn:{a}:{s.udp}', *ok], good, 20
    yield 'tcp', [tcp, *ok], good, 20
    yield 'tls', [tls, *ok, ca], good, 20
    yield 'tcp through an HTTP proxy', [tcp, *ok, http], good, 20
    yield 'tcp through a SOCKS5 proxy', [tcp, *ok, socks], good, 20
    yield 'tls through an HTTP proxy', [tls, *ok, ca, http], good, 20
    yield 'tls through a SOCKS5 proxy', [tls, *ok, ca, socks], good, 20
    yield 'udp, wrong password', [f'turn:{a}:{s.udp}', USER, 'wrong'], 'failed EIO', 30
    yield 'tls, wrong password', [tls, USER, 'wrong', ca], 'refused the user name or password', 30
    yield 'tls, unknown certificate', [tls, *ok], 'failed EPERM no road to the other side: the certificate of server', 30
    yield 'tls, certificate of another name', [f'turns:127.0.0.1:{s.tls}', *ok, ca], 'mismatch', 30
    yield 'tls to a port without TLS', [f'turns:127.0.0.1:{s.socks}', *ok, ca], 'failed EPROTO', 30
    yield 'udp, dead server', [f'turn:{a}:{s.dead}', *ok], 'failed EIO', 30
    yield 'tls, dead server', [f'turns:{a}:{s.dead}', *ok, ca], 'Connection refused', 30
    yield 'unknown name', ['turn:nobody.invalid:3478', *ok], 'cannot find the address of ICE server nobody.invalid', 30
    yield 'HTTP proxy, wrong password', [tls, *ok, ca, f'http=127.0.0.1:{s.http}:{PROXY_USER}:no'], 'failed EPERM', 30
    yield 'SOCKS5 proxy, wrong password', [tls, *ok, ca, f'socks5=127.0.0.1:{s.socks}:{PROXY_USER}:no'], 'failed EPERM', 30
    yield 'dead proxy', [tls, *ok, ca, f'http=127.0.0.1:{s.dead}'], 'cannot connect to 127.0.0.1', 30


def main():
    program = sys.argv[1]
    missing = [n for n in NEEDED if not shutil.which(n)]
    address = own_address()
    if missing or not address:
        print(f'1..0 # SKIP {"no network" if not missing else " ".join(missing) + " missing"}')
        return 0
    bad = count = 0
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(directory, address)
        try:
            stage.wait_turn(program)
            for name, args, wanted, most in cases(stage):
                pair = Pair(program, *args)
                problems = pair.problems(wanted)
                if pair.took > most:
                    problems.append(f'took {pair.took:.1f} s')
                if any(' typ relay raddr 0.0.0.0 ' not in c for c in pair.candidates):
                    problems.append(f'a candidate shows more than the relay: {pair.candidates}')
                count += 1
                bad += bool(problems)
                print(f'# {pair.took:.1f} s: {pair.result}')
                for p in problems:
                    print(f'# {p}')
                print(f'{"not " if problems else ""}ok {count} - {name}', flush=True)
        finally:
            stage.stop()
    print(f'1..{count}')
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
