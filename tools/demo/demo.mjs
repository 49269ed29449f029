/* ./dev demo: starts what pages need (see desktop.mjs, rooms.mjs), opens them in Chromium with the extension, and with --once
 * or --call lets them record and prints facts as JSON. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { enterAtDesk, hold } from './call.mjs';
import { Browser } from './cdp.mjs';
import { Desktop } from './desktop.mjs';
import { ROOM, Rooms } from './rooms.mjs';

const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const deskhand = path.join(top, 'build/agent/deskhand');

function parse(argv) {
  const o = { once: false, call: false, https: false, fake: false, seconds: 0, out: null };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--once') o.once = true;
    else if (argv[i] === '--call') o.call = true;
    else if (argv[i] === '--https') o.https = true;
    else if (argv[i] === '--fake') o.fake = true;
    else if (argv[i] === '--seconds') o.seconds = Number(argv[++i]);
    else if (argv[i] === '--out') o.out = path.resolve(argv[++i] ?? '.');
    else fail(`unknown argument '${argv[i]}', see ./dev demo --help`, 2);
  }
  o.seconds ||= o.call ? 15 : 10;
  if (o.once && o.call) fail('--once or --call, not both', 2);
  if (!(o.seconds >= 1 && o.seconds <= 600)) fail('--seconds takes a number from 1 to 600', 2);
  return o;
}

/** Before anything was started; later failures are thrown, so that all of it is ended. */
function fail(text, code) {
  console.error(`demo: ${text}`);
  process.exit(code);
}

/** The pages on a free port; resolves to that port. */
function servePages(desktop, rooms) {
  const child = desktop.start('python3', [path.join(top, 'tools/serve_pages.py'), '--port', '0', '--print-port', '--login', rooms.loginFile()],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (d) => resolve(Number(String(d).trim())));
    child.once('exit', () => reject(new Error('the page server ended')));
  });
}

/** Own places, own policy: the demo never touches the user's configuration. */
function prepare(desktop, dir, port, rooms, options) {
  const env = desktop.env;
  env.XDG_CONFIG_HOME = path.join(dir, 'config');
  env.XDG_STATE_HOME = path.join(dir, 'state');
  env.XDG_RUNTIME_DIR = path.join(dir, 'run');
  mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
  mkdirSync(path.join(dir, 'policy'), { mode: 0o700 });
  env.DESKHAND_POLICY_DIRS = path.join(dir, 'policy');
  const policy = { origins: [{ origin: `http://localhost:${port}`, scopes: ['*'] }], signal_hosts: [rooms.host] };
  if (rooms.certificate) policy.ca_file = rooms.certificate;
  if (options.out || options.once || options.call) {
    const out = options.out ?? mkdtempSync(path.join(tmpdir(), 'deskhand-recordings-'));
    mkdirSync(out, { recursive: true });
    policy.folders = { videos: out };
  }
  writeFileSync(path.join(dir, 'policy/demo.json'), JSON.stringify(policy), { mode: 0o600 });
}

/** What every Chromium of the demo gets. */
function browserArgs(profile, isHeadless) {
  return [`--user-data-dir=${profile}`, '--no-first-run', '--no-default-browser-check', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
    ...(isHeadless ? ['--headless=new'] : [])];
}

function chromiumArgs(dir, isHeadless) {
  const profile = path.join(dir, 'profile');
  const hosts = path.join(profile, 'NativeMessagingHosts');
  mkdirSync(hosts, { recursive: true });
  const made = spawnSync(deskhand, ['manifests', 'install', '--browser', 'chromium', '--dir', hosts], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`the native host's manifest could not be written: ${made.stderr}`);
  const extension = path.join(top, 'web-extension');
  return [...browserArgs(profile, isHeadless), `--disable-extensions-except=${extension}`, `--load-extension=${extension}`, 'about:blank'];
}

/** A customer's browser: no extension, a camera and a microphone of its own. */
function customerArgs(dir, rooms) {
  return [...browserArgs(path.join(dir, 'customer'), true), '--use-fake-device-for-media-stream=fps=15', '--use-fake-ui-for-media-stream',
    ...(rooms.certificate ? ['--ignore-certificate-errors'] : []), 'about:blank'];
}

/** Facts of the finished file, from the file itself. */
function facts(file) {
  const p = spawnSync('ffprobe', ['-v', 'error', '-count_packets', '-show_entries',
    'format=duration:stream=codec_type,codec_name,width,height,nb_read_packets', '-of', 'json', file], { encoding: 'utf8' });
  if (p.status !== 0) throw new Error(`ffprobe cannot read ${file}: ${p.stderr}`);
  const probe = JSON.parse(p.stdout);
  const video = probe.streams.find((s) => s.codec_type === 'video');
  const audio = probe.streams.find((s) => s.codec_type === 'audio');
  return { file, duration_ms: Math.round(Number(probe.format.duration) * 1000), width: video?.width, height: video?.height,
    video_frames: Number(video?.nb_read_packets ?? 0), audio_codec: audio?.codec_name ?? null };
}

