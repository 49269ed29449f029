#!/usr/bin/env python3
"""No picture is lost or doubled that a drop counter does not own up to: record the numbered pattern through the whole
pipeline, read the numbers back from the file. painted.py ROAD_RECORD READ_PATTERN ENCODER"""
import json
import subprocess
import sys
import tempfile

recorder, reader, encoder = sys.argv[1:4]
print('1..3')
with tempfile.TemporaryDirectory() as folder:
    path = f'{folder}/painted.mp4'
    facts = json.loads(subprocess.run([recorder, path, '4000', encoder], check=True, capture_output=True,
                                      text=True).stdout.splitlines()[-1])
    out = subprocess.run([reader, '--summary', path], check=True, capture_output=True, text=True).stdout
read = json.loads(out.splitlines()[-1])
print('#', facts)
print('#', read)
owned = facts['source_dropped'] + facts['compose_dropped'] + facts['sink_dropped']

def check(number, name, is_true):
    print(f'{"ok" if is_true else "not ok"} {number} - {name}')
    return is_true


good = [check(1, 'every picture says its number',
              read['frames'] >= 100 and read['readable'] == read['frames'] and not read['backward']),
        check(2, 'none doubled', read['doubled'] == 0),
        check(3, 'none lost without a counter', read['missing'] <= owned)]
sys.exit(0 if all(good) else 1)
