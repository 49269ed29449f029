#!/usr/bin/python3
"""A call of three agents that lasts: each minute one of them leaves and returns and a preview is opened and closed, each other minute
ICE restarts on every connection. Fails when memory, threads, open files or live objects grow.

soak.py BUILD_DIR [--minutes 30] [--json OUT]
With --minutes 0 all that happens once, at once: a test of that alone, for builds with sanitizers too."""
import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time

NAMES = 'xyz'
PAIRS = list(itertools.combinations(NAMES, 2))
SAMPLE = 10  # s
SETTLED = 300  # s: from then on nothing may grow
GROWTH = 0.08  # of memory, last third to the first after that; members who come and go make it swing by 6 %
ENVIRONMENT = dict(os.environ, MALLOC_MMAP_THRESHOLD_='262144')  # as the agent sets it, agent/cli/cli_agent.c
CALL = ['--width', '640', '--height', '360', '--fps', '15']


class Agent:
    """One rtc_call; ends[name] says what its connection of that name did last."""

    def __init__(self, build_dir, name):
        self.name, self.ends, self.alive, self.left, self.routes = name, {}, {}, None, {}
        self.lock = threading.Lock()
        self.process = subprocess.Popen([f'{build_dir}/tests/tools/rtc_call', *CALL], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def say(self, peer, **message):
        with self.lock:
            self.process.stdin.write(json.dumps({**message, 'peer': peer}) + '\n')
            self.process.stdin.flush()

    def read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            peer = message.pop('peer', None)
            if 'alive' in message:
                self.alive = message['alive']
            elif 'left' in message:
                self.left = message['left']
            elif 'stats' in message:
                end = self.ends.setdefault(peer, {})
                end['pictures'] = end.get('pictures', 0) + sum(r['pictures'] for r in message['remote'])
                end['sounds'] = end.get('sounds', 0) + sum(r['sounds'] for r in message['remote'])
            elif 'state' in message:
                self.ends.setdefault(peer, {})['state'] = message['state']
            elif peer in self.routes:
                other, name, first = self.routes[peer]
                other.say(name, **first, **message)

    def usage(self):
        pid = self.process.pid
        status = dict(line.split(':', 1) for line in open(f'/proc/{pid}/status', encoding='ascii') if ':' in line)
        return {'rss_kib': int(status['VmRSS'].split()[0]), 'threads': int(status['Threads']),
                'fds': len(os.listdir(f'/proc/{pid}/fd')), **self.alive}

    def close(self):
        self.process.stdin.write('{"quit":{}}\n')
        self.process.stdin.flush()
        code = self.process.wait(30)
        self.reader.join()
        return code


def join(a, b, name_at_a, name_at_b, **first):
    """A connection: a offers and is impolite."""
    for agent, name in ((a, name_at_a), (b, name_at_b)):
        agent.ends[name] = {}
    a.routes[name_at_a] = (b, name_at_b, {**first, 'polite': True})
    b.routes[name_at_b] = (a, name_at_a, first)
    a.say(name_at_a, offer={'restart': False}, **first)


def part(a, b, name_at_a, name_at_b):
    for agent, name in ((a, name_at_a), (b, name_at_b)):
        agent.routes.pop(name, None)
        agent.say(name, close=True)


def wait_for(what, is_true, seconds=40):
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f'not within {seconds} s: {what}')
        time.sleep(0.1)


class Soak:
    def __init__(self, build_dir):
        self.agents = {name: Agent(build_dir, name) for name in NAMES}
        self.samples = []
        self.start = time.monotonic()
        for a, b in PAIRS:
            join(self.agents[a], self.agents[b], b, a)

    def now(self):
        return time.monotonic() - self.start

    def wait_until(self, at):
        while self.now() < at:
            time.sleep(min(1, max(0, at - self.now())))

    def sample(self):
        row = {'at': round(self.now()), **{name: a.usage() for name, a in self.agents.items()}}
        self.samples.append(row)
        print(f"{row['at']:5} s  " + '   '.join(
            f"{n}: {row[n]['rss_kib'] / 1024:6.1f} MiB, {row[n].get('heap_kib', 0) / 1024:5.1f} used {row[n]['threads']:3} threads {row[n]['fds']:3} fds"
            f" {row[n].get('peers', 0)} peers {row[n].get('packets', 0):3} packets {row[n].get('frames', 0):3} frames"
            for n in NAMES), flush=True)

    def all_see_all(self, what):
        counts = {(a, b): self.agents[a].ends[b].get('pictures', 0) for a in NAMES for b in NAMES if a != b}
        wait_for(what, lambda: all(self.agents[a].ends[b].get('pictures', 0) > n + 10 for (a, b), n in counts.items()))

    def preview(self, who):
        join(who, who, 'shown', 'viewer', loopback=True)
        wait_for('pictures in the preview', lambda: who.ends['viewer'].get('pictures', 0) > 10)
        part(who, who, 'shown', 'viewer')

    def leave_and_return(self, name):
        others = [n for n in NAMES if n != name]
        for other in others:
            part(self.agents[name], self.agents[other], other, name)
        time.sleep(2)
        for other in others:
            join(self.agents[name], self.agents[other], other, name)
        self.all_see_all('all see all after a return')

    def restart(self):
        for a, b in PAIRS:
            self.agents[a].say(b, offer={'restart': True})
        self.all_see_all('all see all after an ICE restart')

    def once(self):
        self.preview(self.agents['x'])
        self.leave_and_return('y')
        self.restart()

    def minute(self, n):
        """What happens in it; samples lie between, when all is as it always is."""
        begin = n * 60
        who = NAMES[n % 3]
        for at in range(0, 60, SAMPLE):
            self.wait_until(begin + at)
            if at == 10:
                self.preview(self.agents[who])
            elif at == 20:
                self.leave_and_return(who)
            elif at == 30 and n % 2:
                self.restart()
            self.wait_until(begin + at + SAMPLE - 1)
            self.sample()

    def verdict(self):
        """What grew: a list of texts."""
        bad = []
        late = [s for s in self.samples if s['at'] >= SETTLED]
        third = len(late) // 3
        for name in NAMES if third else '':
            for key, typical, limit in (('rss_kib', statistics.median, GROWTH), ('heap_kib', statistics.median, GROWTH),
                                        ('threads', min, 0), ('fds', min, 0), ('peers', min, 0)):
                first, last = (typical(s[name].get(key, 0) for s in part) for part in (late[:third], late[-third:]))
                if last > first * (1 + limit):
                    bad.append(f'{name}: {key} grew from {first} to {last}')
        return bad


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument('build_dir')
    a.add_argument('--minutes', type=int, default=30)
    a.add_argument('--json')
    a = a.parse_args()
    soak = Soak(os.path.abspath(a.build_dir))
    bad = []
    try:
        soak.all_see_all('all see all at the start')
        if not a.minutes:
            soak.once()
        for n in range(a.minutes):
            soak.minute(n)
        bad = soak.verdict()
    except AssertionError as e:
        bad.append(str(e))
    for agent in soak.agents.values():
        code = agent.close()
        if code or any((agent.left or {}).get(key, 1) for key in ('peers', 'packets', 'frames')):
            bad.append(f'{agent.name}: exit code {code}, left {agent.left}')
    if a.json:
        with open(a.json, 'w', encoding='utf-8') as f:
            json.dump({'samples': soak.samples, 'bad': bad}, f, indent=1)
    print('\n'.join(bad) or 'nothing grew')
    sys.exit(1 if bad else 0)


main()
