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
		/** asked, disk_full, session_closed, shutdown */
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
			/** the agent signs it, see proof */
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
		/** Load of the agent, frame rates and losses of the caller's sessions. Subscribe to the event agent.stats for one each second. */
		stats(params?: Record<string, never>, how?: CallOptions): Promise<{
			/** of one core, since the last question (%) */
			cpu_percent?: number;
			/** memory in use (B) */
			rss_bytes?: number;
			/** in the videos folder; absent until measured (B) */
			disk_free_bytes?: number;
			/** session, composed, compose_dropped, compose_ms, encoded, encoded_bytes, encode_ms, sources: [source, role, width, height, frames, dropped] */
			sessions?: Record<string, unknown>[];
		}>;
		/** State of the agent and of the caller's sessions; towards the command line: of everything. */
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
			/** from session.open */
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
			/** aliases for recording.start */
			folders?: string[];
			/** command line only */
			folder_paths?: Record<string, unknown>;
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
			/** t_ms, text, step */
			markers?: Record<string, unknown>[];
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
				/** t_ms, text, step */
				markers?: Record<string, unknown>[];
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
			/** comes later (s) */
			segment_s?: number;
			/** kept with the recording */
			case_id?: string;
			/** local (default); push comes later */
			targets?: ('local' | 'push')[];
			/** comes later */
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
			/** t_ms, text, step */
			markers?: Record<string, unknown>[];
			/** command line only */
			path?: string;
		}>;
		/** Check that a finished recording is what Deskhand wrote; reads all of it. */
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
			/** changed, removed, inserted, reordered, truncated, header_changed, index_changed, signature_wrong, signed_by_another, other_head */
			fault?: string;
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
				/** source, role, device, state, muted, gain_db, reason, hint */
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
}

export const texts: Record<string, Record<string, [message: string, hint: string]>>;
