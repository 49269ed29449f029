/** Local Network Access: whether the browser lets this page reach programs on this computer. */

/**
 * @param {string[]} names permissions that would allow it; browsers know some of them or none
 * @returns {Promise<string>} the worst of 'denied', 'prompt', 'granted'; '' where it does not apply
 */
export async function permission(names = ['loopback-network']) {
	if (/^(localhost|127\.0\.0\.1|\[::1\])$/.test(globalThis.location?.hostname ?? ''))
		return '';
	const states = await Promise.all(names.map(async (name) => {
		try {
			return (await navigator.permissions.query({ name })).state;
		} catch {
			return ''; /* a browser without it */
		}
	}));
	return ['denied', 'prompt', 'granted'].find((state) => states.includes(state)) ?? '';
}
