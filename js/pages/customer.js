/**
 * The customer's page: an ordinary browser joins a call by a link, without extension and agent. docs/customer-page.md
 * The link's ticket is taken out of the address at once and redeemed by a click; a token in sessionStorage survives a reload.
 */
import { h, relabel } from '../components/parts/dom.js';
import { Media } from '../src/room/media.js';
import { Room } from '../src/room/room.js';
import { translator } from '../src/room/texts.js';
import { Call } from './customer_call.js';
import { Lobby } from './customer_lobby.js';
import { language } from '../src/texts.js';

const NAME_MAX = 80;

/** What this tab remembers: `room` (see Signalling), `invitation`, `me`. */
const store = {
	get: (key) => JSON.parse(sessionStorage.getItem(`deskhand.${key}`) ?? 'null'),
	set: (key, value) => (value ? sessionStorage.setItem(`deskhand.${key}`, JSON.stringify(value)) : sessionStorage.removeItem(`deskhand.${key}`)),
};

const languageField = document.getElementById('language');
const main = document.getElementById('main');
const media = new Media();
let t = translator();
let shown = null;
let room = null;
let token = '';

/** wss://HOST/v1/ws: as the page's owner wrote it into the page, else on the page's own host. Never from the link. */
function serviceUrl() {
	const said = document.querySelector('meta[name="deskhand-rooms"]').content;
	return said || `${location.protocol.replace('http', 'ws')}//${location.host}/v1/ws`;
}

/** #t=TICKET&n=ROOM'S NAME&by=WHO -> {ticket, room, by}; gone from the address, and so from the history. */
function takeInvitation() {
	const said = new URLSearchParams(location.hash.slice(1));
	if (said.get('t')) {
		history.replaceState(null, '', location.pathname + location.search);
		store.set('room', null);
		store.set('invitation', { ticket: said.get('t'), room: said.get('n')?.slice(0, NAME_MAX), by: said.get('by')?.slice(0, NAME_MAX) });
	}
	return store.get('invitation');
}

/** What a person reads when joining failed; `isFinal`: trying again with this link is of no use. */
function troubleOf(e) {
	const say = (key, isFinal = false) => ({ title: t(`e_${key}`), hint: t(`e_${key}Hint`, { error: e.name }), isFinal });
	if (['service_away', 'ECLOSED', 'ETIMEDOUT', 'EAGAIN'].includes(e.name))
		return say('away');
	if (e.step === 'login' && ['EPERM', 'ENOENT', 'EINVAL'].includes(e.name))
		return say('ticket', true);
	const key = e.step === 'join' && { ELIMIT: 'full', ENOENT: 'closed', EPERM: 'kicked' }[e.name];
	return key ? say(key, key !== 'full') : say('failed');
}

function view(name, element) {
	document.body.dataset.view = name;
	main.replaceChildren(element);
}

function showLobby(trouble = null) {
	shown?.close();
	const lobby = (shown = new Lobby(t, { media, invitation: store.get('invitation') ?? {}, name: store.get('me')?.name ?? '',
		onjoin: (name) => join(lobby, name) }));
	lobby.setTrouble(trouble);
	if (trouble?.isFinal)
		lobby.setHopeless();
	view('lobby', lobby.element);
}

/** The only place where a ticket is redeemed: behind the button. */
async function join(lobby, name) {
	lobby.setBusy(true);
	lobby.setTrouble(null);
	if (!lobby.wasAsked)
		await media.open();
	store.set('me', { name, since_ms: Date.now() });
	const call = openRoom();
	const { ticket } = store.get('invitation') ?? {};
	const held = store.get('room');
	try {
		await room.enter(held ? { token: held.token } : { ticket, user_name: name }, { user_name: name });
	} catch (e) {
		call.close();
		lobby.setBusy(false);
		const trouble = troubleOf(e);
		lobby.setTrouble(trouble);
		if (trouble.isFinal)
			lobby.setHopeless();
		return;
	}
	entered(call);
}

function openRoom() {
	room = new Room(serviceUrl(), { kept: store.get('room'), onkeep: (kept) => {
		token = kept?.token ?? token;
		store.set('room', kept);
	} });
	const call = new Call(t, { room, media, name: store.get('invitation')?.room ?? '', since_ms: store.get('me')?.since_ms ?? Date.now() });
	room.addEventListener('closed', ({ detail }) => showEnd(call, detail.reason));
	return call;
}

function entered(call) {
	shown?.close();
	shown = call;
	store.set('invitation', { ...store.get('invitation'), ticket: null, room: room.name });
	view('call', call.element);
}

/** After a reload: on with the call, as the same member, with the devices that were on. */
async function goOn() {
	const call = openRoom();
	view('call', call.element);
	shown = call;
	const { on = { camera: true, microphone: true }, name = '' } = store.get('me') ?? {};
	const opened = openAsBefore(on);
	const held = store.get('room');
	try {
		await room.enter({ token: held.token }, { room: held.room, user_name: name });
		await opened;
	} catch (e) {
		const trouble = troubleOf(e);
		if (e.step === 'login' && trouble.isFinal)
			showEnd(call, 'expired');
		else
			showLobby(trouble);
	}
}

async function openAsBefore(on) {
	const wanted = ['camera', 'microphone'].filter((role) => on[role]);
	if (wanted.length)
		await media.open(wanted);
}

/** The call is over for this page. Who left by the button may come back as long as the login lives. */
function showEnd(call, reason) {
	call.close();
	media.close();
	shown = null;
	store.set('room', null);
	const comeBack = () => {
		store.set('room', { token });
		showLobby();
	};
	const again = reason === 'left' && token && h('button', { type: 'button', class: 'plain', text: 'joinAgain', data: { testid: 'again' },
		on: { click: comeBack } });
	view('over', h('section', { class: 'over', data: { testid: 'over', reason } }, h('h1', {}, t(`c_${reason}`)),
		h('p', { class: 'soft', text: 'thanks' }), again || null));
	relabel(main, t);
	document.title = t('s_closed');
}

function setLanguage(tag) {
	t = translator(tag);
	languageField.value = language(tag);
	document.documentElement.lang = languageField.value === 'zh' ? 'zh-CN' : 'en';
}

function begin() {
	const invitation = takeInvitation();
	if (!globalThis.RTCPeerConnection)
		showLobby({ title: t('e_noWebrtc'), hint: t('e_noWebrtcHint'), isFinal: true });
	else if (store.get('room')?.member)
		void goOn();
	else if (invitation?.ticket || store.get('room')?.token)
		showLobby();
	else
		showLobby({ title: t('e_none'), hint: t('e_noneHint'), isFinal: true });
}

media.addEventListener('change', () => {
	const on = { camera: media.isOn('camera'), microphone: media.isOn('microphone') };
	store.set('me', { ...store.get('me'), on });
});
languageField.addEventListener('change', () => {
	setLanguage(languageField.value);
	if (document.body.dataset.view === 'lobby')
		showLobby();
});
addEventListener('hashchange', () => location.hash.length > 1 && location.reload()); /* another link in the same tab */
setLanguage(new URLSearchParams(location.search).get('lang') ?? navigator.language);
begin();
