#!/usr/bin/env python3
"""House rules that a compiler does not know. Prints each breach as FILE:LINE: what; exit 1 when there is one."""
import re
import subprocess
import sys

BANNED = {  # in C sources
    r'\b(strcpy|strcat|sprintf|vsprintf|gets)\s*\(': 'unbounded string function',
    r'(?<![a-z_])printf\s*\(': 'printf: stdout belongs to the protocol; use the log or cli output helpers',
    r'\b(sleep|usleep|nanosleep)\s*\(': 'waits by the clock: wait for an event',
    r'#\s*if(def)?\s+.*\bHAVE_': 'optional code belongs in a file of its own',
}
LONGEST_FUNCTION, LONGEST_FILE, LONGEST_LINE = 60, 500, 125


def files(*patterns):
    out = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', *patterns], capture_output=True, text=True, check=True)
    return sorted(set(out.stdout.split()))


def strip(text):
    """Blank comments and strings, keep line numbers."""
    def blank(m):
        return re.sub(r'[^\n]', ' ', m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def check_c(path, say):
    text = open(path, encoding='utf-8').read()
    lines, code = text.split('\n'), strip(text).split('\n')
    if not text.startswith('/*'):
        say(path, 1, 'a file opens with what it is')
    if len(lines) - 1 > LONGEST_FILE:
        say(path, len(lines) - 1, f'file has {len(lines) - 1} lines, at most {LONGEST_FILE}: split it')
    start = None
    for i, (line, c) in enumerate(zip(lines, code), 1):
        if len(line.expandtabs(8)) > LONGEST_LINE:
            say(path, i, f'line is longer than {LONGEST_LINE} columns')
        if line.rstrip() != line:
            say(path, i, 'white space at the end')
        if re.match(r' {4,}\S', line) and not line.lstrip().startswith('*'):
            say(path, i, 'indent with tabs')
        for pattern, why in BANNED.items():
            if re.search(pattern, c):
                say(path, i, why)
        if c == '{':
            start = i
        if c == '}' and start:
            if i - start - 1 > LONGEST_FUNCTION:
                say(path, start, f'function has {i - start - 1} lines, at most {LONGEST_FUNCTION}')
            start = None


def check_js(path, say):
    lines = open(path, encoding='utf-8').read().split('\n')
    if len(lines) - 1 > LONGEST_FILE:
        say(path, len(lines) - 1, f'file has {len(lines) - 1} lines, at most {LONGEST_FILE}: split it')
    for i, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE + 20:
            say(path, i, f'line is longer than {LONGEST_LINE + 20} columns')
        if line.rstrip() != line:
            say(path, i, 'white space at the end')
        if re.search(r'\beval\(|new Function\(|innerHTML\s*=', line):
            say(path, i, 'unsafe under a strict CSP')


def check_includes(path, say):
    """Includes point one way: common <- media <- drivers; drivers never see ctl."""
    above = {'common': ('agent/',), 'agent/media': ('agent/ctl', 'agent/commands', 'agent/transports')}
    for kind in ('sources', 'filters', 'compositors', 'encoders', 'sinks'):
        above[f'agent/{kind}'] = ('agent/ctl', 'agent/commands', 'agent/transports')
    folder = path.rsplit('/', 1)[0]
    for i, line in enumerate(open(path, encoding='utf-8'), 1):
        m = re.match(r'#include "([^"]+)"', line)
        if m and any(m.group(1).startswith(a) for a in above.get(folder, ())):
            say(path, i, f'{folder} must not include {m.group(1)}')


def main():
    bad = []

    def say(path, line, what):
        bad.append(f'{path}:{line}: {what}')
    for path in files('*.c', '*.h'):
        check_c(path, say)
        check_includes(path, say)
    for path in files('*.js', '*.mjs'):
        check_js(path, say)
    for row in bad:
        print(row)
    return 1 if bad else 0


sys.exit(main())
