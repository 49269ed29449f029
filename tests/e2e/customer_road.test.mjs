/** A customer with nothing but a browser behind a road that loses 5 of 100 packets both ways (tests/tools/link_relay.c): the room
 * service and the agent are at its other end. What counts is what was decoded and read at each end. */
import assert from 'node:assert/strict';
import nodeTest from 'node:test';
import { chromium } from 'playwright-core';
import { Desk } from './desk.mjs';
import { APP, RoomService, fakeDevices, prepare, receivedHere } from './room_desk.mjs';
import { Link, chromiumInside, whyNoLink } from './rtc/link.mjs';
import { until } from './rtc/watch.mjs';

const OFFICE = '10.77.0.1'; // of link_relay's first namespace

/** Service and agent in the link's first namespace, the agent in a room as its host. */
async function office(t, link) {
	const service = new RoomService('--host', '0.0.0.0');
	const desk = new Desk();
	t.after(async () => {
		await desk.stop();
		await service.stop();
	});
	[service.space, desk.space] = [link.spaces[0], link.spaces[0]];
	desk.setPolicy({ origins: [], signal_hosts: ['127.0.0.1'] });
	await Promise.all([service.start(), desk.startAgent()]);
	const { session } = desk.call('session.open', { template: 'desk', canvas: { width: 640, height: 360, fps: 15 },
		sources: [{ role: 'camera' }, { role: 'microphone' }] });
	desk.call('room.join', { server: `ws://127.0.0.1:${service.port}`, room: 'r', user_id: 'anna', user_name: 'Anna Schmidt',
		user_sig: service.sig('anna'), sdk_app_id: APP, session });
	return { service, desk };
}

/** A browser in the link's second namespace, for which the service's plain address is as good as https. */
async function browserBehind(t, link, origin) {
	const desk = new Desk(); // its folder only
	const browser = await chromium.launch({ executablePath: chromiumInside(link.spaces[1], desk.dir), headless: true,
		args: [...fakeDevices, `--unsafely-treat-insecure-origin-as-secure=${origin}`, '--disable-features=WebRtcHideLocalIpsWithMdns',
			'--disable-background-networking'] });
	t.after(async () => {
		await browser.close();
		await desk.stop();
	});
	const page = await browser.newPage({ permissions: ['camera', 'microphone'], locale: 'en-GB', viewport: { width: 640, height: 480 } });
	page.setDefaultTimeout(30000);
	await page.addInitScript(prepare, '');
	return page;
}

const options = { timeout: 120000, skip: whyNoLink() };
nodeTest('a customer in Chromium at 5 % loss both ways: pictures, sound and chat both ways', options, async (t) => {
	const link = await Link.open('rate=4000 queue=300 delay=25 loss=5');
	t.after(() => link.close());
	const { service, desk } = await office(t, link);
	const origin = `http://${OFFICE}:${service.port}`;
	const page = await browserBehind(t, link, origin);
	await page.goto(`${origin}/customer.html#t=${desk.call('room.ticket', { room: 'r' }).ticket}`);
	assert.equal(await page.evaluate(() => isSecureContext), true, 'the page may have a camera');
	await page.getByTestId('name').fill('Lin Mei');
	await page.getByTestId('join').click();
	await page.getByTestId('call-state').filter({ hasText: 'Connected' }).waitFor();

	const atPage = () => page.evaluate(receivedHere);
	const atDesk = () => {
		const streams = desk.call('rtc.stats').peers.flatMap((peer) => peer.receive);
		return { pictures: streams.reduce((n, s) => n + (s.frames_decoded ?? 0), 0), sounds: streams.reduce((n, s) => n + (s.samples ?? 0), 0) };
	};
	for (let i = 1; i <= 2; i++) { // and they keep coming
		const [page0, desk0] = [await atPage(), atDesk()];
		await until(async () => (await atPage()).pictures > page0.pictures + 15 && (await atPage()).sounds > page0.sounds + 25,
			`pictures and sound of the agent, ${i}`);
		await until(() => atDesk().pictures > desk0.pictures + 15 && atDesk().sounds > desk0.sounds + 24000, `those of the customer, ${i}`);
	}

	await page.getByTestId('open-chat').click();
	for (const [i, text] of ['Good morning!', '您好', 'a third line'].entries()) {
		desk.call('room.chat', { room: 'r', text });
		await page.getByTestId('chat-lines').filter({ hasText: text }).waitFor();
		await page.getByTestId('chat-text').fill(`${text} to you`);
		await page.getByTestId('chat-text').press('Enter');
		await until(() => desk.call('room.get', { room: 'r' }).history.length === 2 * i + 2, 'the customer is read');
	}
	assert.deepEqual(desk.call('room.get', { room: 'r' }).history.map((line) => line.text),
		['Good morning!', 'Good morning! to you', '您好', '您好 to you', 'a third line', 'a third line to you']);
	const { a, b } = await link.stats();
	assert.ok(a.lost > 0 && b.lost > 0, `the road lost packets: ${JSON.stringify([a, b])}`);
});
