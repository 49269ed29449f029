/** A page of the predecessor in a real Chromium, only its script swapped, under a strict Content-Security-Policy. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import nodeTest from 'node:test';
import { chromium } from 'playwright-core';
import { SocketAgent } from '../js/fakes.mjs';
import { top } from './desk.mjs';

const program = process.env.CHROMIUM ?? '/usr/bin/chromium';
const asRoot = process.getuid() === 0 ? ['--no-sandbox'] : [];
const test = (name, fn) => nodeTest(name, { timeout: 60000 }, fn);
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src blob:; " +
	"connect-src 'self' ws://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
let browser, server, origin, agent;

/** The CRM's server: the page, `js/` as it is, and a login server. */
async function serve(login) {
	const types = { '.js': 'text/javascript', '.html': 'text/html', '.css': 'text/css', '.svg': 'image/svg+xml' };
	server = createServer((request, response) => {
		const { pathname, searchParams } = new URL(request.url, 'http://localhost');
		response.setHeader('content-security-policy', POLICY);
		if (pathname === '/weapp/utils/get_login_info')
			return response.end(JSON.stringify({ code: 0, ...login(searchParams.get('userID')) }));
		if (pathname === '/favicon.ico')
			return response.writeHead(204).end();
		const file = path.join(top, pathname.startsWith('/js/') ? '' : 'tests/e2e/pages', path.normalize(pathname));
		response.setHeader('content-type', types[path.extname(file)] ?? 'text/plain');
		if (pathname === '/js/components/deskhand-room.js')
			return response.end(`customElements.define('deskhand-room', class extends HTMLElement {
				connectedCallback() { this.textContent = 'room'; }
				join(params) { return this.agent.call('room.join', params); }
				async attach() {}
				async leave() { await this.agent.call('room.leave', {}); }
			});`);
		return existsSync(file) ? response.end(readFileSync(file)) : response.writeHead(404).end();
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	return `http://localhost:${server.address().port}`;
}

nodeTest.before(async () => {
	origin = await serve((userID) => ({ userID, sdkAppID: 1, accountType: '1', userSig: 'sig', serverDomain: 'https://rooms.example/' }));
	agent = await new SocketAgent().listen();
	const me = { member: 1, user_id: 'user_ann', user_name: 'USER_ANN', role: 'host' };
	const get = ({ room }) => ({ room, member: 1, members: [me] });
	Object.assign(agent.answers, { 'room.join': get, 'room.get': get, 'room.list': () => ({ rooms: [] }) });
	browser = await chromium.launch({ executablePath: program, headless: true, args: asRoot });
});

nodeTest.after(async () => {
	await browser?.close();
	server?.closeAllConnections();
	server?.close();
	await agent?.stop();
});

/** The old page; its SDK finds the test's agent instead of those of this computer. */
async function oldPage(t, { custom = {}, blockWindows = false } = {}) {
	const context = await browser.newContext();
	t.after(() => context.close());
	context.setDefaultTimeout(10000);
	await context.addInitScript(([port, isBlocked]) => {
		const Real = globalThis.WebSocket;
		globalThis.WebSocket = class extends Real {
			constructor(url, ...more) {
				super(url.replace(/:1862\d\//, `:${port}/`), ...more);
			}
		};
		if (isBlocked)
			globalThis.open = () => null;
	}, [agent.port, blockWindows]);
	const page = await context.newPage();
	const errors = [];
	context.on('weberror', (e) => errors.push(String(e.error())));
	page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
	t.after(() => assert.deepEqual(errors, []));
	await page.goto(`${origin}/old_double.html`);
	await page.fill('#custom', JSON.stringify(custom));
	return page;
}

/** The first of what the page was told by this name, of which a field has a value. */
const told = (page, name, key = '', value = undefined) => page.evaluate((wanted) => new Promise((resolve) => {
	const look = () => {
		const found = globalThis.told.find(([each, ret]) => each === wanted.name && (!wanted.key || ret[wanted.key] === wanted.value));
		if (found)
			resolve(found[1]);
		else
			document.addEventListener('told', look, { once: true });
	};
	look();
}), { name, key, value });

test('in a container of the page', async (t) => {
	const page = await oldPage(t, { custom: { container: '#container' } });
	await page.click('#create');
	assert.ok((await told(page, 'success')).data.httpPort);
	assert.equal((await told(page, 'onRecvEvent', 'code', 0)).event, 'roomStatus');
	assert.equal((await told(page, 'onMemberChange'))[0].userID, 'user_ann');
	await page.locator('#container > deskhand-room').waitFor();
	await page.click('#stop');
	assert.equal((await told(page, 'onRoomClose')).data.code, 2);
	await told(page, 'stopped');
	await page.locator('#container > deskhand-room').waitFor({ state: 'detached' });
});

test('in a window', async (t) => {
	const page = await oldPage(t);
	const opening = page.waitForEvent('popup');
	await page.click('#create');
	const popup = await opening;
	await popup.locator('deskhand-room').waitFor();
	await told(page, 'success');
	assert.equal(popup.url(), `${origin}/js/pages/exe-room.html`);
	assert.equal(await popup.title(), 'Counter 7');
	await popup.reload();
	await popup.locator('deskhand-room').waitFor();
	await popup.close();
	assert.equal((await told(page, 'onRoomClose')).data.reason, 'window');
});

test('a window that is blocked: a panel, by mouse and keyboard', async (t) => {
	const page = await oldPage(t, { blockWindows: true });
	await page.click('#create');
	const panel = page.getByRole('dialog', { name: 'Counter 7' });
	await panel.waitFor();
	const before = await panel.boundingBox();
	const move = page.getByRole('button', { name: /Counter 7: / });
	await move.focus();
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowDown');
	const moved = await panel.boundingBox();
	assert.deepEqual([moved.x, moved.y], [before.x - 16, before.y + 16]);
	const { x, y } = await move.boundingBox();
	await page.mouse.move(x + 20, y + 8);
	await page.mouse.down();
	await page.mouse.move(x + 50, y - 2);
	await page.mouse.up();
	const dragged = await panel.boundingBox();
	assert.deepEqual([dragged.x, dragged.y], [moved.x + 30, moved.y - 10]);
	await told(page, 'onMemberChange');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	assert.equal((await told(page, 'onRoomClose')).data.code, 2);
	await panel.waitFor({ state: 'detached' });
});
