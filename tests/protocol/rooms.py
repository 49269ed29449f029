"""A real room service and its clients, for tests: keys, user_sig made here (not by the service's own code), a WebSocket that
keeps events and replies apart."""
import base64
import hashlib
import hmac
import json
import os
import tempfile
import time
import zlib

from wire import Agent, WebSocket

APP, KEY = 1400000001, 'the key of the first app'
APP2, KEY2 = 1400000002, 'the key of the second app'


def packed(claims):
    text = base64.b64encode(zlib.compress(json.dumps(claims).encode())).decode()
    return text.replace('+', '*').replace('/', '-').replace('=', '_')


def user_sig(user, key=KEY, app=APP, expire=3600, now=None, **changes):
    """TLSSigAPIv2 by its description."""
    now = int(time.time()) if now is None else now
    text = f'TLS.identifier:{user}\nTLS.sdkappid:{app}\nTLS.time:{now}\nTLS.expire:{expire}\n'
    buf = changes.get('userbuf')
    if buf:
        text += f'TLS.userbuf:{buf}\n'
    mac = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
    claims = {'TLS.ver': '2.0', 'TLS.identifier': user, 'TLS.sdkappid': app, 'TLS.expire': expire, 'TLS.time': now}
    if buf:
        claims['TLS.userbuf'] = buf
    claims['TLS.sig'] = mac
    claims.update(changes.get('claims', {}))
    return packed(claims)


class Service(Agent):
    """deskhand-rooms in a folder of its own; start() again after a kill finds the same rooms."""

    def __init__(self, program, *options, home=None):
        home = home or tempfile.mkdtemp(prefix='dh-', dir='/tmp')
        secrets = home + '/secrets.json'
        fd = os.open(secrets, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, json.dumps({str(APP): KEY, str(APP2): KEY2}).encode())
        os.close(fd)
        super().__init__([program, 'serve', '--secret-file', secrets, '--db', home + '/rooms.db', '--port', 'PORT', '--print-ready',
                          '--log-level', 'debug', *options], home=home)
        self.is_home_ours = True

    def connect(self, **headers):
        return Client(self.port, **{'origin': None, **headers})

    def user(self, user, room=None, **join):
        """Logged in as this user, and joined to a room when one is named."""
        c = self.connect()
        c.ok('room.login', sdk_app_id=APP, user_id=user, user_sig=user_sig(user))
        if room:
            c.join(room, **join)
        return c

    def guest(self, ticket, room=None, name='Guest'):
        c = self.connect()
        c.login = c.ok('room.redeem', ticket=ticket, user_name=name)
        if room:
            c.join(room)
        return c

    def metric(self, name):
        from wire import http
        text = http(self.port, f'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n')[1]
        return float(next(line.split()[1] for line in text.split('\n') if line.startswith(f'deskhand_rooms_{name} ')))


class Client(WebSocket):
    """A member or somebody who wants to be one. Events wait in .events while replies are read."""

    def __init__(self, port, path='/v1/ws', **headers):
        super().__init__(port, path=path, **headers)
        self.events, self.replies, self.seq, self.here, self.chat = [], {}, 0, None, 0

    def pump(self):
        m = self.get()
        if 'method' in m:
            self.events.append(m)
            self.seq = m['params'].get('seq', self.seq)
            if m['method'] == 'room.chat':
                self.chat = m['params']['id']
        else:
            self.replies[m['id']] = m

    def ask(self, method, params=None):
        """Send only; the id."""
        self.next_id += 1
        self.put({'jsonrpc': '2.0', 'id': self.next_id, 'method': method, **({} if params is None else {'params': params})})
        return self.next_id

    def reply(self, id_):
        while id_ not in self.replies:
            self.pump()
        return self.replies.pop(id_)

    def call(self, method, params=None):
        return self.reply(self.ask(method, params))

    def ok(self, method, **params):
        reply = self.call(method, params)
        if 'error' in reply:
            raise AssertionError(f'{method}: {reply["error"]}')
        return reply['result']

    def error(self, method, **params):
        """The name of the error, or the result if it went well."""
        reply = self.call(method, params)
        return reply['error']['data']['name'] if 'error' in reply else reply['result']

    def join(self, room, **params):
        self.here = self.ok('room.join', room=room, **params)
        self.seq = self.here['seq']
        if self.here['history']:
            self.chat = self.here['history'][-1]['id']
        return self.here

    def event(self, name):
        """The params of the next event of a name; earlier ones are passed by."""
        while True:
            while not self.events:
                self.pump()
            m = self.events.pop(0)
            if m['method'] == name:
                return m['params']

    def settle(self):
        """Everything the service had for us is here: the names of the events."""
        self.ok('room.ice')
        names = [m['method'] for m in self.events]
        return names
