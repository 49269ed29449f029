#!/usr/bin/python3
"""G9: the command plane over the WebSocket against Node `ws` with JSON, in turn; and what an idle agent costs.

g9_command.py BUILD_DIR [--json OUT] [--rounds N]

The client (bench_ws.c) is the same for both. Ratios are medians over the rounds. Idle: resident memory (all of it, and
without what is shared with other processes), and context switches of all threads in ten seconds."""
import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + '/../protocol')
from wire import Agent, read_line  # noqa: E402

METHOD = 'events.subscribe'
PARAMS = json.dumps({'prefixes': ['recording.', 'session.', 'room.', 'source.', 'devices.', 'grants.', 'beauty.', 'quality.']})
RTT_COUNT, RATE_COUNT, WINDOW = 4000, 60000, 64


def client(build, port, mode, count):
    out = subprocess.run([f'{build}/tests/bench/bench_ws', str(port), mode, str(count), str(WINDOW), METHOD, PARAMS],
                         capture_output=True, text=True, timeout=120)
    if out.returncode:
        sys.exit(f'bench_ws: {out.stderr}')
    return json.loads(out.stdout)


def start_agent(build):
    home = tempfile.mkdtemp(prefix='dh-', dir='/tmp')
    os.mkdir(home + '/policy')
    with open(home + '/policy/bench.json', 'w') as f:
        json.dump({'origins': [{'origin': 'http://localhost:8480', 'scopes': ['*']}],
                   'limits': {'commands_per_s': 1000000}}, f)
    program = f'{build}/agent/deskhand'
    if os.path.exists(program):
        command = [program, 'agent', '--fake', '--print-ready', '--port', 'PORT', '--log-level', 'warn']
    else:
        print('g9: no agent in this build: measuring the transports with an echo behind them', file=sys.stderr)
        command = [f'{build}/tests/protocol/echo_agent', 'PORT']
    return Agent(command, env={'DESKHAND_POLICY_DIRS': home + '/policy'}, home=home)


def start_peer():
    p = subprocess.Popen(['node', HERE + '/ws_peer.mjs'], stdout=subprocess.PIPE, cwd=HERE + '/..')
    return p, int(read_line(p.stdout))


def tasks(pid, field):
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status') as f:
            total += sum(int(line.split()[1]) for line in f if field in line)
    return total


def wait_quiet(pid):
    """Until it did not run for two seconds (a minute at most): connections have timers that end."""
    last, since = -1, time.monotonic()
    end = since + 60
    while time.monotonic() - since < 2 and time.monotonic() < end:
        now = tasks(pid, 'ctxt_switches')
        if now != last:
            last, since = now, time.monotonic()
        select.select([], [], [], 0.2)


def idle(pid):
    wait_quiet(pid)
    before = tasks(pid, 'ctxt_switches')
    select.select([], [], [], 10)
    switches = tasks(pid, 'ctxt_switches') - before
    memory = {}
    with open(f'/proc/{pid}/smaps_rollup') as f:
        for line in f:
            parts = line.split()
            if parts[0] in ('Rss:', 'Pss:', 'Private_Clean:', 'Private_Dirty:'):
                memory[parts[0]] = int(parts[1]) / 1024
    return switches, memory


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('build')
    ap.add_argument('--json')
    ap.add_argument('--rounds', type=int, default=5)
    args = ap.parse_args()
    agent = start_agent(args.build)
    fresh, fresh_memory = idle(agent.process.pid)
    peer, peer_port = start_peer()
    rtt, rate = {'ours': [], 'peer': []}, {'ours': [], 'peer': []}
    ports = {'ours': agent.port, 'peer': peer_port}
    try:
        for port in ports.values():  # warm both up
            client(args.build, port, 'rate', 20000)
        for _ in range(args.rounds):
            for who, port in ports.items():
                rtt[who].append(client(args.build, port, 'rtt', RTT_COUNT))
            for who, port in ports.items():
                rate[who].append(client(args.build, port, 'rate', RATE_COUNT)['per_s'])
        used, used_memory = idle(agent.process.pid)
    finally:
        peer.kill()
        peer.wait()
        agent.finish()
        shutil.rmtree(agent.home, ignore_errors=True)
    rows = []

    def row(name, ours, other, ratio, goal, ok):
        rows.append({'name': name, 'ours': round(ours, 2), 'peer': None if other is None else round(other, 2),
                     'ratio': None if ratio is None else round(ratio, 3), 'goal': goal, 'ok': ok})

    median = statistics.median
    for what, goal in (('p50_us', 0.6), ('p99_us', None)):
        ratio = median(o[what] / p[what] for o, p in zip(rtt['ours'], rtt['peer']))
        row(f'WebSocket round trip {what[:3]} vs Node ws, us', median(o[what] for o in rtt['ours']),
            median(p[what] for p in rtt['peer']), ratio, '<= 0.6' if goal else 'told only', ratio <= goal if goal else True)
    ratio = median(o / p for o, p in zip(rate['ours'], rate['peer']))
    row(f'WebSocket messages/s, window {WINDOW}, vs Node ws + JSON', median(rate['ours']), median(rate['peer']), ratio, '>= 3',
        ratio >= 3)
    row('idle agent, resident memory, MB', fresh_memory['Rss:'], None, None, '<= 15 MB', fresh_memory['Rss:'] <= 15)
    row('idle agent, its own share (PSS), MB', fresh_memory['Pss:'], None, None, 'told only', True)
    row('idle agent, wake-ups in 10 s', fresh, None, None, '0', fresh == 0)
    row('idle again after the load, wake-ups in 10 s', used, None, None, '0', used == 0)
    row('idle again after the load, resident memory, MB', used_memory['Rss:'], None, None, 'told only', True)
    for r in rows:
        print(f"{r['name']:56} {r['ours']:>10} {str(r['peer']):>10} {str(r['ratio']):>7}  {r['goal']:10} "
              f"{'ok' if r['ok'] else 'MISSED'}")
    if args.json:
        with open(args.json, 'w') as f:
            json.dump({'goal': 'G9', 'rows': rows}, f, indent=1)


main()
