"""A room service and desks in its rooms, for tests: real programs, fake devices."""
import json
import os
import signal
import subprocess
import tempfile

from wire import Agent, cli, free_port, read_line, until

APP = 1400000001
PAGE = 'http://localhost:8480'


def name(reply):
    return reply['error']['data']['name'] if 'error' in reply else 'OK'


class Service:
    """deskhand-rooms on one port for all its lives."""

    def __init__(self, program, *options):
        self.program, self.options = program, options
        self.dir = tempfile.mkdtemp(prefix='dh-rooms-', dir='/tmp')
        self.secrets, self.port = f'{self.dir}/secrets', free_port()
        with open(self.secrets, 'w') as f:
            json.dump({str(APP): 'the key of this test, long enough'}, f)
        os.chmod(self.secrets, 0o600)
        self.log = open(f'{self.dir}/log', 'ab')
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, 'serve', '--secret-file', self.secrets, '--db', f'{self.dir}/rooms.db',
                                         '--port', str(self.port), '--print-ready', *self.options], stdout=subprocess.PIPE, stderr=self.log)
        self.url = json.loads(read_line(self.process.stdout))['url']

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def sig(self, user):
        return subprocess.run([self.program, 'usersig', '--secret-file', self.secrets, '--sdk-app-id', str(APP), '--user-id', user],
                              check=True, capture_output=True, text=True).stdout.strip()


class Desk:
    """An agent and two speakers to it: one that asks, one that listens to events."""

    def __init__(self, program, service, user, **policy):
        home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
        for name in 'run', 'policy':
            os.mkdir(f'{home}/{name}', 0o700)
        with open(f'{home}/policy/10.json', 'w') as f:
            json.dump({'origins': [{'origin': PAGE, 'scopes': ['*']}], 'signal_hosts': ['127.0.0.1'], **policy}, f)
        os.chmod(f'{home}/policy/10.json', 0o644)
        self.service, self.user, self.home = service, user, home
        self.agent = Agent([program, 'agent', '--fake', '--print-ready', '--log-level', 'debug', '--port', 'PORT'],
                           {'DESKHAND_POLICY_DIRS': home + '/policy'}, home)
        self.connect()

    def connect(self):
        self.asks, self.listens = cli(self.agent.socket), cli(self.agent.socket)
        self.listens.call('events.subscribe', {'prefixes': ['room.', 'rtc.stats']})

    def call(self, method, **params):
        return self.asks.call(method, params)

    def join(self, room, **more):
        return self.call('room.join', **{'server': self.service.url, 'room': room, 'user_id': self.user, 'user_name': self.user.title(),
                                         'user_sig': self.service.sig(self.user), 'sdk_app_id': APP, **more})

    def room(self, room):
        return self.call('room.get', room=room).get('result')

    def member(self, room, user):
        r = self.room(room)
        return next((m for m in r['members'] if m['user_id'] == user), None) if r else None

    def number(self, room, user):
        return self.member(room, user)['member']

    def sees(self, room, user):
        """The member of that user once its connection is up and its camera and sound are sources here."""
        def there():
            m = self.member(room, user)
            return m and m['connection'] == 'connected' and 'camera' in m['sources'] and 'sound' in m['sources'] and m
        return until(there, f'{self.user} sees {user}')

    def received(self, member):
        """(pictures decoded, samples) of a member so far."""
        peers = self.call('rtc.stats')['result']['peers']
        streams = [s for p in peers if p.get('member') == member for s in p['receive']]
        return (sum(s.get('frames_decoded', 0) for s in streams), sum(s.get('samples', 0) for s in streams))

    def goes_on(self, member, what):
        """Pictures and sound of a member arrive here, from now on."""
        frames, samples = self.received(member)
        until(lambda: (lambda now: now[0] >= frames + 10 and now[1] >= samples + 9600)(self.received(member)), what)

    def event(self, name, wanted=lambda p: True):
        while True:
            m = self.listens.get()
            if m.get('method') == name and wanted(m['params']):
                return m['params']

    def finish(self):
        for c in self.asks, self.listens:
            c.close()
        return self.agent.finish()
