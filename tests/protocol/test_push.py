#!/usr/bin/env python3
"""Pushes of the real agent to a real RTMP server (nginx): what arrives, what outages cost, what is refused.
usage: test_push.py DESKHAND READ_PATTERN

Two pushes on bad roads, which need their time, run beside the other tests and are judged last."""
import json
import os
import socket
import subprocess
import sys
import tempfile

from push_stage import Road, Server, complaints, has_gap, make_certificate, probe, pull
from wire import ROOM, Agent, Tap, WebSocket, cli, until

PROGRAM, READ_PATTERN = sys.argv[1:3]
PAGE, OTHER = 'http://localhost:8480', 'http://localhost:8481'
SECRETS = ('s3cretname', 's3cretsig', 's3cretpassword')
SLOW_BYTES_PER_S = 37500  # 300 kbit/s; the stream has some 1100
tap = Tap()


def error(reply):
    return reply['error']['data']['name'] if 'error' in reply else 'OK'


class Desk:
    def __init__(self, directory, **policy):
        self.dir = directory
        for name in 'run', 'policy':
            os.makedirs(f'{directory}/{name}', 0o700)
        self.set_policy(**policy)
        self.agent = Agent([PROGRAM, 'agent', '--fake', '--print-ready', '--log-level', 'debug', '--port', 'PORT'],
                           {'DESKHAND_POLICY_DIRS': directory + '/policy'}, directory)
        self.asks, self.listens, self.heard = cli(self.agent.socket), cli(self.agent.socket), []
        self.listens.call('events.subscribe', {'prefixes': ['push.', 'recording.', 'policy.']})

    def set_policy(self, **policy):
        path = self.dir + '/policy/10.json'
        with open(path + '.new', 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            json.dump(policy, f)
        os.rename(path + '.new', path)

    def call(self, method, **params):
        return self.asks.call(method, params)

    def session(self, role, width, height, fps):
        return self.call('session.open', template='1v1', canvas={'width': width, 'height': height, 'fps': fps},
                         sources=[{'role': role}, {'role': 'microphone'}])['result']['session']

    def are_live(self):
        """Every source of every session gives pictures or sound: no placard comes any more."""
        return all(s['state'] == 'live' for each in self.call('session.list')['result']['sessions'] for s in each['sources'])

    def event(self, name, wanted):
        """The first such event that was not taken yet."""
        for i, (method, params) in enumerate(self.heard):
            if method == name and wanted(params):
                del self.heard[i]
                return params
        while True:
            m = self.listens.get()
            if 'method' not in m:
                continue
            if m['method'] == name and wanted(m['params']):
                return m['params']
            self.heard.append((m['method'], m['params']))

    def push_is(self, push, state, wanted=lambda p: True):
        return self.event('push.state', lambda p: p['push'] == push and p['state'] == state and wanted(p))

    def start(self, session, url, **more):
        reply = self.call('push.start', session=session, url=url, **more)
        tap.equal(error(reply), 'OK', reply)
        return reply['result']['push']

    def push_of(self, recording):
        return self.call('recording.get', recording=recording)['result']['push']['push']

    def sent(self, push):
        return next(p['duration_ms'] for p in self.call('agent.status')['result']['pushes'] if p['push'] == push)

    def run(self, *args):
        p = subprocess.run([PROGRAM, *args], env=self.agent.env, capture_output=True, text=True, timeout=60)
        return p.returncode, p.stdout, p.stderr


def numbers(path):
    """The pattern's number of each picture."""
    out = subprocess.run([READ_PATTERN, path], capture_output=True, text=True).stdout
    return [json.loads(line)['number'] for line in out.splitlines()[:-1]]


def is_good_stream(path, what):
    """H.264 and AAC, every frame decodes, pictures advance. Their numbers."""
    until(lambda: not complaints(path), f'a clean {what}')  # the server may be writing its end
    streams = probe(path)
    tap.equal((streams['video'][0], streams['audio'][0]), ('h264', 'aac'), what)
    got = numbers(path)
    tap.true(len(got) > 10 and None not in got and got == sorted(got), f'{what}: {got}')
    return got


def is_whole(recording, what):
    """The local file: signed, nothing dropped, every picture in it. Their numbers."""
    facts = desk.call('recording.get', recording=recording)['result']
    tap.equal((facts['state'], facts['dropped']), ('done', 0), what)
    code, out, _ = desk.run('verify', facts['path'])
    tap.equal(code, 0, f'{what}: {out}')
    got = numbers(facts['path'])
    tap.true(len(got) == facts['video_frames'] > 30 and None not in got, f'{what}: {len(got)} pictures of {facts}')
    return got


def between(local, arrived):
    """The recording's pictures of the time that arrived."""
    return [n for n in local if arrived[0] <= n <= arrived[-1]]


# ---- what arrives ----

def arrives():
    """a push arrives: a player reads it, the server has every picture; status shows it without its secrets"""
    recording = desk.call('recording.start', session=session)['result']['recording']
    push = desk.start(session, server_url('arrives-s3cretname?sig=s3cretsig'), request_id='once')
    tap.equal(desk.start(session, server_url('arrives-s3cretname?sig=s3cretsig'), request_id='once'), push, 'SR-22')
    desk.push_is(push, 'connecting')
    tap.equal(desk.push_is(push, 'live')['attempt'], 0)
    tap.equal(pull(f'rtmp://127.0.0.1:{server.port}/live/arrives-s3cretname', f'{place}/pulled.flv', 1.5), 0)
    is_good_stream(f'{place}/pulled.flv', 'what a player got')
    told = desk.push_is(push, 'live', lambda p: p['bitrate_bps'] > 0)
    tap.true(told['bytes'] > 0 and told['duration_ms'] > 0 and not told['dropped'], told)
    code, out, _ = desk.run('status')
    tap.true(f'rtmp://127.0.0.1:{server.port}/live/... of local:cli: live' in out, out)
    facts = desk.call('push.stop', push=push)['result']
    tap.true(facts['bytes'] > 20000 and facts['duration_ms'] > 1500 and facts['dropped'] == 0, facts)
    tap.equal(desk.push_is(push, 'stopped')['why'], 'asked')
    tap.equal(error(desk.call('push.stop', push=push)), 'ENOENT')
    desk.call('recording.stop', recording=recording)
    arrived = is_good_stream(server.files('arrives-s3cretname')[0], 'what the server got')
    tap.equal(arrived, between(is_whole(recording, 'the recording'), arrived), 'all pictures, each once')


def in_segments():
    """a recording that is cut into segments is pushed as one stream: every picture in one file, and all of them at the server"""
    recording = desk.call('recording.start', session=session, segment_s=1, targets=['local', 'push'],
                          push_url=server_url('cut'))['result']['recording']
    desk.push_is(desk.push_of(recording), 'live')
    for _ in range(2):
        desk.event('recording.segment', lambda p: p['recording'] == recording)
    facts = desk.call('recording.stop', recording=recording)['result']
    arrived = is_good_stream(server.files('cut')[0], 'what the server got')
    path = desk.call('recording.get', recording=recording)['result']['path']
    paths = [f'{os.path.dirname(path)}/{s["name"]}' for s in facts['segments']]
    tap.true(len(paths) >= 3 and facts['dropped'] == 0, facts)
    code, out, _ = desk.run('verify', path)
    tap.equal(code, 0, out)
    local = [n for p in paths for n in numbers(p)]
    tap.equal((len(local), local), (facts['video_frames'], sorted(set(local))), 'each once')
    tap.equal(arrived, between(local, arrived), 'all pictures, each once')


def server_restarts():
    """the server dies and comes back: the push too, with a key frame; the recording beside it misses nothing"""
    recording = desk.call('recording.start', session=session, targets=['local', 'push'],
                          push_url=server_url('restarts-s3cretname'))['result']['recording']
    push = desk.push_of(recording)
    tap.equal(desk.push_is(push, 'live')['recording'], recording)
    until(lambda: desk.sent(push) > 700, 'a part of the stream')
    server.kill()
    away = desk.push_is(push, 'reconnecting', lambda p: p['attempt'] > 1)
    tap.true('127.0.0.1' in away['why'] and away['name'] == 'ECLOSED', away)
    server.start()
    desk.push_is(push, 'live')
    before = desk.sent(push)
    until(lambda: desk.sent(push) > before + 700, 'the stream again')
    tap.equal(error(desk.call('push.stop', push=push)), 'ESTATE', 'it belongs to a recording')
    desk.call('recording.stop', recording=recording)
    tap.true(desk.push_is(push, 'stopped')['dropped'] > 0, 'the outage is counted')
    first, second = server.files('restarts-s3cretname')
    after = is_good_stream(second, 'what came after the restart')
    tap.true(after[0] > numbers(first)[-1] + 1, 'it goes on')
    tap.equal(after, between(is_whole(recording, 'the recording of an outage'), after))


def push_alone():
    """recording.start with push alone: no file; paused, resumed, marked and stopped as a recording"""
    before = set(os.listdir(desk.dir + '/videos/Deskhand'))
    recording = desk.call('recording.start', session=session, targets=['push'],
                          push_url=server_url('alone-s3cretname'))['result']['recording']
    push = desk.push_of(recording)
    desk.push_is(push, 'live')
    until(lambda: desk.sent(push) > 500, 'a part of the stream')
    desk.call('recording.pause', recording=recording)
    desk.event('recording.paused', lambda p: p['recording'] == recording)
    tap.equal(error(desk.call('recording.resume', recording=recording)), 'OK')
    desk.event('recording.resumed', lambda p: p['recording'] == recording)
    paused_at = desk.sent(push)
    until(lambda: desk.sent(push) > paused_at + 300, 'the stream after the pause')
    tap.equal(error(desk.call('recording.marker', recording=recording, text='x')), 'OK')
    facts = desk.call('recording.stop', recording=recording)['result']
    tap.true(facts['state'] == 'done' and facts['bytes'] > 10000 and 'push' not in facts, facts)
    desk.push_is(push, 'stopped')
    for method in 'recording.verify', 'recording.reveal':
        tap.equal(error(desk.call(method, recording=recording)), 'ENOTSUP')
    tap.equal(set(os.listdir(desk.dir + '/videos/Deskhand')), before, 'no file')
    is_good_stream(server.files('alone-s3cretname')[0], 'a push with a pause')
    tap.equal(error(desk.call('recording.delete', recording=recording)), 'OK')


def by_command_line():
    """deskhand record --push"""
    code, out, err = desk.run('record', '--push', server_url('line-s3cretname'), '--duration', '1.5', '--sources', 'camera,microphone',
                              '--canvas', '320x180')
    tap.equal(code, 0, err)
    tap.true(json.loads(out)['state'] == 'done' and 'push: live' in err and 's3cret' not in err, err)
    is_good_stream(server.files('line-s3cretname')[0], 'of the command line')


# ---- TLS ----

def tls():
    """RTMPS: to a server whose authority the policy names; not with a stranger's certificate, nor another host's"""
    push = desk.start(session, f'rtmps://ann:s3cretpassword@127.0.0.1:{good_tls.port}/live/tls-s3cretname')
    desk.push_is(push, 'live', lambda p: p['duration_ms'] > 500)
    desk.call('push.stop', push=push)
    is_good_stream(server.files('tls-s3cretname')[0], 'by TLS')
    for road, what in (stranger_tls, 'a stranger'), (elsewhere_tls, 'another host'):
        push = desk.start(session, f'rtmps://127.0.0.1:{road.port}/live/bad-s3cretname')
        told = desk.push_is(push, 'connecting', lambda p: p['attempt'] > 1)
        tap.true(told['name'] == 'EPERM' and 'certificate' in told['why'] and 'ca_file' in told['hint'], f'{what}: {told}')
        tap.equal(desk.call('push.stop', push=push)['result']['bytes'], 0, what)
    tap.equal(server.files('bad-s3cretname'), [])


# ---- what is refused ----

def hostile():
    """bad input: thirty addresses that are malformed, hostile or not in the policy; each its error, nothing begins"""
    port = server.port
    unlisted = [f'rtmp://127.0.0.1:{port}/other/s3cretname', f'rtmps://127.0.0.1:{port}/live/s3cretname',
                'rtmp://127.0.0.1/live/s3cretname', f'rtmp://127.0.0.2:{port}/live/s3cretname', f'rtmp://[::1]:{port}/live/s3cretname',
                f'rtmp://localhost:{port}/live/s3cretname', f'rtmp://127.0.0.1.evil.test:{port}/live/s3cretname',
                f'rtmp://127.0.0.1:1@evil.test:{port}/live/s3cretname', f'rtmp://evil.test/127.0.0.1:{port}/live/s3cretname',
                f'rtmp://[::ffff:127.0.0.1]:{port}/live/s3cretname', f'rtmp://127.0.0.1:{port}/liver/s3cretname',
                f'rtmp://evil.test:{port}/live/x?rtmp://127.0.0.1:{port}/live/s3cretname']
    malformed = [f'rtmp://127.0.0.1:{port}/live/s3cretname live=1', f'rtmp://127.0.0.1:{port}/live/s3cretname\r\nx', 'x' * 1000,
                 f'rtmp://127.0.0.1:{port}/live/../other/s3cretname', f'rtmp://127.0.0.1:{port}/live/%2e%2e/other/s3cretname',
                 f'rtmp://127.0.0.1:{port}\\@evil.test/live/s3cretname', f'rtmp://ok@evil.test@127.0.0.1:{port}/live/s3cretname',
                 f'rtmp://2130706433:{port}/live/s3cretname', f'rtmp://0x7f.1:{port}/live/s3cretname',
                 f'rtmp://127.1:{port}/live/s3cretname', f'rtmp://0177.0.0.1:{port}/live/s3cretname', f'rtmp://:{port}/live/s3cretname',
                 f'http://127.0.0.1:{port}/live/s3cretname', 'file:///tmp/s3cretname/x', f'rtmpt://127.0.0.1:{port}/live/s3cretname',
                 f'tee:rtmp://127.0.0.1:{port}/live/s3cretname', f'rtmp://127.0.0.1:{port}/live', f'rtmp://127.0.0.1:{port}//s3cretname',
                 f'rtmp://127.0.0.1:{port}/live/s3cretname#x', f'rtmp://127.0.0.1:{port}/live/s3cretname|x', '',
                 f'rtmp://127.0.0.1:{port}0/live/s3cretname', f'rtmp://127.0.0.1:{port}/live/s3cr\u00e9tname',
                 f'rtmp://127.0.0.1:{port}/live/s3cretname\x7f']
    before = len(desk.call('agent.status')['result']['pushes'])
    for url, name in [(u, 'EPERM') for u in unlisted] + [(u, 'EINVAL') for u in malformed]:
        for reply in (desk.call('push.start', session=session, url=url),
                      desk.call('recording.start', session=session, targets=['local', 'push'], push_url=url)):
            tap.equal(error(reply), name, url)
            text = json.dumps(reply)
            tap.true(reply.get('error', {}).get('data', {}).get('hint') and 's3cret' not in text, f'{url}: {text}')
    tap.equal(error(desk.call('push.start', session=session, url='rtmp://127.0.0.1/live/' + 'x' * 1000)), 'EINVAL')
    tap.equal(error(desk.call('recording.start', session=session, targets=['push'])), 'EINVAL')
    tap.equal(error(desk.call('recording.start', session=session, push_url=server_url('x'))), 'EINVAL')
    tap.equal(error(desk.call('push.start', session='nope', url=server_url('x'))), 'ENOENT')
    tap.equal(len(desk.call('agent.status')['result']['pushes']), before)


def page(origin):
    ws = WebSocket(desk.agent.port, origin)
    ws.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    return ws


def scopes():
    """a page needs push, or record.push; a push is its origin's alone, and ends with its grant or its target"""
    ws, stranger = page(PAGE), page(OTHER)
    mine = ws.call('session.open', {'sources': [{'role': 'camera'}]})['result']['session']
    other = stranger.call('session.open', {'sources': [{'role': 'camera'}]})['result']['session']
    url = server_url('page-s3cretname')
    tap.equal(error(stranger.call('push.start', {'session': other, 'url': url})), 'EPERM')
    tap.equal(error(ws.call('recording.start', {'session': mine, 'targets': ['local', 'push'], 'push_url': url})), 'EPERM')
    push = ws.call('push.start', {'session': mine, 'url': url})['result']['push']
    desk.push_is(push, 'live')
    tap.equal(error(stranger.call('push.stop', {'push': push})), 'EPERM', 'no scope')
    tap.equal(stranger.call('agent.status')['result']['pushes'], [])
    tap.true('origin' not in ws.call('agent.status')['result']['pushes'][0])
    # record.push without record.local: a push alone may be stopped, a file may not be made
    reply = stranger.call('recording.start', {'session': other, 'targets': ['push'], 'push_url': server_url('page2-s3cretname')})
    recording = reply['result']['recording']
    tap.equal(error(stranger.call('recording.start', {'session': other})), 'EPERM')
    tap.equal(error(stranger.call('recording.stop', {'recording': recording})), 'OK')
    desk.set_policy(**{**POLICY, 'push_targets': POLICY['push_targets'][1:]})
    tap.true('policy' in desk.push_is(push, 'stopped')['why'])
    desk.set_policy(**POLICY)
    until(lambda: error(ws.call('push.start', {'session': mine, 'url': url})) == 'OK', 'the target, listed again')
    push = ws.call('agent.status')['result']['pushes'][0]['push']
    desk.set_policy(**{**POLICY, 'origins': [{**POLICY['origins'][0], 'scopes': ['camera']}, POLICY['origins'][1]]})
    tap.true('grant' in desk.push_is(push, 'stopped')['why'])
    desk.set_policy(**POLICY)
    for c, s in (ws, mine), (stranger, other):
        c.call('session.close', {'session': s})


# ---- bad roads ----

def bad_roads_begin():
    """two pushes on bad roads go live, one beside a recording"""
    global slow_recording, slow, dead, rss_kb
    slow_recording = desk.call('recording.start', session=roads, targets=['local', 'push'],
                               push_url=f'rtmp://127.0.0.1:{slow_road.port}/live/slow-s3cretname')['result']['recording']
    slow = desk.push_of(slow_recording)
    dead = desk.start(roads, f'rtmp://127.0.0.1:{dead_road.port}/live/dead-s3cretname')
    desk.push_is(slow, 'live')
    desk.push_is(dead, 'live', lambda p: p['duration_ms'] > 500)
    dead_road.freeze()
    rss_kb = desk.agent.rss_kb()


def swallowed():
    """a network that swallows everything: found out, and left for a new connection"""
    told = desk.push_is(dead, 'reconnecting')
    tap.equal(told['name'], 'ETIMEDOUT', told)
    desk.push_is(dead, 'live', lambda p: p['attempt'] == 0 and p['dropped'] > 0)
    before = desk.sent(dead)
    until(lambda: desk.sent(dead) > before + 1200, 'the stream on the new connection')
    desk.call('push.stop', push=dead)
    is_good_stream(server.files('dead-s3cretname')[-1], 'on the new connection')


def too_slow():
    """a network that is too slow: pictures up to a key frame are dropped, memory stays, the recording misses nothing"""
    dropped = desk.push_is(slow, 'live', lambda p: p['dropped'] > 200)['dropped']
    until(lambda: next(p for p in desk.call('agent.status')['result']['pushes'] if p['push'] == slow)['dropped'] > dropped,
          'more of them')
    tap.true(desk.agent.rss_kb() < rss_kb + 60000 * ROOM, f'{rss_kb} kB grew to {desk.agent.rss_kb()} kB')
    until(lambda: has_gap(server.files('slow-s3cretname')[0]), 'the gap at the server')
    desk.call('recording.stop', recording=slow_recording)
    desk.push_is(slow, 'stopped')
    arrived = numbers(server.files('slow-s3cretname')[0])
    tap.true(None not in arrived and arrived == sorted(arrived), 'every picture that arrived decodes, in order')
    local = is_whole(slow_recording, 'the recording beside a slow push')
    tap.true(set(arrived) < set(between(local, arrived)), f'{len(arrived)} of {len(between(local, arrived))} pictures')


def ends_at_once():
    """the agent ends with a push that connects and one that stands; no log, no status, no event told a secret"""
    desk.start(session, f'rtmp://127.0.0.1:{nobody.getsockname()[1]}/live/ends-s3cretname')
    push = desk.start(session, server_url('ends2-s3cretname'))
    desk.push_is(push, 'live')
    status = json.dumps(desk.call('agent.status'))
    tap.equal(desk.agent.stop(), 0)
    text = desk.agent.log_text() + status + json.dumps(desk.heard)
    for secret in SECRETS:
        tap.true(secret not in text, secret)
    with open(desk.dir + '/log', encoding='utf-8', errors='replace') as f:
        tap.true('Sanitizer' not in f.read())


def server_url(name):
    return f'rtmp://127.0.0.1:{server.port}/live/{name}'


with tempfile.TemporaryDirectory(prefix='dh-push-', dir='/tmp') as place:
    os.chmod(place, 0o755)
    server = Server(place)
    good, stranger = make_certificate(place, 'good', 'IP:127.0.0.1'), make_certificate(place, 'stranger', 'IP:127.0.0.1')
    elsewhere = make_certificate(place, 'elsewhere', 'DNS:elsewhere.test')
    with open(f'{place}/cas.pem', 'w', encoding='utf-8') as cas:
        for path in good[0], elsewhere[0]:
            with open(path, encoding='utf-8') as one:
                cas.write(one.read())
    slow_road, dead_road = Road(server.port, rate=SLOW_BYTES_PER_S), Road(server.port)
    good_tls, stranger_tls, elsewhere_tls = (Road(server.port, tls=pair) for pair in (good, stranger, elsewhere))
    nobody = socket.socket()  # takes connections and says nothing
    nobody.bind(('127.0.0.1', 0))
    nobody.listen(8)
    listed = [server, slow_road, dead_road]
    POLICY = {'origins': [{'origin': PAGE, 'scopes': ['camera', 'push', 'record.local']},
                          {'origin': OTHER, 'scopes': ['camera', 'record.push', 'stats']}],
              'push_targets': [f'rtmp://127.0.0.1:{s.port}/live/*' for s in listed] +
                              [f'rtmp://127.0.0.1:{nobody.getsockname()[1]}/live/*'] +
                              [f'rtmps://127.0.0.1:{s.port}/*' for s in (good_tls, stranger_tls, elsewhere_tls)],
              'ca_file': f'{place}/cas.pem'}
    desk = Desk(f'{place}/desk', **POLICY)
    try:
        session, roads = desk.session('camera', 640, 360, 30), desk.session('screen', 960, 540, 15)
        until(desk.are_live, 'the devices')
        status = tap.run([bad_roads_begin, arrives, in_segments, push_alone, tls, hostile, scopes, by_command_line, server_restarts, swallowed,
                          too_slow, ends_at_once])
    finally:
        if os.environ.get('DH_TEST_LOGS') or tap.failed:
            print(desk.agent.log_text(), file=sys.stderr)
        desk.agent.finish()
        server.kill()
sys.exit(status)
