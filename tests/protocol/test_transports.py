#!/usr/bin/env python3
"""The agent's socket and WebSocket against hostile and clumsy peers. usage: test_transports.py ECHO_AGENT

Control is echo_agent's echo; what is tested here is what the transports alone promise (SR-01, 03 to 08, 10, 19 to 21, 35, 37)."""
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

from wire import ROOM, Agent, Closed, Framed, Stream, Tap, WebSocket, cli, host, http, upgrade_text

PROGRAM = os.path.abspath(sys.argv[1])
LISTED = 'http://localhost:8480'
NOBODY = 65534
tap = Tap()
agent = Agent([PROGRAM, 'PORT'])


def open_files(pid):
    """What the descriptors of a process point to; one may be closed while we look."""
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            yield os.readlink(f'/proc/{pid}/fd/{fd}')
        except FileNotFoundError:
            pass


def alive():
    """Another client is served all the while."""
    c = cli(agent.socket)
    tap.equal(c.call('echo', {'x': 1}).get('result'), {'x': 1}, 'another client')
    c.close()


def clients(count):
    """Until the agent has that many live clients besides the asking one; the list."""
    c = cli(agent.socket)
    end = time.monotonic() + 10
    while True:
        now = [x for x in c.call('clients')['result']]
        if len(now) == count + 1 or time.monotonic() > end:
            c.close()
            return now
        select.select([], [], [], 0.02)


# ---- socket ----

def modes():
    """SR-07: the directory is 0700, socket, lock and port file are 0600"""
    folder = os.path.dirname(agent.socket)
    tap.equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700, 'directory')
    for name in 'agent.sock', 'agent.lock', 'agent.port':
        tap.equal(stat.S_IMODE(os.lstat(f'{folder}/{name}').st_mode), 0o600, name)
    tap.equal(open(f'{folder}/agent.port').read(), f'{agent.port}\n', 'SR-37: the published port')


def hello_first():
    """the first message must be transport.hello; SR-21: small and soon"""
    for body in b'{"jsonrpc":"2.0","id":1,"method":"echo"}', b'nonsense', b'[]', b'', b'{"method":"transport.hello"}', \
            b'{"method":"transport.hello","params":{"role":"king"}}', \
            b'{"method":"transport.hello","params":{"role":"cli","uid":0}}', \
            b'{"method":"transport.hello","params":{"role":"cli","browser":"%s"}}' % (b'x' * 5000):
        c = Framed(agent.socket)
        c.put_bytes(body)
        tap.true('error' in c.get(), body[:60])
        tap.equal(c.rest(), b'', 'closed behind the refusal')
        c.close()
    silent = Framed(agent.socket)
    begin = time.monotonic()
    tap.equal(silent.rest(), b'')
    tap.true(2 < time.monotonic() - begin < 5, 'silence is closed after 3 s')
    alive()


def cli_identity():
    """a cli is local:cli, SR-08: its pid and program are the kernel's word"""
    c = cli(agent.socket)
    me = c.call('clients')['result'][-1]
    tap.equal(me['origin'], 'local:cli')
    tap.equal(me['pid'], os.getpid())
    tap.equal(me['exe'], os.readlink('/proc/self/exe'))
    c.close()