/** Waits for the page to fill #facts; its recording id leads to the file. */
async function recordOnce(page, env, seconds) {
  const text = await page.evaluate(`new Promise((resolve, reject) => {
    const look = () => { const e = document.querySelector('#facts'); if (e && e.textContent.trim()) { done(); resolve(e.textContent); } };
    const observer = new MutationObserver(look);
    const timer = setTimeout(() => { done(); reject(new Error('the page did not finish: ' + document.body.innerText.slice(0, 2000))); },
      ${(seconds + 60) * 1000});
    const done = () => { observer.disconnect(); clearTimeout(timer); };
    observer.observe(document, { subtree: true, childList: true, characterData: true });
    look();
  })`);
  const shown = JSON.parse(text);
  if (shown.error) throw new Error(`the page says: ${shown.error}`);
  return command(env, 'recording.get', { recording: shown.recording }).path;
}

/** A command of the agent, as the desk's user. */
function command(env, method, params = {}) {
  const got = spawnSync(deskhand, ['call', method, JSON.stringify(params)], { env, encoding: 'utf8' });
  if (got.status !== 0) throw new Error(`${method}: ${got.stderr.trim()}`);
  return JSON.parse(got.stdout);
}

/** What the page's own decoder made of the live picture. */
function preview(page) {
  return page.evaluate(`(() => {
    const video = document.querySelector('#live');
    return { width: video.videoWidth, height: video.videoHeight, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  })()`);
}

/** Ends the agent of this demo (the native host may have started it), which finishes its recordings. */
function endAgent(env) {
  const status = spawnSync(deskhand, ['status', '--json'], { env, encoding: 'utf8' });
  if (status.status === 0) process.kill(JSON.parse(status.stdout).pid);
}

async function openDesk(browser, port, query = '') {
  return browser.open(`http://localhost:${port}/pages/${query}`);
}

/** The customer's link of the demo's room; the page made the room. A phone takes this machine's address, which the agent need not know. */
function customerLink(env, rooms) {
  const { link } = command(env, 'room.ticket', { room: ROOM, uses: 20, ttl_s: 86400 });
  return link.replace(rooms.host, rooms.customerHost);
}

async function call(desktop, dir, rooms, browser, port, seconds) {
  const customer = new Browser('chromium', customerArgs(dir, rooms), desktop.env);
  try {
    const desk = await openDesk(browser, port, 'double.html');
    await enterAtDesk(desk, rooms.url);
    const page = await customer.open(customerLink(desktop.env, rooms));
    const { recording, ...told } = await hold(desk, page, (method, params) => command(desktop.env, method, params), seconds);
    return { ...told, ...facts(recording.path) };
  } finally {
    await customer.close().catch(() => {});
  }
}

async function once(env, browser, port, seconds) {
  const page = await openDesk(browser, port, `index.html?auto=${seconds}`);
  const file = await recordOnce(page, env, seconds);
  return { ...facts(file), preview: await preview(page) };
}

/** Until the browser is closed. */
async function show(env, rooms, browser, port, isHeadless) {
  await openDesk(browser, port, 'index.html');
  const desk = await openDesk(browser, port, 'double.html?lang=en');
  console.log(`demo: recordings   http://localhost:${port}/pages/index.html`);
  console.log(`demo: calls        http://localhost:${port}/pages/double.html`);
  await enterAtDesk(desk, rooms.url);
  console.log(`demo: the customer ${customerLink(env, rooms)}`);
  console.log(`demo: ${isHeadless ? 'no display here: Chromium runs headless; ' : ''}Ctrl-C ends the demo`);
  await browser.exited;
}

/** A call shows a camera: where there is none, the agent's pattern. */
function useFakesWithoutCamera(options) {
  if (!options.call || options.fake || readdirSync('/dev').some((name) => /^video\d+$/.test(name))) return;
  console.error('demo: no camera here; the desk shows a pattern and a tone (--fake)');
  options.fake = true;
}

async function main() {
  const options = parse(process.argv.slice(2));
  useFakesWithoutCamera(options);
  const dir = mkdtempSync(path.join(tmpdir(), 'deskhand-demo-'));
  const desktop = new Desktop(dir);
  let browser;
  const cleanUp = async () => {
    await browser?.close().catch(() => {});
    endAgent(desktop.env);
    desktop.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('SIGINT', () => cleanUp().then(() => process.exit(130)));
  process.once('SIGTERM', () => cleanUp().then(() => process.exit(143)));
  try {
    const madeDisplay = await desktop.display();
    if (!options.fake) await desktop.sound();
    const rooms = await new Rooms(top, dir, options.https).start(desktop);
    const port = await servePages(desktop, rooms);
    prepare(desktop, dir, port, rooms, options);
    if (options.fake) spawn(deskhand, ['agent', '--fake'], { env: desktop.env, stdio: ['ignore', 'ignore', 'inherit'] });
    const isHeadless = madeDisplay || options.once || options.call;
    browser = new Browser('chromium', chromiumArgs(dir, isHeadless), desktop.env);
    if (options.call) console.log(JSON.stringify(await call(desktop, dir, rooms, browser, port, options.seconds)));
    else if (options.once) console.log(JSON.stringify(await once(desktop.env, browser, port, options.seconds)));
    else await show(desktop.env, rooms, browser, port, isHeadless);
  } catch (e) {
    console.error(`demo: ${e.message}`);
    process.exitCode = 1;
  }
  await cleanUp();
}

await main();
