// Made by `ninja -C build api` from the agent's command table and tools/deskhand.d.ts.in: do not edit.

export type Scope = 'devices.list' | 'camera' | 'microphone' | 'screen' | 'system_audio' | 'record.local' | 'record.push' | 'snapshot' | 'files.list' | 'stats' | 'room' | 'push' | '*';

/** States of connect(); a person can act on each. */
export type ConnectErrorName = 'not_installed' | 'extension_missing' | 'agent_down' | 'blocked_by_browser' | 'denied' |
	'version_mismatch' | 'sandboxed_browser';
/** Errors of the agent. */
export type AgentErrorName = 'EFAIL' | 'EPERM' | 'EBUSY' | 'ENOENT' | 'EINVAL' | 'ENOMEM' | 'EIO' | 'ENOSPC' | 'EAGAIN' | 'ECANCELED' | 'ETIMEDOUT' | 'ENOTSUP' | 'ESTATE' | 'ELIMIT' | 'ENODEV' | 'EVERSION' | 'EEXIST' | 'ECLOSED' | 'EPROTO';

export class DeskhandError extends Error {
	name: ConnectErrorName | AgentErrorName;
	code: number;
	/** what a person can do about it */
	hint: string;
	/** a more exact cause, or '' */
	reason: string;
	/** whether the same call may succeed later */
	retriable: boolean;
	/** `denied`, after asking for scopes: what the desk user types */
	command?: string;
}

export interface CallOptions {
	signal?: AbortSignal;
	/** milliseconds */
	timeout?: number;
}

export interface ConnectOptions extends CallOptions {
	transport?: 'auto' | 'extension' | 'websocket';
	/** scopes to ask for when nothing is granted yet */
	request?: Scope[];
	/** name and version of the page's software, for the agent's log */
	client?: string;
	/** language of messages and hints; default: the page's */
	lang?: string;
	/** another build of the extension */
	extensionId?: string;
	/** other ports than 18620 to 18624 for the WebSocket */
	ports?: number[];
}

export interface Hello {
	version: number;
	granted: Scope[];
	hint?: string;
	agent?: { version: string; platform: string };
	origin?: string;
	features?: string[];
}

export class DeskhandEvent<T = unknown> extends Event {
	readonly detail: T;
}