def other_uid():
    """SR-08, SR-10: another uid is refused and logged, on the socket and on the port"""
    if os.getuid():
        return 'needs root to become somebody else'
    folder = os.path.dirname(agent.socket)
    begin = len(agent.log_text())
    for path in agent.home, os.path.dirname(folder), folder, agent.socket:
        os.chmod(path, 0o777)
    script = ('import socket,sys\n'
              's=socket.socket(socket.AF_UNIX if sys.argv[1]=="unix" else socket.AF_INET)\n'
              's.settimeout(10)\n'
              's.connect(sys.argv[2] if sys.argv[1]=="unix" else ("127.0.0.1",int(sys.argv[2])))\n'
              'try:\n s.sendall(sys.argv[3].encode("latin-1").decode("unicode_escape").encode("latin-1"))\n'
              ' print(len(s.recv(100)))\nexcept OSError: print(0)\n')
    as_nobody = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', sys.executable, '-c', script]
    hello = b'{"jsonrpc":"2.0","id":1,"method":"transport.hello","params":{"role":"cli"}}'
    for kind, where, text in (('unix', agent.socket, '\\x%02x\\x00\\x00\\x00' % len(hello) + hello.decode()),
                              ('tcp', str(agent.port), 'GET /health HTTP/1.1\\r\\nHost: 127.0.0.1:%d\\r\\n\\r\\n' % agent.port)):
        got = subprocess.run(as_nobody + [kind, where, text], capture_output=True, text=True, timeout=20)
        tap.equal(got.stdout, '0\n', f'{kind}: answered a stranger; {got.stderr}')
    for path, mode in (folder, 0o700), (agent.socket, 0o600):
        os.chmod(path, mode)
    log = agent.log_text()[begin:]
    tap.equal(log.count(f'refused: uid {NOBODY}'), 2, log)
    alive()


def too_large():
    """SR-19: a 2 MiB message is refused with its size, others are served"""
    c = cli(agent.socket)
    c.send(struct.pack('<I', 2 * 1024 * 1024) + b'{')
    e = c.get()['error']
    tap.equal(e['data']['name'], 'ELIMIT')
    tap.true('2097152' in e['message'], e['message'])
    tap.equal(c.rest(), b'')
    c.close()
    alive()
    before = agent.rss_kb()
    many = [cli(agent.socket) for _ in range(20)]
    for c in many:
        c.send(struct.pack('<I', 1024 * 1024) + b'{')  # a claim costs nothing
    alive()
    tap.true(agent.rss_kb() - before < 4096 * ROOM, f'{agent.rss_kb() - before} KiB for claims')
    for c in many:
        c.close()


def pipelined():
    """10,000 requests at once without reading meanwhile: every one is answered, in order, memory stays bounded"""
    c = cli(agent.socket)
    c.call('echo')
    want = 10000
    blob = b''.join(struct.pack('<I', len(b)) + b for b in (
        json.dumps({'jsonrpc': '2.0', 'id': 'n%d' % i, 'method': 'echo', 'params': {'t': 'x' * 200}}).encode()
        for i in range(want)))
    pid = os.fork()
    if pid == 0:
        try:
            c.send(blob)
        finally:
            os._exit(0)
    alive()
    tap.true(agent.rss_kb() < 60000 * ROOM, f'RSS {agent.rss_kb()} KiB')
    got = []
    while len(got) < want:
        message = c.get()
        if 'id' in message:
            got.append(message['id'])
    tap.equal(got, ['n%d' % i for i in range(want)])
    tap.equal(os.waitpid(pid, 0)[1], 0)
    c.close()


def never_reads():
    """SR-20: who never reads is closed at 2 MiB, others are served"""
    c = cli(agent.socket)
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    begin = len(agent.log_text())
    c.put({'id': 1, 'method': 'flood', 'params': {'count': 4000, 'size': 1000}})
    tap.true(agent.wait_log('bytes unread, closed', begin), 'said in the log')
    alive()
    tap.true(len(c.rest()) < 3 * 1024 * 1024)
    c.close()


def drained():
    """control hears when a queue that was over 256 KiB is empty again, on either road, and not before"""
    h, w = host(agent.socket), WebSocket(agent.port)
    open_channel(h, 1)
    h.put({'ch': 1, 'id': 'f', 'method': 'flood', 'params': {'count': 900, 'size': 1000}})
    w.put({'id': 'f', 'method': 'flood', 'params': {'count': 900, 'size': 1000}})
    for road in h, w:
        got = [road.get().get('method', 'reply') for _ in range(902)]
        tap.equal(got, ['flood.item'] * 900 + ['reply', 'drained'])
        road.put({'ch': 1, 'id': 'e', 'method': 'echo', 'params': {}} if road is h else {'id': 'e', 'method': 'echo', 'params': {}})
        tap.equal(road.get().get('id'), 'e', 'a small answer drains nothing')
    h.close()
    w.close()


