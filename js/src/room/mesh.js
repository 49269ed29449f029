/** Connections to all other members: who calls whom, and what is sent to all of them. */
import { DeskhandEvent } from '../event.js';
import { Peer } from './peer.js';

/** Events: `streams` {member, streams}, `connection` {member, state}. */
export class Mesh extends EventTarget {
	/** @type {Map<number, Peer>} */
	peers = new Map();
	#own = { camera: new MediaStream(), screen: new MediaStream() };
	#tracks = { microphone: null, camera: null, screen: null };
	#send;
	#number = 0;
	#iceServers = [];

	/** @param {(to: number, body: object) => void} send */
	constructor(send) {
		super();
		this.#send = send;
	}

	/** A track to all members, now and later; null ends it. @param {'microphone'|'camera'|'screen'} role */
	async setTrack(role, track) {
		this.#tracks[role] = track;
		await Promise.all([...this.peers.values()].map((peer) => peer.setTrack(role, track)));
	}

	setIceServers(iceServers) {
		this.#iceServers = iceServers;
		this.peers.forEach((peer) => peer.setIceServers(iceServers));
	}

	/**
	 * In the room, or again in it: connections of members that are gone or of an older self end, those to others begin.
	 * @param {number} own @param {number[]} others
	 * @param {boolean} isFresh the others may still hold connections to what this page was before a reload: call them all
	 */
	enter(own, others, isFresh) {
		if (own !== this.#number)
			[...this.peers.keys()].forEach((number) => this.remove(number));
		this.#number = own;
		[...this.peers.keys()].filter((number) => !others.includes(number)).forEach((number) => this.remove(number));
		for (const number of others)
			if (!this.peers.has(number))
				this.#add(number, isFresh || own > number);
	}

	/** Descriptions and candidates may be lost: what did not come about begins again. */
	renew() {
		this.peers.forEach((peer) => peer.renew().catch(() => {})); /* one that is just answered needs none */
	}

	/** A member that came after us calls. */
	add(number) {
		if (!this.peers.has(number) && number !== this.#number)
			this.#add(number, this.#number > number);
	}

	remove(number) {
		const peer = this.peers.get(number);
		this.peers.delete(number);
		peer?.close();
	}

	/** A room.signal event. */
	signal({ from, description, candidate, streams }) {
		if (this.peers.get(from)?.isStranger(description))
			this.remove(from);
		if (!this.peers.has(from))
			this.#add(from, false);
		return this.peers.get(from).take({ description, candidate, streams });
	}

	close() {
		[...this.peers.keys()].forEach((number) => this.remove(number));
	}

	/** The later one is polite. */
	#add(number, isCaller) {
		const peer = new Peer({ isPolite: this.#number > number, isCaller, iceServers: this.#iceServers, own: this.#own, tracks: this.#tracks,
			send: (body) => this.peers.get(number) === peer && this.#send(number, body) });
		this.peers.set(number, peer);
		for (const name of ['streams', 'connection'])
			peer.addEventListener(name, ({ detail }) => this.peers.get(number) === peer &&
				this.dispatchEvent(new DeskhandEvent(name, { member: number, ...(name === 'streams' ? { streams: detail } : detail) })));
	}
}
