#!/usr/bin/python3
"""G1 and G2: the beauty filter's speed against bilateral filters and memcpy, and its effect on a real face.

g1_beauty.py BUILD_DIR [--json OUT] [--rounds N] [--keep DIR]

Speed: CPU per picture of one thread, rounds in turn (ours, ffmpeg, OpenCV), ratios are medians over the rounds. ffmpeg's
time is its user + system time less that of the same command without the filter. Effect: scikit-image's astronaut (a
face, wood-coloured hair, a beige backdrop) with static and temporal noise, panning slowly."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
from skimage import data

OUR_PICTURES, FFMPEG_PICTURES, OPENCV_PICTURES, FILE_PICTURES = 300, 60, 6, 24
BILATERAL = 'bilateral=sigmaS=3:sigmaR=0.1:planes=1'
ALL_ON = ['9', '9', '9', '9']
# Where things are in the 1280x720 picture before the pan: x, y, width, height.
FACE = (430, 180, 270, 300)
SKIN = [(505, 206, 130, 16), (466, 292, 40, 44), (622, 292, 34, 44), (530, 402, 60, 26)]
BEIGE = [(800, 60, 80, 260), (230, 120, 100, 220), (1160, 60, 90, 300)]
HAIR = [(490, 60, 150, 90), (410, 150, 45, 100), (690, 150, 45, 120)]


def make_clip(width, height, count, is_close=False):
    """Y, U, V pictures of the astronaut as a camera would give them, and the same without noise."""
    scale = width / 512
    face = data.astronaut()[65:245, 130:330] if is_close else data.astronaut()
    picture = cv2.resize(face, (width, width * face.shape[0] // face.shape[1]), interpolation=cv2.INTER_CUBIC)[:height]
    picture = cv2.copyMakeBorder(picture, 0, 0, 0, 32, cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(1)
    fine = noise.normal(0, 4.5, picture.shape[:2])
    coarse = cv2.resize(noise.normal(0, 3, (picture.shape[0] // 2, picture.shape[1] // 2)), picture.shape[1::-1])
    texture = (fine + coarse)[:, :, None] * min(1, scale / 2.5)
    clean, noisy = [], []
    for i in range(count):
        x = i % 32
        clean.append(np.ascontiguousarray(picture[:height, x:x + width]))
        full = picture + texture + noise.normal(0, 2.5, picture.shape)
        noisy.append(np.clip(full[:height, x:x + width] + 0.5, 0, 255).astype(np.uint8))
    to_yuv = [cv2.cvtColor(p, cv2.COLOR_RGB2YUV_I420) for p in noisy]
    return to_yuv, [cv2.cvtColor(p, cv2.COLOR_RGB2YUV_I420) for p in clean]


def write_clip(path, pictures):
    with open(path, 'wb') as f:
        for p in pictures:
            f.write(p.tobytes())
    return path


def read_clip(path, width, height):
    return np.fromfile(path, np.uint8).reshape(-1, height * 3 // 2, width)


def ours(program, path, size, levels, style='natural', pictures=OUR_PICTURES, out=None):
    command = [program, path, f'{size[0]}x{size[1]}', str(pictures), style, *levels, 'best'] + ([out] if out else [])
    return [float(v) for v in subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split()]


def ffmpeg(path, size, graph):
    command = ['ffmpeg', '-v', 'error', '-nostdin', '-threads', '1', '-filter_threads', '1', '-stream_loop', '-1', '-f',
               'rawvideo', '-pix_fmt', 'yuv420p', '-s', f'{size[0]}x{size[1]}', '-r', '30', '-i', path, '-frames:v',
               str(FFMPEG_PICTURES), '-vf', graph, '-f', 'null', '-']
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit(f'ffmpeg failed: exit {p.returncode}')
    return (usage.ru_utime + usage.ru_stime) * 1000 / FFMPEG_PICTURES


def opencv(pictures, height):
    start = time.thread_time()
    for i in range(OPENCV_PICTURES):
        cv2.bilateralFilter(pictures[i % len(pictures)][:height], 9, 30, 5)
    return (time.thread_time() - start) * 1000 / OPENCV_PICTURES


def speed(program, folder, size, rounds, is_close=False):
    clip, _ = make_clip(*size, FILE_PICTURES, is_close)
    path = write_clip(os.path.join(folder, 'clip.yuv'), clip)
    seen = {k: [] for k in ('ours', 'memcpy', 'ffmpeg', 'opencv', 'off')}
    for _ in range(rounds):
        mine, copy = ours(program, path, size, ALL_ON)
        seen['ours'].append(mine)
        seen['memcpy'].append(copy)
        seen['ffmpeg'].append(ffmpeg(path, size, BILATERAL) - ffmpeg(path, size, 'null'))
        seen['opencv'].append(opencv(clip, size[1]))
        seen['off'].append(ours(program, path, size, ['0', '0', '0', '0'])[0])
    rows, name = [], f'{size[1]}p' + (' close-up' if is_close else '')
    for peer, goal, text in (('ffmpeg', 0.09, 'ffmpeg bilateral Y'), ('opencv', 0.06, 'OpenCV bilateral d=9 Y'),
                             ('memcpy', 3, 'memcpy of the frame')):
        ratio = statistics.median(a / b for a, b in zip(seen['ours'], seen[peer]))
        rows.append({'name': f'{name} vs {text}', 'ours': statistics.median(seen['ours']),
                     'peer': statistics.median(seen[peer]), 'ratio': ratio, 'goal': goal, 'ok': ratio <= goal})
    off = statistics.median(seen['off'])
    if is_close:
        return rows
    rows.append({'name': f'{name} all levels 0, ms', 'ours': off, 'peer': None, 'ratio': None, 'goal': '<= 0.002 ms',
                 'ok': off <= 0.002})
    return rows


# ---- effect ----

def cut(picture, box):
    x, y, w, h = box
    return picture[y:y + h, x:x + w].astype(np.float64)


def high_pass_variance(picture, boxes):
    y = picture.astype(np.float64)
    high = y - cv2.GaussianBlur(y, (0, 0), 3)
    return np.mean([cut(high, b).var() for b in boxes])


def edge_gradient(picture, clean):
    """Mean luma gradient along the noiseless picture's own, where that is among the strongest tenth of the face."""
    def gradient(p):
        p = p.astype(np.float64)
        return cv2.Sobel(p, cv2.CV_64F, 1, 0), cv2.Sobel(p, cv2.CV_64F, 0, 1)
    cx, cy = gradient(clean)
    size = np.hypot(cx, cy) + 1e-9
    inside = np.zeros(size.shape, bool)
    inside[FACE[1]:FACE[1] + FACE[3], FACE[0]:FACE[0] + FACE[2]] = True
    strong = inside & (size >= np.quantile(size[inside], 0.9))
    gx, gy = gradient(picture)
    return np.mean(((gx * cx + gy * cy) / size)[strong])