def single():
    """SR-35: a second agent is refused, a stale socket is taken over, what is not ours is not"""
    second = subprocess.run([PROGRAM], env=agent.env, capture_output=True, text=True, timeout=20)
    tap.equal(second.returncode, 1)
    tap.true('EBUSY' in second.stderr and str(agent.process.pid) in second.stderr, second.stderr)
    alive()
    agent.stop(signal.SIGKILL)
    tap.true(os.path.exists(agent.socket), 'a killed agent leaves its socket')
    agent.start()
    alive()
    agent.stop()
    tap.true(not os.path.exists(agent.socket), 'a stopped one does not')
    open(agent.socket, 'w').close()
    third = subprocess.run([PROGRAM], env=agent.env, capture_output=True, text=True, timeout=20)
    tap.true(third.returncode == 1 and 'in the way' in third.stderr, third.stderr)
    os.unlink(agent.socket)
    foreign = socket.socket(socket.AF_UNIX)
    foreign.bind(agent.socket)
    foreign.listen(1)
    fourth = subprocess.run([PROGRAM], env=agent.env, capture_output=True, text=True, timeout=20)
    tap.true(fourth.returncode == 1 and 'another program serves' in fourth.stderr, fourth.stderr)
    foreign.close()
    agent.start()
    alive()


def bad_places():
    """SR-07: a runtime directory that is a link, or somebody else's, is refused"""
    base = agent.home + '/bad'
    os.mkdir(base)
    os.mkdir(base + '/elsewhere')
    os.symlink(base + '/elsewhere', base + '/deskhand')
    env = dict(agent.env, XDG_RUNTIME_DIR=base)
    got = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, timeout=20)
    tap.true(got.returncode == 1 and 'EPERM' in got.stderr, got.stderr)
    os.unlink(base + '/deskhand')
    if os.getuid() == 0:
        os.mkdir(base + '/deskhand')
        os.chown(base + '/deskhand', NOBODY, NOBODY)
        got = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, timeout=20)
        tap.true(got.returncode == 1 and f'belongs to uid {NOBODY}' in got.stderr, got.stderr)


# ---- channels ----

def open_channel(h, ch, origin=LISTED, **more):
    return h.call('transport.open', {'ch': ch, 'origin': origin, 'is_top_frame': True, 'is_incognito': False, **more})


def channels():
    """a host carries many pages: each message has ch, each channel its own client with the attested origin"""
    h = host(agent.socket)
    tap.equal(open_channel(h, 3)['result'], {})
    tap.equal(open_channel(h, 4, 'https://crm.example')['result'], {})
    tap.equal(h.call('echo', {'a': 1}, ch=3), {'ch': 3, 'jsonrpc': '2.0', 'id': 3, 'result': {'a': 1}})
    who = [c for c in h.call('clients', ch=4)['result'] if c['extension']]
    tap.equal([(c['origin'], c['browser'], c['pid']) for c in who],
              [(LISTED, 'chromium', os.getpid()), ('https://crm.example', 'chromium', os.getpid())])
    tap.equal(open_channel(h, 3)['error']['data']['name'], 'EEXIST')
    tap.equal(h.call('transport.close', {'ch': 3})['result'], {})
    tap.equal(h.call('echo', ch=3)['error']['data']['name'], 'ECLOSED')
    tap.equal(len(clients(1)), 2)
    h.close()
    tap.equal(len(clients(0)), 1, 'all channels go with their host')


def no_channel():
    """a host message without ch is refused, without ch in the answer"""
    h = host(agent.socket)
    r = h.call('echo')
    tap.equal(r['error']['data']['name'], 'EINVAL')
    tap.true('ch' not in r)
    for bad in {'ch': -1, 'origin': LISTED}, {'ch': 1}, {'ch': 1.5, 'origin': LISTED}, {'ch': 1, 'origin': 'x' * 300}, \
            {'ch': 1, 'origin': LISTED, 'scopes': ['*']}, {'ch': '1', 'origin': LISTED}, []:
        tap.true('error' in h.call('transport.open', bad), bad)
    tap.true('error' in h.call('echo', ch='3'))
    tap.true('error' in h.call('transport.hello', {'role': 'cli'}), 'a host cannot become a cli')
    h.close()


