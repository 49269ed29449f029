/** A user_sig as businesses make it opens the real room service: by the package they use, and by the lines of docs/usersig.md. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { top } from './desk.mjs';
import { APP, KEY, RoomService } from './room_desk.mjs';

const { Api } = createRequire(import.meta.url)('tls-sig-api-v2');
const service = new RoomService();
before(() => service.start());
after(() => service.stop());

/** The first JavaScript of the page, as it stands there. */
async function documented() {
	const [, code] = readFileSync(path.join(top, 'docs/usersig.md'), 'utf8').match(/```js\n(.*?)```/s);
	return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).userSig;
}

/** @returns what room.login answers */
async function login(user, sig) {
	const socket = new WebSocket(`${service.url.replace('http', 'ws')}/v1/ws`);
	await once(socket, 'open');
	socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'room.login', params: { sdk_app_id: APP, user_id: user, user_sig: sig } }));
	const [text] = await once(socket, 'message');
	socket.close();
	return JSON.parse(text);
}

for (const [name, make] of [
	['the package tls-sig-api-v2', () => (key, app, user, expire) => new Api(app, key).genSig(user, expire)],
	['the lines of docs/usersig.md', documented]])
	test(name, async () => {
		const sig = await make();
		assert.equal((await login('anna', sig(KEY, APP, 'anna', 600))).result?.user_id, 'anna');
		assert.equal((await login('hans', sig(KEY, APP, 'anna', 600))).error?.data.name, 'EPERM');
		assert.equal((await login('lin', sig('another key', APP, 'lin', 600))).error?.data.name, 'EPERM');
	});
