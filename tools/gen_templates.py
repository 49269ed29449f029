#!/usr/bin/env python3
"""Put template files into the program: gen_templates.py OUT FILE.json... -> dh_template_files[]

The files are checked for being JSON and for bearing their own name; everything else is checked by
agent/media/template.c, which its unit test runs over every file.
"""
import json
import os
import sys


def c_string(text):
    lines = text.splitlines(keepends=True)
    return '\n'.join('\t"' + line.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"'
                     for line in lines)


def main():
    out, *files = sys.argv[1:]
    rows, names = [], []
    for path in files:
        with open(path, encoding='utf-8') as f:
            text = f.read()
        name = os.path.splitext(os.path.basename(path))[0]
        if json.loads(text).get('name') != name:
            sys.exit(f'{path}: "name" must be "{name}", as the file is called')
        names.append(f'"{name}"')
        rows.append(f'\t{{"{name}",\n{c_string(text)},\n\t {len(text.encode())}}},')
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made by tools/gen_templates.py. */\n#include "agent/media/template.h"\n\n'
                'const struct dh_template_file dh_template_files[] = {\n' + '\n'.join(rows) +
                '\n\t{NULL, NULL, 0}};\n\n'
                f'const char *const dh_template_file_names[] = {{{", ".join(names)}, NULL}};\n')


main()
