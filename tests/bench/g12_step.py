#!/usr/bin/python3
"""G12: a link that falls from 3 Mbit/s to 700 kbit/s (300 ms queue), the ramp at the start, and 5 % loss: agent to Chromium, and
Chromium to Chromium in the same run on the same link. Needs root (network namespaces).

g12_step.py BUILD_DIR [--json OUT] [--rounds N]"""
from calls import arguments, finish, interleaved, median, prepare, row

STEP = 14  # s, in call_bench.mjs


def stalled(seconds):
    """Bins of 2 s with fewer than 20 of 60 pictures, in the 14 s after the step."""
    after = seconds[STEP:STEP + 14]
    return sum(after[i]['frames'] + after[i + 1]['frames'] < 20 for i in range(0, 14, 2))


def queue_after(seconds):
    return max(s['queue_ms'] for s in seconds[STEP + 4:])


def ramp(seconds):
    """Seconds until 2.5 Mbit/s are sent, IP and UDP included."""
    return next((i + 1 for i, s in enumerate(seconds) if s['kbps'] >= 2500), 99)


def main():
    a = arguments(__doc__)
    prepare()
    calls = [('agent', 'page'), ('page', 'page')]
    rows = []
    ours, peer = interleaved(a.build_dir, calls, 'step', a.rounds)
    bins, bins_peer = max(map(stalled, ours)), max(map(stalled, peer))
    rows.append(row('step to 700 kbit/s: stalled bins of 7, worst run', bins, bins_peer, '<= 1', bins <= 1))
    q, q_peer = max(map(queue_after, ours)), max(map(queue_after, peer))
    rows.append(row('queue from 4 s after the step on, worst, ms', q, q_peer, '<= 120 ms', q <= 120))
    rate, rate_peer = (median([s['kbps'] for run in kind for s in run[STEP + 4:]]) for kind in (ours, peer))
    rows.append(row('rate used of 700 kbit/s, median, kbit/s', rate, rate_peer, 'told only', True))
    ours, peer = interleaved(a.build_dir, calls, 'ramp', a.rounds)
    t, t_peer = (median([ramp(run) for run in kind]) for kind in (ours, peer))
    rows.append(row('ramp from 0.3 to 2.5 Mbit/s, median, s', t, t_peer, '<= 5 s', t <= 5))
    for scenario, name in (('loss5', '5 %'), ('loss15', '15 %')):
        ours, peer = interleaved(a.build_dir, calls, scenario, a.rounds)
        f, f_peer = (max(run[-1]['freezes'] for run in kind) for kind in (ours, peer))
        goal = '0' if scenario == 'loss5' else 'told only'
        is_alive = min(sum(s['frames'] for s in run) for run in ours) > 200
        rows.append(row(f'{name} loss: freezes in 20 s, worst run', f, f_peer, goal, is_alive and (f == 0 or goal != '0')))
        rate, rate_peer = (median([s['kbps'] for run in kind for s in run[4:]]) for kind in (ours, peer))
        rows.append(row(f'{name} loss: rate, median, kbit/s', rate, rate_peer, 'told only', True))
    finish('G12', rows, a.json)


main()