def outside_psnr(a, b):
    d = (a.astype(np.float64) - b) ** 2
    keep = np.ones(d.shape, bool)
    keep[FACE[1]:FACE[1] + FACE[3], FACE[0]:FACE[0] + FACE[2]] = False
    return 10 * np.log10(255 ** 2 / max(d[keep].mean(), 1e-9))


def luma_change(a, b, boxes):
    return float(max(abs((cut(a, x) - cut(b, x)).mean()) for x in boxes))


def temporal_std(pictures, boxes):
    stack = np.stack(pictures).astype(np.float64)
    return np.mean([stack[:, y:y + h, x:x + w].std(axis=0).mean() for x, y, w, h in boxes])


def row(name, value, goal, ok):
    return {'name': name, 'ours': float(value), 'peer': None, 'ratio': None, 'goal': goal, 'ok': bool(ok)}


def effect(program, folder, keep):
    size = (1280, 720)
    noisy, clean = make_clip(*size, 1)
    still = [make_noisy_still(i) for i in range(12)]
    path, out = write_clip(os.path.join(folder, 'one.yuv'), noisy), os.path.join(folder, 'out.yuv')
    still_path = write_clip(os.path.join(folder, 'still.yuv'), still)
    before, base = noisy[0][:720], clean[0][:720]
    rows = []
    for style in ('smooth', 'natural', 'blur'):
        ours(program, path, size, ['9', '0', '0', '0'], style, 1, out)
        after = read_clip(out, *size)[0][:720]
        left = high_pass_variance(after, SKIN) / high_pass_variance(before, SKIN)
        kept = edge_gradient(after, base) / edge_gradient(before, base)
        psnr = outside_psnr(after, before)
        rows += [row(f'{style} 9: skin high-frequency variance left', left, '<= 0.45', left <= 0.45),
                 row(f'{style} 9: face edge gradient kept', kept, '>= 0.93', kept >= 0.93),
                 row(f'{style} 9: PSNR outside the face, dB', psnr, '>= 44', psnr >= 44)]
    ours(program, path, size, ALL_ON, 'natural', 1, out)
    picture = read_clip(out, *size)[0]
    if keep:
        for name, p in (('before', noisy[0]), ('after', picture)):
            cv2.imwrite(os.path.join(keep, name + '.png'), cv2.cvtColor(p, cv2.COLOR_YUV2BGR_I420))
    for name, boxes in (('beige backdrop', BEIGE), ('wood-coloured hair', HAIR)):
        change = luma_change(picture[:720], before, boxes)
        rows.append(row(f'whiten 9: luma change of the {name}', change, '<= 1', change <= 1))
    lifted = np.mean([(cut(picture[:720], b) - cut(before, b)).mean() for b in SKIN])
    rows.append(row('whiten 9: luma change of skin', lifted, '>= 8', lifted >= 8))
    ours(program, still_path, size, ALL_ON[:3] + ['0'], 'natural', len(still), out)
    after = [p[:720] for p in read_clip(out, *size)]
    flicker = temporal_std(after, SKIN) / temporal_std([p[:720] for p in still], SKIN)
    rows.append(row('temporal deviation of skin, after / before', flicker, '<= 1', flicker <= 1))
    return rows


