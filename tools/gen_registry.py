#!/usr/bin/env python3
"""Make the C tables of drivers or commands from the names listed in the meson.build files.

gen_registry.py drivers OUT KIND:NAME...   -> struct dh_driver_tables dh_driver_tables
gen_registry.py commands OUT NAME...       -> const struct dh_command *const dh_commands[]
"""
import sys

KINDS = {  # kind: (symbol prefix, struct, field)
    'source': ('dh_src_', 'dh_source_driver', 'sources'),
    'filter': ('dh_flt_', 'dh_filter_driver', 'filters'),
    'compositor': ('dh_cmp_', 'dh_compositor_driver', 'compositors'),
    'encoder': ('dh_enc_', 'dh_encoder_driver', 'encoders'),
    'sink': ('dh_sink_', 'dh_sink_driver', 'sinks'),
    'speaker': ('dh_spk_', 'dh_speaker_driver', 'speakers'),
}

SINGLES = {'rtc': 'dh_rtc_api', 'voice': 'dh_voice_api', 'http': 'dh_http_api'}  # at most one of each; field = kind


def drivers(names):
    by_kind = {kind: [n.split(':')[1] for n in names if n.split(':')[0] == kind] for kind in KINDS}
    out = ['#include "agent/media/drivers.gen.h"\n']
    for kind, (prefix, struct, field) in KINDS.items():
        out += [f'extern const struct {struct} {prefix}{n};' for n in by_kind[kind]]
        rows = ''.join(f'&{prefix}{n}, ' for n in by_kind[kind])
        out.append(f'static const struct {struct} *const {field}[] = {{{rows}NULL}};\n')
    fields = ', '.join(f'.{f} = {f}' for _, _, f in KINDS.values())
    for kind, struct in SINGLES.items():
        for n in (n.split(':')[1] for n in names if n.split(':')[0] == kind):
            out.append(f'extern const struct {struct} dh_{n};')
            fields += f', .{kind} = &dh_{n}'
    out.append(f'const struct dh_driver_tables dh_driver_tables = {{{fields}}};')
    return out


def commands(names):
    out = ['#include "agent/ctl/command.h"\n']
    out += [f'extern const struct dh_command dh_cmd_{n};' for n in names]
    rows = ''.join(f'\n\t&dh_cmd_{n},' for n in names)
    out.append(f'const struct dh_command *const dh_commands[] = {{{rows}\n\tNULL}};')
    return out


def main():
    what, path, *names = sys.argv[1:]
    lines = {'drivers': drivers, 'commands': commands}[what](names)
    with open(path, 'w') as f:
        f.write('/* Made by tools/gen_registry.py. */\n' + '\n'.join(lines) + '\n')


main()
