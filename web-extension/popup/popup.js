/** The popup: the agent's state, what this site may do, and in words what is wrong and what to do about it. */
import { cleanOrigin, isLoopback, patternOf } from '../src/sites.js';

const $ = (id) => document.getElementById(id);
const t = (key, ...args) => chrome.i18n.getMessage(key, args);

/** Reasons with a text of their own; any other is told by its state. */
const EXPLAINED = ['host_missing', 'host_forbidden', 'host_disabled', 'host_exited', 'host_broken', 'sandboxed', 'version'];

/** @returns {{title: string, help: string}} message keys for a state of native.js */
export function diagnose({ state, reason }) {
	if (state === 'up')
		return { title: 'stateUp', help: '' };
	if (state === 'starting' || state === 'idle')
		return { title: 'stateStarting', help: '' };
	if (EXPLAINED.includes(reason))
		return { title: `reason_${reason}`, help: `help_${reason}` };
	return { title: state === 'failed' ? 'stateFailed' : 'stateDown', help: 'help_agent' };
}

function showAgent({ state, pages }) {
	const { title, help } = diagnose(state);
	document.body.dataset.agent = state.state;
	$('agent-state').textContent = t(title);
	$('agent-help').textContent = [help && t(help), state.text].filter(Boolean).join(' ');
	$('retry').hidden = state.state === 'up' || state.state === 'starting';
	$('version').textContent = t('footer', chrome.runtime.getManifest().version, String(pages));
}

/** source: where the site is allowed from; a listed site still needs the browser's permission, which is one click. */
function showSite({ origin, source, isPermitted }) {
	const canAllow = cleanOrigin(origin) !== '' && (source === 'none' || (source === 'managed' && !isPermitted));
	$('site-origin').textContent = origin || t('siteNone');
	$('site-state').textContent = t(origin === '' ? 'site_impossible' : `site_${source}${canAllow && source === 'managed' ? 'NeedsClick' : ''}`);
	$('allow').hidden = !canAllow;
	$('remove').hidden = source !== 'user';
}

function showGrants(reply) {
	const ul = $('grants');
	const scopes = [...new Set((reply.result?.grants ?? []).flatMap((g) => g.scopes ?? g.scope ?? []))];
	ul.replaceChildren(...scopes.map((scope) => Object.assign(document.createElement('li'), { textContent: String(scope) })));
	ul.setAttribute('aria-label', t('grants'));
	ul.hidden = scopes.length === 0;
	if (reply.result && scopes.length === 0)
		$('site-state').textContent = t('site_noGrants');
}

/** On a click: the browser asks the user itself, and its question may close this popup: the list is written meanwhile. */
async function allow(origin, allowed) {
	const asked = chrome.permissions.request({ origins: [patternOf(origin)] }); /* first: it needs the click */
	await chrome.storage.local.set({ allowed: [...new Set([...allowed, origin])] });
	if (!(await asked))
		await chrome.storage.local.set({ allowed: allowed.filter((o) => o !== origin) });
}

async function forget(origin, allowed) {
	const rest = allowed.filter((o) => o !== origin);
	await chrome.storage.local.set({ allowed: rest });
	if (!rest.some((o) => patternOf(o) === patternOf(origin)))
		await chrome.permissions.remove({ origins: [patternOf(origin)] }).catch(() => {});
}

/** The tab the popup was opened over; `?tab=ID` when it stands in a tab of its own. */
async function currentTab() {
	const id = Number(new URLSearchParams(location.search).get('tab'));
	if (id)
		return chrome.tabs.get(id);
	return (await chrome.tabs.query({ active: true, currentWindow: true }))[0];
}

function originOf(url) {
	try {
		const { origin } = new URL(url);
		return cleanOrigin(origin) || isLoopback(origin) ? origin : '';
	} catch {
		return '';
	}
}

async function main() {
	document.documentElement.lang = chrome.i18n.getUILanguage();
	for (const element of document.querySelectorAll('[data-text]'))
		element.textContent = t(element.dataset.text);
	const tab = await currentTab();
	const origin = originOf(tab?.url ?? '');
	const port = chrome.runtime.connect({ name: 'popup' });
	let allowed = [];
	const ask = async () => {
		({ allowed = [] } = await chrome.storage.local.get('allowed'));
		port.postMessage({ ask: 'site', origin });
		port.postMessage({ ask: 'call', tabId: tab?.id, method: 'grants.list' });
	};
	port.onMessage.addListener((m) => {
		if (m.state)
			showAgent(m);
		if (m.site)
			showSite(m.site);
		if (m.method === 'grants.list')
			showGrants(m.reply);
	});
	$('retry').addEventListener('click', () => port.postMessage({ ask: 'retry' }));
	$('allow').addEventListener('click', () => allow(origin, allowed).then(ask));
	$('remove').addEventListener('click', () => forget(origin, allowed).then(ask));
	chrome.storage.onChanged.addListener(ask);
	await ask();
}

await main();
