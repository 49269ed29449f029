/** The demo: a case page of a CRM that records the desk. See docs/sdk.md for what it calls. */
import { Deskhand, texts } from '../deskhand.js';
import { $, fill, log, say, setLanguage, t } from './ui.js';
import { Picture } from './picture.js';
import { Recorder } from './recorder.js';
import { translator } from '../src/room/texts.js';

const CANVAS = { width: 1280, height: 720, fps: 30 };
const SCOPES = ['devices.list', 'camera', 'microphone', 'screen', 'system_audio', 'record.local', 'files.list', 'stats'];
const ROLES = ['screen', 'camera', 'microphone', 'system'];
const TEST_PICTURE = 'pattern:camera';
const BEAUTY = ['smooth', 'whiten', 'ruddy', 'sharpen'];
/** Shown by their own means, not in the log. */
const QUIET = ['audio.levels', 'recording.progress', 'agent.stats', 'rtc.stats'];
const EVENTS = ['agent.state', 'audio.levels', 'devices.changed', 'grants.changed', 'session.changed', 'source.lost', 'source.back',
	'recording.started', 'recording.progress', 'recording.segment', 'recording.marker', 'recording.paused', 'recording.resumed',
	'recording.stopped', 'recording.failed', 'recording.recovered', 'beauty.degraded', 'quality.warning',
	'rtc.stats', 'preview.closed', 'capture.interrupted', 'capture.resumed', 'capture.ended'];

const query = new URLSearchParams(location.search);
const picture = new Picture(showError);
const recorder = new Recorder(showError);
let agent = null;
let session = null;
let failure = null;

const lang = () => $('language').value;

function setState(state) {
	$('connection').dataset.state = state;
	say($('connection'), `state_${state}`);
	$('connect').hidden = state === 'connected' || state === 'reconnecting';
	$('disconnect').hidden = !$('connect').hidden;
	$('connect').disabled = state === 'connecting';
	$('setup').disabled = state !== 'connected';
	$('beauty').disabled = state !== 'connected' || !session;
	recorder.use(agent, state === 'connected' ? session : null);
}

/** One panel for every way connect() can fail; the texts follow the language. */
function showFailure(e) {
	failure = e;
	$('failure').hidden = !e;
	$('agent-facts').hidden = Boolean(e) || !agent;
	if (!e)
		return;
	const known = texts[lang()][e.reason] ?? texts[lang()][e.name];
	const isAgentsOwn = !known || (e.hint && ![...Object.values(texts.en), ...Object.values(texts.zh)].some(([, hint]) => hint === e.hint));
	$('failure-title').textContent = known?.[0] ?? e.message;
	$('failure-hint').textContent = isAgentsOwn ? e.hint : known[1];
	$('failure-name').textContent = e.name;
}

function showError(e) {
	log('error', `${e.name}: ${e.message}${e.hint ? ` – ${e.hint}` : ''}`);
}

function showAgent() {
	const { agent: { version } = {}, granted } = agent.info;
	$('agent-facts').textContent = t('agentFacts', { version, transport: agent.transport, granted: granted.join(', ') });
	$('agent-facts').hidden = false;
}

async function connect() {
	showFailure(null);
	setState('connecting');
	try {
		agent = await Deskhand.connect({ transport: $('transport').value, lang: lang(), request: SCOPES });
		listen(agent);
		showAgent();
		log('connected', t('connected', { transport: agent.transport }));
		await agent.events.subscribe({ prefixes: ['audio.levels', 'rtc.stats'] });
		await showDevices();
		setState('connected');
		await resume();
	} catch (e) {
		agent?.close();
		agent = null;
		setState('failed');
		showFailure(e);
		throw e;
	}
}

function disconnect() {
	agent.close();
	agent = null;
	left();
	setState('none');
	$('agent-facts').hidden = true;
}

function listen(to) {
	for (const name of EVENTS)
		to.addEventListener(name, ({ detail }) => received(name, detail));
	to.addEventListener('reconnecting', ({ detail }) => {
		setState('reconnecting');
		log('reconnecting', String(detail.attempt));
	});
	to.addEventListener('reconnected', ({ detail }) => {
		if (detail.lost_sessions.includes(session))
			left();
		setState('connected');
		log('reconnected');
	});
	to.addEventListener('disconnected', ({ detail }) => {
		left();
		setState('failed');
		showFailure(detail);
	});
}

