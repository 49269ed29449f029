#!/usr/bin/env python3
"""The steps of ./dev test: builds, test suites, fuzzers, browsers. Counts every test of every step and ends
with 'N passed, N failed'. A step that cannot run counts as one failure."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

CORES = os.cpu_count() or 2
JOBS = str(CORES)
TESTS = str(CORES + 1)  # at once: many wait in real time
FUZZ_SECONDS = 10
GOOD = ('OK', 'EXPECTEDFAIL')
LINKER = {'CC_LD': 'gold', 'CXX_LD': 'gold'} if shutil.which('ld.gold') else {}  # in a third of the time


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        return failed == 0


total = Counts()


def children(pid):
    """All processes under pid; a session of its own does not hide one."""
    found = []
    for path in glob.glob(f'/proc/{pid}/task/*/children'):
        try:
            found += map(int, open(path, encoding='ascii').read().split())
        except OSError:
            pass
    return found + [deep for child in found for deep in children(child)]


def kill_children(pid):
    while found := children(pid):
        for child in found:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, os.WNOHANG)
            except OSError:
                pass


def end_all(signum, frame):
    """Interrupted: what the tests started does not stay behind."""
    kill_children(os.getpid())
    print('interrupted', flush=True)
    os._exit(128 + signum)


def run(*command, env=None, timeout=1500):
    """Run a command; give (exit code, output). Output is shown when it fails."""
    p = subprocess.Popen(command, env=dict(os.environ, **(env or {})), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, text=True, errors='replace')
    try:
        out, _ = p.communicate(timeout=timeout)
        code = p.returncode
    except subprocess.TimeoutExpired:
        kill_children(p.pid)
        p.kill()
        code, out = 124, p.communicate()[0] + f'\n(stopped after {timeout} s)\n'
    if code:
        print('\n'.join(out.splitlines()[-80:]), flush=True)
    return code, out


def programs_of(directory, suites):
    """What the tests of these suites run, as ninja names it."""
    tests, targets = (json.load(open(f'{directory}/meson-info/intro-{name}.json', encoding='utf-8')) for name in ('tests', 'targets'))
    needed = {i for t in tests if any(s.split(':')[-1] in suites for s in t['suite']) for i in t['depends']}
    return [os.path.relpath(f, os.path.abspath(directory)) for t in targets if t['id'] in needed for f in t['filename']]


def meson_suites(directory, suites, options, timeout_multiplier, env, at_once=TESTS, **build_env):
    """Build what the suites need, and run them."""
    if build(directory, *options, env=build_env, suites=suites):
        meson_tests(directory, *(word for s in suites for word in ('--suite', s)), '--timeout-multiplier', timeout_multiplier, env=env,
                    at_once=at_once)


def build(directory, *options, env=None, targets=(), suites=()):
    """All of it, or the targets, or what these suites need."""
    if not os.path.exists(f'{directory}/build.ninja'):
        code, _ = run('meson', 'setup', directory, *options, env={**LINKER, **(env or {})})
        if code:
            return total.add(0, 1)
    code, _ = run('ninja', '-C', directory, '-j', JOBS, '--quiet', *targets, *(programs_of(directory, suites) if suites else ()))
    return total.add(1, 0) if not code else total.add(0, 1)


def meson_results(directory, *args, env=None):
    """Run meson tests; give {name: result} and the exit code."""
    code, _ = run('meson', 'test', '-C', directory, '--no-rebuild', '--print-errorlogs', *args, env=env)
    log = f'{directory}/meson-logs/testlog.json'
    rows = [json.loads(line) for line in open(log, encoding='utf-8', errors='replace')] if os.path.exists(log) else []
    for r in rows:
        if r['result'] not in GOOD + ('SKIP',):  # meson shows what went to stderr alone, not why a line says "not ok"
            print(f"-- {r['name']} printed:", *r.get('stdout', '').splitlines()[-40:], sep='\n', flush=True)
    return {r['name'].split(' / ')[-1]: r['result'] for r in rows}, code


def meson_tests(directory, *args, env=None, at_once=TESTS):
    """Run meson suites; each meson test counts once. One that fails is run once more, alone: a busy machine can break
    a test that works in real time. Passing then, it counts as passed and is named, so that it gets mended."""
    results, code = meson_results(directory, '--num-processes', at_once, *args, env=env)
    bad = [name for name, r in results.items() if r not in GOOD + ('SKIP',)]
    if 0 < len(bad) <= 3:
        multiplier = [args[i:i + 2] for i, a in enumerate(args) if a == '--timeout-multiplier']
        again, code = meson_results(directory, '--num-processes', '1', *(multiplier[0] if multiplier else ()), *bad, env=env)
        for name in bad:
            results[name] = again.get(name, 'FAIL')
            if results[name] in GOOD:
                print(f'passed only when run again: {name}', flush=True)
    passed = sum(r in GOOD for r in results.values())
    skipped = sum(r == 'SKIP' for r in results.values())
    failed = len(results) - passed - skipped
    total.add(passed, failed if failed or not code else 1, skipped)


def node_counts(paths, timeout):
    """node --test; (passed, failed) of its summary lines."""
    code, out = run('node', '--test', *paths, timeout=timeout)
    passed, failed = (sum(int(n) for n in re.findall(rf'^(?:# |ℹ ){word} (\d+)', out, re.M)) for word in ('pass', 'fail'))
    return passed, failed if failed or not (code or not passed) else 1


def node_tests(*paths):
    total.add(*node_counts(paths, 900))


def browser_tests(files):
    """Two files at once: each waits for the other sides of its calls much of the time. One that fails is run once more,
    alone, as meson_tests() does, and is named."""
    with ThreadPoolExecutor(2) as pool:
        counts = dict(zip(files, pool.map(lambda f: node_counts([f], 600), files)))
    for name, (_, failed) in counts.items():
        if failed:
            counts[name] = node_counts([name], 600)
            if not counts[name][1]:
                print(f'passed only when run again: {name}', flush=True)
        total.add(*counts[name])


def step_lint():
    code, _ = run('python3', 'tools/check_style.py')
    total.add(code == 0, code != 0)


def step_gcc():
    if build('build'):
        meson_tests('build')


SANITIZED = ['-Dwerror=false', '-Db_lundef=false', '-Dc_args=-g1', '-Dcpp_args=-g1']  # g1: names and lines, half the linking


def step_sanitize():
    meson_suites('build-asan', ['unit', 'pipeline', 'protocol'], ['-Db_sanitize=address,undefined', *SANITIZED], '4',
                 {'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=1', 'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
                  'LSAN_OPTIONS': f'suppressions={os.getcwd()}/tests/lsan.supp'}, CC='gcc')


def step_threads():
    """What runs on several threads."""
    meson_suites('build-tsan', ['threads'], ['-Db_sanitize=thread', *SANITIZED], '6',
                 {'TSAN_OPTIONS': f'halt_on_error=1:suppressions={os.getcwd()}/tests/tsan.supp'}, at_once=JOBS, CC='clang')  # no idle ones among them


def step_bare():
    """Every optional driver off: must build and pass its unit tests."""
    if build('build-bare', '-Dauto_features=disabled'):
        meson_tests('build-bare', '--suite', 'unit')


def step_fuzz():
    if not build('build-fuzz', '-Dfuzz=true', '-Db_lundef=false', '-Db_sanitize=address,undefined', env={'CC': 'clang'},
                 targets=['fuzz-targets']):
        return
    folder = 'build-fuzz/tests/fuzz'

    def fuzz(name):
        corpus = f'tests/fuzz/corpus/{name}'
        work = f'{folder}/work-{name}'
        os.makedirs(work, exist_ok=True)
        code, _ = run(f'{folder}/{name}', f'-max_total_time={FUZZ_SECONDS}', '-seed=1', f'-artifact_prefix={folder}/',
                      '-rss_limit_mb=1024', '-timeout=10', work, *([corpus] if os.path.isdir(corpus) else []))
        return code

    targets = [n for n in sorted(os.listdir(folder))
               if n.startswith('fuzz_') and os.access(f'{folder}/{n}', os.X_OK) and not os.path.isdir(f'{folder}/{n}')]
    with ThreadPoolExecutor(int(JOBS)) as pool:
        for code in pool.map(fuzz, targets):
            total.add(code == 0, code != 0)


def npm_packages():
    if os.path.exists('tests/node_modules/.package-lock.json'):
        return True
    code, _ = run('npm', 'ci', '--prefix', 'tests', '--no-audit', '--no-fund', '--ignore-scripts')
    return total.add(0, 1) if code else True


def step_sdk():
    if npm_packages():
        node_tests('tests/extension', 'tests/js')


def step_browsers():
    if npm_packages() and build('build'):
        # the longest ones (by their text) first, so that none is left over at the end
        browser_tests(sorted(glob.glob('tests/e2e/*.test.mjs'), key=os.path.getsize, reverse=True))


STEPS = {f.__name__[5:]: f for f in (step_lint, step_gcc, step_sanitize, step_threads, step_bare, step_fuzz, step_sdk, step_browsers)}


def main():
    names = sys.argv[1:] or list(STEPS)
    unknown = [n for n in names if n not in STEPS]
    if unknown:
        sys.exit(f'test: unknown step {unknown[0]}; there are: {" ".join(STEPS)}')
    start = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_all)
    for name in names:
        before, begun = (total.passed, total.failed), time.monotonic()
        print(f'== {name}', flush=True)
        STEPS[name]()
        print(f'== {name}: {total.passed - before[0]} passed, {total.failed - before[1]} failed, '
              f'{time.monotonic() - begun:.0f} s', flush=True)
    print(f'took {time.monotonic() - start:.0f} s' + (f', {total.skipped} skipped' if total.skipped else ''))
    print(f'{total.passed} passed, {total.failed} failed')
    sys.exit(1 if total.failed else 0)


main()