def refused_origin():
    """an origin that may not connect gets transport.closed 4403 for its channel, the others go on"""
    h = host(agent.socket)
    h.put({'method': 'transport.open', 'params': {'ch': 9, 'origin': 'https://crm.example.evil.test'}})
    m = h.get()
    tap.equal((m['method'], m['params']['ch'], m['params']['code']), ('transport.closed', 9, 4403))
    open_channel(h, 10)
    tap.equal(h.call('echo', {}, ch=10)['result'], {})
    h.close()


def closed_by_control():
    """when control closes a channel the host hears transport.closed {ch, code, reason}"""
    h = host(agent.socket)
    open_channel(h, 1)
    h.put({'ch': 1, 'id': 1, 'method': 'close', 'params': {'code': 4440}})
    m = h.get()
    tap.equal(m['method'], 'transport.closed')
    tap.equal(m['params'], {'ch': 1, 'code': 4440, 'reason': 'the grant was revoked'})
    tap.equal(h.call('echo', ch=1)['error']['data']['name'], 'ECLOSED')
    tap.equal(open_channel(h, 1)['result'], {})
    tap.equal(h.call('echo', {}, ch=1)['result'], {}, 'the number can be used again')
    h.close()
    c = cli(agent.socket)
    c.put({'id': 1, 'method': 'close', 'params': {'code': 4429}})
    tap.equal(c.get()['params']['code'], 4429)
    tap.equal(c.rest(), b'')


def large_answers():
    """SR-19: towards a host at most 768 KiB a message; more becomes ELIMIT with the request's id"""
    h = host(agent.socket)
    open_channel(h, 1)
    tap.equal(len(h.call('big', {'size': 700 * 1024}, ch=1)['result']['text']), 700 * 1024)
    r = h.call('big', {'size': 800 * 1024}, ch=1)
    tap.equal((r['ch'], r['error']['data']['name']), (1, 'ELIMIT'))
    h.close()
    c = cli(agent.socket)
    tap.equal(len(c.call('big', {'size': 900 * 1024})['result']['text']), 900 * 1024)
    c.close()


def bad_json():
    """broken UTF-8, 10,000 levels, duplicate keys, over 256 KiB: an error on the guilty channel, the rest goes on"""
    h = host(agent.socket)
    open_channel(h, 5)
    for body in (b'{"jsonrpc":"2.0","ch":5,"id":1,"method":"echo","params":{"t":"\xff\xfe"}}',
                 b'{"jsonrpc":"2.0","ch":5,"id":1,"method":"echo","params":' + b'[' * 10000 + b']' * 10000 + b'}',
                 b'{"jsonrpc":"2.0","ch":5,"id":1,"id":2,"method":"echo"}',
                 b'{"ch":5,"id":1,"method":"echo","params":{"t":"' + b'x' * 300000 + b'"}}'):
        h.put_bytes(body)
        r = h.get()
        tap.equal(r.get('ch'), 5, body[:40])
        tap.true('error' in r, body[:40])
    h.put_bytes(b'not json at all')
    r = h.get()
    tap.true('error' in r and 'ch' not in r)
    tap.equal(h.call('echo', {}, ch=5)['result'], {})
    h.close()


# ---- WebSocket ----

def listens_on_loopback_only():
    """SR-01: no listener of the agent is outside 127.0.0.1"""
    inodes = set(open_files(agent.process.pid))
    found = []
    for table in 'tcp', 'tcp6':
        for line in open(f'/proc/net/{table}').read().split('\n')[1:]:
            parts = line.split()
            if len(parts) > 9 and parts[3] == '0A' and f'socket:[{parts[9]}]' in inodes:
                found.append(parts[1])
    tap.equal(found, ['0100007F:%04X' % agent.port])


