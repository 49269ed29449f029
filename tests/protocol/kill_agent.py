#!/usr/bin/env python3
"""kill -9 of the agent, of the writer of its recording, or of both, at a random moment of a
recording, N times: each file is read without a word of error and ends within 0.5 s of the kill (by the capture
time painted in its last picture), its chain is whole, and it is finished by whoever is left, or by the next agent.

kill_agent.py DESKHAND READ_PATTERN [N]         prints TAP, and a table of the losses on stderr
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

LOSS_S = 0.5


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


def record(desk):
    session = desk.call('session.open', {'template': '1v1', 'canvas': {'width': 640, 'height': 360, 'fps': 30},
                                         'sources': [{'role': 'camera'}, {'role': 'microphone'}]})['session']
    return desk.call('recording.start', {'session': session})['recording']


def complaints(path):
    """What ffprobe and ffmpeg say of the file; '' when all is well."""
    said = ''
    for command in (['ffprobe', '-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path],
                    ['ffmpeg', '-v', 'error', '-i', path, '-f', 'null', '-']):
        p = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said += p.stderr + (f'exit {p.returncode}' if p.returncode else '')
    return said.strip()


def last_picture_s(reader, path):
    out = subprocess.run([reader, '--summary', path], capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])['last_pts_us'] / 1e6


def writer_of(desk):
    """The one child of the agent that calls itself so."""
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/status') as f:
                status = f.read()
        except OSError:
            continue
        if 'Name:\tdeskhand-writer\n' in status and f'PPid:\t{desk.agent.pid}\n' in status:
            return int(name)
    raise RuntimeError('the recording has no writer')


def wait_until(is_so):
    end = time.monotonic() + 20
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)


def chain(desk, path):
    p = subprocess.run([desk.program, 'verify', path], env=desk.env, capture_output=True, text=True)
    return '' if not p.returncode else p.stdout


def one(desk, reader, rng, victims):
    desk.start()
    path = desk.call('recording.get', {'recording': record(desk)})['path']
    while os.path.getsize(path) < 4000:  # the head and a first fragment
        time.sleep(0.01)
    writer = writer_of(desk)
    time.sleep(rng.uniform(0, 2.5))
    killed = time.monotonic()
    for victim in victims:
        if victim == 'agent':
            desk.stop(signal.SIGKILL)
        else:
            os.kill(writer, signal.SIGKILL)
    if victims == ('writer',):
        wait_until(lambda: desk.state_of(path)['state'] == 'failed')
        state = desk.state_of(path)
        desk.stop(signal.SIGTERM)
        said = complaints(path) or chain(desk, path) or ('' if 'signal 9' in state['error'] else str(state))
        return None if said else killed - last_picture_s(reader, path), said
    if 'writer' not in victims:
        wait_until(lambda: not os.path.exists(f'/proc/{writer}'))
    said = complaints(path)
    if said:
        return None, said
    loss = killed - last_picture_s(reader, path)
    desk.start()  # finishes it
    wait_until(lambda: desk.state_of(path)['is_recovered'])
    state = desk.state_of(path)
    desk.stop(signal.SIGTERM)
    if not state['is_recovered']:
        return loss, f'the next agent left it {state["state"]}'
    return loss, complaints(path) or chain(desk, path)


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
            loss, said = one(desk, reader, rng, victims)
            is_good = not said and loss is not None and loss <= LOSS_S
            bad += not is_good
            losses.append(loss if loss is not None else float('inf'))
            print(f'{"ok" if is_good else "not ok"} {i} - {" and ".join(victims)}: lost {losses[-1] * 1000:.0f} ms {said[:200]!r}', flush=True)
    losses.sort()
    print(f'{count} kills, {bad} bad; lost ms: median {losses[count // 2] * 1000:.0f}, most {losses[-1] * 1000:.0f}', file=sys.stderr)
    return 1 if bad else 0


sys.exit(main())
