#!/usr/bin/env python3
"""deskhand verify on real recordings: good ones of every kind raise no alarm; each kind of tampering is found and named.

test_verify.py DESKHAND MP4_WRITER        (prints TAP)"""
import base64
import copy
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'protocol'))
from chain import END, Recording, public_key  # noqa: E402
from chapters import chapters  # noqa: E402
from wire import Tap  # noqa: E402

DESKHAND, WRITER = map(os.path.abspath, sys.argv[1:3])
tap = Tap()
folder = tempfile.mkdtemp(prefix='dh-verify-')
STATE = f'{folder}/state/deskhand'
KEY, OTHER_KEY = f'{STATE}/agent.key', f'{folder}/other.key'
os.makedirs(STATE, 0o700)
os.mkdir(f'{folder}/policy', 0o755)
ENV = {**os.environ, 'KEY_DIR': STATE, 'XDG_STATE_HOME': f'{folder}/state', 'DESKHAND_POLICY_DIRS': f'{folder}/policy'}
ELSEWHERE = {**ENV, 'XDG_STATE_HOME': f'{folder}/nobody'}


def write(name, mode, ms, **more):
    path = f'{folder}/{name}.mp4'
    subprocess.run([WRITER, path, mode, str(ms)], env={**ENV, **more}, check=True, stdout=subprocess.DEVNULL)
    return path


