#!/usr/bin/env python3
"""Make a C header of text files: embed_text.py OUTPUT NAME=FILE... gives `static const char NAME[]` for each."""
import sys


def main():
    out = ['/* Made by tools/embed_text.py; do not edit. */']
    for item in sys.argv[2:]:
        name, path = item.split('=', 1)
        lines = open(path, encoding='utf-8').read().splitlines()
        out.append(f'static const char {name}[] =')
        for line in lines:
            escaped = line.replace('\\', '\\\\').replace('"', '\\"').replace('\t', '\\t')
            out.append(f'\t"{escaped}\\n"')
        out[-1] += ';'
    with open(sys.argv[1], 'w', encoding='utf-8') as f:
        f.write('\n'.join(out) + '\n')


main()