def health():
    """SR-06: GET /health says {"deskhand":1} and no more; every other path and method is refused"""
    ok = f'Host: 127.0.0.1:{agent.port}\r\n'
    code, text = http(agent.port, f'GET /health HTTP/1.1\r\n{ok}\r\n')
    tap.equal((code, text.split('\r\n\r\n')[1]), (200, '{"deskhand":1}'))
    for banned in 'Server:', 'Access-Control', 'Set-Cookie', 'Date:':
        tap.true(banned not in text, banned)
    tap.true('Cross-Origin-Resource-Policy: same-origin' in text and 'Vary: Origin' in text)
    for line, want in (('GET /', 404), ('GET /deskhand', 426), ('GET /health?x=1', 404), ('GET /health/', 404),
                       ('GET /../health', 200), ('POST /health', 405), ('PUT /health', 405), ('DELETE /health', 405),
                       ('OPTIONS /health', 405), ('HEAD /health', 405), ('PATCH /health', 405), ('POST /deskhand', 405)):
        code, text = http(agent.port, f'{line} HTTP/1.1\r\n{ok}Content-Length: 0\r\n\r\n')
        tap.equal(code, want, line)
        tap.true(code != 405 or 'Allow: GET' in text or 'HEAD' in line, text)
    for line in 'FOO /health', 'CONNECT 127.0.0.1:80', 'PRI *':
        code, text = http(agent.port, f'{line} HTTP/1.1\r\n{ok}\r\n')
        tap.true(code in (0, 403, 404, 405), f'{line}: {text}')
    code, _ = http(agent.port, f'GET /health HTTP/1.1\r\n{ok}Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\r\n')
    tap.equal(code, 403, 'an <img> is no client')
    alive()


def hosts():
    """SR-03: Host must be this loopback and port, else 421"""
    p = agent.port
    for good in f'127.0.0.1:{p}', f'localhost:{p}', f'LOCALHOST:{p}', f'[::1]:{p}':
        tap.equal(http(p, f'GET /health HTTP/1.1\r\nHost: {good}\r\n\r\n')[0], 200, good)
    for bad in '127.0.0.1', f'0.0.0.0:{p}', f'evil.test:{p}', f'127.0.0.1:{p + 1}', f'localhost.evil.test:{p}', \
            f'127.0.0.1:{p}.evil.test', f'user@127.0.0.1:{p}', '', f'127.0.0.1:{p}, evil.test', f'127.0.0.1:0{p}':
        tap.equal(http(p, f'GET /health HTTP/1.1\r\nHost: {bad}\r\n\r\n')[0], 421, bad)
        tap.equal(http(p, upgrade_text(p, Host=bad))[0], 421, bad)
    tap.equal(http(p, 'GET /health HTTP/1.1\r\n\r\n')[0], 421, 'no Host')
    tap.equal(http(p, f'GET /health HTTP/1.1\r\nHost: 127.0.0.1:{p}\r\nHost: 127.0.0.1:{p}\r\n\r\n')[0], 421, 'two Hosts')
    tap.true('Host "evil.test' in agent.log_text(), 'logged')


def origins():
    """SR-04: a foreign, null, missing or look-alike Origin is refused with 403 and logged"""
    p = agent.port
    for bad in ('https://evil.test', 'null', 'https://crm.example.evil.test', 'https://evilcrm.example', 'http://crm.example',
                'https://crm.example:8443', 'file://', 'https://crm.example@evil.test', 'https://crm.example,https://evil.test',
                'http://127.0.0.1', 'x' * 400, None):
        tap.equal(http(p, upgrade_text(p, bad))[0], 403, bad)
    two = upgrade_text(p, 'https://crm.example').replace('\r\n\r\n', '\r\nOrigin: https://evil.test\r\n\r\n')
    tap.equal(http(p, two)[0], 403, 'two Origins')
    tap.true(agent.wait_log('Origin "https://crm.example.evil.test"'), 'logged')
    for good in 'https://crm.example', LISTED:
        w = WebSocket(p, good)
        tap.equal(w.call('echo', {'o': good})['result'], {'o': good})
        tap.equal([c['origin'] for c in w.call('clients')['result'] if c['channel'] == 3], [good])
        w.close()
    clients(0)


