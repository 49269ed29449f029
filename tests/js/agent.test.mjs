/** The SDK over the extension's road: calls, errors, events, what connect() says when it cannot. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Deskhand, DeskhandError } from '../../js/deskhand.js';
import { FakeAgent, FakeExtension, freshPage, next, state } from './fakes.mjs';

function setUp(greeting) {
	freshPage();
	const agent = new FakeAgent();
	return { agent, extension: new FakeExtension(agent, greeting) };
}

const byExtension = (options) => Deskhand.connect({ transport: 'extension', ...options });
const named = (name, more = {}) => (e) => {
	assert.ok(e instanceof DeskhandError, String(e));
	assert.equal(e.name, name);
	for (const [key, value] of Object.entries(more))
		assert.deepEqual(e[key], value);
	assert.ok(e.hint.length > 10, 'a person can follow the hint');
	return true;
};

test('hello first, then groups and verbs', async () => {
	const { agent } = setUp();
	const desk = await byExtension();
	assert.deepEqual(agent.asked, [{ method: 'agent.hello',
		params: { min_version: 1, max_version: 1, client: 'deskhand.js/0.1.0' } }]);
	assert.deepEqual([desk.state, desk.transport, desk.granted], ['connected', 'extension', ['camera']]);
	agent.answers['devices.list'] = (params) => ({ devices: [], params });
	assert.deepEqual(await desk.devices.list({ kinds: ['camera'] }), { devices: [], params: { kinds: ['camera'] } });
	desk.close();
	assert.equal(desk.state, 'closed');
	await assert.rejects(desk.devices.list(), named('ECLOSED'));
});

test('the agent’s errors keep name, code, hint and whether to retry', async () => {
	const { agent } = setUp();
	const desk = await byExtension();
	agent.answers['session.open'] = () => {
		throw { code: -32003, message: 'camera c is used', data: { name: 'EBUSY', hint: 'close the other program', retriable: true } };
	};
	await assert.rejects(desk.session.open({}), named('EBUSY', { code: -32003, message: 'camera c is used',
		hint: 'close the other program', retriable: true }));
	agent.answers['session.open'] = () => {
		throw { code: -32601, message: 'no such method' };
	};
	await assert.rejects(desk.session.open({}), { name: 'EPROTO', code: -32601, retriable: false });
});

test('a call ends by its timeout or its signal, and a late answer is not heard', async () => {
	const { agent, extension } = setUp();
	const desk = await byExtension();
	agent.answers['agent.status'] = () => null;
	await assert.rejects(desk.agent.status({}, { timeout: 20 }), named('ETIMEDOUT', { retriable: true }));
	const controller = new AbortController();
	const call = desk.agent.status({}, { signal: controller.signal });
	controller.abort();
	await assert.rejects(call, { name: 'AbortError' });
	await assert.rejects(desk.agent.status({}, { signal: controller.signal }), { name: 'AbortError' });
	extension.say({ id: 2, result: { late: true } });
	agent.answers['agent.status'] = () => ({ fine: true });
	assert.deepEqual(await desk.agent.status(), { fine: true });
});

test('events carry their fields; a grant that changes is known at once', async () => {
	const { extension } = setUp();
	const desk = await byExtension();
	const stopped = next(desk, 'recording.stopped');
	extension.say({ method: 'recording.stopped', params: { seq: 4, ts_us: 5, recording: 'r1' } });
	assert.deepEqual((await stopped).detail, { seq: 4, ts_us: 5, recording: 'r1' });
	extension.say({ method: 'grants.changed', params: { granted: ['camera', 'screen'] } });
	assert.deepEqual(desk.granted, ['camera', 'screen']);
});

test('what a component hears stays when the page chooses its events, before and after', async () => {
	const { agent } = setUp();
	const desk = await byExtension();
	const chosen = () => agent.asked.filter(({ method }) => method === 'events.subscribe').map(({ params }) => params).at(-1);
	await desk.events.subscribe({ prefixes: ['agent.stats'], only: true });
	await desk.alsoHear(['audio.levels', 'agent.stats']);
	assert.deepEqual(chosen(), { prefixes: ['agent.stats', 'audio.levels'], only: true });
	await desk.events.subscribe({ prefixes: ['recording.'] });
	assert.deepEqual(chosen(), { prefixes: ['recording.', 'audio.levels', 'agent.stats'] });
});

test('the agent restarts: pending calls fail, later ones wait, subscriptions and sessions come back', async () => {
	const { agent, extension } = setUp();
	const desk = await byExtension();
	await desk.session.open({ template: 'desk' });
	await desk.events.subscribe({ prefixes: ['audio.levels'] });
	agent.answers['agent.status'] = () => null;
	const pending = desk.agent.status();
	const reconnecting = next(desk, 'reconnecting');
	extension.say(state('down', 'no_agent'));
	await assert.rejects(pending, named('ECLOSED', { retriable: true }));
	assert.equal((await reconnecting).detail.attempt, 0);
	assert.equal(desk.state, 'reconnecting');
	agent.answers['agent.status'] = () => ({ again: true });
	agent.asked = [];
	const waiting = desk.agent.status();
	const reconnected = next(desk, 'reconnected');
	extension.say(state('starting'));
	extension.say(state('up'));
	assert.deepEqual((await reconnected).detail.lost_sessions, []);
	assert.deepEqual(await waiting, { again: true });
	assert.deepEqual(agent.asked.map(({ method, params }) => [method, params]).slice(0, 3).map(([m]) => m),
		['agent.hello', 'events.subscribe', 'session.attach']);
	assert.deepEqual(agent.asked[2].params, { session: 's1', resume: 'secret' });
	assert.equal(desk.state, 'connected');
	assert.equal(extension.ports.length, 1, 'the same port');
});

test('a session that did not survive the restart is told', async () => {
	const { agent, extension } = setUp();
	const desk = await byExtension();
	await desk.session.open({});
	agent.answers['session.attach'] = () => {
		throw { code: -32004, message: 'no such session', data: { name: 'ENOENT', retriable: false } };
	};
	const reconnected = next(desk, 'reconnected');
	extension.say(state('down'));
	extension.say(state('up'));
	assert.deepEqual((await reconnected).detail.lost_sessions, ['s1']);
});

test('the extension’s worker goes away: a new port is opened', async () => {
	const { extension } = setUp();
	const desk = await byExtension();
	const reconnected = next(desk, 'reconnected');
	extension.ports[0].drop();
	await reconnected;
	assert.equal(extension.ports.length, 2);
	assert.equal(desk.state, 'connected');
});

test('a connection lost again while it is being made again does not confuse it', async () => {
	const { agent, extension } = setUp();
	const desk = await byExtension();
	let hellos = 0;
	const hello = agent.answers['agent.hello'];
	agent.answers['agent.hello'] = () => {
		if (++hellos > 1)
			return hello();
		queueMicrotask(() => {
			extension.say(state('down'));
			queueMicrotask(() => extension.say(state('up')));
		});
		return null;
	};
	const attempts = [];
	desk.addEventListener('reconnecting', ({ detail }) => attempts.push(detail.attempt));
	let times = 0;
	desk.addEventListener('reconnected', () => times++);
	const reconnected = next(desk, 'reconnected');
	extension.say(state('down'));
	extension.say(state('up'));
	await reconnected;
	await desk.agent.status();
	assert.deepEqual([attempts, times, hellos], [[0, 1], 1, 2]);
});

test('a grant that is revoked ends it, with the reason', async () => {
	const { extension } = setUp();
	const desk = await byExtension();
	const gone = next(desk, 'disconnected');
	extension.say({ method: 'transport.closed', params: { code: 4440, reason: 'the grant was revoked' } });
	assert.equal((await gone).detail.name, 'denied');
	assert.equal(desk.state, 'closed');
	assert.equal(extension.ports.length, 1, 'it is not tried again');
	await assert.rejects(desk.agent.status(), { name: 'ECLOSED' });
});

test('an agent that comes back without the grant ends it too', async () => {
	for (const hello of [() => ({ version: 1, granted: [] }), () => {
		throw { code: -32002, message: 'this origin is refused', data: { name: 'EPERM', hint: 'ask', retriable: false } };
	}]) {
		const { agent, extension } = setUp();
		const desk = await byExtension();
		agent.answers['agent.hello'] = hello;
		const gone = next(desk, 'disconnected');
		extension.say(state('down'));
		extension.say(state('up'));
		assert.equal((await gone).detail.name, 'denied');
	}
});

test('after a reload the tab finds its session', async () => {
	const { agent } = setUp();
	await (await byExtension()).session.open({});
	agent.asked = [];
	const desk = await byExtension(); /* the same sessionStorage, a new page */
	assert.deepEqual(await desk.resumeSessions(), [{ session: 's1', template: 'desk' }]);
	await desk.session.close({ session: 's1' });
	assert.deepEqual(await (await byExtension()).resumeSessions(), []);
});

