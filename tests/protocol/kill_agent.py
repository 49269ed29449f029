#!/usr/bin/env python3
"""kill -9 of the whole agent at a random moment of a recording, N times: each file is read without a word of error and
ends within 0.5 s of the kill (by the capture time painted in its last picture), and the next agent finishes it by itself.

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


def one(desk, reader, rng):
    desk.start()
    path = desk.call('recording.get', {'recording': record(desk)})['path']
    while os.path.getsize(path) < 4000:  # the head and a first fragment
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 2.5))
    killed = time.monotonic()
    desk.stop(signal.SIGKILL)
    said = complaints(path)
    if said:
        return None, said
    loss = killed - last_picture_s(reader, path)
    desk.start()  # finishes it
    end = time.monotonic() + 20
    while not (state := desk.state_of(path))['is_recovered'] and time.monotonic() < end:
        time.sleep(0.02)
    desk.stop(signal.SIGTERM)
    if not state['is_recovered']:
        return loss, f'the next agent left it {state["state"]}'
    return loss, complaints(path)


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
            loss, said = one(desk, reader, rng)
            is_good = not said and loss is not None and loss <= LOSS_S
            bad += not is_good
            losses.append(loss if loss is not None else float('inf'))
            print(f'{"ok" if is_good else "not ok"} {i} - lost {losses[-1] * 1000:.0f} ms {said[:200]!r}', flush=True)
    losses.sort()
    print(f'{count} kills, {bad} bad; lost ms: median {losses[count // 2] * 1000:.0f}, most {losses[-1] * 1000:.0f}', file=sys.stderr)
    return 1 if bad else 0


sys.exit(main())
