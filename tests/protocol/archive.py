"""An archive that speaks tus 1.0 (core, creation, checksum, termination), and can be made to misbehave.

Standard library only. Kept simple: what it stores and what it was sent are there to be looked at."""
import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Upload:
    def __init__(self, length, metadata):
        self.length, self.metadata = length, metadata
        self.data = bytearray()
        self.received = 0       # bytes of PATCH bodies that came, whatever became of them
        self.patches = []       # (offset, bytes)
        self.heads = 0


class Archive:
    """with_checksum: announces and checks them. with_digest: HEAD of a whole upload tells its SHA-256.

    twist(handler, method, upload) is asked before each request; what it returns true for, it has answered itself."""

    def __init__(self, with_checksum=True, with_digest=False):
        self.with_checksum, self.with_digest = with_checksum, with_digest
        self.uploads, self.requests, self.deleted = {}, [], []
        self.twist = lambda handler, method, upload: False
        self.max_size = None
        self.now = self.most = 0  # PATCHes under way
        self.lock = threading.Lock()
        self.tokens = set()
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            timeout = 20

            def log_message(self, *args):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass  # the other end was killed

            def answer(self, status, **headers):
                self.send_response(status)
                self.send_header('Tus-Resumable', '1.0.0')
                for name, value in headers.items():
                    self.send_header(name.replace('_', '-'), str(value))
                if status != 204 and self.command != 'HEAD':
                    self.send_header('Content-Length', '0')
                self.end_headers()
                return True

            def cut(self):
                self.close_connection = True
                return True

            def body(self, most=None):
                size = int(self.headers.get('Content-Length', 0))
                want = size if most is None else min(size, most)
                data = b''
                while len(data) < want and (more := self.rfile.read(min(65536, want - len(data)))):
                    data += more
                return data

            def any(self):
                archive.serve(self)

            do_OPTIONS = do_POST = do_HEAD = do_PATCH = do_DELETE = do_GET = any

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f'http://127.0.0.1:{self.port}/files/'
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def of(self, recording):
        """The newest upload of a recording."""
        found = [u for u in self.uploads.values() if u.metadata.get('recording') == recording]
        return found[-1] if found else None

    def serve(self, h):
        upload = self.uploads.get(h.path)
        with self.lock:
            self.requests.append((h.command, h.path))
            self.tokens.add(h.headers.get('Authorization'))
        if not self.twist(h, h.command, upload):
            getattr(self, h.command.lower())(h, upload)

    def options(self, h, upload):
        extra = {'Tus_Checksum_Algorithm': 'md5,sha256'} if self.with_checksum else {}
        if self.max_size:
            extra['Tus_Max_Size'] = self.max_size
        h.answer(204, Tus_Version='1.0.0', Tus_Extension='creation,termination,checksum', **extra)

    def post(self, h, upload):
        pairs = [p.split(' ') for p in h.headers['Upload-Metadata'].split(',')]
        metadata = {name: base64.b64decode(value).decode() for name, value in pairs}
        with self.lock:
            path = f'/files/{len(self.uploads) + 1}'
            self.uploads[path] = Upload(int(h.headers['Upload-Length']), metadata)
        h.answer(201, Location=path)

    def head(self, h, upload):
        if not upload:
            return h.answer(404)
        upload.heads += 1
        extra = {}
        if self.with_digest and len(upload.data) == upload.length and 'sha-256' in h.headers.get('Want-Repr-Digest', ''):
            extra['Repr_Digest'] = f'sha-256=:{base64.b64encode(hashlib.sha256(upload.data).digest()).decode()}:'
        return h.answer(200, Upload_Offset=len(upload.data), Upload_Length=upload.length, Cache_Control='no-store', **extra)

    def patch(self, h, upload, keep=None):
        """keep: take only so many bytes, then cut the line; with checksums none of them stays."""
        if not upload:
            return h.answer(404)
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return self.take(h, upload, keep)
        finally:
            with self.lock:
                self.now -= 1

    def take(self, h, upload, keep):
        offset = int(h.headers['Upload-Offset'])
        if offset != len(upload.data):
            return h.answer(409)
        checksum = h.headers.get('Upload-Checksum')
        body = h.body(keep)
        upload.received += len(body)
        upload.patches.append((offset, len(body)))
        if keep is not None:
            upload.data += b'' if checksum else body
            return h.cut()
        if checksum and base64.b64decode(checksum.split(' ')[1]) != hashlib.sha256(body).digest():
            return h.answer(460)
        upload.data += body
        return h.answer(204, Upload_Offset=len(upload.data))

    def delete(self, h, upload):
        with self.lock:
            self.deleted.append(h.path)
            self.uploads.pop(h.path, None)
        h.answer(204 if upload else 404)
