#!/usr/bin/env python3
"""kill -9 of the agent, of the writer of its recording, or of both, at a random moment: just after the start, in the middle,
while it is being stopped. N times, each followed by what a desk does next. Every file is read without a word of error, the
chain over all of them is whole, and what is missing (by the capture times painted in the pictures) is at most 0.5 s: before
the kill when the agent died, between two files when only the writer did. Half of the recordings are cut into segments.

kill_agent.py DESKHAND READ_PATTERN [N]         prints TAP, and the sums as JSON on stderr
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from wire import writer_of

LOSS_S = 0.5


def limit_s():
    """A machine with more to do than it can captures and encodes late: what is not there yet is not lost."""
    return LOSS_S * max(1, os.getloadavg()[0] / os.cpu_count())


class Desk:
    """One set of places, one agent at a time."""

    def __init__(self, program, folder):
        self.program = program
        self.env = dict(os.environ, XDG_RUNTIME_DIR=f'{folder}/run', XDG_STATE_HOME=f'{folder}/state',
                        XDG_CONFIG_HOME=f'{folder}/config', XDG_VIDEOS_DIR=f'{folder}/videos',
                        DESKHAND_POLICY_DIRS=f'{folder}/policy')
        for name in ('XDG_RUNTIME_DIR', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME', 'XDG_VIDEOS_DIR', 'DESKHAND_POLICY_DIRS'):
            os.makedirs(self.env[name], mode=0o700, exist_ok=True)
        with open(f'{folder}/policy/no-port.json', 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write('{"websocket": false}')

    def start(self):
        self.agent = subprocess.Popen([self.program, 'agent', '--fake', '--print-ready', '--log-level', 'error'],
                                      env=self.env, stdout=subprocess.PIPE)
        json.loads(self.agent.stdout.readline())

    def call(self, method, params):
        p = subprocess.run([self.program, 'call', method, json.dumps(params)], env=self.env, capture_output=True, text=True)
        if p.returncode:
            raise RuntimeError(f'{method}: {p.stderr}')
        return json.loads(p.stdout)

    def state_of(self, path):
        return next(r for r in self.call('recording.list', {})['recordings'] if r['path'] == path)

    def stop(self, signum):
        self.agent.send_signal(signum)
        self.agent.wait()
        self.agent.stdout.close()


def record(desk, segment_s):
    session = desk.call('session.open', {'template': '1v1', 'canvas': {'width': 640, 'height': 360, 'fps': 30},
                                         'sources': [{'role': 'camera'}, {'role': 'microphone'}]})['session']
    return desk.call('recording.start', {'session': session, 'segment_s': segment_s})['recording']


def complaints(path):
    """What ffprobe and ffmpeg say of the file; '' when all is well."""
    said = ''
    for command in (['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path],
                    ['ffmpeg', '-v', 'error', '-i', path, '-f', 'null', '-']):
        p = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said += p.stderr + (f'exit {p.returncode}' if p.returncode else '')
    return said.strip()


def pictures_s(reader, path):
    """When its first and its last picture were captured."""
    out = subprocess.run([reader, '--summary', path], capture_output=True, text=True).stdout
    sums = json.loads(out.splitlines()[-1])
    return sums['first_pts_us'] / 1e6, sums['last_pts_us'] / 1e6


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, TypeError):
        pass  # it was done before


def wait_until(is_so):
    end = time.monotonic() + 60
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)


def is_over(desk, recording):
    return desk.call('recording.get', {'recording': recording})['state'] in ('done', 'failed')


def kill_some(desk, recording, moment, victims, rng):
    """When it had begun, and when it ended: by the kill, or by being stopped before that."""
    begun, stop = time.monotonic(), None
    if moment == 'start':
        time.sleep(rng.uniform(0, 0.4))
    else:
        time.sleep(rng.uniform(0.4, 3))
    writer = writer_of(desk.agent.pid)
    if moment == 'stop':
        stop = subprocess.Popen([desk.program, 'call', 'recording.stop', json.dumps({'recording': recording})], env=desk.env,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ended = time.monotonic()
        time.sleep(rng.uniform(0, 0.12))
    else:
        ended = time.monotonic()
    for victim in victims:
        if victim == 'agent':
            desk.stop(signal.SIGKILL)
        else:
            kill(writer)
    if stop:
        stop.wait()
    return begun, ended, writer


def look_at(desk, reader, recording, begun, ended):
    """(seconds lost, what is wrong) of a recording that is over. ended: None when it went on after the kill."""
    facts = desk.call('recording.get', {'recording': recording})
    if 'nothing was recorded' in facts.get('error', ''):
        return (ended or begun) - begun, ''
    folder = os.path.dirname(facts['path'])
    paths = [f'{folder}/{g["name"]}' for g in facts.get('segments', [])] or [facts['path']]
    with open(paths[-1], 'rb') as f:
        if b'moof' not in f.read():
            paths.pop()  # made, and then its writer was killed
    p = subprocess.run([desk.program, 'verify', facts['path']], env=desk.env, capture_output=True, text=True)
    said = '' if p.returncode == 0 or (p.returncode == 3 and len(paths) < len(facts.get('segments', []))) else p.stdout
    said += ''.join(map(complaints, paths))
    if facts['state'] != 'done':
        said += f'{facts["state"]}: {facts.get("error")}'
    if said:
        return None, said
    shown = [pictures_s(reader, path) for path in paths]
    lost = max([0] + [first - last - 1 / 30 for (_, last), (first, _) in zip(shown, shown[1:])])
    return max(lost, ended - shown[-1][1] if ended else 0), ''


def one(desk, reader, rng, moment, victims):
    desk.start()
    recording = record(desk, rng.choice((0, 1)))
    begun, ended, writer = kill_some(desk, recording, moment, victims, rng)
    if 'agent' in victims:
        if 'writer' not in victims:
            wait_until(lambda: not os.path.exists(f'/proc/{writer}'))
        desk.start()  # finishes what is left
    elif moment != 'stop':
        ended = None
        time.sleep(rng.uniform(0.3, 1))
        desk.call('recording.stop', {'recording': recording})
    wait_until(lambda: is_over(desk, recording))
    lost, said = look_at(desk, reader, recording, begun, ended)
    desk.stop(signal.SIGTERM)
    return lost, said


def main():
    program, reader = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f'1..{count}\n# seed {seed}')
    losses, bad = [], 0
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(program, folder)
        for i in range(1, count + 1):
            victims = (('agent',), ('writer',), ('agent', 'writer'), ('writer', 'agent'))[i % 4]
            moment = ('middle', 'start', 'stop')[i // 4 % 3]
            lost, said = one(desk, reader, rng, moment, victims)
            is_good = not said and lost <= limit_s()
            bad += not is_good
            losses += [] if lost is None else [lost]
            print(f'{"ok" if is_good else "not ok"} {i} - {moment}: {" and ".join(victims)}: lost {(lost or 0) * 1000:.0f} ms '
                  f'{said[:300]!r}', flush=True)
    losses.sort()
    print(json.dumps({'kills': count, 'bad': bad, 'load': os.getloadavg()[0], 'lost_ms': [round(s * 1000) for s in losses]}), file=sys.stderr)
    return 1 if bad else 0


sys.exit(main())