function received(name, detail) {
	if (name === 'audio.levels')
		picture.level(detail);
	if (name === 'rtc.stats')
		picture.stats(detail);
	if (name === 'devices.changed')
		showDevices().catch(showError);
	if (name === 'session.changed' && detail.session === session && detail.state === 'closed')
		left();
	if (name.startsWith('recording.'))
		recorder.event(name, detail);
	if (name === 'source.lost')
		log(name, `${t('lostSource', { role: t(detail.role), reason: detail.reason })} ${detail.hint ?? ''}`);
	else if (name === 'quality.warning')
		log(name, quality(detail));
	else if (!QUIET.includes(name))
		log(name, detail.recording ?? detail.session ?? '');
}

/** quality.warning as a sentence. */
function quality({ role, kind, state }) {
	const words = translator(lang());
	return words('q_of', { name: t(role), text: words(state === 'start' ? `q_${kind}` : 'q_over') });
}

async function showDevices() {
	const { devices } = await agent.devices.list({});
	for (const role of ROLES) {
		const found = devices.filter((d) => d.kind === role);
		const items = found.map((d) => ({ value: d.id, label: d.name }));
		if (role === 'camera' && !found.length) { /* the agent's own moving picture, so that the demo has one */
			found.push({ id: TEST_PICTURE });
			items.push({ value: TEST_PICTURE, key: 'testPicture' });
		}
		fill($(role), [{ value: '', key: 'none' }, ...items], role === 'system' ? '' : (found.find((d) => d.is_default) ?? found[0])?.id ?? '');
	}
}

const chosen = () => ROLES.filter((role) => $(role).value).map((role) => ({ role, device: $(role).value }));

async function open() {
	const opened = await agent.session.open({
		template: $('template').value, canvas: CANVAS, sources: chosen(), overlay: { clock: true, text: $('case-id').textContent },
	});
	entered(opened.session);
}

function entered(id) {
	session = id;
	$('open').hidden = true;
	$('close').hidden = false;
	setState('connected');
	void picture.start(agent, session);
}

function left() {
	session = null;
	picture.stop();
	$('open').hidden = false;
	$('close').hidden = true;
	$('beauty').disabled = true;
	recorder.use(agent, null);
}

/** After a reload of the page: the session that this tab opened is still there. */
async function resume() {
	const [first] = await agent.resumeSessions();
	if (!first)
		return;
	$('template').value = first.template;
	for (const role of ROLES)
		$(role).value = first.sources.find((source) => source.role === role)?.device ?? '';
	entered(first.session);
	log('session', t('resumed', { session: first.session }));
	await recorder.find();
}

async function changeTemplate() {
	if (session)
		await agent.session.update({ session, template: $('template').value });
}

/** Another device, while the session runs: the others go on. */
async function changeSources() {
	if (session)
		await agent.session.update({ session, sources: chosen() });
}

async function changeBeauty() {
	const levels = Object.fromEntries(BEAUTY.map((name) => [name, Number($(`beauty-${name}`).value)]));
	for (const name of BEAUTY)
		document.querySelector(`output[for="beauty-${name}"]`).textContent = levels[name];
	if (session)
		await agent.beauty.set({ session, style: $('beauty-style').value, ...levels });
}

/** ?auto=SECONDS: connect, open, record that long, show the facts; for ./dev demo --once. */
async function recordOnce(seconds) {
	try {
		await connect();
		await open();
		await recorder.start();
		await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
		await recorder.stop();
	} catch (e) {
		$('facts').textContent = JSON.stringify({ error: `${e.name}: ${e.message} ${e.hint ?? ''}`.trim() });
		$('facts-details').hidden = false;
	}
}

function main() {
	setLanguage(query.get('lang') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en'));
	setState('none');
	const on = (id, type, fn) => $(id).addEventListener(type, () => Promise.resolve(fn()).catch(showError));
	on('language', 'change', () => {
		setLanguage(lang());
		showFailure(failure);
		if (agent)
			showAgent();
	});
	on('connect', 'click', connect);
	on('retry', 'click', connect);
	on('disconnect', 'click', disconnect);
	on('open', 'click', open);
	on('close', 'click', async () => {
		await agent.session.close({ session });
		left();
	});
	on('template', 'change', changeTemplate);
	ROLES.forEach((role) => on(role, 'change', changeSources));
	on('beauty-style', 'change', changeBeauty);
	BEAUTY.forEach((name) => on(`beauty-${name}`, 'input', changeBeauty));
	addEventListener('message', ({ data, source }) => {
		if (source === window && data?.type === 'deskhand.present' && failure) /* the site was just allowed in the popup */
			connect().catch(showError);
	});
	if (query.has('transport'))
		$('transport').value = query.get('transport');
	if (query.has('auto'))
		void recordOnce(Number(query.get('auto')) || 10);
	else if (query.has('connect') || sessionStorage.getItem('deskhand.sessions')?.length > 2)
		connect().catch(showError);
}

main();
