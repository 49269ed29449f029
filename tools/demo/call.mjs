/* ./dev demo --call: a desk (page, extension, agent) and a customer (a browser with a fake camera) in one room. */
import { ROOM } from './rooms.mjs';

const WAIT_MS = 60000;

/** Runs in a page: every element, in shadow trees too. */
const HELPERS = `globalThis.demo ??= {
  all(root) { return [...root.querySelectorAll('*')].flatMap((e) => [e, ...(e.shadowRoot ? this.all(e.shadowRoot) : [])]); },
  find(id) { return this.all(document).find((e) => e.dataset?.testid === id); },
  frames() { // of the other side's camera
    const tile = this.all(document).find((e) => /^tile-m\\d+$/.test(e.dataset?.testid ?? ''));
    return tile?.querySelector('video').getVideoPlaybackQuality().totalVideoFrames ?? 0; },
  until(what, ms, fn) { return new Promise((resolve, reject) => {
    const end = Date.now() + ms;
    const look = () => {
      const got = fn();
      if (got) resolve(got);
      else if (Date.now() > end) reject(new Error('no ' + what + ': ' + document.body.innerText.slice(0, 500)));
      else setTimeout(look, 50); };
    look(); }); },
};`;

async function inPage(page, expression) {
  await page.evaluate(HELPERS);
  return page.evaluate(expression);
}

const until = (page, what, condition) => inPage(page, `demo.until(${JSON.stringify(what)}, ${WAIT_MS}, () => ${condition})`);
const click = (page, id) => until(page, id,
  `(() => { const e = demo.find(${JSON.stringify(id)}); return e && !e.disabled && (e.click(), true); })()`);

async function type(page, id, text) {
  await until(page, id, `demo.find(${JSON.stringify(id)})`);
  await inPage(page, `(() => { const e = demo.find(${JSON.stringify(id)}); e.value = ${JSON.stringify(text)};
    e.dispatchEvent(new Event('input', { bubbles: true })); })()`);
}

/** The desk enters the demo's room. @param {object} page double.html */
export async function enterAtDesk(page, server) {
  for (const [id, text] of [['server', server], ['room-name-field', ROOM], ['user', 'desk']]) await type(page, id, text);
  await click(page, 'enter');
  await until(page, 'room at the desk', `document.body.hasAttribute('data-in-call')`);
}

async function joinAsCustomer(page) {
  await type(page, 'name', 'Chen Wei');
  await click(page, 'join');
}

async function say(from, to, text) {
  await type(from, 'chat-text', text);
  await click(from, 'chat-send');
  await until(to, `line "${text}"`, `demo.find('chat-lines')?.textContent.includes(${JSON.stringify(text)})`);
  return true;
}

const pictures = (page) => inPage(page, 'demo.frames()');

/** @param {object} desk double.html, in the room @param {object} customer the link's page @param {object} agent calls its commands */
export async function hold(desk, customer, agent, seconds) {
  await joinAsCustomer(customer);
  for (const page of [desk, customer]) await until(page, 'moving picture of the other side', 'demo.frames() > 5');
  await click(desk, 'record');
  await until(customer, 'notice of the recording', `demo.find('recorded')?.textContent.trim()`);
  const before = { desk: received(agent), customer: await pictures(customer) };
  const chat = { to_customer: await say(desk, customer, 'Good morning, can you see me?'), to_desk: await say(customer, desk, '可以，很清楚') };
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = { desk: received(agent), customer: await pictures(customer) };
  await click(desk, 'stop');
  await until(desk, 'end of the recording', `document.querySelector('#last').textContent.trim()`);
  const [recording] = agent('recording.list').recordings;
  return { seconds, frames: { desk: after.desk.frames - before.desk.frames, customer: after.customer - before.customer },
    sound_packets: { desk: after.desk.sounds - before.desk.sounds }, chat, recording_shown: true, recording };
}

/** What the agent has decoded of its member. */
function received(agent) {
  const streams = agent('rtc.stats').peers.filter((p) => p.kind === 'member').flatMap((p) => p.receive ?? []);
  const sum = (kind, field) => streams.filter((s) => s.kind === kind).reduce((n, s) => n + (s[field] ?? 0), 0);
  return { frames: sum('video', 'frames_decoded'), sounds: sum('audio', 'packets') };
}
