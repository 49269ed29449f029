/* Made by `ninja -C build api`: group -> verbs. */
export const api = {
	agent: ['hello', 'stats', 'status'],
	audio: ['set'],
	beauty: ['set'],
	devices: ['list'],
	events: ['subscribe'],
	grants: ['list', 'request', 'revoke'],
	policy: ['get'],
	preview: ['candidate', 'close', 'open'],
	push: ['start', 'stop'],
	recording: ['delete', 'get', 'list', 'marker', 'pause', 'resume', 'reveal', 'start', 'stop', 'verify', 'verify_cancel'],
	room: ['chat', 'custom', 'get', 'join', 'kick', 'leave', 'list', 'mute', 'share', 'ticket'],
	rtc: ['stats'],
	session: ['attach', 'close', 'list', 'open', 'update'],
	snapshot: ['take'],
	source: ['add', 'remove', 'update'],
	upload: ['cancel', 'list', 'retry', 'start'],
};