for (const [reason, name, own] of [['host_missing', 'not_installed'], ['host_forbidden', 'not_installed', 'host_forbidden'],
	['host_disabled', 'blocked_by_browser', 'host_disabled'], ['sandboxed', 'sandboxed_browser'], ['version', 'version_mismatch'],
	['extension_gone', 'extension_missing']])
	test(`connect: ${reason} is ${name}, at once`, async () => {
		setUp([state('starting'), state('down', reason)]);
		await assert.rejects(byExtension({ timeout: 60000 }), named(name, own ? { reason: own } : {}));
	});

test('connect: an agent that cannot start is agent_down at once, one that does not come after the timeout', async () => {
	setUp([state('failed', 'start_failed')]);
	await assert.rejects(byExtension({ timeout: 60000 }), named('agent_down'));
	setUp([state('starting')]);
	await assert.rejects(byExtension({ timeout: 30 }), named('agent_down'));
});

test('connect: no extension', async () => {
	freshPage();
	await assert.rejects(byExtension(), named('extension_missing'));
});

test('connect: what is refused by the agent', async () => {
	const { agent } = setUp();
	agent.answers['agent.hello'] = () => {
		throw { code: -32016, message: 'speaks 2 to 3', data: { name: 'EVERSION', hint: 'update', retriable: false } };
	};
	await assert.rejects(byExtension(), named('version_mismatch'));
	agent.answers['agent.hello'] = () => ({ version: 7, granted: [] });
	await assert.rejects(byExtension(), named('version_mismatch'));
	agent.answers['agent.hello'] = () => {
		throw { code: -32002, message: 'not this origin', data: { name: 'EPERM', hint: 'ask the administrator', retriable: false } };
	};
	await assert.rejects(byExtension(), named('denied', { hint: 'ask the administrator' }));
	const closing = setUp([state('up')]);
	closing.agent.answers['agent.hello'] = () => {
		closing.extension.say({ method: 'transport.closed', params: { code: 4403, reason: 'this origin has no grant' } });
		return null;
	};
	await assert.rejects(byExtension({ timeout: 60000 }), named('denied'));
	setUp([{ method: 'transport.closed', params: { code: 4403, reason: 'frame_not_allowed' } }]);
	await assert.rejects(byExtension(), named('denied', { reason: 'frame_not_allowed' }));
});

