#!/usr/bin/python3
"""G15: the room service on one core: members it holds, what each costs, and chat in rooms of five against Node `ws`.

g15_rooms.py BUILD_DIR [--json OUT] [--rounds N] [--members N] [--folder DIR]

The load (bench_rooms.c) is the same for both, in turn. Deliveries are lines that reached a member, a second of the server's
CPU time (all its threads, the disk's too: our lines are on it before they are told, those of the peer never are). A line
is told after one fdatasync() of the disk that DIR is on (default /tmp), which is measured as well."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from calls import TOP, finish, prepare, row
from desktop import cpu_s

sys.path.insert(0, f'{TOP}/tests/protocol')
from rooms import Service  # noqa: E402
from wire import read_line  # noqa: E402

IN_A_ROOM, SECONDS = 5, 5
LATENCY_PER_S, FANOUT_PER_S = 2000, 6000  # lines; the service takes 20 a second of each member


def rss_kb(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as f:
        return int(f.read().split()[1]) * 4


def flush_ms(folder):
    """Times of fdatasync() after 4 KB, sorted."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as f:
        for _ in range(100):
            f.write(b'x' * 4096)
            f.flush()
            begin = time.perf_counter()
            os.fdatasync(f.fileno())
            times.append((time.perf_counter() - begin) * 1e3)
    return sorted(times)


class Side:
    """A server on the first core, and its members on the others."""

    def __init__(self, build_dir, pid, port, members):
        self.pid = pid
        os.sched_setaffinity(pid, [0])
        for task in os.listdir(f'/proc/{pid}/task'):
            os.sched_setaffinity(int(task), [0])
        self.empty_kb = rss_kb(pid)
        self.load = subprocess.Popen([f'{build_dir}/tests/bench/bench_rooms', str(port), str(members // IN_A_ROOM), str(IN_A_ROOM)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if os.cpu_count() > 1:
            os.sched_setaffinity(self.load.pid, range(1, os.cpu_count()))
        self.connected = self.read()['connected']
        self.full_kb = rss_kb(pid)

    def read(self):
        line = self.load.stdout.readline()
        if not line:
            sys.exit('g15: bench_rooms ended')
        return json.loads(line)

    def run(self, lines_per_s):
        before = cpu_s(self.pid)
        self.load.stdin.write(f'{lines_per_s * SECONDS} {lines_per_s}\n'.encode())
        self.load.stdin.flush()
        out = self.read()
        out['cpu_s'] = cpu_s(self.pid) - before
        out['per_cpu_s'] = out['deliveries'] / out['cpu_s']
        return out

    def end(self):
        self.load.stdin.close()
        self.load.wait(20)


def measure(sides, rounds, fanout_per_s):
    runs = {(who, what): [] for who in sides for what in ('fanout', 'latency')}
    for _ in range(rounds):
        for what, per_s in ('fanout', fanout_per_s), ('latency', LATENCY_PER_S):
            for who, side in sides.items():
                out = side.run(per_s)
                runs[who, what].append(out)
                print(f"{who} {what}: {out['per_cpu_s']:.0f} deliveries per CPU s ({out['cpu_s']:.2f} s), p50 {out['p50_us'] / 1e3:.2f} "
                      f"p99 {out['p99_us'] / 1e3:.2f} max {out['max_us'] / 1e3:.2f} ms, load late {out['late_us'] / 1e3:.1f} ms",
                      file=sys.stderr)
    return runs


def table(ours, peer, runs, members, flush):
    median = statistics.median
    is_full = members >= 10000
    fanout = {who: median(r['per_cpu_s'] for r in runs[who, 'fanout']) for who in ('ours', 'peer')}
    ratio = median(o['per_cpu_s'] / p['per_cpu_s'] for o, p in zip(runs['ours', 'fanout'], runs['peer', 'fanout']))
    each, each_peer = ours.full_kb / members, peer.full_kb / members
    p99 = {who: median(r['p99_us'] for r in runs[who, 'latency']) / 1e3 for who in ('ours', 'peer')}
    p50 = {who: median(r['p50_us'] for r in runs[who, 'latency']) / 1e3 for who in ('ours', 'peer')}
    worked = row('chat fan-out, deliveries per CPU second', fanout['ours'], fanout['peer'], '>= 3', ratio >= 3, 0)
    worked['ratio'] = round(ratio, 2)
    after = rss_kb(ours.pid) / members
    return [row('members connected and in rooms', ours.connected, peer.connected, f'>= {members}', ours.connected >= members, 0),
            row('resident memory of the service for each member, KB', each, each_peer, '<= 8 KB' if is_full else 'told only',
                each <= 8 or not is_full),
            row('without what it needs with nobody there, KB', (ours.full_kb - ours.empty_kb) / members,
                (peer.full_kb - peer.empty_kb) / members, 'told only', True),
            row('the same after all runs, all of it, KB', after, rss_kb(peer.pid) / members, '<= 8 KB' if is_full else 'told only',
                after <= 8 or not is_full),
            worked,
            row(f'a line to 5 members at {LATENCY_PER_S} lines/s, p50, ms', p50['ours'], p50['peer'], 'told only', True, 2),
            row(f'a line to 5 members at {LATENCY_PER_S} lines/s, p99, ms', p99['ours'], p99['peer'], '<= 5 ms', p99['ours'] <= 5, 2),
            row('fdatasync() of its disk meanwhile, p50, ms', flush[50], None, 'told only', True, 2),
            row('fdatasync() of its disk meanwhile, p99, ms', flush[98], None, 'told only', True, 2)]


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=5)
    a.add_argument('--members', type=int, default=10000)
    a.add_argument('--folder', default='/tmp')
    a = a.parse_args()
    prepare()
    home = tempfile.mkdtemp(prefix='dh-', dir=a.folder)
    service = Service(f'{a.build_dir}/room-service/deskhand-rooms', '--log-level', 'warn', home=home)
    node = subprocess.Popen(['node', f'{TOP}/tests/bench/rooms_peer.mjs'], stdout=subprocess.PIPE, cwd=f'{TOP}/tests')
    try:
        ours = Side(a.build_dir, service.process.pid, service.port, a.members)
        peer = Side(a.build_dir, node.pid, int(read_line(node.stdout)), a.members)
        runs = measure({'ours': ours, 'peer': peer}, a.rounds, min(FANOUT_PER_S, a.members * 10))
        rows = table(ours, peer, runs, a.members, flush_ms(a.folder))
        ours.end()
        peer.end()
    finally:
        node.kill()
        node.wait()
        service.finish()
    finish('G15', rows, a.json)


main()
