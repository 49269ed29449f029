/** The CRM's side of a call: enters a room by the agent on this desk and shows it by <deskhand-room>. */
import { Deskhand } from '../deskhand.js';
import '../components/deskhand-room.js';
import { $, say, setLanguage, t } from './ui.js';

const SCOPES = ['room', 'devices.list', 'camera', 'microphone', 'screen', 'record.local', 'files.list', 'stats'];
const FIELDS = ['server', 'app', 'user', 'room-name', 'template'];
const STORE = 'deskhand.double';

const query = new URLSearchParams(location.search);
const call = $('call');

function setState(state) {
	$('connection').dataset.state = state;
	say($('connection'), `state_${state}`);
}

function showFailure(e) {
	$('failure').hidden = !e;
	$('failure-title').textContent = e?.message ?? '';
	$('failure-hint').textContent = e?.hint ?? '';
}

/** What this tab remembers: the fields, and the room that it is in. The user_sig is not kept. */
const remembered = () => JSON.parse(sessionStorage.getItem(STORE) ?? '{}');

function remember(more) {
	sessionStorage.setItem(STORE, JSON.stringify({ ...remembered(), ...more }));
}

async function connect() {
	if (call.agent?.state === 'connected')
		return;
	setState('connecting');
	try {
		const ports = query.has('port') ? { ports: [Number(query.get('port'))] } : {};
		call.agent = await Deskhand.connect({ transport: query.get('transport') ?? 'auto', lang: $('language').value, request: SCOPES, ...ports });
	} catch (e) {
		setState('failed');
		throw e;
	}
	setState('connected');
	call.agent.addEventListener('reconnecting', () => setState('reconnecting'));
	call.agent.addEventListener('reconnected', () => setState('connected'));
	call.agent.addEventListener('disconnected', ({ detail }) => {
		setState('failed');
		showFailure(detail);
	});
}

function inCall(is) {
	call.hidden = !is;
	$('form').hidden = is;
	document.body.toggleAttribute('data-in-call', is);
}

async function enter() {
	showFailure(null);
	$('enter').disabled = true;
	const fields = Object.fromEntries(FIELDS.map((id) => [id, $(id).value.trim()]));
	remember({ fields });
	try {
		await connect();
		const { room } = await call.join({ server: fields.server, room: roomId(fields['room-name']), room_name: fields['room-name'],
			user_id: fields.user, template: fields.template, ...await credentials(fields) });
		remember({ room });
		inCall(true);
	} finally {
		$('enter').disabled = false;
	}
}

/** From the field, or from the business's own server (tools/serve_pages.py --login plays it). @returns {Promise<{user_sig, sdk_app_id}>} */
async function credentials({ user, app }) {
	const pasted = $('sig').value.trim();
	if (pasted)
		return { user_sig: pasted, sdk_app_id: Number(app) };
	const reply = await fetch(`/login?userID=${encodeURIComponent(user)}`);
	if (!reply.ok)
		throw Object.assign(new Error(t('callNoSig')), { hint: t('callSigHelp') });
	const { userSig, sdkAppID } = await reply.json();
	return { user_sig: userSig, sdk_app_id: Number(sdkAppID) };
}

/** The same name is the same room; the service's ids take letters, digits, dots and dashes. */
const roomId = (name) => [...name].map((c) => (/[\w.-]/.test(c) ? c : `-${c.codePointAt(0).toString(16)}-`)).join('').slice(0, 100);

/** After a reload: the agent is still in the call. */
async function goOn(room) {
	await connect();
	await call.agent.resumeSessions();
	try {
		await call.attach(room);
		inCall(true);
	} catch (e) {
		remember({ room: '' });
		throw e;
	}
}

const show = (fn) => fn().catch(showFailure);

function main() {
	const { fields = {}, room } = remembered();
	setLanguage(query.get('lang') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en'));
	call.lang = $('language').value;
	setState('none');
	$('server').value = location.protocol === 'https:' ? location.origin : 'http://localhost:8443';
	for (const id of FIELDS)
		$(id).value = fields[id] ?? query.get(id) ?? $(id).value;
	$('language').addEventListener('change', () => {
		setLanguage($('language').value);
		call.lang = $('language').value;
	});
	$('form').addEventListener('submit', (e) => {
		e.preventDefault();
		void show(enter);
	});
	call.addEventListener('closed', ({ detail }) => {
		remember({ room: '' });
		inCall(false);
		$('last').textContent = t('callOver', { reason: detail.text || detail.reason });
	});
	call.addEventListener('recording', ({ detail }) => {
		if (detail.state === 'stopped')
			$('last').textContent = t('callRecorded', { seconds: (detail.duration_ms / 1000).toFixed(1), megabytes: (detail.bytes / 1e6).toFixed(1) });
	});
	if (room)
		void show(() => goOn(room));
}

main();