def fetch_metadata():
    """SR-05: Sec-Fetch headers are checked when they are there"""
    p = agent.port
    for more in {'Sec_Fetch_Mode': 'no-cors'}, {'Sec_Fetch_Mode': 'navigate'}, {'Sec_Fetch_Dest': 'image'}, \
            {'Sec_Fetch_Site': 'elsewhere'}:
        tap.equal(http(p, upgrade_text(p, **more))[0], 403, more)
    w = WebSocket(p, Sec_Fetch_Mode='websocket', Sec_Fetch_Dest='empty', Sec_Fetch_Site='cross-site')
    tap.equal(w.call('echo', {})['result'], {})
    w.close()


def handshake():
    """the upgrade: sub-protocol accepted but not demanded, no compression, wrong ones refused"""
    p = agent.port
    w = WebSocket(p)
    tap.true('deflate' not in w.head and 'Sec-WebSocket-Protocol' not in w.head, w.head)
    w.close()
    w = WebSocket(p, Sec_WebSocket_Protocol='other, deskhand.v1')
    tap.true('Sec-WebSocket-Protocol: deskhand.v1' in w.head, w.head)
    w.close()
    for more, want in (({'path': '/deskhand/'}, 404), ({'path': '/'}, 404), ({'path': '/deskhand?token=1'}, 404),
                       ({'Sec_WebSocket_Version': '8'}, 426), ({'Sec_WebSocket_Key': None}, 400), ({'Upgrade': 'h2c'}, 400)):
        tap.equal(http(p, upgrade_text(p, **more))[0], want, more)
    tap.true(http(p, upgrade_text(p, Sec_WebSocket_Protocol='other'))[0] != 101)
    tap.true(http(p, upgrade_text(p, Connection='close'))[0] != 101)
    alive()


def fragments():
    """fragmented messages are put together, pings answered in between"""
    w = WebSocket(agent.port)
    text = json.dumps({'id': 7, 'method': 'echo', 'params': {'t': 'é' * 1000}}, ensure_ascii=False).encode()
    w.put_frame(1, b'', is_final=False)
    w.put_frame(0, text[:10], is_final=False)
    w.put_frame(9, b'are you there')
    for i in range(10, len(text) - 50, 50):
        w.put_frame(0, text[i:i + 50], is_final=False)
    i += 50
    w.put_frame(0, text[i:])
    got = dict((opcode, body) for opcode, _, body in (w.get_frame(), w.get_frame()))
    tap.equal(got[WebSocket.PONG], b'are you there')
    tap.equal(json.loads(got[WebSocket.TEXT])['result'], {'t': 'é' * 1000})
    w.close()


def ws_caps():
    """SR-19: over 256 KiB closes with 4413, whole or in fragments; 2 MiB too"""
    for size in 257 * 1024, 2 * 1024 * 1024:
        w = WebSocket(agent.port)
        try:
            w.put_frame(1, b'x' * size)
        except (ConnectionResetError, BrokenPipeError):
            pass
        tap.equal(w.close_code(), 4413, size)
        w.close()
    w = WebSocket(agent.port)
    try:
        for i in range(30):
            w.put_frame(0 if i else 1, b'x' * 10240, is_final=False)
    except (ConnectionResetError, BrokenPipeError):
        pass
    tap.equal(w.close_code(), 4413)
    w.close()
    w = WebSocket(agent.port)
    text = json.dumps({'id': 1, 'method': 'echo', 'params': {str(i): 'y' * 60000 for i in range(4)}}).encode()
    w.put_frame(1, text)
    tap.equal(len(w.get()['result']), 4, 'under the cap')
    w.close()
    alive()


