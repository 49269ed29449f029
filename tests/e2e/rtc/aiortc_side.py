#!/usr/bin/python3
"""A peer by python3-aiortc for tests: JSON lines as tests/tools/rtc_call has them. Sends a moving picture and silence; says
each second what it received. It does not trickle: its descriptions have its addresses, ours are added as they come."""
import asyncio
import json
import sys

import av
import numpy
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack
from aiortc.sdp import candidate_from_sdp


class Moving(VideoStreamTrack):
    def __init__(self):
        super().__init__()
        self.number = 0

    async def recv(self):
        pts, base = await self.next_timestamp()
        picture = numpy.zeros((240, 320, 3), dtype=numpy.uint8)
        picture[:, self.number % 300:self.number % 300 + 20] = 200
        self.number += 1
        frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
        frame.pts, frame.time_base = pts, base
        return frame


def say(message):
    print(json.dumps(message), flush=True)


async def main():
    pc = RTCPeerConnection()
    counts = {'audio': 0, 'video': 0, 'width': 0}
    waiting = []

    @pc.on('track')
    def on_track(track: MediaStreamTrack):
        async def read():
            while True:
                frame = await track.recv()
                counts[track.kind] += 1
                if track.kind == 'video':
                    counts['width'] = frame.width
        asyncio.ensure_future(read())

    async def describe():
        d = pc.localDescription
        say({'description': {'type': d.type, 'sdp': d.sdp}})

    async def candidate(text):
        if text:
            c = candidate_from_sdp(text.split(':', 1)[1])
            c.sdpMid = '0'
            await pc.addIceCandidate(c)

    async def tell():
        while True:
            await asyncio.sleep(1)
            say({'counts': counts})

    def add_own():
        pc.addTrack(AudioStreamTrack())
        pc.addTrack(Moving())

    asyncio.ensure_future(tell())
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        if 'offer' in message:
            add_own()
            await pc.setLocalDescription(await pc.createOffer())
            await describe()
        if 'description' in message:
            d = message['description']
            await pc.setRemoteDescription(RTCSessionDescription(d['sdp'], d['type']))
            for text in waiting:
                await candidate(text)
            waiting.clear()
            if d['type'] == 'offer':
                add_own()
                await pc.setLocalDescription(await pc.createAnswer())
                await describe()
        if 'candidate' in message:
            text = message['candidate']['candidate']
            await candidate(text) if pc.remoteDescription else waiting.append(text)
    await pc.close()


asyncio.run(main())
