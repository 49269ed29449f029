/* What the demo needs of a desktop and this machine may lack: a display with moving content, a sound server with
 * a tone. Everything started here ends with stop(). */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';

export class Desktop {
  #children = [];

  /** @param {string} dir scratch folder */
  constructor(dir) {
    this.dir = dir;
    this.env = { ...process.env };
  }

  start(program, args, options = {}) {
    const child = spawn(program, args, { env: this.env, stdio: ['ignore', 'ignore', 'ignore'], ...options });
    child.on('error', () => {});
    this.#children.push(child);
    return child;
  }

  /** A display: the one there is, or Xvfb with a clock, a scrolling terminal and a moving thing. */
  async display() {
    if (process.env.DISPLAY || process.env.WAYLAND_DISPLAY) return false;
    const xvfb = this.start('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x720x24', '-nolisten', 'tcp'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const [number] = await Promise.race([once(xvfb.stdio[3], 'data'), once(xvfb, 'exit').then(() => [null])]);
    if (number === null) throw new Error('Xvfb could not be started');
    this.env.DISPLAY = `:${String(number).trim()}`;
    const script = 'i=0; while :; do i=$((i+1)); echo "$i $(date +%T.%N) a line of moving text"; read -t 0.05 _ </dev/tty; done';
    this.start('xterm', ['-geometry', '100x40+20+20', '-bg', 'navy', '-fg', 'white', '-e', 'bash', '-c', script]);
    return true;
  }

  /** A sound server: the one there is, or a private PulseAudio with a null sink into which a tone plays. */
  async sound() {
    if (spawnSync('pactl', ['info'], { env: this.env, stdio: 'ignore' }).status === 0) return false;
    const run = path.join(this.dir, 'pulse');
    mkdirSync(run, { mode: 0o700, recursive: true });
    this.env.PULSE_RUNTIME_PATH = run;
    this.env.PULSE_SERVER = `unix:${run}/native`;
    // clients find the server by PULSE_SERVER; ALSA programs by this file
    this.env.ALSA_CONFIG_PATH = path.join(this.dir, 'asound.conf');
    writeFileSync(this.env.ALSA_CONFIG_PATH, [
      '</usr/share/alsa/alsa.conf>', 'pcm.!default { type pulse }', 'ctl.!default { type pulse }', ''].join('\n'));
    const load = ['-L', `module-native-protocol-unix auth-anonymous=1 socket=${run}/native`,
      '-L', 'module-null-sink sink_name=demo rate=48000'];
    this.start('pulseaudio', ['-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '--disable-shm=yes', ...load],
      { env: { ...this.env, HOME: this.dir, XDG_RUNTIME_DIR: run } });
    if (!await this.#until(() => spawnSync('pactl', ['set-default-source', 'demo.monitor'], { env: this.env, stdio: 'ignore' }).status === 0)) {
      console.error('demo: no sound server could be started; recording without sound');
      return false;
    }
    const tone = path.join(this.dir, 'tone.wav');
    spawnSync('sox', ['-n', '-r', '48000', '-c', '2', '-b', '16', tone, 'synth', '10', 'sine', '440', 'gain', '-12']);
    if (existsSync(tone))
      this.start('bash', ['-c', 'while paplay --device=demo "$1"; do :; done', 'tone', tone]);
    return true;
  }

  /** Asks check() again as fast as it answers, for at most ten seconds. */
  async #until(check) {
    const end = Date.now() + 10000;
    while (!check()) {
      if (Date.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return true;
  }

  stop() {
    for (const child of this.#children.reverse()) child.kill();
  }
}
