"""Talk to an agent in bytes, so that tests can send what no library would: frames, WebSocket frames, HTTP.

Standard library only. Every wait has an end; nothing sleeps."""
import base64
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

WAIT_S = 20
# a sanitizer keeps freed memory and adds its own: bounds on memory then mean little
ROOM = 20 if "ASAN_OPTIONS" in os.environ else 1


def until(wanted, what='it', seconds=WAIT_S):
    """What wanted() gives, as soon as it is something: for states that no event tells of."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = wanted()
        if got:
            return got
        select.select([], [], [], 0.02)
    raise TimeoutError(f'{what} did not come')


class Agent:
    """A program that prints {"ready":true,...} and then serves, in a scratch directory of its own.

    'PORT' in its arguments becomes a free port, so that tests do not meet an agent somebody uses."""

    def __init__(self, command, env=None, home=None):
        self.home = home or tempfile.mkdtemp(prefix='dh-', dir='/tmp')
        self.is_home_ours = home is None
        self.log = open(os.path.join(self.home, 'log'), 'ab+')
        self.env = dict(os.environ, HOME=self.home, XDG_RUNTIME_DIR=self.home + '/run', XDG_STATE_HOME=self.home + '/state',
                        XDG_CONFIG_HOME=self.home + '/config', XDG_VIDEOS_DIR=self.home + '/videos', **(env or {}))
        self.command = [str(free_port()) if word == 'PORT' else word for word in command]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stdout=subprocess.PIPE, stderr=self.log)
        line = read_line(self.process.stdout)
        if not line:
            raise RuntimeError(f'{self.command[0]} is not ready; its log:\n{self.log_text()}')
        self.ready = json.loads(line)
        self.port, self.socket = self.ready['port'], self.ready.get('socket')

    def log_text(self):
        self.log.flush()
        with open(self.log.name, encoding='utf-8', errors='replace') as f:
            return f.read()

    def wait_log(self, text, start=0):
        """Until the log, from byte start, holds text."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if text in self.log_text()[start:]:
                return True
            select.select([], [], [], 0.02)
        return False

    def rss_kb(self):
        with open(f'/proc/{self.process.pid}/statm') as f:
            return int(f.read().split()[1]) * 4

    def stop(self, sig=signal.SIGTERM):
        """The exit code; the scratch directory goes with it."""
        self.process.send_signal(sig)
        code = self.process.wait(WAIT_S)
        self.process.stdout.close()
        return code

    def finish(self):
        code = self.stop() if self.process.poll() is None else self.process.returncode
        self.log.close()
        if self.is_home_ours:
            shutil.rmtree(self.home, ignore_errors=True)
        return code


def agent_with_policy(program, policy, home=None):
    """The agent with its fakes and one policy file, in a scratch directory that stays when it ends."""
    home = home or tempfile.mkdtemp(prefix='dh-', dir='/tmp')
    for name in 'run', 'policy':
        os.mkdir(f'{home}/{name}', 0o700)
    with open(f'{home}/policy/10.json', 'w', encoding='utf-8') as f:
        json.dump(policy, f)
    os.chmod(f.name, 0o644)
    return Agent([program, 'agent', '--fake', '--print-ready', '--port', 'PORT'], {'DESKHAND_POLICY_DIRS': home + '/policy'}, home)


def writer_of(pid):
    """The one living child of that agent that writes a recording; None: it has none now."""
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/status', encoding='utf-8') as f:
                status = f.read()
        except OSError:
            continue
        if 'Name:\tdeskhand-writer\n' in status and f'PPid:\t{pid}\n' in status and 'State:\tZ' not in status:
            return int(name)
    return None


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def read_line(stream):
    line, poll = b'', select.poll()  # select() knows no files beyond 1,023
    poll.register(stream, select.POLLIN)
    end = time.monotonic() + WAIT_S
    while not line.endswith(b'\n'):
        if not poll.poll(max(0, end - time.monotonic()) * 1000):
            return b''
        byte = os.read(stream.fileno(), 1)
        if not byte:
            return b''
        line += byte
    return line


class Closed(Exception):
    """The other end hung up; .code is the WebSocket close code, or None."""

    def __init__(self, code=None, reason=''):
        super().__init__(f'closed {code} {reason}')
        self.code, self.reason = code, reason


