"""An RTMP server (nginx) and roads to it, for tests of pushes: slow ones, dead ones, TLS ones. Ports and files of their own."""
import glob
import json
import os
import select
import socket
import ssl
import subprocess
import threading

from wire import WAIT_S, free_port, until

CONF = '''load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log info;
events {{ worker_connections 64; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; access_log off; ping 3s; ping_timeout 3s;
  application live {{ live on; wait_key on; wait_video on; record all; record_path {dir}; record_unique on; }}
  application other {{ live on; }}
}} }}
'''


class Server:
    """nginx with its RTMP module on one port for all its lives; it keeps what it is sent as FLV files."""

    def __init__(self, directory):
        self.dir, self.port = directory, free_port()
        with open(f'{directory}/nginx.conf', 'w') as f:
            f.write(CONF.format(dir=directory, port=self.port))
        self.start()

    def start(self):
        self.process = subprocess.Popen(['/usr/sbin/nginx', '-p', self.dir, '-c', f'{self.dir}/nginx.conf'], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.is_up, 'nginx')

    def is_up(self):
        if self.process.poll() is not None:
            with open(f'{self.dir}/nginx.log', encoding='utf-8') as f:
                raise RuntimeError('nginx ended: ' + f.read()[-2000:])
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def files(self, name):
        """What arrived under a name, one file for each connection, oldest first."""
        return sorted(glob.glob(f'{self.dir}/{name}-*.flv'), key=os.path.getmtime)


class Road:
    """A TCP relay. rate: bytes a second (None: all); tls: (certificate, key) to speak TLS towards the desk."""

    def __init__(self, to_port, rate=None, tls=None):
        self.to_port, self.rate = to_port, rate
        self.open, self.frozen = [], []
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what is on the way is late, too
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.connections = self.handshakes = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        try:
            if self.context:
                near = self.context.wrap_socket(near, server_side=True)
                self.handshakes += 1
            far = socket.create_connection(('127.0.0.1', self.to_port))
        except OSError:
            near.close()
            return
        pair = (near, far)
        self.open.append(pair)
        threading.Thread(target=self.pump, args=(pair, far, near, None), daemon=True).start()
        self.pump(pair, near, far, self.rate)

    def freeze(self):
        """The network swallows what these connections carry, and nobody is told. New ones work."""
        self.frozen, self.open = self.frozen + self.open, []

    def pump(self, pair, source, sink, rate):
        try:
            while data := source.recv(2048 if rate else 65536):
                if pair in self.frozen:
                    return
                sink.sendall(data)
                if rate:
                    select.select([], [], [], len(data) / rate)
        except OSError:
            pass
        if pair in self.frozen:
            return
        for s in source, sink:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def make_certificate(directory, name, san):
    """A self-signed certificate; (certificate, key)."""
    paths = f'{directory}/{name}.pem', f'{directory}/{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                    '-keyout', paths[1], '-out', paths[0], '-subj', f'/CN={name}', '-addext', f'subjectAltName={san}'],
                   check=True, capture_output=True)
    return paths


def probe(path):
    """{codec type: (codec name, frames)} of a file."""
    out = subprocess.run(['ffprobe', '-v', 'error', '-count_packets', '-show_entries', 'stream=codec_type,codec_name,nb_read_packets',
                          '-of', 'json', path], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return {s['codec_type']: (s['codec_name'], int(s['nb_read_packets'])) for s in json.loads(out or '{}').get('streams', [])}


def has_gap(path):
    """Whether pictures of more than half a second are missing in a file."""
    out = subprocess.run(['ffprobe', '-v', 'quiet', '-select_streams', 'v', '-show_entries', 'packet=dts_time', '-of', 'csv=p=0', path],
                         capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    times = [float(t.strip(',')) for t in out.split() if t.strip(',') != 'N/A']
    return any(b - a > 0.5 for a, b in zip(times, times[1:]))


def complaints(path):
    """What ffmpeg says while it decodes all of a file; '' when all is well."""
    p = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-enc_time_base', '-1', '-f', 'null', '-'], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL)
    return (p.stderr + (f'exit {p.returncode}' if p.returncode else '')).strip()


def pull(url, path, seconds):
    """Watch the stream as a player does; exit code."""
    return subprocess.run(['ffmpeg', '-v', 'error', '-y', '-analyzeduration', '500000', '-i', url, '-t', str(seconds), '-c', 'copy', path], capture_output=True,
                          timeout=WAIT_S, stdin=subprocess.DEVNULL).returncode
