/** EXEStarter.js: screenRecord, on this computer and to a server. */
import assert from 'node:assert/strict';
import nodeTest from 'node:test';
import { answer, freshExe, inRoom, say, startObject, until } from './fake_exe.mjs';

const test = (name, fn) => nodeTest(name, { timeout: 10000 }, fn);
nodeTest.afterEach(() => globalThis.RtcRoom?.unload());
console.error = () => {}; /* refusals are told there too */

test('screenRecord 2: recorded here, told to the page', async () => {
	const page = await freshExe();
	const { heard, first } = await inRoom(page, { custom: { screenRecord: 2 } });
	say(page, 'recording.started', { seq: 1, session: 's1', recording: 'r1' });
	const { recording } = await first('onRecvEvent', (e) => e.event === 'screenRecord' && e.state === 'started');
	page.agent.answers['recording.stop'] = () => {
		say(page, 'recording.stopped', { seq: 2, session: 's1', recording, duration_ms: 5, bytes: 6, reason: 'asked' });
		return { recording };
	};
	await answer(RtcRoom.stopEXE, {});
	const last = heard.slice(-3).map(({ name, detail }) => [name, detail.event, detail.duration_ms]);
	assert.deepEqual(last, [['onRecvEvent', 'screenRecord', 5], ['onRecvEvent', 'roomStatus', undefined], ['onRoomClose', undefined, undefined]]);
	assert.equal(page.agent.asked.find(({ method }) => method === 'recording.start').params.session, 's1');
});

test('a recording that cannot begin is told, and the call goes on', async () => {
	const page = await freshExe();
	page.agent.answers['recording.start'] = () => {
		throw { code: -32008, message: 'full', data: { name: 'ENOSPC', hint: 'make room' } };
	};
	const { heard, first } = await inRoom(page, { custom: { screenRecord: 2 } });
	const told = await first('onRecvEvent', (e) => e.event === 'screenRecord');
	assert.deepEqual([told.state, told.name, told.hint], ['failed', 'ENOSPC', 'make room']);
	assert.equal(heard.filter(({ name }) => name === 'onRoomClose').length, 0);
});

const cloudRecordUrl = 'rtmp://live.example/live/room?key=s3cret';
for (const [screenRecord, targets] of [[1, ['push']], [3, ['local', 'push']]])
	test(`screenRecord ${screenRecord}: pushed to cloudRecordUrl, told to the page`, async () => {
		const page = await freshExe();
		const { heard, first } = await inRoom(page, { custom: { screenRecord, cloudRecordUrl } });
		const start = await until(() => page.agent.asked.find(({ method }) => method === 'recording.start'));
		assert.deepEqual([start.params.targets, start.params.push_url], [targets, cloudRecordUrl]);
		say(page, 'recording.started', { seq: 1, session: 's1', recording: 'r1' });
		const pushed = { session: 's1', push: 'p1', recording: 'r1', target: 'rtmp://live.example/live/...' };
		for (const [state, more] of [['connecting', {}], ['live', { bytes: 1 }], ['live', { bytes: 2 }],
			['reconnecting', { attempt: 1, why: 'gone', name: 'ECLOSED', dropped: 7 }], ['live', {}], ['stopped', { why: 'asked' }]])
			say(page, 'push.state', { seq: 2, ...pushed, state, ...more });
		say(page, 'push.state', { seq: 3, ...pushed, session: 's2', state: 'failed' }); /* another page's session */
		await first('onRecvEvent', (e) => e.event === 'cloudRecord' && e.state === 'stopped');
		const told = heard.map(({ detail }) => detail).filter(({ event }) => event === 'cloudRecord');
		assert.deepEqual(told.map(({ state }) => state), ['connecting', 'live', 'reconnecting', 'live', 'stopped']);
		assert.deepEqual([told[2].msg, told[2].name, told[2].dropped, told[2].target], ['gone', 'ECLOSED', 7, pushed.target]);
		assert.ok(!JSON.stringify(heard).includes('s3cret'));
	});

test('screenRecord 3, and the push is refused: recorded here', async () => {
	const page = await freshExe();
	page.agent.answers['recording.start'] = ({ targets }) => {
		if (targets.includes('push'))
			throw { code: -32002, message: 'not listed', data: { name: 'EPERM', hint: 'ask' } };
		return { recording: 'r1' };
	};
	const { first } = await inRoom(page, { custom: { screenRecord: 3, cloudRecordUrl } });
	const told = await first('onRecvEvent', (e) => e.event === 'cloudRecord');
	assert.deepEqual([told.state, told.name, told.hint], ['failed', 'EPERM', 'ask']);
	const starts = await until(() => page.agent.asked.filter(({ method }) => method === 'recording.start').length === 2 && page.agent.asked);
	assert.deepEqual(starts.at(-1).params.targets, ['local']);
});

test('cloudRecordUrl: missing or of another scheme is refused, and not repeated', async () => {
	for (const url of [undefined, '', 'https://live.example/s3cret', 'x rtmp://live.example/a/s3cret']) {
		await freshExe();
		const { fail } = await answer(RtcRoom.startEXE, startObject({ custom: { screenRecord: 1, cloudRecordUrl: url } }));
		assert.equal(fail.errCode, -9999);
		assert.ok(fail.errMsg.includes('custom.cloudRecordUrl') && !fail.errMsg.includes('s3cret'), fail.errMsg);
	}
});