class Stream:
    """Bytes of a connected socket, with time limits."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(WAIT_S)
        self.buffer = b''

    def send(self, data):
        self.sock.sendall(data)

    def take(self, n):
        while len(self.buffer) < n:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                more = b''
            if not more:
                raise Closed()
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def rest(self):
        """Everything until the other end closes."""
        data = b''
        try:
            while True:
                data += self.take(max(1, len(self.buffer)))
        except Closed:
            return data

    def close(self):
        self.sock.close()


class Framed(Stream):
    """The agent's socket: length, JSON."""

    def __init__(self, path, hello=None):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(WAIT_S)
        sock.connect(path)
        super().__init__(sock)
        self.next_id = 0
        if hello:
            self.put({'jsonrpc': '2.0', 'method': 'transport.hello', 'params': hello})

    def put_bytes(self, body):
        self.send(struct.pack('<I', len(body)) + body)

    def put(self, message):
        self.put_bytes(json.dumps(message).encode())

    def get_bytes(self):
        return self.take(struct.unpack('<I', self.take(4))[0])

    def get(self):
        return json.loads(self.get_bytes())

    def call(self, method, params=None, ch=None):
        self.next_id += 1
        message = {'jsonrpc': '2.0', 'id': self.next_id, 'method': method}
        if params is not None:
            message['params'] = params
        if ch is not None:
            message['ch'] = ch
        self.put(message)
        while True:
            reply = self.get()
            if reply.get('id') == self.next_id:
                return reply


def cli(path):
    return Framed(path, {'role': 'cli'})


def result(client, method, params):
    """What it answers; an error fails the test."""
    reply = client.call(method, params)
    if 'result' not in reply:
        raise AssertionError(f'{method}: {reply}')
    return reply['result']


def wait_event(client, name, wanted=lambda p: True):
    """The params of the next one that is wanted; what comes before it is dropped."""
    while True:
        m = client.get()
        if m.get('method') == name and wanted(m['params']):
            return m['params']


def host(path, extension='a' * 32):
    return Framed(path, {'role': 'host', 'browser': 'chromium', 'extension': extension})


def http(port, text, family=socket.AF_INET, address='127.0.0.1'):
    """Send a raw request, read until the end. Returns (status, whole answer)."""
    sock = socket.socket(family)
    sock.settimeout(WAIT_S)
    sock.connect((address, port))
    s = Stream(sock)
    s.send(text.encode('latin-1'))
    answer = s.rest().decode('latin-1')
    s.close()
    return (int(answer.split(' ')[1]) if answer.startswith('HTTP/') else 0), answer


def upgrade_text(port, origin='http://localhost:8480', **changes):
    """The upgrade request as a browser sends it; changes: header=value, None leaves it out."""
    headers = {'Host': f'127.0.0.1:{port}', 'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Origin': origin,
               'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': base64.b64encode(os.urandom(16)).decode(),
               'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits'}
    path = changes.pop('path', '/deskhand')
    headers.update({k.replace('_', '-'): v for k, v in changes.items()})
    lines = [f'{k}: {v}' for k, v in headers.items() if v is not None]
    return f'GET {path} HTTP/1.1\r\n' + '\r\n'.join(lines) + '\r\n\r\n'


