"""The evidence chain of a recording, read and made again from docs/evidence.md alone: a second implementation, for tests that
tamper with files as somebody would who knows the format."""
import hashlib
import struct
import subprocess

LINK = bytes.fromhex('5d8c1e4b9a374f62b01d7ec42f96a358')
SIGNATURE = bytes.fromhex('e2740bd916c84a958f533a61de07bc2c')
HEAD, FRAGMENT, NOTE, END = 1, 2, 3, 4
GROWING = b'\0\0\0\x10free' + bytes(8)
CONTEXT = b'deskhand-recording-v1\n'


class Link:
    """A region and the link box behind it. Both may be changed; remake() makes the link fit again."""

    def __init__(self, region, box):
        self.region, self.box = bytearray(region), bytearray(box)

    @property
    def kind(self):
        return self.box[89]

    @property
    def seq(self):
        return struct.unpack_from('>I', self.box, 92)[0]

    @property
    def head(self):
        return bytes(self.box[24:56])

    def hashed_region(self):
        region = bytearray(self.region)
        if self.kind == HEAD:
            region[32:48] = GROWING
        else:
            for at in struct.unpack_from('>II', self.box, 144):
                if at:
                    region[at:at + 4] = bytes(4)
        return hashlib.sha256(region).digest()

    def is_good(self, previous):
        return (self.box[56:88] == previous and self.box[160:192] == self.hashed_region() and
                struct.unpack_from('>Q', self.box, 120)[0] == len(self.region) and
                hashlib.sha256(self.box[56:]).digest() == self.head)

    def remake(self, seq, previous):
        self.box[56:88] = previous
        struct.pack_into('>I', self.box, 92, seq)
        struct.pack_into('>Q', self.box, 120, len(self.region))
        self.box[160:192] = self.hashed_region()
        self.box[24:56] = hashlib.sha256(self.box[56:]).digest()


class Recording:
    """A file in pieces: links, and what stands behind the last one."""

    def __init__(self, data):
        self.links, region_at, at = [], 0, 48
        while at + 8 <= len(data):
            size = struct.unpack_from('>I', data, at)[0]
            if not size:
                break
            if data[at + 4:at + 8] == b'uuid' and data[at + 8:at + 24] == LINK:
                self.links.append(Link(data[region_at:at], data[at:at + size]))
                region_at = at + size
                if self.links[-1].kind == END:
                    break
            at += size
        self.rest = bytearray(data[region_at:])

    def data(self):
        return b''.join(bytes(link.region) + bytes(link.box) for link in self.links) + bytes(self.rest)

    def fragment(self, n):
        return [link for link in self.links if link.kind == FRAGMENT][n]

    def is_good(self):
        previous = bytes(32)
        for n, link in enumerate(self.links):
            if link.seq != n or not link.is_good(previous):
                return False
            previous = link.head
        return True

    def fit_head(self):
        """What the head's reserved bytes say of a finished file."""
        at = sum(len(link.region) + len(link.box) for link in self.links) - len(self.links[-1].region) - len(self.links[-1].box)
        self.links[0].region[32:48] = b'\0\0\0\1mdat' + struct.pack('>Q', at - 32)

    def remake(self):
        """All links anew, as if the content had always been so."""
        self.fit_head()
        previous = bytes(32)
        for n, link in enumerate(self.links):
            link.remake(n, previous)
            previous = link.head

    def sign(self, key_file, folder):
        """A signature by a PEM key over the last link."""
        text = f'{folder}/text'
        with open(text, 'wb') as f:
            f.write(CONTEXT + self.links[-1].head)
        signature = subprocess.run(['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', key_file, '-in', text], check=True,
                                   capture_output=True).stdout
        self.rest = bytearray(struct.pack('>I', 120) + b'uuid' + SIGNATURE + public_key(key_file) + signature)


def public_key(key_file):
    der = subprocess.run(['openssl', 'pkey', '-in', key_file, '-pubout', '-outform', 'DER'], check=True,
                         capture_output=True).stdout
    return der[-32:]