def ws_hostile():
    """binary, reserved bits, unknown opcodes, broken UTF-8, stray continuation: closed; others are served"""
    def attempt(do):
        w = WebSocket(agent.port)
        try:
            do(w)
        except (ConnectionResetError, BrokenPipeError):
            pass
        code = w.close_code()
        w.close()
        return code
    tap.equal(attempt(lambda w: w.put_frame(2, b'{}')), 1003, 'binary')
    tap.equal(attempt(lambda w: w.put_frame(1, b'\xff\xfe{}')), 1007, 'broken UTF-8')
    for do, what in ((lambda w: w.put_frame(1, b'{}', rsv=4), 'reserved bit'),
                     (lambda w: w.put_frame(3, b'{}'), 'unknown opcode'),
                     (lambda w: w.put_frame(0, b'{}'), 'stray continuation'),
                     (lambda w: w.put_frame(9, b'x' * 200), 'long ping'),
                     (lambda w: w.send(b'\x81\xff' + b'\xff' * 8 + b'\0' * 4), 'length of 2^64-1'),
                     (lambda w: w.send(b'\x81\xff' + b'\0\0\0\x7f' + b'\0' * 8 + b'{}'), 'length of 2^39'),
                     (lambda w: w.put_frame(8, b'\x03'), 'close with half a code')):
        tap.true(attempt(do) != 1000, what)
    w = WebSocket(agent.port)
    w.put_frame(1, b'{"id":1,')
    tap.equal(w.get()['error']['code'], -32700, 'no JSON is an answer, no close')
    w.close()
    alive()


def ws_close_codes():
    """control's close codes reach the page, after what was queued"""
    w = WebSocket(agent.port)
    w.put({'id': 1, 'method': 'flood', 'params': {'count': 5, 'size': 10}})
    w.put({'id': 2, 'method': 'close', 'params': {'code': 4440}})
    got = []
    try:
        while True:
            got.append(w.get())
    except Closed as e:
        tap.equal((e.code, e.reason), (4440, 'the grant was revoked'))
    tap.equal(len(got), 6)
    w.close()


def ws_never_reads():
    """SR-20: a page that never reads is closed with 4430, others are served, memory stays bounded"""
    w = WebSocket(agent.port, rcvbuf=4096)
    before = agent.rss_kb()
    begin = len(agent.log_text())
    w.put({'id': 1, 'method': 'flood', 'params': {'count': 8000, 'size': 1000}})
    tap.true(agent.wait_log('bytes unread, closed', begin))
    alive()
    tap.true(agent.rss_kb() - before < 12000 * ROOM, f'grew {agent.rss_kb() - before} KiB')
    tap.equal(w.close_code(), 4430, 'it reads at last')
    w.close()
    w = WebSocket(agent.port, rcvbuf=4096)
    w.put({'id': 1, 'method': 'flood', 'params': {'count': 8000, 'size': 1000}})
    tap.equal(len(clients(0)), 1, 'one that never does is gone by force')
    w.close()


def too_many():
    """SR-20: 16 WebSockets; the next is closed with 4431"""
    many = [WebSocket(agent.port) for _ in range(16)]
    tap.equal(WebSocket(agent.port).close_code(), 4431)
    tap.equal(many[15].call('echo', {})['result'], {})
    for w in many:
        w.close()
    clients(0)
    w = WebSocket(agent.port)
    tap.equal(w.call('echo', {})['result'], {}, 'room again')
    w.close()


def slow_handshakes():
    """SR-21: half-open and dripping handshakes end within seconds, pages get in meanwhile"""
    held, begin = [], time.monotonic()
    for i in range(12):
        s = Stream(socket.create_connection(('127.0.0.1', agent.port)))
        if i % 2:
            s.send(b'GET /deskhand HTTP/1.1\r\nHost: 127')
        held.append(s)
    w = WebSocket(agent.port)
    tap.equal(w.call('echo', {})['result'], {})
    w.close()
    drip = Stream(socket.create_connection(('127.0.0.1', agent.port)))
    is_dropped = False
    while time.monotonic() - begin < 15 and not is_dropped:
        try:
            drip.send(b'G')
        except OSError:
            is_dropped = True
        is_dropped = is_dropped or bool(select.select([drip.sock], [], [], 0.5)[0])
    tap.true(is_dropped, 'one byte each half second for ever')
    for s in held:
        tap.equal(s.rest(), b'')
    tap.true(time.monotonic() - begin < 15)
    drip.close()
    for s in held:
        s.close()
    long = Stream(socket.create_connection(('127.0.0.1', agent.port)))
    try:
        long.send(b'GET /deskhand HTTP/1.1\r\nX: ' + b'y' * 200000)
    except OSError:
        pass
    tap.true(b'101' not in long.rest())
    long.close()
    alive()