test('connect: too many pages is told as that', async () => {
	for (const code of [4429, 4431]) {
		setUp([{ method: 'transport.closed', params: { code, reason: 'too many connections' } }]);
		await assert.rejects(byExtension(), named('agent_down', { reason: 'too_many', retriable: true }));
	}
});

test('connect: without a grant it is denied, and asking tells what to type', async () => {
	const { agent } = setUp();
	agent.answers['agent.hello'] = () => ({ version: 1, granted: [], hint: 'type this: deskhand grants' });
	await assert.rejects(byExtension(), named('denied', { hint: 'type this: deskhand grants' }));
	const command = 'deskhand grants allow https://crm.example camera';
	agent.answers['grants.request'] = () => ({ granted: [], missing: ['camera'], command });
	await assert.rejects(byExtension({ request: ['camera'] }), (e) => e.name === 'denied' && e.command === command && e.hint.endsWith(command));
	assert.deepEqual(agent.asked.filter((a) => a.method === 'grants.request').map((a) => a.params), [{ scopes: ['camera'] }]);
	agent.answers['grants.request'] = () => {
		agent.answers['agent.hello'] = () => ({ version: 1, granted: ['camera'] });
		return { granted: ['camera'], missing: [] };
	};
	assert.deepEqual((await byExtension({ request: ['camera'] })).granted, ['camera']);
});

test('connect can be given up', async () => {
	setUp([state('starting')]);
	const controller = new AbortController();
	const connecting = byExtension({ signal: controller.signal, timeout: 60000 });
	setImmediate(() => controller.abort());
	await assert.rejects(connecting, { name: 'AbortError' });
});

test('hints speak the page’s language', async () => {
	freshPage();
	await assert.rejects(byExtension({ lang: 'zh-CN' }), (e) => /扩展程序/.test(e.message) && /允许/.test(e.hint));
});
