/** What tests of calls look at: what was decoded at an end, and that nothing of it stays alive. */
import assert from 'node:assert/strict';

/** Until is() is true, looked at four times a second. */
export async function until(is, what, seconds = 30) {
	for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
		if (await is())
			return;
		await new Promise((done) => { setTimeout(done, 250); });
	}
	assert.fail(`not within ${seconds} s: ${what}`);
}

/** All pictures and sounds that an agent's end has decoded so far. */
export const total = (end, field) => end.seconds.reduce((sum, s) => sum + s.remote.reduce((n, r) => n + r[field], 0), 0);
export const readable = (end) => total(end, 'pictures') - total(end, 'unread');
export const lastOf = (end) => end.seconds.at(-1);

/** What a page has seen so far. */
export function counter(page) {
	const seen = { frames: 0, readable: 0, ages: [], widths: new Set() };
	return async () => {
		const { video, stats } = await page.take();
		seen.frames += video.length;
		seen.readable += video.filter((v) => v.age_ms !== null).length;
		seen.ages.push(...video.map((v) => v.age_ms).filter((v) => v !== null));
		video.forEach((v) => seen.widths.add(v.width));
		seen.stats = stats;
		return seen;
	};
}

export async function ends(t, make) {
	const all = await Promise.all(make);
	t.after(async () => {
		for (const end of all.filter((e) => !e.isClosed))
			await end.close();
	});
	return all;
}

/** Its end, and that nothing of it stayed alive. */
export async function closeClean(agent) {
	agent.isClosed = true;
	assert.equal(await agent.close(), 0);
	const { peers, packets, frames } = agent.left;
	assert.deepEqual({ peers, packets, frames }, { peers: 0, packets: 0, frames: 0 });
}
