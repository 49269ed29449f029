#!/usr/bin/python3
"""G11: age of a picture when it is shown, 720p30, sound beside it, on this machine; the peer is Chromium to Chromium.

g11_latency.py BUILD_DIR [--json OUT] [--rounds N]"""
from calls import arguments, finish, interleaved, median, prepare, row


def main():
    a = arguments(__doc__)
    prepare()
    calls = [('agent', 'page'), ('agent', 'agent'), ('page', 'page')]
    runs = interleaved(a.build_dir, calls, 'local', a.rounds)
    page, agent, peer = (median([s['age_ms'] for run in kind for s in run[4:]]) for kind in runs)
    finish('G11', [row('agent -> Chromium, median age of a picture, ms', page, peer, '<= 50 ms', page is not None and page <= 50),
                   row('agent -> agent, decoded, ms', agent, peer, '<= 15 ms', agent is not None and agent <= 15)], a.json)


main()