def verify(path, *options, env=ENV):
    done = subprocess.run([DESKHAND, 'verify', path, '--json', *options], env=env, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def ask(data, *options, env=ENV):
    path = f'{folder}/asked.mp4'
    with open(path, 'wb') as f:
        f.write(data)
    return verify(path, *options, env=env)


subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', OTHER_KEY], check=True, capture_output=True)
good_path = write('good', 'moving', 3000)
with open(good_path, 'rb') as good_file:
    good = Recording(good_file.read())
MIDDLE = len(good.links) // 2  # number of a fragment: link 0 is the head
kept = verify(good_path)[1]['chain']


def tampered():
    return copy.deepcopy(good)


def expect(r, fault, fragment=None, *options):
    """Exit 1, the name, the fragment and times that a person can look up."""
    code, report = ask(r if isinstance(r, bytes) else r.data(), *options)
    tap.equal((code, report.get('fault')), (1, fault), report['text'])
    if fragment is not None:
        tap.equal(report.get('fragment'), fragment, report['text'])
    tap.true(report.get('utc', '').startswith('20') and report.get('t_ms', -1) >= 0, f'times of {report}')


def the_format_is_as_documented():
    """a second implementation of docs/evidence.md agrees"""
    tap.true(good.is_good(), 'links')
    tap.equal(good.data(), open(good_path, 'rb').read())
    again = tampered()
    again.remake()
    again.sign(KEY, folder)
    tap.equal(again.data(), good.data(), 'Ed25519 gives the same signature again')


def good_files():
    """no false alarm: lengths, moving, still, silent; killed; recovered"""
    for n, (mode, ms) in enumerate([('moving', 300), ('moving', 50), ('still', 1700), ('silent', 2000), ('moving', 1000)]):
        code, report = verify(write(f'good{n}', mode, ms))
        tap.equal((code, report['verdict']), (0, 'whole'), f'{mode} {ms}: {report["text"]}')
    path = f'{folder}/killed.mp4'
    with subprocess.Popen([WRITER, path, 'moving', '60000'], env={**ENV, 'MARK_MS': '150'}, stdout=subprocess.PIPE) as p:
        lines = (json.loads(line) for line in p.stdout)
        marks = [next(line for line in lines if 'marker' in line) for _ in range(6)]
        tap.true(verify(path)[0] == 3, 'while it grows')
        p.kill()
        marks += [line for line in lines if 'marker' in line]
    code, report = verify(path)
    tap.equal((code, report['verdict']), (3, 'unclean_end'))
    head = report['chain']
    subprocess.run([WRITER, path, 'recover'], env=ENV, check=True, stdout=subprocess.DEVNULL)
    code, report = verify(path, '--head', f'{head["seq"]}:{head["head"]}')
    tap.equal((code, report['is_recovered']), (0, True))
    tap.true('recovery' in [n['kind'] for n in report['notes']], 'a recovery link')
    found = chapters(path)
    tap.equal(found, [(min(m['media_us'], found[-1][0]), m['marker']) for m in marks], 'from the notes, none behind the end')
    tap.equal([n['t_ms'] for n in report['notes'] if n['kind'] == 'marker'], [m['media_us'] // 1000 for m in marks])


def signers():
    """exit 4 where the signer is not known; 0 by --trust and by the policy"""
    own = base64.b64encode(public_key(KEY)).decode()
    code, report = verify(good_path, env=ELSEWHERE)
    tap.equal((code, report['verdict'], report['signer']), (4, 'unknown_signer', own))
    tap.equal(verify(good_path, '--trust', own, env=ELSEWHERE)[0], 0)
    policy = f'{folder}/policy/10.json'
    with open(policy, 'w') as f:
        json.dump({'trusted_keys': [own]}, f)
    os.chmod(policy, 0o644)
    tap.equal(verify(good_path, env=ELSEWHERE)[0], 0, 'policy')
    os.unlink(policy)


def not_recordings():
    """exit 2: other files, no file, a recording without a chain"""
    tap.equal(ask(b'hello')[0], 2)
    tap.equal(ask(b'')[0], 2)
    done = subprocess.run([DESKHAND, 'verify', f'{folder}/none.mp4'], env=ENV, capture_output=True)
    tap.equal(done.returncode, 2)
    tap.equal(ask(b''.join(bytes(link.region) for link in good.links))[0], 2, 'links taken out')


def kept_heads():
    """a head that left the desk is found again, at its own link only"""
    head = good.links[MIDDLE].head.hex()
    tap.equal(verify(good_path, '--head', head)[0], 0)
    tap.equal(verify(good_path, '--head', f'{MIDDLE}:{head}')[0], 0)
    code, report = verify(good_path, '--head', f'{MIDDLE + 1}:{head}')
    tap.equal((code, report['fault']), (1, 'other_head'))


# ---- tampering ----

def changed_byte():
    """a byte of a picture is changed"""
    r = tampered()
    r.links[MIDDLE].region[-40] ^= 1
    expect(r, 'changed', MIDDLE)


def changed_time():
    """a last duration, which is settled by the next link, is changed"""
    r = tampered()
    at = struct.unpack_from('>I', r.links[MIDDLE].box, 144)[0]
    r.links[MIDDLE].region[at + 3] ^= 1
    expect(r, 'changed', MIDDLE)


def changed_link():
    """the time in a link is changed"""
    r = tampered()
    r.links[MIDDLE].box[105] ^= 1
    expect(r, 'changed', MIDDLE)


def changed_and_linked():
    """a fragment is changed and its link made to fit"""
    r = tampered()
    r.links[MIDDLE].region[-40] ^= 1
    r.links[MIDDLE].remake(MIDDLE, r.links[MIDDLE - 1].head)
    expect(r, 'changed', MIDDLE)


def changed_note():
    """a note (who stopped it) is changed"""
    r = tampered()
    at = r.links[-1].box.index(b'closed')
    r.links[-1].box[at] ^= 1
    expect(r, 'changed', len(r.links) - 1)


def removed_fragment():
    """a fragment is removed with its link, or two, or the first"""
    for first, count in (MIDDLE, 1), (MIDDLE, 2), (1, 1):
        r = tampered()
        del r.links[first:first + count]
        r.fit_head()
        expect(r, 'removed', first)


def removed_bytes():
    """some bytes of a fragment are removed"""
    r = tampered()
    del r.links[MIDDLE].region[-48:-40]
    expect(r, 'removed', MIDDLE)


def inserted_copy():
    """a fragment is there twice"""
    r = tampered()
    r.links.insert(MIDDLE + 1, copy.deepcopy(r.links[MIDDLE]))
    expect(r, 'inserted', MIDDLE + 1)


def inserted_box():
    """a foreign box stands between fragments"""
    r = tampered()
    r.links[MIDDLE].region[:0] = b'\0\0\0\x10free12345678'
    expect(r, 'inserted', MIDDLE)


def inserted_foreign():
    """a fragment of another recording, with its link, is put in"""
    with open(write('foreign', 'moving', 1500), 'rb') as f:
        foreign = Recording(f.read())
    r = tampered()
    r.links.insert(MIDDLE, foreign.links[1])
    expect(r, 'inserted', MIDDLE)


def appended():
    """something is appended"""
    expect(good.data() + b'\0\0\0\x08free', 'inserted')


def reordered():
    """two fragments are exchanged"""
    r = tampered()
    r.links[MIDDLE], r.links[MIDDLE + 1] = r.links[MIDDLE + 1], r.links[MIDDLE]
    expect(r, 'reordered', MIDDLE)


def truncated():
    """the file is cut off in a fragment, behind a fragment, in the index"""
    data, behind = good.data(), len(b''.join(bytes(x.region) + bytes(x.box) for x in good.links[:MIDDLE]))
    expect(data[:behind + 100], 'truncated', MIDDLE)
    expect(data[:behind], 'truncated', MIDDLE)
    expect(data[:len(data) - 400], 'truncated', len(good.links) - 1)


def made_to_look_killed():
    """cut and made to look like a kill: an unclean end (3), and altered by the head that was kept"""
    r = tampered()
    del r.links[MIDDLE:]
    r.links[0].region[32:48] = b'\0\0\0\x10free' + bytes(8)
    r.rest = bytearray(b'\0\0\0\0free')
    tap.equal(ask(r.data())[0], 3)
    expect(r, 'other_head', None, '--head', kept['head'])


def changed_head():
    """the description of the tracks, or the size in the head, is changed"""
    r = tampered()
    r.links[0].region[100] ^= 1
    expect(r, 'header_changed', 0)
    r = tampered()
    r.links[0].region[47] ^= 8
    expect(r, 'header_changed', 0)


def changed_index():
    """the sample tables are changed"""
    r = tampered()
    r.links[-1].region[-5] ^= 1
    expect(r, 'index_changed', len(r.links) - 1)


def changed_chapter():
    """the title of a chapter is changed, in the index or in the note that it was made of"""
    with open(write('marked', 'moving', 700, MARK_MS='200'), 'rb') as f:
        marked = Recording(f.read())
    tap.equal(ask(marked.data())[0], 0)
    r = copy.deepcopy(marked)
    r.links[-1].region[r.links[-1].region.index(b'mark 2') + 5] ^= 1
    expect(r, 'index_changed', len(r.links) - 1)
    r = copy.deepcopy(marked)
    n, link = next((n, link) for n, link in enumerate(r.links) if b'mark 2' in link.box)
    link.box[link.box.index(b'mark 2') + 5] ^= 1
    expect(r, 'changed', n)


def wrong_signature():
    """the signature is changed, or taken away"""
    r = tampered()
    r.rest[-1] ^= 1
    expect(r, 'signature_wrong')
    r.rest = bytearray()
    expect(r, 'signature_wrong')


def signed_by_another():
    """signed again by another key, with and without a last link that says so"""
    r = tampered()
    r.sign(OTHER_KEY, folder)
    expect(r, 'signed_by_another')
    r = tampered()
    at = r.links[-1].box.index(b'signer=') + 7
    r.links[-1].box[at:at + 44] = base64.b64encode(public_key(OTHER_KEY))
    r.remake()
    r.sign(OTHER_KEY, folder)
    expect(r, 'signed_by_another')


def made_anew_by_another():
    """all made anew with another key: nobody known vouches for it (4), and altered by the head that was kept"""
    r = tampered()
    r.links[MIDDLE].region[-40] ^= 1
    for link in r.links[0], r.links[-1]:
        at = link.box.index(b'agent_key=' if link.kind != END else b'signer=')
        at = link.box.index(b'=', at) + 1
        link.box[at:at + 44] = base64.b64encode(public_key(OTHER_KEY))
    r.remake()
    r.sign(OTHER_KEY, folder)
    tap.equal(ask(r.data())[0], 4)
    expect(r, 'other_head', None, '--head', kept['head'])


def made_anew_by_the_desk():
    """all made anew with the desk's own key, which its user has: only the head that was kept tells"""
    r = tampered()
    del r.links[MIDDLE]
    r.remake()
    r.sign(KEY, folder)
    tap.equal(ask(r.data())[0], 0)
    expect(r, 'other_head', None, '--head', kept['head'])
    expect(r, 'other_head', None, '--head', good.links[MIDDLE].head.hex())


def main():
    code = tap.run([the_format_is_as_documented, good_files, signers, not_recordings, kept_heads,
                    changed_byte, changed_time, changed_link, changed_and_linked, changed_note, removed_fragment, removed_bytes,
                    inserted_copy, inserted_box, inserted_foreign, appended, reordered, truncated, made_to_look_killed,
                    changed_head, changed_index, changed_chapter, wrong_signature, signed_by_another, made_anew_by_another,
                    made_anew_by_the_desk])
    subprocess.run(['rm', '-rf', folder], check=True)
    return code


sys.exit(main())
