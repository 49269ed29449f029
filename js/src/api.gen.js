/* Made by `ninja -C build api`: group -> verbs. */
export const api = {
	agent: ['hello', 'stats', 'status'],
	audio: ['set'],
	beauty: ['set'],
	devices: ['list'],
	events: ['subscribe'],
	grants: ['list', 'request', 'revoke'],
	policy: ['get'],
	recording: ['delete', 'get', 'list', 'marker', 'pause', 'resume', 'reveal', 'start', 'stop'],
	session: ['attach', 'close', 'list', 'open', 'update'],
	snapshot: ['take'],
	source: ['add', 'remove', 'update'],
};