class WebSocket(Stream):
    """RFC 6455 by hand."""

    TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

    def __init__(self, port, origin='http://localhost:8480', rcvbuf=None, **headers):
        sock = socket.socket()
        sock.settimeout(WAIT_S)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.connect(('127.0.0.1', port))
        super().__init__(sock)
        self.next_id = 0
        self.send(upgrade_text(port, origin, **headers).encode())
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += self.take(1)
        self.head = head.decode('latin-1')
        if ' 101 ' not in self.head.split('\r\n')[0]:
            raise Closed(int(self.head.split(' ')[1]))

    def put_frame(self, opcode, body, is_final=True, is_masked=True, rsv=0):
        n = len(body)
        head = bytes([(0x80 if is_final else 0) | rsv << 4 | opcode])
        bit = 0x80 if is_masked else 0
        head += (bytes([bit | n]) if n < 126 else
                 bytes([bit | 126]) + struct.pack('>H', n) if n < 65536 else bytes([bit | 127]) + struct.pack('>Q', n))
        if is_masked:
            key = os.urandom(4)
            body = mask(body, key)
            head += key
        self.send(head + body)

    def get_frame(self):
        first, second = self.take(2)
        n = second & 0x7f
        if n == 126:
            n = struct.unpack('>H', self.take(2))[0]
        elif n == 127:
            n = struct.unpack('>Q', self.take(8))[0]
        if second & 0x80:
            raise AssertionError('a server must not mask')
        return first & 0x0f, bool(first & 0x80), self.take(n)

    def get_text(self):
        body = b''
        while True:
            opcode, is_final, part = self.get_frame()
            if opcode == self.CLOSE:
                raise Closed(struct.unpack('>H', part[:2])[0] if len(part) > 1 else None, part[2:].decode())
            if opcode == self.PING:
                self.put_frame(self.PONG, part)
            if opcode in (self.PING, self.PONG):
                continue
            body += part
            if is_final:
                return body

    def put(self, message):
        self.put_frame(self.TEXT, json.dumps(message).encode())

    def get(self):
        return json.loads(self.get_text())

    def call(self, method, params=None):
        self.next_id += 1
        self.put({'jsonrpc': '2.0', 'id': self.next_id, 'method': method, **({} if params is None else {'params': params})})
        while True:
            reply = self.get()
            if reply.get('id') == self.next_id:
                return reply

    def close_code(self):
        """Read until the other end closes; its code."""
        try:
            while True:
                self.get_text()
        except Closed as e:
            return e.code


def mask(body, key):
    n = len(body)
    long_key = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(body, 'big') ^ int.from_bytes(long_key, 'big')).to_bytes(n, 'big') if n else b''


class Host:
    """deskhand-host as a browser runs it."""

    def __init__(self, program, env, args=None, id_='pegccibcnjfjondlfoninmfilhnmnbba', **popen):
        self.process = subprocess.Popen([program] + (args or [f'chrome-extension://{id_}/']), env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0, **popen)
        self.buffer = b''

    def put_bytes(self, body):
        self.put_raw(struct.pack('<I', len(body)) + body)

    def put_raw(self, data):
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view):]

    def put(self, message):
        self.put_bytes(json.dumps(message).encode())

    def take(self, n):
        end = time.monotonic() + WAIT_S
        while len(self.buffer) < n:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError('the host says nothing')
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Closed()
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def get(self):
        return json.loads(self.take(struct.unpack('<I', self.take(4))[0]))

    def get_until(self, wanted):
        while True:
            message = self.get()
            if wanted(message):
                return message

    def state(self):
        return self.get_until(lambda m: m.get('method') == 'agent.state')['params']

    def wait_state(self, state):
        while True:
            s = self.state()
            if s['state'] == state:
                return s

    def finish(self):
        self.process.stdin.close()
        code = self.process.wait(WAIT_S)
        self.process.stdout.close()
        return code


class Tap:
    """TAP: check() inside numbered tests."""

    def __init__(self):
        self.number, self.failed = 0, []

    def run(self, tests):
        print(f'1..{len(tests)}', flush=True)
        bad = 0
        for test in tests:
            self.number += 1
            name = (test.__doc__ or test.__name__).strip().split('\n')[0]
            self.failed = []
            try:
                verdict = test()
            except Exception as e:  # noqa: BLE001
                import traceback
                self.failed.append(''.join(traceback.format_exception(e)))
                verdict = None
            for line in '\n'.join(self.failed).split('\n'):
                if line:
                    print(f'# {line}')
            skip = f' # SKIP {verdict}' if isinstance(verdict, str) and not self.failed else ''
            print(f'{"not " if self.failed else ""}ok {self.number} - {name}{skip}', flush=True)
            bad += bool(self.failed)
        return 1 if bad else 0

    def equal(self, got, want, what=''):
        if got != want:
            frame = sys._getframe(1)
            self.failed.append(f'line {frame.f_lineno}: {what} got {got!r}, want {want!r}')

    def true(self, got, what=''):
        if not got:
            frame = sys._getframe(1)
            self.failed.append(f'line {frame.f_lineno}: not true: {what}')
