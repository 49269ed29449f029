/**
 * The window of a room that EXEStarter.js opened. The page sends what it takes to enter, by a message to exactly this origin:
 * nothing secret is in the address. A page of another origin is not listened to, whoever opened the window.
 */
import { language, texts } from '../src/texts.js';
import { say } from '../src/exe/texts.js';
import { Here } from '../src/exe/here.js';

const STORE = 'deskhand.exe';
const words = document.getElementById('say');

/** A new window begins with a copy of its opener's sessionStorage: the opener's sessions are not ours. A reload keeps ours. */
function dropCopiedSessions() {
	if (sessionStorage.getItem(STORE) === name)
		return;
	sessionStorage.removeItem('deskhand.sessions');
	sessionStorage.setItem(STORE, name);
}

function setLanguage(lang) {
	document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
}

function enter(plan, port) {
	document.title = plan.title;
	setLanguage(plan.lang);
	words.textContent = '';
	const here = new Here(document.getElementById('room'));
	port.onmessage = () => here.stop();
	here.run(plan, (what, detail) => port.postMessage({ name: what, detail }));
}

function waitForPage() {
	words.textContent = say('wait');
	const listening = new AbortController();
	addEventListener('message', ({ source, origin, data, ports }) => {
		if (source !== opener || origin !== location.origin || data?.type !== 'deskhand.exe.start')
			return;
		listening.abort();
		enter(data.plan, ports[0]);
	}, { signal: listening.signal });
	opener.postMessage({ type: 'deskhand.exe.ready' }, location.origin);
}

setLanguage(language(navigator.language));
dropCopiedSessions();
if (location.hash === '#install')
	words.textContent = texts[language()].not_installed.join('\n');
else if (opener)
	waitForPage();
else
	words.textContent = say('no_opener');
