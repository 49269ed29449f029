/* The room service of the demo: its key, its certificate, and who may log in. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const APP = 1400000001;
export const ROOM = 'demo';

export class Rooms {
  /** @param {string} top the project @param {string} dir scratch folder @param {boolean} isHttps for phones on the same network */
  constructor(top, dir, isHttps) {
    this.top = top;
    this.dir = path.join(dir, 'rooms');
    this.isHttps = isHttps;
    this.program = path.join(top, 'build/room-service/deskhand-rooms');
    mkdirSync(this.dir, { mode: 0o700 });
  }

  /** Resolves when it serves. @param {import('./desktop.mjs').Desktop} desktop */
  async start(desktop) {
    writeFileSync(this.#file('secrets.json'), JSON.stringify({ [APP]: randomBytes(32).toString('hex') }), { mode: 0o600 });
    const args = ['serve', '--port', '0', '--db', this.#file('rooms.db'), '--secret-file', this.#file('secrets.json'),
      '--pages', path.join(this.top, 'js'), '--log-level', 'warn', '--print-ready'];
    if (this.isHttps) {
      this.#makeCertificate();
      args.push('--host', '0.0.0.0', '--cert', this.certificate, '--key', this.#file('key.pem'));
    }
    const child = desktop.start(this.program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error('deskhand-rooms could not be started')))]);
    const { port } = JSON.parse(line);
    this.url = `${this.isHttps ? 'https' : 'http'}://localhost:${port}`;
    this.host = `localhost:${port}`;
    this.customerHost = this.isHttps ? `${addresses()[0] ?? 'localhost'}:${port}` : this.host;
    return this;
  }

  /** A file for serve_pages.py --login: it plays the business's own server. */
  loginFile() {
    const usersig = [this.program, 'usersig', '--secret-file', this.#file('secrets.json'), '--sdk-app-id', String(APP)];
    writeFileSync(this.#file('login.json'), JSON.stringify({ sdk_app_id: APP, server: this.url, usersig }));
    return this.#file('login.json');
  }

  #file(name) {
    return path.join(this.dir, name);
  }

  #makeCertificate() {
    const names = ['DNS:localhost', ...['127.0.0.1', ...addresses()].map((a) => `IP:${a}`)].join(',');
    this.certificate = this.#file('cert.pem');
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '7',
      '-subj', '/CN=Deskhand demo', '-addext', `subjectAltName=${names}`, '-keyout', this.#file('key.pem'), '-out', this.certificate],
    { encoding: 'utf8' });
    if (!existsSync(this.certificate)) throw new Error(`no certificate could be made: ${made.stderr ?? made.error}`);
  }
}

/** This machine's own, in the networks it is in. */
function addresses() {
  return Object.values(networkInterfaces()).flat().filter((a) => a.family === 'IPv4' && !a.internal).map((a) => a.address);
}
