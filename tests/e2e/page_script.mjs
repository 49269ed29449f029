/** What the tests run inside pages, in both browsers: functions that are sent as text and return plain values. */

/** Connect by the SDK of this page's server; the agent stays in globalThis.desk. */
export async function connectHere(options) {
	const { Deskhand } = await import('/deskhand.js');
	try {
		globalThis.desk = await Deskhand.connect(options);
		return { transport: desk.transport, info: desk.info };
	} catch (e) {
		return { error: { name: e.name, reason: e.reason, message: e.message, hint: e.hint, command: e.command } };
	}
}

/** One command; the error as a value. */
export async function callHere([method, params]) {
	try {
		return { result: await desk.call(method, params) };
	} catch (e) {
		return { error: { name: e.name, code: e.code, message: e.message, hint: e.hint } };
	}
}

/** Say hello past the SDK, then send each method once; what is answered, by method. */
export async function rawCalls(methods) {
	const port = await new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = ({ data }) => data.method === 'transport.state' && data.params.state === 'up' && resolve(port1);
		postMessage({ type: 'deskhand.connect' }, origin, [port2]);
	});
	const answers = {};
	const ask = (id, method, params) => new Promise((resolve) => {
		const hear = ({ data }) => {
			if (data.method === 'transport.closed')
				resolve({ closed: data.params });
			else if (data.id === id)
				resolve(data.error ? { error: data.error } : { result: data.result });
		};
		port.addEventListener('message', hear);
		port.postMessage({ id, method, params });
	});
	answers['agent.hello'] = await ask(1, 'agent.hello', { min_version: 1, max_version: 1, client: 'test' });
	let id = 1;
	for (const [method, params] of methods)
		answers[method] = await ask(++id, method, params);
	return answers;
}

/** @returns {Promise<number[]>} milliseconds of n calls, one after the other */
export async function timeCalls(n) {
	const times = [];
	const params = {};
	for (let i = 0; i < n; i++) {
		const start = performance.now();
		await desk.call('session.list', params);
		times.push(performance.now() - start);
	}
	return times;
}
