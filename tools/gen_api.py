#!/usr/bin/env python3
"""Make docs/protocol.md, js/src/api.gen.js and js/deskhand.d.ts from what `deskhand describe --json` prints.

gen_api.py DESKHAND [--check]     --check: write nothing, exit 1 when a file is stale
"""
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TS_TYPES = {'bool': 'boolean', 'int': 'number', 'number': 'number', 'string': 'string', 'object': 'Record<string, unknown>',
            'array': 'unknown[]', 'any': 'unknown'}


# ---- docs/protocol.md ----

def cell(text):
    return str(text).replace('|', '\\|').replace('\n', '\\n')


def number(v):
    return int(v) if v == int(v) else v


def type_text(p):
    text = p['type']
    if text == 'array' and 'items' in p:
        text = f"array of {p['items']}"
    if 'choices' in p:
        text += ': ' + ' '.join(p['choices'])
    if 'min' in p:
        text += f" {number(p['min'])} to {number(p['max'])}"
    if 'unit' in p:
        text += f" ({p['unit']})"
    if 'max_bytes' in p:
        text += f", at most {p['max_bytes']} bytes"
    if 'max_items' in p:
        text += f", at most {p['max_items']} items"
    return text


def rows(params, must, prefix=''):
    out = []
    for p in params:
        rule = must if p.get('required') else f"default {json.dumps(p['default'])}" if 'default' in p else ''
        out.append(f"| `{prefix}{p['name']}` | {cell(type_text(p))} | {rule} | {cell(p['doc'])} |")
        if 'fields' in p:
            out += rows(p['fields'], must, prefix + p['name'] + ('[].' if p['type'] == 'array' else '.'))
    return out


def table(title, params, must='required'):
    if not params:
        return []
    return [title, '', '| name | type | | |', '|---|---|---|---|', *rows(params, must), '']


def codes(title, intro, items, first):
    out = [f'## {title}', '', intro, '', f'| {first} | code | |', '|---|---|---|']
    for i in items:
        note = ' May succeed when tried again.' if i.get('retriable') else ''
        out.append(f"| `{i['name']}` | {i['code']} | {cell(i['text'])}.{note} |")
    return out + ['']


INTRO = '''# Protocol

Made by `ninja -C build api` from the command table in the program (`deskhand describe`): do not edit.

JSON-RPC 2.0 on every road. A page speaks through the SDK (`js/deskhand.js`); the command line through
`deskhand call METHOD JSON`; both end in the same table. Three narrowings make every message have one answer:

- a request needs an `id`, a number or a string of at most 64 bytes; `params` is an object;
- batches (arrays) are refused: requests may be sent one after another without waiting for replies;
- unknown keys are refused, in the request as well as in `params`.

A message has at most 256 KiB, 16 levels, 256 keys in an object, 4096 items in an array, 64 KiB in a string; it is strict
UTF-8 without duplicate keys. Before `agent.hello` at most 4 KiB within 3 s are read. A page may send {rate} requests a second
(bursts of twice as many); more get `ELIMIT`, and who goes on after 1000 refusals is closed. Ten malformed
messages close it too. At most 64 requests may be unfinished.

Errors carry `data`: `name`, a `hint` a person can follow, and `retriable`. Shapes have JSON-RPC's own codes: -32700 not
JSON, -32600 not a request, -32601 unknown method, -32602 wrong parameters.

```
{{"jsonrpc":"2.0","id":1,"method":"agent.hello","params":{{"min_version":1,"max_version":1,"client":"crm/1.0"}}}}
{{"jsonrpc":"2.0","id":1,"result":{{"version":1,"granted":["camera"],"agent":{{"version":"...","platform":"linux"}},...}}}}
{{"jsonrpc":"2.0","id":2,"error":{{"code":-32003,"message":"...","data":{{"name":"EBUSY","hint":"...","retriable":true}}}}}}
{{"jsonrpc":"2.0","method":"source.lost","params":{{"seq":91,"ts_us":123456,"session":"...","source":2}}}}
```
'''


def protocol_md(api):
    rate = next(p for p in api['policy'] if p['name'] == 'limits')['fields'][0]['default']
    out = [INTRO.format(rate=rate), '## Commands', '']
    for c in api['commands']:
        out += [f"### {c['name']}", '', c['doc'], '']
        scope = c['scope'] or ('none: also an origin without a grant may call it' if c.get('before_grant') else 'any grant')
        out += [f'Scope: {scope}.', '']
        out += table('Parameters:', c['params']) + table('Result:', c['reply'], 'always')
    out += ['## Events', '', 'Each has `seq` (number of the event in this agent) and `ts_us` (the agent\'s monotonic clock). '
            'A client that reads too slowly gets only the newest of each state event; what moment events it missed is counted '
            'in `events_dropped` of the next one. High-volume events come only after `events.subscribe`.', '']
    for e in api['events']:
        kind = e['kind'] + (', high-volume' if e['high_volume'] else '') + (f", scope {e['scope']}" if e['scope'] else '')
        out += [f"### {e['name']}", '', f"{e['doc']} ({kind})", ''] + table('Fields:', e['params'])
    out += codes('Errors', '`error.code`; `error.data.name` has the name.', api['errors'], 'name')
    out += codes('Close codes', 'Of the WebSocket, and `code` of `transport.closed` on the native road.', api['close_codes'], 'name')
    out += ['## Scopes', '', '| scope | an origin that has it may |', '|---|---|']
    out += [f"| `{s['name']}` | {s['text']} |" for s in api['scopes']] + ['']
    out += ['## Policy files', '', 'See [security.md](security.md).', ''] + table('Keys:', api['policy'])
    return '\n'.join(out).rstrip() + '\n'


