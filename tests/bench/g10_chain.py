#!/usr/bin/python3
"""G10: one 720p30 picture from MJPEG camera to decoded H.264, CPU per picture, against ffmpeg doing the same work (MJPEG
decode, bilateral smoothing, drawtext clock, x264 superfast zerolatency; then a decode), in turn.

g10_chain.py BUILD_DIR [--json OUT] [--rounds N]"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

OUR_FRAMES, PEER_FRAMES = 310, 120
# a third of the height is skin, as of somebody before a camera
INPUT = 'testsrc2=s=1280x720:r=30,drawbox=x=400:y=120:w=480:h=520:color=0xd9a07c:t=fill,noise=alls=6:allf=t,boxblur=1'


def cpu_of(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peer(camera, folder):
    """CPU ms per picture of ffmpeg: encode run plus decode run, each net of a run of no pictures."""
    out = f'{folder}/peer.h264'
    one = ['ffmpeg', '-v', 'error', '-y', '-threads', '1', '-stream_loop', '-1', '-framerate', '30', '-i', camera, '-filter_threads', '1',
           '-vf', "bilateral=sigmaS=3:sigmaR=.1:planes=1,format=yuv420p,drawtext=text='%{gmtime}':fontsize=24:x=16:y=16",
           '-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-threads', '1', '-crf', '23', '-maxrate', '1500k',
           '-bufsize', '1500k', '-g', '60']
    full = cpu_of(one + ['-frames:v', str(PEER_FRAMES), out])
    start = cpu_of(one + ['-frames:v', '1', f'{folder}/one.h264'])
    decode = cpu_of(['ffmpeg', '-v', 'error', '-threads', '1', '-i', out, '-f', 'null', '-'])
    return (full - start + decode) * 1000 / PEER_FRAMES


def main():
    a = argparse.ArgumentParser()
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=3)
    a = a.parse_args()
    ours, peers = [], []
    with tempfile.TemporaryDirectory() as folder:
        camera = f'{folder}/camera.mjpeg'
        subprocess.run(['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', INPUT, '-frames:v', '40', '-c:v', 'mjpeg', '-q:v', '4',
                        '-pix_fmt', 'yuvj420p', camera], check=True)
        for _ in range(a.rounds):
            out = subprocess.run([os.path.join(a.build_dir, 'tests/bench/bench_chain'), camera, str(OUR_FRAMES)], check=True,
                                 capture_output=True, text=True).stdout
            ours.append(json.loads(out))
            peers.append(peer(camera, folder))
    stages = {k: statistics.median(o[k] for o in ours) for k in ('mjpeg', 'beauty', 'compose', 'encode', 'decode')}
    print('CPU ms per picture:', ', '.join(f'{k} {v:.2f}' for k, v in stages.items()), file=sys.stderr)
    total, own, peer_ms = sum(stages.values()), stages['beauty'] + stages['compose'], statistics.median(peers)
    held = max(o['held_back'] for o in ours)
    ratio = statistics.median(sum(o[k] for k in stages) / p for o, p in zip(ours, peers))
    rows = [{'name': 'chain vs ffmpeg with bilateral, ms', 'ours': total, 'peer': peer_ms, 'ratio': ratio, 'goal': '<= 11 ms',
             'ok': total <= 11},
            {'name': 'our own stages: beauty + compose, ms', 'ours': own, 'goal': '<= 1.2 ms', 'ok': own <= 1.2},
            {'name': 'pictures held back by the encoder', 'ours': held, 'goal': 0, 'ok': held == 0}]
    result = {'goal': 'G10', 'rows': rows}
    print(json.dumps(result, indent=1), file=sys.stderr)
    if a.json:
        with open(a.json, 'w') as f:
            json.dump(result, f)


main()
