/** One room at a time for all pages of this origin: a lock that the browser frees when the document goes, however it goes. */
import { DeskhandError } from '../../deskhand.js';
import { say } from './texts.js';

const NAME = 'deskhand.exe';

/** @returns {Promise<() => void>} gives the turn back; rejects with EBUSY when another room has it */
export function takeTurn(locks = globalThis.navigator?.locks) {
	if (!locks)
		return Promise.resolve(() => {}); /* not a secure context: only this page's own rooms are known */
	return new Promise((resolve, reject) => {
		locks.request(NAME, { ifAvailable: true }, (lock) => {
			if (!lock)
				return reject(new DeskhandError('EBUSY', { message: say('running') }));
			return new Promise((give) => resolve(give));
		}).catch(reject);
	});
}
