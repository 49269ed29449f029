/** Who is in the room: pure state, without a network. Each change answers with what became different. */

/**
 * @typedef {object} Member docs/rooms.md
 * @property {number} member @property {string} user_id @property {string} user_name @property {'host'|'member'|'guest'} role
 * @property {number} joined_ms @property {boolean} camera @property {boolean} microphone @property {boolean} screen
 * @property {boolean} recording @property {boolean} away
 */
/** @typedef {{joined: Member[], left: (Member & {reason?: string})[], changed: Member[]}} Diff */

const none = () => ({ joined: [], left: [], changed: [] });
const FLAGS = ['user_name', 'role', 'camera', 'microphone', 'screen', 'recording', 'away'];

export class Roster {
	/** own number, 0 outside of a room */
	own = 0;
	/** @type {Map<number, Member>} the own one too */
	members = new Map();

	/** The whole truth, from room.join. @param {Member[]} list @param {number} own @returns {Diff} */
	reset(list, own) {
		const diff = none();
		const before = this.members;
		this.own = own;
		this.members = new Map(list.map((m) => [m.member, m]));
		for (const [number, m] of this.members)
			if (!before.has(number))
				diff.joined.push(m);
			else if (FLAGS.some((flag) => before.get(number)[flag] !== m[flag]))
				diff.changed.push(m);
		diff.left = [...before.values()].filter((m) => !this.members.has(m.member));
		return diff;
	}

	/** An event of the service; others than the three about members change nothing. @returns {Diff} */
	apply(name, { seq: _, ...m }) {
		const diff = none();
		if (name === 'room.member_left' && this.members.has(m.member)) {
			diff.left.push({ ...this.members.get(m.member), ...m });
			this.members.delete(m.member);
		} else if (name === 'room.member_joined' || name === 'room.member_changed') {
			diff[this.members.has(m.member) ? 'changed' : 'joined'].push(m);
			this.members.set(m.member, m);
		}
		return diff;
	}

	/** @returns {Member[]} all but oneself, the longest there first */
	get others() {
		return [...this.members.values()].filter((m) => m.member !== this.own).sort((a, b) => a.member - b.member);
	}

	/** @returns {Member|undefined} */
	get me() {
		return this.members.get(this.own);
	}

	/** @returns {Member[]} everybody who records */
	get recorders() {
		return [...this.members.values()].filter((m) => m.recording);
	}
}
