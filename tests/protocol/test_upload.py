#!/usr/bin/env python3
"""Uploads of recordings to an archive that keeps to the tus protocol, and to one that does not: what arrives, what is sent twice,
what is said, and when the file here is deleted. usage: test_upload.py DESKHAND"""
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading

from archive import Archive
from wire import Agent, Tap, WebSocket, cli, until

PROGRAM = os.path.abspath(sys.argv[1])
MIB = 1 << 20
PART = 8 * MIB
CRM, OTHER = 'http://localhost:8480', 'http://localhost:8481'
HEAD = 'ab' * 32
tap = Tap()
archive = Archive()


class Desk:
    """An agent with recordings that were finished earlier: bytes that do not repeat, under the index's names."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
        for name in 'run', 'policy', 'state/deskhand/recordings', 'videos/Deskhand':
            os.makedirs(f'{self.home}/{name}', 0o700)
        self.names, self.agent = {}, None

    def record(self, name, size, must_archive=False, origin=CRM):
        id_ = hashlib.md5(name.encode()).hexdigest()
        path = f'{self.home}/videos/Deskhand/{name}.mp4'
        with open(path, 'wb') as f:
            f.write(random.Random(name).randbytes(size))
        with open(path + '.chain', 'wb') as f:
            f.write(b'x')
        with open(f'{self.home}/state/deskhand/recordings/{id_}.json', 'w') as f:
            json.dump({'state': 'done', 'origin': origin, 'path': path, 'name': name + '.mp4', 'case_id': 'C-17', 'bytes': size,
                       'chain': {'seq': 3, 'head': HEAD}, 'must_archive': must_archive}, f)
        self.names[id_] = path
        return id_

    def policy(self, url, targets=None, **archive_keys):
        """Until it is in force, if there is an agent."""
        targets = targets or [f'http://127.0.0.1:{archive.port}/*']
        path = f'{self.home}/policy/10.json'
        with open(path + '.new', 'w') as f:
            json.dump({'origins': [{'origin': CRM, 'scopes': ['*']}, {'origin': OTHER, 'scopes': ['files.list']}],
                       'push_targets': targets,
                       **({'archive': {'url': url, **archive_keys}} if url else {})}, f)
        os.chmod(path + '.new', 0o644)
        os.rename(path + '.new', path)
        want = {'url': url, 'token_file': '', 'delete_local': False, **archive_keys} if url else None

        def is_in_force():
            got = self.call('policy.get')
            return got.get('archive') == want and got['push_targets'] == targets
        if self.agent:
            until(is_in_force)

    def start(self):
        self.agent = Agent([PROGRAM, 'agent', '--fake', '--print-ready', '--port', 'PORT'],
                           {'DESKHAND_POLICY_DIRS': self.home + '/policy', 'NO_PROXY': '*'}, self.home)
        self.listen()

    def listen(self):
        self.cli = cli(self.agent.socket)
        self.events = cli(self.agent.socket)
        tap.true('result' in self.events.call('events.subscribe', {'prefixes': ['upload.']}))

    def restart(self, sig=signal.SIGTERM):
        self.agent.stop(sig)
        self.agent.start()
        self.listen()

    def call(self, method, **params):
        reply = self.cli.call(method, params)
        if 'error' in reply:
            raise AssertionError(f'{method} {params}: {reply["error"]}')
        return reply['result']

    def upload(self, recording):
        return self.call('upload.list', recording=recording)['uploads'][0]

    def begin(self, recording):
        return self.call('upload.start', recording=recording)['uploads'][0]['upload']

    def wait(self, upload, *states):
        """The event that says so; the state may have come before we listened."""
        while True:
            m = self.events.get()
            p = m.get('params', {})
            if str(m.get('method')).startswith('upload.') and p['upload'] == upload and p['state'] in states and \
                    (p['state'] != 'waiting' or 'error' in p):
                return p

    def send(self, recording, *states):
        return self.wait(self.begin(recording), *(states or ('done', 'failed', 'refused')))

    def data(self, recording):
        with open(self.names[recording], 'rb') as f:
            return f.read()


desk = Desk()
SIZES = {'whole': 2 * PART + 5 * MIB, 'cut': PART + 3 * MIB, 'kill': 3 * PART}
for case in ['whole', 'plain', 'keep', 'remove', 'other', 'cut', 'cutsum', 'mismatch', 'always', 'conflict', 'forgets', 'beyond',
             'backwards', 'headlie', 'garbage', 'endless', 'html', 'redirect', 'elsewhere', 'storm', 'full', 'large', 'limit',
             'delete', 'cancel', 'changed', 'kill', 'one', 'two', 'three', 'four', 'token', 'making', 'foreign', 'nowhere', 'http09']:
    globals()[case] = desk.record(case, SIZES.get(case, 600000), origin=OTHER if case == 'foreign' else CRM)
desk.policy(archive.url)
desk.start()


def fresh(with_checksum=True, with_digest=False, twist=None):
    archive.with_checksum, archive.with_digest = with_checksum, with_digest
    archive.twist = twist or (lambda h, method, upload: False)
    archive.max_size = None
    archive.requests.clear()
    archive.deleted.clear()


def once(act, on='PATCH'):
    """A twist of the first such request only."""
    left = [1]

    def twist(h, method, upload):
        if method != on or not left:
            return False
        left.pop()
        return act(h, upload)
    return twist


def same(recording):
    tap.true(bytes(archive.of(recording).data) == desk.data(recording), 'the archive has other bytes')


def whole_upload():
    """parts with checksums arrive once each; the hash is confirmed, all of it is told, the file stays"""
    fresh()
    done = desk.send(whole)
    up = archive.of(whole)
    sha = hashlib.sha256(desk.data(whole)).hexdigest()
    tap.equal((done['state'], done['hash_confirmed'], done['local_deleted']), ('done', True, False))
    tap.equal((done['bytes'], done['bytes_sent'], done['sha256']), (SIZES['whole'], SIZES['whole'], sha))
    tap.equal(up.patches, [(0, PART), (PART, PART), (2 * PART, 5 * MIB)])
    tap.equal(up.metadata, {'filename': 'whole.mp4', 'filetype': 'video/mp4', 'recording': whole, 'sha256': sha, 'case_id': 'C-17',
                            'chain_head': HEAD})
    same(whole)
    tap.true(os.path.exists(desk.names[whole]))
    got = desk.call('recording.get', recording=whole)['uploads']
    tap.equal([(u['state'], u['hash_confirmed']) for u in got], [('done', True)])
    tap.equal(desk.call('agent.status')['uploads'], [])
    tap.equal(desk.begin(whole), done['upload'], 'started again: it is there already')
    tap.equal(desk.cli.call('upload.retry', {'upload': done['upload']})['error']['data']['name'], 'ESTATE')


def nothing_confirms():
    """an archive without checksums and without a hash: done, not confirmed, and the file stays whatever the policy says"""
    fresh(with_checksum=False)
    desk.policy(archive.url, delete_local=True)
    done = desk.send(keep)
    tap.equal((done['state'], done['hash_confirmed']), ('done', False))
    same(keep)
    desk.restart()
    tap.equal(desk.upload(keep)['local_deleted'], False)
    tap.true(os.path.exists(desk.names[keep]))


def confirmed_then_deleted():
    """delete_local: file and sidecar go once the archive told the same hash, the recording stays known; other uploads too"""
    fresh(with_checksum=False, with_digest=True)
    done = desk.send(remove)
    tap.equal((done['state'], done['hash_confirmed']), ('done', True))
    path = desk.names[remove]
    while not desk.upload(remove)['local_deleted']:
        desk.wait(done['upload'], 'done')
    tap.true(not os.path.exists(path) and not os.path.exists(path + '.chain'))
    tap.equal(desk.call('recording.get', recording=remove)['state'], 'done')
    desk.policy(archive.url)


def other_hash():
    """an archive that tells another hash: failed, and the file stays"""
    def lie(h, method, upload):
        if method != 'HEAD':
            return False
        return h.answer(200, Upload_Offset=len(upload.data), Upload_Length=upload.length,
                        Repr_Digest='sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:')
    fresh(twist=lie)
    desk.policy(archive.url, delete_local=True)
    p = desk.send(other)
    tap.equal((p['state'], p['hash_confirmed'], p['error']), ('failed', False, 'EPROTO'))
    tap.true('another hash' in p['reason'], p)
    tap.true(os.path.exists(desk.names[other]))
    desk.policy(archive.url)


def hash_takes_time():
    """an archive that is still making its hash is asked again when it said"""
    asked = []

    def later(h, method, upload):
        if method != 'HEAD' or len(upload.data) < upload.length or asked:
            return False
        asked.append(1)
        return h.answer(200, Upload_Offset=len(upload.data), Upload_Length=upload.length, Retry_After=1)
    fresh(with_checksum=False, with_digest=True, twist=later)
    id_ = desk.begin(making)
    p = desk.wait(id_, 'confirming')
    while 'error' not in p:
        p = desk.wait(id_, 'confirming')
    tap.equal(p['error'], 'EAGAIN')
    tap.true(0 < p['retry_ms'] <= 1000, p)
    tap.equal(desk.wait(id_, 'done')['hash_confirmed'], True)
    tap.equal(archive.of(making).patches, [(0, 600000)])


def cut_line():
    """the line cut in the middle of a part: without checksums no byte goes twice, with them the part goes again, smaller"""
    fresh(with_checksum=False, with_digest=True, twist=once(lambda h, u: archive.patch(h, u, keep=3 * MIB) or True))
    tap.equal(desk.send(cut)['hash_confirmed'], True)
    up = archive.of(cut)
    tap.equal(up.patches[:2], [(0, 3 * MIB), (3 * MIB, MIB)])
    tap.equal(up.received, SIZES['cut'], 'bytes sent')
    same(cut)
    fresh(twist=once(lambda h, u: archive.patch(h, u, keep=100000) or True))
    tap.equal(desk.send(cutsum)['hash_confirmed'], True)
    up = archive.of(cutsum)
    tap.equal(up.patches, [(0, 100000), (0, 600000)])
    same(cutsum)


def keeps_unchecked_bytes():
    """an archive with checksums that keeps half a part: its acknowledgements no longer count as a confirmation"""
    def half(h, upload):
        upload.data += h.body(100000)
        upload.patches.append((0, 100000))
        return h.cut()
    fresh(twist=once(half))
    p = desk.send(plain)
    tap.equal((p['state'], p['hash_confirmed']), ('done', False))
    tap.equal(archive.of(plain).patches, [(0, 100000), (100000, 500000)])
    same(plain)


def answers_of_the_protocol():
    """460: the part once more, three times at most; 409: where are we; 404: from the beginning"""
    fresh(twist=once(lambda h, u: h.body() and h.answer(460)))
    tap.equal(desk.send(mismatch)['hash_confirmed'], True)
    fresh(twist=lambda h, method, u: method == 'PATCH' and h.body() and h.answer(460))
    p = desk.send(always)
    tap.equal((p['state'], p['error']), ('failed', 'EPROTO'))
    tap.equal(archive.requests.count(('PATCH', archive.requests[-1][1])), 4)
    fresh(twist=once(lambda h, u: h.body() and h.answer(409)))
    tap.equal(desk.send(conflict)['state'], 'done')
    tap.equal([m for m, _ in archive.requests], ['OPTIONS', 'POST', 'PATCH', 'HEAD', 'PATCH', 'HEAD'])
    fresh(twist=once(lambda h, u: h.body() and archive.uploads.pop(h.path) and h.answer(404)))
    tap.equal(desk.send(forgets)['state'], 'done')
    tap.equal([m for m, _ in archive.requests], ['OPTIONS', 'POST', 'PATCH', 'POST', 'PATCH', 'HEAD'])
    same(forgets)


def liars():
    """offsets that cannot be: failed, with what was said"""
    for recording, twist in ((beyond, once(lambda h, u: h.body() and h.answer(204, Upload_Offset=600001))),
                             (backwards, once(lambda h, u: h.body() and h.answer(204, Upload_Offset=0))),
                             (headlie, once(lambda h, u: h.answer(200, Upload_Offset=10**12), 'HEAD'))):
        fresh(twist=twist)
        p = desk.send(recording)
        tap.equal((p['state'], p['error']), ('failed', 'EPROTO'))
        tap.true('cannot be' in p['reason'] and p['hint'], p)
        tap.true(os.path.exists(desk.names[recording]))


def garbage_answers():
    """no HTTP, endless headers, a page instead of tus: told, waits for the next try, and goes on when it is well again"""
    def raw(text, more=b''):
        def act(h, upload):
            h.wfile.write(text)
            try:
                while more:
                    h.wfile.write(more)
            except OSError:
                pass
            return h.cut()
        return act
    for recording, twist in ((garbage, raw(b'\x7fELF\x00\x01' * 100)), (endless, raw(b'HTTP/1.1 204 x\r\n', b'X-A: ' + b'b' * 900 + b'\r\n')),
                             (http09, raw(b'hello\n')), (html, raw(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<p>\n'))):
        fresh(twist=lambda h, method, u, twist=twist: method == 'POST' and twist(h, u))
        p = desk.send(recording, 'waiting')
        tap.equal(p['error'], 'EPROTO', p['reason'])
        archive.twist = lambda h, method, u: False
        desk.call('upload.retry', upload=p['upload'])
        tap.equal(desk.wait(p['upload'], 'done')['hash_confirmed'], True)
        same(recording)


def never_elsewhere():
    """a redirect or a Location to another server: refused, and that server is never spoken to"""
    stranger = Archive()
    fresh(twist=lambda h, method, u: method == 'POST' and h.answer(308, Location=stranger.url))
    p = desk.send(redirect)
    tap.equal((p['state'], p['error']), ('refused', 'EPERM'))
    fresh(twist=lambda h, method, u: method == 'POST' and h.answer(201, Location=stranger.url + '1'))
    p = desk.send(elsewhere)
    tap.equal((p['state'], p['error']), ('refused', 'EPERM'))
    tap.true('another server' in p['reason'] and 'push_targets' in p['hint'], p)
    tap.equal(stranger.requests, [])
    desk.policy(archive.url, [f'http://127.0.0.1:{archive.port}/*', f'http://127.0.0.1:{stranger.port}/files/*'])
    stranger.uploads['/files/1'] = type(archive.of(whole))(600000, {'recording': elsewhere})
    p = desk.send(elsewhere)
    tap.equal((p['state'], p['hash_confirmed']), ('done', True), p)  # the policy lists it
    tap.true(bytes(stranger.uploads['/files/1'].data) == desk.data(elsewhere))
    stranger.close()
    desk.policy(archive.url)


def trouble_at_the_archive():
    """5xx and a full disk wait, not before Retry-After; 413 and Tus-Max-Size are refused; each with a reason"""
    fresh(twist=lambda h, method, u: h.body() is not None and h.answer(503, Retry_After=40))
    p = desk.send(storm, 'waiting')
    tap.equal(p['error'], 'EIO')
    tap.true('503' in p['reason'] and 39000 <= p['retry_ms'] <= 40000, p)
    tap.equal([u['state'] for u in desk.call('agent.status')['uploads'] if u['recording'] == storm], ['waiting'])
    count = len(archive.requests)
    for i in range(5):
        desk.call('upload.retry', upload=p['upload'])
        desk.wait(p['upload'], 'waiting')
    tap.equal(len(archive.requests), count + 5, 'one request a try')
    fresh()
    desk.call('upload.retry', upload=p['upload'])
    tap.equal(desk.wait(p['upload'], 'done')['hash_confirmed'], True)
    fresh(twist=lambda h, method, u: method == 'PATCH' and h.body() and h.answer(507, Retry_After=600))
    p = desk.send(full, 'waiting')
    tap.equal(p['error'], 'ENOSPC')
    fresh()
    desk.call('upload.retry', upload=p['upload'])
    tap.equal(desk.wait(p['upload'], 'done')['hash_confirmed'], True)
    fresh(twist=lambda h, method, u: method == 'POST' and h.answer(413))
    p = desk.send(large)
    tap.equal((p['state'], p['error']), ('refused', 'EPERM'))
    tap.true('too large' in p['reason'], p)
    fresh()
    archive.max_size = 500000
    p = desk.send(limit)
    tap.equal((p['state'], p['error']), ('refused', 'ELIMIT'))
    tap.equal([m for m, _ in archive.requests], ['OPTIONS'])
    archive.max_size = None
    desk.call('upload.retry', upload=p['upload'])
    tap.equal(desk.wait(p['upload'], 'done')['state'], 'done')


class Hold:
    """Holds PATCHes until let go."""

    def __init__(self):
        self.came, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, h, method, upload):
        if method == 'PATCH':
            self.came.release()
            self.go.wait(20)
        return False


def deleted_while_uploading():
    """recording.delete during the upload: the archive is told, nothing is left in the spool"""
    hold = Hold()
    fresh(twist=hold)
    id_ = desk.begin(delete)
    tap.true(hold.came.acquire(timeout=20))
    path = f'{desk.home}/state/deskhand/uploads/{id_}.json'
    tap.true(os.path.exists(path))
    desk.call('recording.delete', recording=delete)
    until(lambda: archive.deleted)
    until(lambda: not os.path.exists(path))
    hold.go.set()
    tap.equal([u for u in desk.call('upload.list')['uploads'] if u['recording'] == delete], [])
    tap.true(not os.path.exists(desk.names[delete]))


def cancelled():
    """upload.cancel: the archive is told, the recording stays, a restart does not begin again, upload.start does"""
    hold = Hold()
    fresh(twist=hold)
    id_ = desk.begin(cancel)
    tap.true(hold.came.acquire(timeout=20))
    desk.call('upload.cancel', upload=id_)
    desk.wait(id_, 'cancelled')
    hold.go.set()
    tap.equal(len(archive.deleted), 1)
    tap.true(os.path.exists(desk.names[cancel]))
    tap.equal(desk.cli.call('upload.cancel', {'upload': id_})['error']['data']['name'], 'ESTATE')
    fresh()
    desk.restart()
    tap.equal(desk.upload(cancel)['state'], 'cancelled')
    tap.equal(archive.requests, [r for r in archive.requests if r[0] == 'OPTIONS'])
    tap.equal(desk.send(cancel)['hash_confirmed'], True)


def two_at_once():
    """four recordings: two uploads at once at most, and all arrive"""
    hold = Hold()
    fresh(twist=hold)
    archive.most = 0
    archive.with_checksum = True
    ids = [desk.begin(r) for r in (one, two, three, four)]
    for _ in range(2):
        tap.true(hold.came.acquire(timeout=20))
    tap.equal(sorted(desk.upload(r)['state'] for r in (one, two, three, four)), ['uploading', 'uploading', 'waiting', 'waiting'])
    tap.true(not hold.came.acquire(blocking=False))
    hold.go.set()
    left = set(ids)
    while left:
        p = desk.events.get().get('params', {})
        if p.get('state') == 'done':
            left.discard(p['upload'])
    tap.true(archive.most <= 2, archive.most)
    for r in one, two, three, four:
        same(r)


def killed_agent():
    """the agent killed with -9 in the middle, and again: it goes on by itself, and at most the part under way goes twice"""
    hold = Hold()
    count = [0]

    def third(h, method, upload):
        count[0] += method == 'PATCH'
        return hold(h, method, upload) if count[0] in (2, 4) else False
    fresh(twist=third)
    id_ = desk.begin(kill)
    for _ in range(2):
        tap.true(hold.came.acquire(timeout=20))
        desk.restart(signal.SIGKILL)
    hold.go.set()
    tap.equal(desk.wait(id_, 'done', 'failed', 'refused')['hash_confirmed'], True)
    same(kill)
    up = archive.of(kill)
    tap.true(up.received <= SIZES['kill'] + 2 * PART, up.patches)
    tap.equal(len([u for u in archive.uploads.values() if u.metadata['recording'] == kill]), 1)


def changed_file():
    """a file that was changed while the agent was away: failed and said so; retry sends it as it is now"""
    hold = Hold()
    fresh(twist=hold)
    id_ = desk.begin(changed)
    tap.true(hold.came.acquire(timeout=20))
    desk.agent.stop(signal.SIGKILL)
    hold.go.set()
    with open(desk.names[changed], 'r+b') as f:
        f.write(b'other')
    desk.agent.start()
    desk.listen()
    until(lambda: desk.upload(changed)['state'] == 'failed')
    u = desk.upload(changed)
    tap.equal(u['error'], 'ESTATE')
    tap.true('changed' in u['reason'], u)
    desk.call('upload.retry', upload=id_)
    tap.equal(desk.wait(id_, 'done')['hash_confirmed'], True)
    same(changed)


def token_and_pages():
    """the token of token_file goes along; pages see and start only their own, and only with the scope"""
    with open(f'{desk.home}/token', 'w') as f:
        f.write('s3cret-token\n')
    fresh()
    archive.tokens.clear()
    desk.policy(archive.url, token_file=f'{desk.home}/token')
    ws = WebSocket(desk.agent.port, CRM)
    ws.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    reply = ws.call('upload.start', {'recording': token})
    tap.equal(reply['result']['uploads'][0]['state'], 'waiting')
    tap.true('location' not in reply['result']['uploads'][0])
    while (m := ws.get()).get('method') != 'upload.done':
        pass
    tap.equal(m['params']['recording'], token)
    tap.equal(archive.tokens, {'Bearer s3cret-token'})
    tap.equal(ws.call('upload.start', {'recording': foreign})['error']['data']['name'], 'ENOENT')
    other_page = WebSocket(desk.agent.port, OTHER)
    other_page.call('agent.hello', {'min_version': 1, 'max_version': 1, 'client': 'test'})
    tap.equal(other_page.call('upload.list')['result']['uploads'], [])
    tap.equal(other_page.call('upload.start', {'recording': foreign})['error']['data']['name'], 'EPERM')
    tap.true('s3cret' not in desk.agent.log_text())
    desk.policy(archive.url)


def segments_go_while_it_runs():
    """a finished segment goes at once and stays here until the recording is over, also one that a killed agent left"""
    fresh()
    desk.policy(archive.url, delete_local=True)
    session = desk.call('session.open', sources=[{'role': 'camera'}])['session']
    recording = desk.call('recording.start', session=session, segment_s=1)['recording']
    uploads = lambda: desk.call('upload.list', recording=recording)['uploads']
    until(lambda: [u['state'] for u in uploads()][:1] == ['done'])
    first, running = uploads()[0], desk.call('recording.get', recording=recording)
    tap.equal((running['state'], first['hash_confirmed'], first['local_deleted']), ('recording', True, False))
    with open(running['path'], 'rb') as f:
        tap.true(bytes(archive.of(recording).data) == f.read(), 'it is there, and here')
    desk.restart(signal.SIGKILL)
    until(lambda: desk.call('recording.get', recording=recording)['state'] == 'done')
    segments = desk.call('recording.get', recording=recording)['segments']
    until(lambda: len(uploads()) == len(segments) and all(u['local_deleted'] for u in uploads()))
    tap.equal([u['name'] for u in uploads()], [s['name'] for s in segments])
    tap.equal([u['upload'] for u in uploads()][0], first['upload'])
    tap.equal(sum(u.metadata['recording'] == recording for u in archive.uploads.values()), len(segments), 'each went once')
    tap.true(not os.path.exists(running['path']))
    desk.policy(archive.url)


def many_kept():
    """thousands of uploads kept: listed oldest first; those of deleted recordings go, those never begun begin"""
    fresh()
    recordings, lost = [desk.record(f'many{i}', 10) for i in range(1000)], desk.record('lost', 10, must_archive=True)
    desk.agent.stop(signal.SIGKILL)
    spool, index = (f'{desk.home}/state/deskhand/{name}' for name in ('uploads', 'recordings'))
    kept = lambda: [name for name in os.listdir(spool) if name.endswith('.json')]  # not what a killed agent was writing
    before = len(kept())
    left = [f'{spool}/{lost}.json.AbCdEf', f'{index}/{lost}.json.AbCdEf', f'{spool}/{lost}.json.newnew']
    for path in left:
        with open(path, 'x', encoding='utf-8'):
            pass
    for path in left[:2]:
        os.utime(path, (1, 1))
    for i, id_ in enumerate(recordings):
        with open(f'{spool}/{id_}.json', 'w') as f:
            json.dump({'state': 'done', 'recording': 'f' * 32 if i % 10 == 0 else id_, 'origin': CRM, 'path': desk.names[id_],
                       'name': f'many{i}.mp4', 'created_ms': 1000 + 7 * i % 1000}, f)
    desk.agent.start()
    desk.listen()
    until(lambda: len(kept()) == before + 901 and desk.upload(lost))
    tap.equal([os.path.exists(path) for path in left], [False, False, True], 'what a killed agent left goes; not what one may be at')
    listed, pages = [], 0
    while not pages or page['left']:
        page = desk.call('upload.list', skip=len(listed), limit=400)
        listed += page['uploads']
        pages += 1
    tap.equal(pages, (before + 901 + 399) // 400)
    times = [u['created_ms'] for u in listed]
    tap.equal((len(listed), times), (before + 901, sorted(times)))
    done = subprocess.run([PROGRAM, 'uploads', '--json', 'list'], env=desk.agent.env, capture_output=True, text=True)
    told = [u['upload'] for u in json.loads(done.stdout)['uploads']]
    tap.equal(told, [u['upload'] for u in listed], 'the command line asks for all pages')
    until(lambda: desk.upload(lost)['state'] == 'done')
    tap.equal(sum(u['recording'] == lost for u in listed), 1)


def no_archive():
    """a policy without an archive: upload.start says so; one whose archive is no push target serves nobody"""
    desk.policy(None)
    e = desk.cli.call('upload.start', {'recording': nowhere})['error']
    tap.equal(e['data']['name'], 'ESTATE')
    desk.policy('http://127.0.0.1:1/x', [f'http://127.0.0.1:{archive.port}/*'])
    tap.true('push_targets' in desk.call('policy.get')['error'])


try:
    code = tap.run([whole_upload, nothing_confirms, confirmed_then_deleted, other_hash, hash_takes_time, cut_line, keeps_unchecked_bytes,
                    answers_of_the_protocol, liars, garbage_answers, never_elsewhere, trouble_at_the_archive, deleted_while_uploading,
                    cancelled, two_at_once, killed_agent, changed_file, token_and_pages,
                    segments_go_while_it_runs, many_kept, no_archive])
    ended = desk.agent.stop()
    if code or ended:
        print('\n'.join('# ' + line for line in desk.agent.log_text().splitlines()[-60:]))
    code = code or ended
finally:
    desk.agent.finish()
    archive.close()
    import shutil
    shutil.rmtree(desk.home, ignore_errors=True)
sys.exit(code)