def make_noisy_still(i):
    picture = cv2.resize(data.astronaut(), (1280, 1280), interpolation=cv2.INTER_CUBIC)[:720]
    noise = np.random.default_rng(100 + i)
    return cv2.cvtColor(np.clip(picture + noise.normal(0, 3, picture.shape) + 0.5, 0, 255).astype(np.uint8),
                        cv2.COLOR_RGB2YUV_I420)


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('build_dir')
    a.add_argument('--json')
    a.add_argument('--rounds', type=int, default=7)
    a.add_argument('--keep', help='write before.png and after.png here')
    a.add_argument('--only', choices=['speed', 'effect'])
    a = a.parse_args()
    cv2.setNumThreads(1)
    program = os.path.join(a.build_dir, 'tests', 'bench', 'bench_beauty')
    tables = []
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        if a.only != 'effect':
            tables.append({'goal': 'G1', 'rows': speed(program, folder, (1280, 720), a.rounds) +
                           speed(program, folder, (1920, 1080), a.rounds) +
                           speed(program, folder, (1280, 720), a.rounds, True)})
        if a.only != 'speed':
            tables.append({'goal': 'G2', 'rows': effect(program, folder, a.keep)})
    for t in tables:
        print(f'{t["goal"] + "":48} {"ours":>9} {"peer":>9} {"ratio":>7}  goal', file=sys.stderr)
        for r in t['rows']:
            peer, ratio = ('-' if r[k] is None else f'{r[k]:.3f}' for k in ('peer', 'ratio'))
            print(f'{r["name"]:58} {r["ours"]:9.3f} {peer:>9} {ratio:>7}  {r["goal"]}{"" if r["ok"] else "  MISSED"}',
                  file=sys.stderr)
    if a.json:
        with open(a.json, 'w') as f:
            json.dump(tables, f, indent=1)


main()