def many_connections():
    """hundreds of connections that say nothing do not bring it down"""
    held = []
    for _ in range(300):
        try:
            held.append(socket.create_connection(('127.0.0.1', agent.port), timeout=5))
        except OSError:
            break
    alive()
    for s in held:
        s.close()
    end = time.monotonic() + 10
    while True:
        try:
            w = WebSocket(agent.port)
            break
        except (Closed, OSError):
            tap.true(time.monotonic() < end, 'no way in any more')
            if time.monotonic() > end:
                return
    tap.equal(w.call('echo', {})['result'], {})
    w.close()


def ports():
    """the fixed list is tried in turn; --port means exactly that; no second agent on the same port"""
    held = []
    for port in range(18620, 18625):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(('127.0.0.1', port))
            s.listen(1)
            held.append((port, s))
        except OSError:
            s.close()
    if not held:
        return 'the whole list is in use'

    def run(*args):
        env = dict(agent.env, XDG_RUNTIME_DIR=agent.home + '/other')
        return subprocess.run([PROGRAM, *args], env=env, capture_output=True, text=True, timeout=20)
    got = run()
    tap.true(got.returncode == 1 and 'EBUSY' in got.stderr and '18620 to 18624' in got.stderr, got.stderr)
    got = run(str(held[0][0]))
    tap.true(got.returncode == 1 and 'EBUSY' in got.stderr and str(held[0][0]) in got.stderr, got.stderr)
    port, s = held.pop()
    s.close()
    other = Agent([PROGRAM])
    tap.equal(other.port, port, 'the one of the list that is free')
    tap.equal(http(port, f'GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n')[0], 200)
    tap.equal(other.finish(), 0)
    for _, s in held:
        s.close()


def goodbye():
    """the end: pages are closed with 4500, hosts and clis are told, nothing is left behind"""
    w, h, c = WebSocket(agent.port), host(agent.socket), cli(agent.socket)
    open_channel(h, 1)
    c.call('echo')
    tap.equal(w.call('echo', {})['result'], {})
    folder = os.path.dirname(agent.socket)
    tap.equal(agent.stop(), 0, 'exit code: clients and memory accounted for')
    tap.equal(w.close_code(), 4500)
    tap.equal(h.get()['params']['code'], 4500)
    tap.equal(c.get()['params']['code'], 4500)
    tap.equal(sorted(os.listdir(folder)), ['agent.lock'])
    tap.true('left over' not in agent.log_text())
    agent.start()


def idle():
    """an idle agent does not wake up: not for libwebsockets' housekeeping, not after clients have come and gone"""
    for w in [WebSocket(agent.port) for _ in range(3)]:
        w.call('echo', {})
        w.close()
    c = cli(agent.socket)
    c.call('echo')
    c.close()
    # until the last handshake timer is gone
    def switches():
        with open(f'/proc/{agent.process.pid}/status') as f:
            return sum(int(line.split()[1]) for line in f if 'ctxt_switches' in line)
    last, since = switches(), time.monotonic()
    end = since + 60
    while time.monotonic() < end and time.monotonic() - since < 10:
        select.select([], [], [], 0.5)
        if switches() != last:
            last, since = switches(), time.monotonic()
    tap.true(time.monotonic() - since >= 10, 'ten seconds without one wake-up')
    tap.true(since < end - 50, 'and that soon after the last client left')


TESTS = [modes, hello_first, cli_identity, other_uid, too_large, pipelined, never_reads, bad_places, channels, no_channel,
         refused_origin, closed_by_control, large_answers, bad_json, listens_on_loopback_only, health, hosts, origins,
         fetch_metadata, handshake, fragments, ws_caps, ws_hostile, ws_close_codes, ws_never_reads, too_many, slow_handshakes,
         many_connections, drained, idle, single, ports, goodbye]
if len(sys.argv) > 2:
    TESTS = [t for t in TESTS if t.__name__ in sys.argv[2:]]
try:
    code = tap.run(TESTS)
finally:
    agent_log = agent.log_text()
    end = agent.finish()
    if end or code:
        print(f'# the agent ended with {end}')
        print('\n'.join('# ' + line for line in agent_log.split('\n')[-25:]))
sys.exit(code or (1 if end else 0))