# ---- js/src/api.gen.js ----

def groups(api):
    out = {}
    for c in api['commands']:
        if not c.get('cli_only'):
            group, verb = c['name'].split('.')
            out.setdefault(group, []).append(verb)
    return {g: sorted(v) for g, v in sorted(out.items())}


def api_js(api):
    lines = [f"\t{g}: [{', '.join(repr(v) for v in verbs)}]," for g, verbs in groups(api).items()]
    return ('/* Made by `ninja -C build api`: group -> verbs. */\n' + 'export const api = {\n' + '\n'.join(lines) + '\n};\n')


# ---- js/deskhand.d.ts ----

def ts_type(p, indent):
    if 'fields' in p:
        inner = ts_object(p['fields'], indent + '\t')
        return inner + ('[]' if p['type'] == 'array' else '')
    if p['type'] == 'array' and 'items' in p:
        items = ' | '.join(f"'{c}'" for c in p['choices']) if 'choices' in p else TS_TYPES[p['items']]
        return f'({items})[]' if '|' in items else f'{items}[]'
    if 'choices' in p:
        return ' | '.join(f"'{c}'" for c in p['choices'])
    return TS_TYPES[p['type']]


def ts_object(params, indent, all_required=False):
    out = ['{']
    for p in params:
        unit = f" ({p['unit']})" if 'unit' in p else ''
        must = p.get('required') or all_required
        out += [f"{indent}/** {p['doc']}{unit} */", f"{indent}{p['name']}{'' if must else '?'}: {ts_type(p, indent)};"]
    return '\n'.join(out) + f'\n{indent[:-1]}}}'


def ts_groups(api):
    by_name = {c['name']: c for c in api['commands']}
    out = []
    for group, verbs in groups(api).items():
        out.append(f'\treadonly {group}: {{')
        for verb in verbs:
            c = by_name[f'{group}.{verb}']
            params = ts_object(c['params'], '\t\t\t') if c['params'] else 'Record<string, never>'
            mark = '' if any(p.get('required') for p in c['params']) else '?'
            reply = ts_object(c['reply'], '\t\t\t') if c['reply'] else 'Record<string, never>'
            out += [f"\t\t/** {c['doc']} */", f'\t\t{verb}(params{mark}: {params}, how?: CallOptions): Promise<{reply}>;']
        out.append('\t};')
    return '\n'.join(out)


def ts_events(api):
    out = ['export interface DeskhandEventMap {']
    for e in api['events']:
        fields = e['params'] + [{'name': 'seq', 'type': 'int', 'doc': 'number of the event', 'required': True},
                                {'name': 'ts_us', 'type': 'int', 'doc': "the agent's monotonic clock", 'required': True}]
        out += [f"\t/** {e['doc']} */", f"\t'{e['name']}': DeskhandEvent<{ts_object(fields, chr(9) * 2)}>;"]
    return '\n'.join(out) + '\n}'


def d_ts(api):
    with open(os.path.join(TOP, 'tools/deskhand.d.ts.in'), encoding='utf-8') as f:
        text = f.read()
    names = [e['name'] for e in api['errors']]
    return (text.replace('@GROUPS@', ts_groups(api)).replace('@EVENTS@', ts_events(api))
            .replace('@SCOPES@', ' | '.join(f"'{s['name']}'" for s in api['scopes']))
            .replace('@ERRORS@', ' | '.join(f"'{n}'" for n in names)))


def main():
    describe = subprocess.run([sys.argv[1], 'describe', '--json'], capture_output=True, text=True, check=True).stdout
    api = json.loads(describe)
    stale = []
    for path, text in (('docs/protocol.md', protocol_md(api)), ('js/src/api.gen.js', api_js(api)), ('js/deskhand.d.ts', d_ts(api))):
        full = os.path.join(TOP, path)
        old = open(full, encoding='utf-8').read() if os.path.exists(full) else ''
        if old == text:
            continue
        stale.append(path)
        if '--check' not in sys.argv:
            with open(full, 'w', encoding='utf-8') as f:
                f.write(text)
    if '--check' in sys.argv and stale:
        sys.exit(f"stale: {' '.join(stale)}; run: ninja -C build api")


main()