export interface DeskhandEventMap {
	/** The agent's own state changed. */
	'agent.state': DeskhandEvent<{
		/** running, stopping */
		state?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** Load and rates, each second. */
	'agent.stats': DeskhandEvent<{
		/** of one core (%) */
		cpu_percent?: number;
		/** memory in use (B) */
		rss_bytes?: number;
		/** where recordings go (B) */
		disk_free_bytes?: number;
		/** per session: sources, pictures, encoder */
		sessions?: Record<string, unknown>[];
		/** per connection: round trip, losses */
		peers?: Record<string, unknown>[];
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** Sound levels, ten a second. */
	'audio.levels': DeskhandEvent<{
		/** from session.open */
		session?: string;
		/** 0: the mix */
		source?: number;
		/** mean; -100 is silence (dBFS) */
		rms_db?: number;
		/** greatest (dBFS) */
		peak_db?: number;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** Devices came or went. */
	'devices.changed': DeskhandEvent<{
		/** ids */
		added?: string[];
		/** ids */
		removed?: string[];
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A running recording's disk, or its folder's quota, lasts not much longer; or does again. */
	'disk.low': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** alias */
		folder?: string;
		/** start, end */
		state?: string;
		/** disk or quota: what ends the recording first */
		limit?: string;
		/** left on its disk (B) */
		free_bytes?: number;
		/** until the recording is ended; absent: nothing grows (min) */
		minutes_left?: number;
		/** what to do; at the start */
		hint?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** This origin's grants are others now. */
	'grants.changed': DeskhandEvent<{
		/** scopes */
		granted?: string[];
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A session, one of its sources or its controller changed; as session.list shows it. */
	'session.changed': DeskhandEvent<{
		/** from session.open */
		session?: string;
		/** open, closed */
		state?: string;
		/** layout */
		template?: string;
		/** width, height, fps */
		canvas?: Record<string, unknown>;
		/** source, role, device, state */
		sources?: Record<string, unknown>[];
		/** a client holds it */
		is_controlled?: boolean;
		/** why it was closed */
		reason?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A device of a session failed or is gone; the session goes on with a placard. */
	'source.lost': DeskhandEvent<{
		/** from session.open */
		session?: string;
		/** number */
		source?: number;
		/** camera, screen, ... */
		role?: string;
		/** error name */
		name?: string;
		/** a sentence */
		reason?: string;
		/** what to do */
		hint?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A lost device works again. */
	'source.back': DeskhandEvent<{
		/** from session.open */
		session?: string;
		/** number */
		source?: number;
		/** camera, screen, ... */
		role?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** Something is wrong with a source, or no longer so: to be mended while the people are there. */
	'quality.warning': DeskhandEvent<{
		/** from session.open */
		session?: string;
		/** number */
		source?: number;
		/** camera, microphone, remote, ... */
		role?: string;
		/** black, covered, frozen, dark, bright, silent, clipping, skew, format, device */
		kind?: string;
		/** start, end */
		state?: string;
		/** how long it has been so (ms) */
		since_ms?: number;
		/** measured; what of: docs/quality.md */
		value?: number;
		/** of value */
		threshold?: number;
		/** what to do; at the start */
		hint?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** One more address of this computer, towards the client that opened the preview. */
	'preview.candidate': DeskhandEvent<{
		/** from preview.open */
		preview?: string;
		/** m-line of the answer */
		mid?: string;
		/** candidate:..., empty after the last */
		candidate?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A preview ended. */
	'preview.closed': DeskhandEvent<{
		/** from session.open */
		session?: string;
		/** from preview.open */
		preview?: string;
		/** error name; ECLOSED where nothing went wrong */
		name?: string;
		/** a sentence */
		reason?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** Each connection's numbers, each second; as rtc.stats replies. */
	'rtc.stats': DeskhandEvent<{
		/** see docs/rtc.md */
		peers?: Record<string, unknown>[];
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** This agent is in a room; as room.get replies. */
	'room.joined': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** from session.open */
		session?: string;
		/** as room.get */
		members?: Record<string, unknown>[];
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A member came; as in members of room.get. */
	'room.member_joined': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** number */
		member?: number;
		/** who */
		user_id?: string;
		/** for people */
		user_name?: string;
		/** host, member, guest */
		role?: string;
		/** sent */
		camera?: boolean;
		/** sent */
		microphone?: boolean;
		/** sent */
		screen?: boolean;
		/** records the room: show it */
		recording?: boolean;
		/** its way to the service is cut */
		away?: boolean;
		/** connecting, connected, lost, failed, none */
		connection?: string;
		/** camera?, screen?, sound?: numbers for track remote:NUMBER */
		sources?: Record<string, unknown>;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A member's state, connection or sources are others now. */
	'room.member_changed': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** number */
		member?: number;
		/** who */
		user_id?: string;
		/** for people */
		user_name?: string;
		/** host, member, guest */
		role?: string;
		/** sent */
		camera?: boolean;
		/** sent */
		microphone?: boolean;
		/** sent */
		screen?: boolean;
		/** records the room: show it */
		recording?: boolean;
		/** its way to the service is cut */
		away?: boolean;
		/** connecting, connected, lost, failed, none */
		connection?: string;
		/** camera?, screen?, sound?: numbers for track remote:NUMBER */
		sources?: Record<string, unknown>;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A member is gone. */
	'room.member_left': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** number */
		member?: number;
		/** who */
		user_id?: string;
		/** for people */
		user_name?: string;
		/** left, lost, kicked, replaced */
		reason?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A line of chat, also one's own. */
	'room.chat': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** grows */
		id?: number;
		/** who */
		user_id?: string;
		/** for people */
		user_name?: string;
		/** what */
		text?: string;
		/** since 1970 (ms) */
		ts_ms?: number;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** Data from another member's page. */
	'room.custom': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** member */
		from?: number;
		/** who */
		user_id?: string;
		/** as it was sent */
		data?: unknown;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The host asked, and it is done: nothing is sent of these. */
	'room.muted': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** member */
		by?: number;
		/** true: off */
		camera?: boolean;
		/** true: off */
		microphone?: boolean;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The room service is away; pictures and sound go on. Again with each try that failed. */
	'room.reconnecting': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** error name */
		name?: string;
		/** a sentence */
		reason?: string;
		/** the next try comes in (ms) */
		retry_ms?: number;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The room service is back. */
	'room.reconnected': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** own number */
		member?: number;
		/** nothing was missed; else members of room.get are the truth */
		resumed?: boolean;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** This agent is in the room no longer. */
	'room.closed': DeskhandEvent<{
		/** from room.join */
		room?: string;
		/** from session.open */
		session?: string;
		/** left, closed, kicked, replaced, expired, refused, session_closed, revoked, shutdown */
		reason?: string;
		/** a sentence */
		text?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A push changed, and each second while it is live. */
	'push.state': DeskhandEvent<{
		/** id */
		push: string;
		/** whose program it is */
		session: string;
		/** that it belongs to */
		recording?: string;
		/** where to, without the stream's name and other secrets */
		target?: string;
		/** connecting, live, reconnecting, stopped, failed */
		state: string;
		/** number of the try that comes or is made; 0 while live */
		attempt?: number;
		/** sent, over all connections (B) */
		bytes?: number;
		/** of what was sent (ms) */
		duration_ms?: number;
		/** packets (pictures, chunks of sound) that did not go out: slow network, or away */
		dropped?: number;
		/** of the last second (bit/s) */
		bitrate_bps?: number;
		/** what the last connection failed by, or why it ended */
		why?: string;
		/** error name, with why */
		name?: string;
		/** what to do, with why */
		hint?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The file has begun. */
	'recording.started': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** seq, head: the newest link of the evidence; keep it away from the desk */
		chain?: Record<string, unknown>;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** How far a recording is, each second. */
	'recording.progress': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** recording, paused */
		state?: string;
		/** of what is in the file, pauses excluded (ms) */
		duration_ms?: number;
		/** in the file (B) */
		bytes?: number;
		/** in the file */
		video_frames?: number;
		/** packets the writer could not take */
		dropped?: number;
		/** seq, head: the newest link of the evidence; keep it away from the desk */
		chain?: Record<string, unknown>;
		/** left in its folder (B) */
		disk_free_bytes?: number;
		/** until disk or quota end it; absent: nothing grows (min) */
		disk_minutes_left?: number;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** One of the recording's files is finished; the recording goes on in the next. */
	'recording.segment': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** number, from 1 */
		segment?: number;
		/** of the file */
		name?: string;
		/** of the file (B) */
		bytes?: number;
		/** of the file (ms) */
		duration_ms?: number;
		/** in the file */
		video_frames?: number;
		/** seq, head: the newest link of the evidence; keep it away from the desk */
		chain?: Record<string, unknown>;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** What wrote a recording died; it goes on in another file by itself. */
	'recording.continued': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** number of the file, from 1 */
		segment?: number;
		/** of the file */
		name?: string;
		/** missing between the two files (ms) */
		gap_ms?: number;
		/** a sentence */
		reason?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** How far a check is, each second. Only to the page that asked for it. */
	'recording.verifying': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** read so far (B) */
		bytes?: number;
		/** of all its files (B) */
		total_bytes?: number;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A marker was set. */
	'recording.marker': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** in the file (ms) */
		t_ms?: number;
		/** as given */
		text?: string;
		/** as given */
		step?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The recording pauses. */
	'recording.paused': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The recording goes on. */
	'recording.resumed': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The computer's clock was set during a recording; the file's own times stand. */
	'recording.clock_step': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** forward, or back when negative (ms) */
		step_ms?: number;
		/** what to do */
		hint?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The file is finished. */
	'recording.stopped': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** of what is in the file, pauses excluded (ms) */
		duration_ms?: number;
		/** in the file (B) */
		bytes?: number;
		/** in the file */
		video_frames?: number;
		/** packets the writer could not take */
		dropped?: number;
		/** seq, head: the newest link of the evidence; keep it away from the desk */
		chain?: Record<string, unknown>;
		/** asked, disk_full, quota_full, session_closed, shutdown */
		reason?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** The recording ended by an error; what was written so far is playable. */
	'recording.failed': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** from session.open */
		session?: string;
		/** of what is in the file, pauses excluded (ms) */
		duration_ms?: number;
		/** in the file (B) */
		bytes?: number;
		/** in the file */
		video_frames?: number;
		/** packets the writer could not take */
		dropped?: number;
		/** seq, head: the newest link of the evidence; keep it away from the desk */
		chain?: Record<string, unknown>;
		/** error name */
		name?: string;
		/** a sentence */
		reason?: string;
		/** what to do */
		hint?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A recording that was cut off earlier has been finished. */
	'recording.recovered': DeskhandEvent<{
		/** from recording.start */
		recording?: string;
		/** that could be saved (ms) */
		duration_ms?: number;
		/** in the file (B) */
		bytes?: number;
		/** seq, head: the newest link of the evidence; keep it away from the desk */
		chain?: Record<string, unknown>;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** How far an upload is, and what is in its way. */
	'upload.progress': DeskhandEvent<{
		/** id */
		upload: string;
		/** of which it is */
		recording: string;
		/** of the file */
		name: string;
		/** waiting, uploading, confirming, done, failed, refused, cancelled */
		state: string;
		/** of the file (B) */
		bytes: number;
		/** there, or on their way (B) */
		bytes_sent: number;
		/** of the file, in hex, when the upload began */
		sha256?: string;
		/** the archive has the same hash */
		hash_confirmed: boolean;
		/** the file here was deleted after that, as the policy says */
		local_deleted: boolean;
		/** wall time (ms) */
		created_ms?: number;
		/** wall time (ms) */
		ended_ms?: number;
		/** error name, of what is in the way */
		error?: string;
		/** a sentence */
		reason?: string;
		/** what to do */
		hint?: string;
		/** the next try comes in (ms) */
		retry_ms?: number;
		/** command line only: its URL at the archive */
		location?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** A recording is in the archive. */
	'upload.done': DeskhandEvent<{
		/** id */
		upload: string;
		/** of which it is */
		recording: string;
		/** of the file */
		name: string;
		/** waiting, uploading, confirming, done, failed, refused, cancelled */
		state: string;
		/** of the file (B) */
		bytes: number;
		/** there, or on their way (B) */
		bytes_sent: number;
		/** of the file, in hex, when the upload began */
		sha256?: string;
		/** the archive has the same hash */
		hash_confirmed: boolean;
		/** the file here was deleted after that, as the policy says */
		local_deleted: boolean;
		/** wall time (ms) */
		created_ms?: number;
		/** wall time (ms) */
		ended_ms?: number;
		/** error name, of what is in the way */
		error?: string;
		/** a sentence */
		reason?: string;
		/** what to do */
		hint?: string;
		/** the next try comes in (ms) */
		retry_ms?: number;
		/** command line only: its URL at the archive */
		location?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
	/** An upload has ended without success. */
	'upload.failed': DeskhandEvent<{
		/** id */
		upload: string;
		/** of which it is */
		recording: string;
		/** of the file */
		name: string;
		/** waiting, uploading, confirming, done, failed, refused, cancelled */
		state: string;
		/** of the file (B) */
		bytes: number;
		/** there, or on their way (B) */
		bytes_sent: number;
		/** of the file, in hex, when the upload began */
		sha256?: string;
		/** the archive has the same hash */
		hash_confirmed: boolean;
		/** the file here was deleted after that, as the policy says */
		local_deleted: boolean;
		/** wall time (ms) */
		created_ms?: number;
		/** wall time (ms) */
		ended_ms?: number;
		/** error name, of what is in the way */
		error?: string;
		/** a sentence */
		reason?: string;
		/** what to do */
		hint?: string;
		/** the next try comes in (ms) */
		retry_ms?: number;
		/** command line only: its URL at the archive */
		location?: string;
		/** number of the event */
		seq: number;
		/** the agent's monotonic clock */
		ts_us: number;
	}>;
}

export interface CaptureDetail {
	session: string;
	stream: MediaStream;
	/** error name */
	name?: string;
	/** a sentence */
	reason?: string;
}

export interface CaptureOptions extends CallOptions {
	session: string;
	/** program, camera, screen, remote:NUMBER; default: program alone */
	tracks?: string[];
	/** default: local */
	sound?: 'local' | 'all' | 'none';
}

/** Events of the SDK itself. */
export interface ConnectionEventMap {
	reconnecting: DeskhandEvent<{ attempt: number; delay_ms: number; reason?: string }>;
	reconnected: DeskhandEvent<{ attempt: number; lost_sessions: string[] }>;
	disconnected: DeskhandEvent<DeskhandError>;
	/** the connection of a captured stream was lost; the SDK makes another */
	'capture.interrupted': DeskhandEvent<CaptureDetail>;
	/** pictures come again; the stream's tracks are other ones now */
	'capture.resumed': DeskhandEvent<CaptureDetail>;
	/** final: its session is gone, or the connection cannot be made again */
	'capture.ended': DeskhandEvent<CaptureDetail>;
}

export class Deskhand extends EventTarget {
	static connect(options?: ConnectOptions): Promise<Deskhand>;
	/** Forget the pairing of this origin with an agent. */
	static forget(): void;
	readonly state: 'connected' | 'reconnecting' | 'closed';
	readonly transport: 'extension' | 'websocket';
	readonly info: Hello;
	readonly granted: Scope[];
	/** Any command by its name. */
	call<T = unknown>(method: string, params?: object, how?: CallOptions): Promise<T>;
	/** For a component: events of high volume beside those the page chose, and will choose, by `events.subscribe`. */
	alsoHear(prefixes: string[]): Promise<{ seq: number }>;
	/** Live pictures and sound of a session; resolves once the first pictures came. */
	captureStream(options: CaptureOptions): Promise<MediaStream>;
	/** After a reload: attach to the sessions this tab opened. */
	resumeSessions(): Promise<object[]>;
	/** Hang up; the agent's sessions go on. */
	close(): void;
	addEventListener<K extends keyof (DeskhandEventMap & ConnectionEventMap)>(type: K,
		listener: (event: (DeskhandEventMap & ConnectionEventMap)[K]) => void, options?: boolean | AddEventListenerOptions): void;
	addEventListener(type: string, listener: EventListenerOrEventListenerObject | null,
		options?: boolean | AddEventListenerOptions): void;
	readonly agent: {
		/** First call of every page: agrees on a version and tells what this origin was granted. */
		hello(params: {
			/** lowest version the page speaks */
			min_version: number;
			/** highest version the page speaks */
			max_version: number;
			/** name and version of the page's software */
			client: string;
			/** 16 to 128 characters of ASCII: the agent signs it, see proof */
			nonce?: string;
		}, how?: CallOptions): Promise<{
			/** the version spoken from here on */
			version: number;
			/** scopes; empty: only grants.request works, and no further field is told */
			granted: string[];
			/** when nothing is granted: what the desk user can do about it */
			hint?: string;
			/** version, platform */
			agent?: Record<string, unknown>;
			/** who the agent takes the page for */
			origin?: string;
			/** what this agent can do: sessions, recording, snapshot, beauty, events; preview, if it was built with WebRTC */
			features?: string[];
			/** for nonce: Ed25519 signature, base64, over "deskhand-hello-v1\n" nonce "\n" origin */
			proof?: string;
			/** for nonce: the agent's public key, base64; the same at each meeting */
			key?: string;
		}>;
		/** Load of the agent, frame rates and losses of the caller's sessions and connections. Subscribe to the event agent.stats for one each second. */
		stats(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** of one core, since the last question (%) */
			cpu_percent?: number;
			/** memory in use (B) */
			rss_bytes?: number;
			/** in the videos folder; absent until measured (B) */
			disk_free_bytes?: number;
			/** session, composed, compose_dropped, compose_ms, encoded, encoded_bytes, encoded_bps, encode_ms, sources: [source, role, width, height, frames, fps, dropped] */
			sessions?: Record<string, unknown>[];
			/** kind, preview or room and member, session, state, rtt_ms, lost_percent; more in rtc.stats */
			peers?: Record<string, unknown>[];
		}>;
		/** State of the agent and of what the caller has: sessions, rooms, pushes, uploads. The command line sees all. */
		status(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** running, stopping */
			state?: string;
			/** of the agent */
			version?: string;
			/** pattern and tone instead of devices */
			fake?: boolean;
			/** since the agent started (ms) */
			uptime_ms?: number;
			/** as session.list */
			sessions?: Record<string, unknown>[];
			/** as room.list */
			rooms?: Record<string, unknown>[];
			/** as event push.state */
			pushes?: Record<string, unknown>[];
			/** where something is recorded now: folder, disk_free_bytes, disk_minutes_left */
			folders?: Record<string, unknown>[];
			/** as upload.list, the first of those that are not done or cancelled */
			uploads?: Record<string, unknown>[];
			/** how many more of them there are */
			uploads_left?: number;
			/** command line only */
			pid?: number;
			/** command line only; 0: WebSocket off */
			port?: number;
			/** command line only */
			socket?: string;
			/** command line only: origin, channel, browser, pid, granted */
			clients?: Record<string, unknown>[];
			/** command line only: connections and commands refused so far */
			refused?: number;
			/** command line only: the newest refusal */
			last_denial?: string;
			/** command line only */
			policy_files?: string[];
			/** command line only: what is wrong with a policy file */
			policy_error?: string;
		}>;
	};
	readonly audio: {
		/** Gain and mute of a session's microphones; speaker of its calls; echo, noise and loudness. */
		set(params?: {
			/** from session.open; not needed when there is only one */
			session?: string;
			/** 0 leaves the sound as it is (dB) */
			microphone_gain?: number;
			/** silence instead of the microphones */
			muted?: boolean;
			/** id of devices.list, kind speaker; empty: the default */
			speaker?: string;
			/** of remote members, on this computer (%) */
			speaker_volume?: number;
			/** take the speaker out of the microphones; else: in calls */
			echo_cancel?: boolean;
			/** take noise out of the microphones; else: in calls */
			noise_suppress?: boolean;
			/** even out how loud the microphones are; else: in calls */
			auto_gain?: boolean;
		}, how?: CallOptions): Promise<Record<string, never>>;
	};
	readonly beauty: {
		/** Levels of the beauty filter on the session's cameras, from the next frame on; 0 everywhere changes no bit. */
		set(params: {
			/** from session.open */
			session: string;
			/** how skin is smoothed */
			style?: 'smooth' | 'natural' | 'blur';
			/** level */
			smooth?: number;
			/** level */
			whiten?: number;
			/** level */
			ruddy?: number;
			/** level */
			sharpen?: number;
		}, how?: CallOptions): Promise<Record<string, never>>;
	};
	readonly devices: {
		/** Devices of this computer. Ids survive replug and restart. */
		list(params?: {
			/** only these; all when absent */
			kinds?: ('camera' | 'microphone' | 'speaker' | 'screen' | 'window' | 'system')[];
		}, how?: CallOptions): Promise<{
			/** what there is */
			devices: {
				/** DRIVER:KEY, for sources */
				id?: string;
				/** camera, microphone, ... */
				kind?: string;
				/** for people */
				name?: string;
				/** who serves it */
				driver?: string;
				/** taken when none is named */
				is_default?: boolean;
				/** cameras: pixel, width, height, fps */
				formats?: Record<string, unknown>[];
				/** screens: x, y, width, height */
				geometry?: Record<string, unknown>;
			}[];
		}>;
	};
	readonly events: {
		/** Choose events. All but the high-volume ones come unasked; those need a prefix here. Replaces the last choice. */
		subscribe(params: {
			/** beginnings of event names: agent.stats, audio.levels, recording. */
			prefixes: string[];
			/** true: nothing but what the prefixes name */
			only?: boolean;
		}, how?: CallOptions): Promise<{
			/** number of the last event so far */
			seq: number;
		}>;
	};
	readonly grants: {
		/** What is granted to this origin, and by whom; towards the command line: to all. */
		list(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** granted scopes */
			grants: {
				/** whose */
				origin?: string;
				/** which */
				scopes?: string[];
				/** policy or user */
				source?: string;
				/** wall time (ms) */
				created_ms?: number;
				/** wall time of the last hello (ms) */
				used_ms?: number;
			}[];
		}>;
		/** Ask for scopes. Answers with the command line the desk user types; event grants.changed tells when it was typed. */
		request(params: {
			/** what the page wants */
			scopes: string[];
		}, how?: CallOptions): Promise<{
			/** scopes this origin has */
			granted: string[];
			/** asked for and not granted */
			missing: string[];
			/** to type on this computer, when something is missing */
			command?: string;
		}>;
		/** Take back what the desk user granted; connections and sessions that stood on it end. */
		revoke(params?: {
			/** another one than the caller's: command line only */
			origin?: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
	};
	readonly policy: {
		/** The rules that hold on this computer. */
		get(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** ask or never */
			user_grants?: string;
			/** served at all */
			websocket?: boolean;
			/** all or relay */
			ice?: string;
			/** commands_per_s */
			limits?: Record<string, unknown>;
			/** start_minutes, warn_minutes: docs/recording.md */
			disk?: Record<string, unknown>;
			/** aliases for recording.start */
			folders?: string[];
			/** command line only */
			folder_paths?: Record<string, unknown>;
			/** command line only */
			push_targets?: string[];
			/** command line only: url, token_file, delete_local */
			archive?: Record<string, unknown>;
			/** command line only */
			files?: string[];
			/** command line only */
			warnings?: string[];
			/** command line only: what is wrong with a policy file */
			error?: string;
		}>;
	};
	readonly preview: {
		/** One more address of the page. EPERM unless it is one of this computer: a preview never leaves it. */
		candidate(params: {
			/** from preview.open */
			preview: string;
			/** candidate:..., empty after the last */
			candidate: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** End a preview. */
		close(params: {
			/** from preview.open */
			preview: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Send tracks of a session to the page, by a WebRTC connection that stays on this computer. The SDK's captureStream() does it all. */
		open(params: {
			/** from session.open */
			session: string;
			/** program, camera, screen (the first of the role), remote:NUMBER; each once, in the order of the offer's video lines */
			tracks: string[];
			/** local: microphones and system sound, if there are any; all: remote members too; none */
			sound?: 'local' | 'all' | 'none';
			/** SDP with a line to receive for each track, and one for sound */
			offer: string;
		}, how?: CallOptions): Promise<{
			/** id for preview.candidate and preview.close */
			preview: string;
			/** SDP, with the addresses known by now; later ones come as events preview.candidate */
			answer: string;
		}>;
	};
	readonly push: {
		/** Push what the session shows to an RTMP server, until push.stop. Answers at once; event push.state tells how it goes. */
		start(params: {
			/** from session.open */
			session: string;
			/** rtmp[s]://host[:port]/app/name; the policy lists it in push_targets. Its secrets are never told */
			url: string;
			/** the same within 60 s gives the same push */
			request_id?: string;
		}, how?: CallOptions): Promise<{
			/** its id */
			push: string;
			/** the URL without its secrets */
			target?: string;
		}>;
		/** End a push. Answers when what was queued is sent, or 2 s have gone. */
		stop(params: {
			/** from push.start */
			push: string;
		}, how?: CallOptions): Promise<{
			/** sent (B) */
			bytes: number;
			/** of what was sent (ms) */
			duration_ms: number;
			/** packets that did not go out */
			dropped: number;
		}>;
	};
	readonly recording: {
		/** Delete a finished recording: its file and what is known of it. */
		delete(params: {
			/** from recording.list */
			recording: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** State, times, size and markers of a recording. */
		get(params: {
			/** from recording.start */
			recording: string;
		}, how?: CallOptions): Promise<{
			/** id */
			recording: string;
			/** it was made of */
			session: string;
			/** starting, recording, paused, stopping, done, failed, interrupted */
			state: string;
			/** it was cut off and finished later */
			is_recovered?: boolean;
			/** alias */
			folder?: string;
			/** of the file */
			name: string;
			/** as given */
			case_id?: string;
			/** wall time (ms) */
			started_ms?: number;
			/** wall time (ms) */
			stopped_ms?: number;
			/** in the file (ms) */
			duration_ms: number;
			/** of the file (B) */
			bytes: number;
			/** in the file */
			video_frames?: number;
			/** packets the writer could not take */
			dropped?: number;
			/** the newest link of its evidence: docs/evidence.md */
			chain?: {
				/** number of the link, from 0 */
				seq: number;
				/** SHA-256 in hex; keep it away from the desk */
				head: string;
			};
			/** why it stopped */
			reason?: string;
			/** when it failed */
			error?: string;
			/** left in its folder; while it is not over, not in recording.list (B) */
			disk_free_bytes?: number;
			/** as event recording.progress (min) */
			disk_minutes_left?: number;
			/** while it is pushed too: as event push.state */
			push?: Record<string, unknown>;
			/** t_ms, text, step */
			markers?: Record<string, unknown>[];
			/** of the markers as WebVTT, beside the file: written when it is over */
			vtt?: string;
			/** of a recording in several files: segment, name; of finished ones bytes, duration_ms, video_frames, chain; of one that began because the process that wrote it died: gap_ms, after (what it died of) */
			segments?: Record<string, unknown>[];
			/** t_ms, started_ms, duration_ms (of one that is over), by */
			pauses?: Record<string, unknown>[];
			/** name, value: as given; whose word it is stands in the evidence */
			claims?: Record<string, unknown>[];
			/** to the archive; not in recording.list */
			uploads?: {
				/** id */
				upload: string;
				/** of which it is */
				recording: string;
				/** of the file */
				name: string;
				/** waiting, uploading, confirming, done, failed, refused, cancelled */
				state: string;
				/** of the file (B) */
				bytes: number;
				/** there, or on their way (B) */
				bytes_sent: number;
				/** of the file, in hex, when the upload began */
				sha256?: string;
				/** the archive has the same hash */
				hash_confirmed: boolean;
				/** the file here was deleted after that, as the policy says */
				local_deleted: boolean;
				/** wall time (ms) */
				created_ms?: number;
				/** wall time (ms) */
				ended_ms?: number;
				/** error name, of what is in the way */
				error?: string;
				/** a sentence */
				reason?: string;
				/** what to do */
				hint?: string;
				/** the next try comes in (ms) */
				retry_ms?: number;
				/** command line only: its URL at the archive */
				location?: string;
			}[];
			/** command line only */
			path?: string;
		}>;
		/** Recordings of this origin, newest first; towards the command line all. */
		list(params?: {
			/** only these */
			case_id?: string;
			/** only those started before: the next page of a long list (ms) */
			before_ms?: number;
			/** at most so many */
			limit?: number;
		}, how?: CallOptions): Promise<{
			/** as recording.get */
			recordings: {
				/** id */
				recording: string;
				/** it was made of */
				session: string;
				/** starting, recording, paused, stopping, done, failed, interrupted */
				state: string;
				/** it was cut off and finished later */
				is_recovered?: boolean;
				/** alias */
				folder?: string;
				/** of the file */
				name: string;
				/** as given */
				case_id?: string;
				/** wall time (ms) */
				started_ms?: number;
				/** wall time (ms) */
				stopped_ms?: number;
				/** in the file (ms) */
				duration_ms: number;
				/** of the file (B) */
				bytes: number;
				/** in the file */
				video_frames?: number;
				/** packets the writer could not take */
				dropped?: number;
				/** the newest link of its evidence: docs/evidence.md */
				chain?: {
					/** number of the link, from 0 */
					seq: number;
					/** SHA-256 in hex; keep it away from the desk */
					head: string;
				};
				/** why it stopped */
				reason?: string;
				/** when it failed */
				error?: string;
				/** left in its folder; while it is not over, not in recording.list (B) */
				disk_free_bytes?: number;
				/** as event recording.progress (min) */
				disk_minutes_left?: number;
				/** while it is pushed too: as event push.state */
				push?: Record<string, unknown>;
				/** t_ms, text, step */
				markers?: Record<string, unknown>[];
				/** of the markers as WebVTT, beside the file: written when it is over */
				vtt?: string;
				/** of a recording in several files: segment, name; of finished ones bytes, duration_ms, video_frames, chain; of one that began because the process that wrote it died: gap_ms, after (what it died of) */
				segments?: Record<string, unknown>[];
				/** t_ms, started_ms, duration_ms (of one that is over), by */
				pauses?: Record<string, unknown>[];
				/** name, value: as given; whose word it is stands in the evidence */
				claims?: Record<string, unknown>[];
				/** to the archive; not in recording.list */
				uploads?: {
					/** id */
					upload: string;
					/** of which it is */
					recording: string;
					/** of the file */
					name: string;
					/** waiting, uploading, confirming, done, failed, refused, cancelled */
					state: string;
					/** of the file (B) */
					bytes: number;
					/** there, or on their way (B) */
					bytes_sent: number;
					/** of the file, in hex, when the upload began */
					sha256?: string;
					/** the archive has the same hash */
					hash_confirmed: boolean;
					/** the file here was deleted after that, as the policy says */
					local_deleted: boolean;
					/** wall time (ms) */
					created_ms?: number;
					/** wall time (ms) */
					ended_ms?: number;
					/** error name, of what is in the way */
					error?: string;
					/** a sentence */
					reason?: string;
					/** what to do */
					hint?: string;
					/** the next try comes in (ms) */
					retry_ms?: number;
					/** command line only: its URL at the archive */
					location?: string;
				}[];
				/** command line only */
				path?: string;
			}[];
		}>;
		/** Note something at this moment of the recording. */
		marker(params: {
			/** from recording.start */
			recording: string;
			/** for people */
			text: string;
			/** for programs */
			step?: string;
		}, how?: CallOptions): Promise<{
			/** where in the file (ms) */
			t_ms: number;
		}>;
		/** Pause a recording: the time until recording.resume is not in the file. */
		pause(params: {
			/** from recording.start */
			recording: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Go on with a paused recording. */
		resume(params: {
			/** from recording.start */
			recording: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Open a finished recording in the desk user's player. */
		reveal(params: {
			/** from recording.list */
			recording: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Record what the session shows. Answers when the file has begun. */
		start(params: {
			/** from session.open */
			session: string;
			/** alias from policy.get, never a path */
			folder?: string;
			/** letters, digits, . _ -; the local time when absent */
			name?: string;
			/** begin another file at the first key frame after so long (s) */
			segment_s?: number;
			/** and after so much (MiB) */
			segment_mb?: number;
			/** kept with the recording */
			case_id?: string;
			/** signed as reported by this page, never as facts */
			claims?: {
				/** a to z, 0 to 9, _: operator, customer, location, ... */
				name: string;
				/** what is claimed */
				value: string;
			}[];
			/** local (default): a file here; push: to push_url */
			targets?: ('local' | 'push')[];
			/** as url of push.start; what becomes of it: event push.state */
			push_url?: string;
			/** the same within 60 s gives the same recording */
			request_id?: string;
		}, how?: CallOptions): Promise<{
			/** its id */
			recording: string;
		}>;
		/** Finish the file. Answers when it is finished, with what recording.get says. */
		stop(params: {
			/** from recording.start */
			recording: string;
		}, how?: CallOptions): Promise<{
			/** id */
			recording: string;
			/** it was made of */
			session: string;
			/** starting, recording, paused, stopping, done, failed, interrupted */
			state: string;
			/** it was cut off and finished later */
			is_recovered?: boolean;
			/** alias */
			folder?: string;
			/** of the file */
			name: string;
			/** as given */
			case_id?: string;
			/** wall time (ms) */
			started_ms?: number;
			/** wall time (ms) */
			stopped_ms?: number;
			/** in the file (ms) */
			duration_ms: number;
			/** of the file (B) */
			bytes: number;
			/** in the file */
			video_frames?: number;
			/** packets the writer could not take */
			dropped?: number;
			/** the newest link of its evidence: docs/evidence.md */
			chain?: {
				/** number of the link, from 0 */
				seq: number;
				/** SHA-256 in hex; keep it away from the desk */
				head: string;
			};
			/** why it stopped */
			reason?: string;
			/** when it failed */
			error?: string;
			/** left in its folder; while it is not over, not in recording.list (B) */
			disk_free_bytes?: number;
			/** as event recording.progress (min) */
			disk_minutes_left?: number;
			/** while it is pushed too: as event push.state */
			push?: Record<string, unknown>;
			/** t_ms, text, step */
			markers?: Record<string, unknown>[];
			/** of the markers as WebVTT, beside the file: written when it is over */
			vtt?: string;
			/** of a recording in several files: segment, name; of finished ones bytes, duration_ms, video_frames, chain; of one that began because the process that wrote it died: gap_ms, after (what it died of) */
			segments?: Record<string, unknown>[];
			/** t_ms, started_ms, duration_ms (of one that is over), by */
			pauses?: Record<string, unknown>[];
			/** name, value: as given; whose word it is stands in the evidence */
			claims?: Record<string, unknown>[];
			/** to the archive; not in recording.list */
			uploads?: {
				/** id */
				upload: string;
				/** of which it is */
				recording: string;
				/** of the file */
				name: string;
				/** waiting, uploading, confirming, done, failed, refused, cancelled */
				state: string;
				/** of the file (B) */
				bytes: number;
				/** there, or on their way (B) */
				bytes_sent: number;
				/** of the file, in hex, when the upload began */
				sha256?: string;
				/** the archive has the same hash */
				hash_confirmed: boolean;
				/** the file here was deleted after that, as the policy says */
				local_deleted: boolean;
				/** wall time (ms) */
				created_ms?: number;
				/** wall time (ms) */
				ended_ms?: number;
				/** error name, of what is in the way */
				error?: string;
				/** a sentence */
				reason?: string;
				/** what to do */
				hint?: string;
				/** the next try comes in (ms) */
				retry_ms?: number;
				/** command line only: its URL at the archive */
				location?: string;
			}[];
			/** command line only */
			path?: string;
		}>;
		/** Check that a finished recording is what Deskhand wrote; reads all of it, with event recording.verifying each second. Ends when recording.verify_cancel asks, or its page is gone. */
		verify(params: {
			/** from recording.list */
			recording: string;
			/** chain.head of an earlier event: must be in the chain */
			head?: string;
			/** chain.seq of that event; -1: any */
			seq?: number;
		}, how?: CallOptions): Promise<{
			/** whole, altered, unreadable, unclean_end, unknown_signer */
			verdict: string;
			/** 0 to 4: what deskhand verify exits with */
			exit_code: number;
			/** a sentence */
			text: string;
			/** changed, removed, inserted, reordered, truncated, header_changed, index_changed, signature_wrong, signed_by_another, other_head, segment_missing, segment_swapped, segment_foreign */
			fault?: string;
			/** of several files: which one, or the one with the fault */
			segment?: number;
			/** of several files: name of the one with the fault */
			file?: string;
			/** of several files: each one's report, with its file */
			segments?: Record<string, unknown>[];
			/** link where the first fault is */
			fragment?: number;
			/** of the fault in the recording (ms) */
			t_ms?: number;
			/** of the fault */
			utc?: string;
			/** the last good link */
			chain?: {
				/** number of the link, from 0 */
				seq: number;
				/** SHA-256 in hex; keep it away from the desk */
				head: string;
			};
			/** of the file (B) */
			bytes?: number;
			/** as far as it is whole (ms) */
			duration_ms?: number;
			/** as far as it is whole */
			video_frames?: number;
			/** as far as it is whole */
			audio_packets?: number;
			/** UTC */
			started?: string;
			/** UTC */
			ended?: string;
			/** it has its index */
			is_finished?: boolean;
			/** it was cut off and finished later */
			is_recovered?: boolean;
			/** public key in base64, of a good signature */
			signer?: string;
			/** kind, who, text, t_ms, utc: claims, pauses, markers, ... */
			notes?: Record<string, unknown>[];
		}>;
		/** Give up checks of a recording that are under way: their recording.verify answers ECANCELED. */
		verify_cancel(params: {
			/** from recording.list */
			recording: string;
		}, how?: CallOptions): Promise<{
			/** how many; 0: none was under way */
			cancelled: number;
		}>;
	};
	readonly room: {
		/** Write a line of chat; answered once the service has it on disk. While the service is away the line waits. */
		chat(params: {
			/** from room.join */
			room: string;
			/** 1 to 4,096 bytes of UTF-8 */
			text: string;
		}, how?: CallOptions): Promise<{
			/** grows within the room */
			id: number;
			/** since 1970, by the service's clock (ms) */
			ts_ms: number;
		}>;
		/** Send any JSON to one member or to all others, who get event room.custom. */
		custom(params: {
			/** from room.join */
			room: string;
			/** at most 8 KiB */
			data: unknown;
			/** member; absent: all others */
			to?: number;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** A room as it is now: for a page that was loaded again. */
		get(params: {
			/** from room.join */
			room: string;
		}, how?: CallOptions): Promise<{
			/** its id */
			room: string;
			/** for people */
			name?: string;
			/** layout; says how many there may be */
			template?: string;
			/** user id */
			creator?: string;
			/** own: host, member */
			role?: string;
			/** own number; another one after an absence of more than 30 s */
			member?: number;
			/** oneself too: member, user_id, user_name, role, joined_ms, camera, microphone, screen, recording, away, connection (connecting, connected, lost, failed; none: oneself), sources {camera?, screen?, sound?}: the session's, for track remote:NUMBER */
			members?: Record<string, unknown>[];
			/** chat, oldest first: id, user_id, user_name, text, ts_ms */
			history?: Record<string, unknown>[];
			/** that is in it */
			session?: string;
			/** origin of the room service */
			server?: string;
			/** the service is away; calls go on */
			is_away?: boolean;
			/** own: camera, microphone, screen, recording */
			state?: Record<string, unknown>;
			/** since 1970: when this agent came in (ms) */
			started_ms?: number;
			/** room.join that opened a session: the secret for session.attach */
			resume?: string;
		}>;
		/** Join a room, a video call with chat. The room belongs to this origin and to who controls its session, and survives a page reload: then session.attach and room.get. */
		join(params: {
			/** origin of the room service, https://host[:port] or wss://; the policy lists it in signal_hosts */
			server: string;
			/** its id */
			room: string;
			/** who */
			user_id: string;
			/** for people, drawn into the picture; the id when absent */
			user_name?: string;
			/** made by the business's own server; kept in memory only */
			user_sig: string;
			/** whose key signed */
			sdk_app_id: number;
			/** from session.open; absent: one with camera and microphone is opened, and closed with the room */
			session?: string;
			/** of a room that is created: 1v1 1v2 1v3 1v4; and of a session that is opened */
			template?: string;
			/** live: not yet */
			kind?: 'rtc' | 'live';
			/** member: create is never unless it is given */
			role?: 'host' | 'member';
			/** if_missing unless role is member; must: EEXIST when it is there */
			create?: 'if_missing' | 'must' | 'never';
			/** for people, of a room that is created */
			room_name?: string;
			/** for the room service and for TURN by TCP and TLS */
			proxy?: {
				/** http: CONNECT */
				kind: 'http' | 'socks5';
				/** name or number */
				host: string;
				/** of the proxy */
				port: number;
				/** where it wants one */
				username?: string;
				/** with it */
				password?: string;
			};
			/** relay: by TURN only, no address of the desk is shown */
			ice?: 'all' | 'relay';
		}, how?: CallOptions): Promise<{
			/** its id */
			room: string;
			/** for people */
			name?: string;
			/** layout; says how many there may be */
			template?: string;
			/** user id */
			creator?: string;
			/** own: host, member */
			role?: string;
			/** own number; another one after an absence of more than 30 s */
			member?: number;
			/** oneself too: member, user_id, user_name, role, joined_ms, camera, microphone, screen, recording, away, connection (connecting, connected, lost, failed; none: oneself), sources {camera?, screen?, sound?}: the session's, for track remote:NUMBER */
			members?: Record<string, unknown>[];
			/** chat, oldest first: id, user_id, user_name, text, ts_ms */
			history?: Record<string, unknown>[];
			/** that is in it */
			session?: string;
			/** origin of the room service */
			server?: string;
			/** the service is away; calls go on */
			is_away?: boolean;
			/** own: camera, microphone, screen, recording */
			state?: Record<string, unknown>;
			/** since 1970: when this agent came in (ms) */
			started_ms?: number;
			/** room.join that opened a session: the secret for session.attach */
			resume?: string;
		}>;
		/** Send a member away, who cannot come back into this room. The host may. */
		kick(params: {
			/** from room.join */
			room: string;
			/** number */
			member: number;
			/** a sentence for that member */
			reason?: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Leave a room. A session that room.join opened is closed, and its recording finished. */
		leave(params: {
			/** from room.join */
			room: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Rooms this agent is in for this origin; towards the command line all. */
		list(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** as room.get, without history */
			rooms: Record<string, unknown>[];
		}>;
		/** Send nothing of camera or microphone, and say so to the others; a recording here goes on with both. With another member: the host asks it to. */
		mute(params: {
			/** from room.join */
			room: string;
			/** another one, by the host; then only true */
			member?: number;
			/** true: off */
			camera?: boolean;
			/** true: off */
			microphone?: boolean;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Show a screen to everybody beside the camera, or no longer. */
		share(params: {
			/** from room.join */
			room: string;
			/** true: share */
			screen: boolean;
			/** id from devices.list; absent: the session's screen, else the default one */
			device?: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Make a link by which a guest joins this room from an ordinary browser. The host may. */
		ticket(params: {
			/** from room.join */
			room: string;
			/** valid so long (s) */
			ttl_s?: number;
			/** so often */
			uses?: number;
		}, how?: CallOptions): Promise<{
			/** a secret */
			ticket: string;
			/** of the service's customer page; the ticket is in its fragment */
			link: string;
			/** from now (s) */
			expires_s: number;
		}>;
	};
	readonly rtc: {
		/** Numbers of the caller's WebRTC connections: previews and calls. Subscribe to the event rtc.stats for them each second. */
		stats(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** kind, preview or member, session, origin, state, road, rtt_ms, send, receive; see docs/rtc.md */
			peers: Record<string, unknown>[];
		}>;
	};
	readonly session: {
		/** Control a session again after a page reload. */
		attach(params: {
			/** from session.open */
			session: string;
			/** the secret that session.open returned */
			resume: string;
		}, how?: CallOptions): Promise<{
			/** as session.list */
			state: Record<string, unknown>;
		}>;
		/** Finish the session's recordings and close its devices. Answers when that is done. */
		close(params: {
			/** from session.open */
			session: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Sessions of this origin; towards the command line all. */
		list(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** open ones */
			sessions: {
				/** id */
				session?: string;
				/** open */
				state?: string;
				/** layout */
				template?: string;
				/** width, height, fps */
				canvas?: Record<string, unknown>;
				/** source, role, device, state, muted, gain_db, reason, hint, warnings (present ones, as quality.warning) */
				sources?: Record<string, unknown>[];
				/** unfinished ones */
				recordings?: string[];
				/** open ones */
				previews?: number;
				/** a client holds it */
				is_controlled?: boolean;
				/** since it was opened (ms) */
				age_ms?: number;
				/** command line only */
				origin?: string;
			}[];
		}>;
		/** Open sources and compose them. The session belongs to this origin and survives a page reload. */
		open(params: {
			/** layout: 1v1 1v2 1v3 1v4 grid desk portrait */
			template?: string;
			/** size and rate of the picture */
			canvas?: {
				/** even (px) */
				width?: number;
				/** even (px) */
				height?: number;
				/** pictures a second at most (Hz) */
				fps?: number;
			};
			/** what is shown and heard */
			sources: {
				/** what it is to the session */
				role: 'camera' | 'screen' | 'microphone' | 'system';
				/** id from devices.list; the default device when absent */
				device?: string;
				/** the driver's own params */
				options?: Record<string, unknown>;
				/** caption in the picture */
				label?: string;
				/** left and right exchanged */
				mirror?: boolean;
				/** sound sources (dB) */
				gain_db?: number;
				/** sound sources */
				muted?: boolean;
			}[];
			/** what is written into the picture */
			overlay?: {
				/** UTC and local time */
				clock?: boolean;
				/** a line: case id, names */
				text?: string;
				/** faint, over the picture */
				watermark?: string;
			};
			/** kinds of quality.warning to leave out, set to false */
			quality?: {
				/** black pictures */
				black?: boolean;
				/** a hand or a cap over the lens */
				covered?: boolean;
				/** the same picture again and again */
				frozen?: boolean;
				/** too little light */
				dark?: boolean;
				/** over-exposed */
				bright?: boolean;
				/** a microphone without sound */
				silent?: boolean;
				/** a microphone that is too loud */
				clipping?: boolean;
				/** sound and picture apart */
				skew?: boolean;
				/** far less than asked for */
				format?: boolean;
				/** another device than the one asked for */
				device?: boolean;
				/** a microphone that hears the speaker */
				echo?: boolean;
			};
			/** x264 or openh264; the better one there is when absent */
			encoder?: string;
			/** when the page is gone: keep, stop_after orphan_s, stop */
			orphan_policy?: 'keep' | 'stop_after' | 'stop';
			/** for stop_after (s) */
			orphan_s?: number;
		}, how?: CallOptions): Promise<{
			/** its id */
			session: string;
			/** secret for session.attach: keep it in sessionStorage */
			resume: string;
		}>;
		/** Change layout, overlay, sources or mute of a running session; a recording goes on without a gap. */
		update(params: {
			/** from session.open */
			session: string;
			/** layout */
			template?: string;
			/** the whole list; those already there (role, device) run on */
			sources?: {
				/** what it is to the session */
				role: 'camera' | 'screen' | 'microphone' | 'system';
				/** id from devices.list; the default device when absent */
				device?: string;
				/** the driver's own params */
				options?: Record<string, unknown>;
				/** caption in the picture */
				label?: string;
				/** left and right exchanged */
				mirror?: boolean;
				/** sound sources (dB) */
				gain_db?: number;
				/** sound sources */
				muted?: boolean;
			}[];
			/** only what is named changes */
			overlay?: {
				/** UTC and local time */
				clock?: boolean;
				/** a line: case id, names */
				text?: string;
				/** faint, over the picture */
				watermark?: string;
			};
			/** only what is named changes */
			quality?: {
				/** black pictures */
				black?: boolean;
				/** a hand or a cap over the lens */
				covered?: boolean;
				/** the same picture again and again */
				frozen?: boolean;
				/** too little light */
				dark?: boolean;
				/** over-exposed */
				bright?: boolean;
				/** a microphone without sound */
				silent?: boolean;
				/** a microphone that is too loud */
				clipping?: boolean;
				/** sound and picture apart */
				skew?: boolean;
				/** far less than asked for */
				format?: boolean;
				/** another device than the one asked for */
				device?: boolean;
				/** a microphone that hears the speaker */
				echo?: boolean;
			};
			/** all sound of the session */
			muted?: boolean;
		}, how?: CallOptions): Promise<Record<string, never>>;
	};
	readonly snapshot: {
		/** One picture, scaled down if need be so that its base64 text has at most 700 KiB. */
		take(params: {
			/** from session.open */
			session: string;
			/** the composed picture, or the first source of a role */
			track?: 'program' | 'camera' | 'screen';
		}, how?: CallOptions): Promise<{
			/** image/jpeg */
			mime: string;
			/** of the picture (px) */
			width: number;
			/** of the picture (px) */
			height: number;
			/** base64 */
			data: string;
		}>;
	};
	readonly source: {
		/** Add a source to a session. */
		add(params: {
			/** from session.open */
			session: string;
			/** as in session.open */
			source: {
				/** what it is to the session */
				role: 'camera' | 'screen' | 'microphone' | 'system';
				/** id from devices.list; the default device when absent */
				device?: string;
				/** the driver's own params */
				options?: Record<string, unknown>;
				/** caption in the picture */
				label?: string;
				/** left and right exchanged */
				mirror?: boolean;
				/** sound sources (dB) */
				gain_db?: number;
				/** sound sources */
				muted?: boolean;
			};
		}, how?: CallOptions): Promise<{
			/** its number in the session */
			source: number;
		}>;
		/** Take a source out of a session and close its device. */
		remove(params: {
			/** from session.open */
			session: string;
			/** its number */
			source: number;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Change one source; device, options, label and mirror reopen it, sound settings do not. */
		update(params: {
			/** from session.open */
			session: string;
			/** its number */
			source: number;
			/** id from devices.list */
			device?: string;
			/** the driver's own params */
			options?: Record<string, unknown>;
			/** caption in the picture */
			label?: string;
			/** left and right exchanged */
			mirror?: boolean;
			/** sound sources (dB) */
			gain_db?: number;
			/** sound sources */
			muted?: boolean;
		}, how?: CallOptions): Promise<Record<string, never>>;
	};
	readonly upload: {
		/** End an upload; the archive is told to drop what it has of it. The recording stays. */
		cancel(params: {
			/** from upload.list */
			upload: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Uploads of this origin's recordings to the archive, oldest first; towards the command line all. */
		list(params?: {
			/** only of this one */
			recording?: string;
			/** leave out those that are done or cancelled */
			unfinished?: boolean;
			/** pass over so many: those that were listed before */
			skip?: number;
			/** at most so many */
			limit?: number;
		}, how?: CallOptions): Promise<{
			/** each */
			uploads: {
				/** id */
				upload: string;
				/** of which it is */
				recording: string;
				/** of the file */
				name: string;
				/** waiting, uploading, confirming, done, failed, refused, cancelled */
				state: string;
				/** of the file (B) */
				bytes: number;
				/** there, or on their way (B) */
				bytes_sent: number;
				/** of the file, in hex, when the upload began */
				sha256?: string;
				/** the archive has the same hash */
				hash_confirmed: boolean;
				/** the file here was deleted after that, as the policy says */
				local_deleted: boolean;
				/** wall time (ms) */
				created_ms?: number;
				/** wall time (ms) */
				ended_ms?: number;
				/** error name, of what is in the way */
				error?: string;
				/** a sentence */
				reason?: string;
				/** what to do */
				hint?: string;
				/** the next try comes in (ms) */
				retry_ms?: number;
				/** command line only: its URL at the archive */
				location?: string;
			}[];
			/** how many there are behind those */
			left: number;
		}>;
		/** Try an upload now; one that failed begins anew. */
		retry(params: {
			/** from upload.list */
			upload: string;
		}, how?: CallOptions): Promise<Record<string, never>>;
		/** Upload a finished recording to the archive of the policy. Goes on with one that failed or was cancelled. */
		start(params: {
			/** from recording.list */
			recording: string;
		}, how?: CallOptions): Promise<{
			/** of this recording */
			uploads: {
				/** id */
				upload: string;
				/** of which it is */
				recording: string;
				/** of the file */
				name: string;
				/** waiting, uploading, confirming, done, failed, refused, cancelled */
				state: string;
				/** of the file (B) */
				bytes: number;
				/** there, or on their way (B) */
				bytes_sent: number;
				/** of the file, in hex, when the upload began */
				sha256?: string;
				/** the archive has the same hash */
				hash_confirmed: boolean;
				/** the file here was deleted after that, as the policy says */
				local_deleted: boolean;
				/** wall time (ms) */
				created_ms?: number;
				/** wall time (ms) */
				ended_ms?: number;
				/** error name, of what is in the way */
				error?: string;
				/** a sentence */
				reason?: string;
				/** what to do */
				hint?: string;
				/** the next try comes in (ms) */
				retry_ms?: number;
				/** command line only: its URL at the archive */
				location?: string;
			}[];
		}>;
	};
}

export const texts: Record<string, Record<string, [message: string, hint: string]>>;
