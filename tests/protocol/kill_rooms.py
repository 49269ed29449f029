#!/usr/bin/env python3
"""kill -9 of the room service while several members write, N times: each line that was answered, or that somebody saw, is
in the history afterwards, at its place, once; and a line sent again with its key is no second one.

kill_rooms.py DESKHAND_ROOMS [N]         prints TAP, and what was counted on stderr
"""
import os
import random
import signal
import sys
import threading

from rooms import Service
from wire import WAIT_S, Closed, Tap

WRITERS = 3  # in each of the two rooms
LINES, WINDOW = 50, 8  # of one writer: no more than it may write at once; those that are not answered yet
tap = Tap()


class Writer:
    """A member with its lines: [text], what of them was answered {number: id}, and what it saw of anybody {id: text}."""

    def __init__(self, service, room, name):
        self.name, self.room, self.lines, self.answered, self.saw = name, room, [], {}, {}
        self.come(service)

    def come(self, service):
        self.client, self.asked = service.user(self.name, self.room), {}

    def write(self, number):
        self.asked[self.client.ask('room.chat', {'text': self.lines[number], 'key': f'{self.name}-{number}'})] = number

    def write_new(self):
        self.lines.append(f'{self.name} says {len(self.lines)}')
        self.write(len(self.lines) - 1)

    def take(self):
        """One message."""
        c = self.client
        c.pump()
        for id_ in [i for i in c.replies if i in self.asked]:
            self.answered[self.asked.pop(id_)] = c.replies.pop(id_)['result']['id']
        for m in c.events:
            if m['method'] == 'room.chat':
                self.saw[m['params']['id']] = m['params']['text']
        c.events.clear()

    def write_on(self, answers):
        """A thread: lines, until the service is gone. answers() after each answer."""
        try:
            while True:
                while len(self.asked) < WINDOW and len(self.lines) < LINES:
                    self.write_new()
                before = len(self.answered)
                self.take()
                answers(len(self.answered) - before)
        except (Closed, OSError):
            self.client.close()


def history(service, room, name='reader'):
    """All lines of a room, the oldest first."""
    c, lines = service.user(name, room), []
    while True:
        page = c.ok('room.history', limit=100, **({'before': lines[0]['id']} if lines else {}))['lines']
        if not page:
            c.close()
            return lines
        lines = page + lines


def write_until_killed(service, writers, answers):
    """Kill it after so many answers, whatever is under way."""
    left = threading.Semaphore(0)
    threads = [threading.Thread(target=w.write_on, args=(lambda n: n and left.release(n),)) for w in writers]
    for t in threads:
        t.start()
    for _ in range(answers):
        if not left.acquire(timeout=WAIT_S):
            raise TimeoutError('the service answers nothing')
    service.stop(signal.SIGKILL)
    for t in threads:
        t.join()


def check(room, lines, writers):
    """What was promised of a room is what its history says."""
    ids, texts = [x['id'] for x in lines], [x['text'] for x in lines]
    tap.true(all(a < b for a, b in zip(ids, ids[1:])), f'{room}: ids grow: {ids}')
    tap.equal(len(texts), len(set(texts)), f'{room}: each line once')
    at = dict(zip(ids, texts))
    for w in writers:
        for number, id_ in w.answered.items():
            tap.equal(at.get(id_), w.lines[number], f'{room}: line {number} of {w.name}, answered as {id_}')
        tap.equal({i: at.get(i) for i in w.saw}, w.saw, f'{room}: what {w.name} saw')
        own = [int(t.rsplit(' ', 1)[1]) for t in texts if t.startswith(w.name + ' ')]
        tap.equal(own, sorted(own), f'{room}: in the order of {w.name}')


def send_again(service, writers):
    """Everything unanswered once more, as a client does that came back: (how many lines that was)."""
    again = 0
    for w in writers:
        w.come(service)
        missing = [n for n in range(len(w.lines)) if n not in w.answered]
        for n in missing:
            w.write(n)
        while w.asked:
            w.take()
        w.client.ok('room.leave')
        w.client.close()
        again += len(missing)
    return again


def one_kill(service, number, choice):
    rooms = [f'R{number}a', f'R{number}b']
    writers = [Writer(service, room, f'{room}-w{i}') for room in rooms for i in range(WRITERS)]
    write_until_killed(service, writers, choice.randrange(1, 2 * WRITERS * LINES * 3 // 4))
    answered = sum(len(w.answered) for w in writers)
    service.start()
    kept, all_lines = 0, {}
    for room in rooms:
        lines = history(service, room)
        kept += len(lines)
        check(room, lines, [w for w in writers if w.room == room])
    again = send_again(service, writers)
    for room in rooms:
        here = [w for w in writers if w.room == room]
        all_lines[room] = history(service, room)
        check(room, all_lines[room], here)
        tap.equal(len(all_lines[room]), sum(len(w.lines) for w in here), f'{room}: nothing is missing or twice')
    return answered, kept, again, all_lines


def main():
    program, kills = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8
    seed = int(os.environ.get('SEED', random.randrange(1 << 30)))
    choice = random.Random(seed)
    service = Service(program)

    def kill_again_and_again():
        """what was answered or seen before kill -9 is in the history after it, in order, once"""
        everything, sums = {}, [0, 0, 0]
        for number in range(kills):
            *counts, lines = one_kill(service, number, choice)
            sums = [a + b for a, b in zip(sums, counts)]
            everything.update(lines)
        for room, lines in everything.items():
            tap.equal(history(service, room), lines, f'{room} at the end')
        print(f'{kills} kills (SEED={seed}): {sums[0]} lines answered, {sums[1]} kept, {sums[2]} sent again', file=sys.stderr)

    code = tap.run([kill_again_and_again])
    if code:
        print('# ' + service.log_text()[-4000:].replace('\n', '\n# '))
    sys.exit(service.finish() or code)


main()
