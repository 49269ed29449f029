#!/usr/bin/env python3
"""`deskhand manifests` in a scratch home: what it writes, what it leaves alone, what it calls broken."""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)


class Manifests(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.home)
        self.bin = os.path.join(self.home, 'opt dir', 'bin')
        os.makedirs(self.bin)
        self.program = shutil.copy(PROGRAM, os.path.join(self.bin, 'deskhand'))
        self.host = os.path.join(self.home, 'opt dir', 'lib', 'deskhand', 'deskhand-host')
        os.makedirs(os.path.dirname(self.host))
        self.make_host()

    def make_host(self, mode=0o755):
        with open(self.host, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\n')
        os.chmod(self.host, mode)

    def run_it(self, *args, code=0, **env):
        p = subprocess.run([self.program, *args], capture_output=True, text=True, check=False,
                           env={'HOME': self.home, 'PATH': os.environ['PATH'], **env})
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        return p.stdout + p.stderr

    def path(self, *parts):
        return os.path.join(self.home, *parts, 'io.deskhand.host.json')

    def test_user_install_writes_where_each_browser_looks(self):
        out = self.run_it('install', '--user')
        for place in (('.config', 'google-chrome', 'NativeMessagingHosts'), ('.config', 'chromium', 'NativeMessagingHosts'),
                      ('.config', 'microsoft-edge', 'NativeMessagingHosts'), ('.mozilla', 'native-messaging-hosts')):
            self.assertIn(self.path(*place), out)
            with open(self.path(*place), encoding='utf-8') as f:
                manifest = json.load(f)
            self.assertEqual(manifest['name'], 'io.deskhand.host')
            self.assertEqual(manifest['type'], 'stdio')
            self.assertEqual(manifest['path'], self.host)
            key, value = (('allowed_extensions', 'extension@deskhand.io') if place[0] == '.mozilla' else
                          ('allowed_origins', 'chrome-extension://pegccibcnjfjondlfoninmfilhnmnbba/'))
            self.assertEqual(manifest[key], [value])
            self.assertEqual(sorted(manifest), sorted(['name', 'description', 'path', 'type', key]))
            self.assertEqual(stat.S_IMODE(os.stat(self.path(*place)).st_mode), 0o644)
            self.assertEqual(os.listdir(os.path.dirname(self.path(*place))), ['io.deskhand.host.json'])
        self.assertEqual(self.run_it('list', '--user').count('  ok  '), 4)

    def test_config_home_is_honoured_and_one_browser_is_one(self):
        self.run_it('install', '--user', '--browser', 'chromium', XDG_CONFIG_HOME=self.home + '/cfg')
        self.assertTrue(os.path.exists(self.path('cfg', 'chromium', 'NativeMessagingHosts')))
        self.assertFalse(os.path.exists(self.path('cfg', 'google-chrome', 'NativeMessagingHosts')))

    def test_remove_takes_only_what_is_ours(self):
        directory = os.path.join(self.home, 'd')
        self.run_it('install', '--browser', 'edge', '--dir', directory)
        with open(os.path.join(directory, 'other.json'), 'w', encoding='utf-8') as f:
            f.write('{}')
        self.assertIn('removed', self.run_it('remove', '--browser', 'edge', '--dir', directory))
        self.assertIn('nothing at', self.run_it('remove', '--browser', 'edge', '--dir', directory))
        self.assertEqual(os.listdir(directory), ['other.json'])

    def test_a_foreign_file_is_neither_overwritten_nor_removed(self):
        directory = os.path.join(self.home, 'd')
        os.makedirs(directory)
        foreign = ['{"name":"io.deskhand.host","path":"/usr/bin/other"}', 'not json', '', '[1]', '{"path":5}', 'x' * 20000]
        for text in foreign:
            with open(self.path('d'), 'w', encoding='utf-8') as f:
                f.write(text)
            self.assertIn('not made by Deskhand', self.run_it('install', '--browser', 'chrome', '--dir', directory, code=1))
            self.assertIn('left alone', self.run_it('remove', '--browser', 'chrome', '--dir', directory, code=1))
            self.assertIn('not ours', self.run_it('list', '--browser', 'chrome', '--dir', directory, code=1))
            with open(self.path('d'), encoding='utf-8') as f:
                self.assertEqual(f.read(), text)
        os.remove(self.path('d'))
        os.symlink(self.host, self.path('d'))
        self.run_it('install', '--browser', 'chrome', '--dir', directory, code=1)
        self.assertTrue(os.path.islink(self.path('d')))
        os.remove(self.path('d'))
        os.mkfifo(self.path('d'))
        self.run_it('list', '--browser', 'chrome', '--dir', directory, code=1)

    def test_list_names_what_is_broken(self):
        directory = os.path.join(self.home, 'd')
        args = ('--browser', 'firefox', '--dir', directory)
        self.assertIn('absent', self.run_it('list', *args))
        self.run_it('install', *args)
        with open(self.path('d'), encoding='utf-8') as f:
            good = json.load(f)
        for change, word in (({'path': '/nowhere/deskhand-host'}, 'does not exist'), ({'path': 'lib/deskhand-host'}, 'not absolute'),
                             ({'type': 'pipe'}, 'not stdio'), ({'allowed_extensions': ['x@y']}, 'does not list our extension'),
                             ({'allowed_extensions': None}, 'does not list our extension')):
            with open(self.path('d'), 'w', encoding='utf-8') as f:
                json.dump({**good, **change}, f)
            self.assertIn(word, self.run_it('list', *args, code=1))
        self.run_it('install', *args)
        self.assertIn('  ok  ', self.run_it('list', *args))

    def test_no_host_no_manifest(self):
        os.remove(self.host)
        out = self.run_it('install', '--browser', 'chrome', '--dir', self.home + '/d', code=1)
        self.assertIn('deskhand-host is not where it belongs', out)
        self.assertFalse(os.path.exists(self.home + '/d'))

    def test_bad_usage(self):
        for args in ((), ('install', '--browser', 'netscape'), ('install', '--dir', '/tmp'), ('instal',), ('list', 'list'), ('--frobnicate',)):
            self.run_it(*args, code=2)
        self.assertIn('usage:', self.run_it('--help'))
        self.assertIn('HOME', subprocess.run([self.program, 'install', '--user'], capture_output=True, text=True, check=False, env={}).stderr)


unittest.main()
