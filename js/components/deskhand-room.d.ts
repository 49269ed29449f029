import type { Deskhand, DeskhandError } from '../deskhand.js';

/** One who is in the room; docs/rooms.md, and what the agent adds. */
export interface RoomMember {
	member: number;
	user_id: string;
	user_name: string;
	role: 'host' | 'member' | 'guest';
	joined_ms: number;
	camera: boolean;
	microphone: boolean;
	screen: boolean;
	recording: boolean;
	away: boolean;
	connection?: 'none' | 'connecting' | 'connected' | 'lost' | 'failed';
	/** numbers of the session's sources: track remote:NUMBER */
	sources?: { camera?: number; screen?: number; sound?: number };
}

export interface ChatLine {
	id: number;
	user_id: string;
	user_name: string;
	text: string;
	ts_ms: number;
}

/** What room.join and room.get answer. */
export interface RoomState {
	room: string;
	name: string;
	session: string;
	role: 'host' | 'member';
	member: number;
	members: RoomMember[];
	history: ChatLine[];
	[more: string]: unknown;
}

export interface RoomJoin {
	/** origin of the room service */
	server: string;
	room: string;
	user_id: string;
	user_sig: string;
	sdk_app_id: number;
	user_name?: string;
	room_name?: string;
	session?: string;
	template?: string;
	create?: 'if_missing' | 'must' | 'never';
	[more: string]: unknown;
}

export interface DeskhandRoomEventMap {
	joined: CustomEvent<RoomState>;
	closed: CustomEvent<{ reason: string; text?: string }>;
	memberchange: CustomEvent<{ members: RoomMember[] }>;
	chat: CustomEvent<ChatLine>;
	error: CustomEvent<DeskhandError>;
	recording: CustomEvent<{ recording: string; state: 'recording' | 'paused' | 'stopping' | 'stopped' | 'failed'; duration_ms?: number; bytes?: number }>;
}

/** Attributes: user-list, im-list, screen-share, record, room-title, room-logo, lang. */
export class DeskhandRoom extends HTMLElement {
	/** a connected Deskhand, before join() or attach() */
	agent: Deskhand | null;
	/** '' outside of a room */
	readonly room: string;
	readonly session: string;
	join(params: RoomJoin): Promise<RoomState>;
	/** After a reload, once agent.resumeSessions() was called. */
	attach(room: string): Promise<RoomState>;
	leave(): Promise<void>;
	addEventListener<K extends keyof DeskhandRoomEventMap>(type: K, listener: (event: DeskhandRoomEventMap[K]) => void,
		options?: boolean | AddEventListenerOptions): void;
	addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

declare global {
	interface HTMLElementTagNameMap {
		'deskhand-room': DeskhandRoom;
	}
}
