/* Drives Chromium over --remote-debugging-pipe: the smallest client of the DevTools protocol (messages are JSON
 * ended by NUL on file descriptors 3 and 4). No packages, so that the demo needs none. */
import { spawn } from 'node:child_process';

export class Browser {
  #nextId = 1;
  #waiting = new Map();
  #listeners = new Set();

  /** @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} env */
  constructor(program, args, env) {
    this.process = spawn(program, ['--remote-debugging-pipe', ...args], {
      env, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.stderr = '';
    this.process.stderr.on('data', (d) => { this.stderr = (this.stderr + d).slice(-20000); });
    this.exited = new Promise((resolve) => this.process.once('exit', resolve));
    this.exited.then(() => this.#failAll('the browser ended'));
    this.process.on('error', (e) => this.#failAll(String(e)));
    this.process.stdio[3].on('error', () => {});
    let buffer = '';
    this.process.stdio[4].setEncoding('utf8');
    this.process.stdio[4].on('data', (d) => {
      buffer += d;
      const parts = buffer.split('\0');
      buffer = parts.pop();
      for (const part of parts) this.#receive(JSON.parse(part));
    });
  }

  #failAll(why) {
    for (const w of this.#waiting.values()) w.reject(new Error(why));
    this.#waiting.clear();
  }

  #receive(message) {
    const waiting = this.#waiting.get(message.id);
    if (waiting) {
      this.#waiting.delete(message.id);
      if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
      else waiting.resolve(message.result);
    } else {
      for (const listener of this.#listeners) listener(message);
    }
  }

  /** @returns {Promise<any>} */
  send(method, params = {}, sessionId = undefined) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, method });
      this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    });
  }

  /** Calls fn with each event until the returned function is called. */
  on(fn) {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  /** Opens url in a new tab and waits for its load event. */
  async open(url) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    await this.send('Page.enable', {}, sessionId);
    const loaded = new Promise((resolve) => {
      const off = this.on((m) => {
        if (m.sessionId === sessionId && m.method === 'Page.loadEventFired') resolve(off());
      });
    });
    const { errorText } = await this.send('Page.navigate', { url }, sessionId);
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    return new Page(this, sessionId);
  }

  async close() {
    await Promise.race([this.send('Browser.close').catch(() => {}), this.exited]);
    await this.exited;
  }
}

class Page {
  constructor(browser, sessionId) {
    this.browser = browser;
    this.sessionId = sessionId;
  }

  /** Evaluates an expression in the page; promises are awaited. */
  async evaluate(expression) {
    const r = await this.browser.send('Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true }, this.sessionId);
    if (r.exceptionDetails) throw new Error(r.exceptionDetails.exception?.description ?? r.exceptionDetails.text);
    return r.result.value;
  }

  /** PNG of the page as a Buffer. */
  async screenshot() {
    const { data } = await this.browser.send('Page.captureScreenshot', { format: 'png' }, this.sessionId);
    return Buffer.from(data, 'base64');
  }
}
