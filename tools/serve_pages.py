#!/usr/bin/env python3
"""Serve js/ on 127.0.0.1 for the demo and the tests: right types, no caching, a strict Content-Security-Policy.

usage: serve_pages.py [--port 8480] [--print-port] [--login FILE]

Port 0 takes a free one; --print-port writes it on stdout. With --login it plays the business's own server too: GET /login?userID=X
answers {sdkAppID, accType, userID, userSig, serverDomain}. FILE is JSON: {"sdk_app_id", "server", "usersig": [COMMAND..]}, the command
that makes a user_sig when "--user-id X" is added. A real one asks who logs in first.
"""
import argparse
import functools
import http.server
import json
import pathlib
import re
import subprocess
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent / 'js'
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src blob:; "
          "connect-src 'self' ws://127.0.0.1:* ws://localhost:*; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    extensions_map = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
                      '.css': 'text/css; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png',
                      '': 'application/octet-stream'}

    login = None  # of the class: what --login says

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path != '/login' or not self.login:
            return super().do_GET()
        user = urllib.parse.parse_qs(url.query).get('userID', [''])[0]
        if not re.fullmatch(r'[A-Za-z0-9_-]{1,32}', user):
            return self.send_error(400, 'userID: 1 to 32 letters, digits, _ or -')
        made = subprocess.run([*self.login['usersig'], '--user-id', user], capture_output=True, text=True, check=False)
        if made.returncode:
            return self.send_error(500, made.stderr.strip()[:200])
        body = json.dumps({'sdkAppID': self.login['sdk_app_id'], 'accType': '1', 'userID': user, 'userSig': made.stdout.strip(),
                           'serverDomain': self.login['server']}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        self.send_header('Cache-Control', 'no-store')
        self.send_header('Content-Security-Policy', POLICY)
        self.send_header('X-Content-Type-Options', 'nosniff')
        super().end_headers()

    def list_directory(self, path):
        self.send_error(404)

    def log_message(self, *args):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--port', type=int, default=8480)
    parser.add_argument('--print-port', action='store_true')
    parser.add_argument('--login')
    options = parser.parse_args()
    if options.login:
        Handler.login = json.loads(pathlib.Path(options.login).read_text(encoding='utf-8'))
    handler = functools.partial(Handler, directory=ROOT)
    try:
        server = http.server.ThreadingHTTPServer(('127.0.0.1', options.port), handler)
    except OSError as e:
        parser.exit(1, f'serve_pages: port {options.port}: {e.strerror}\n')
    if options.print_port:
        print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


main()
