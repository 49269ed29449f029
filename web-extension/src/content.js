/**
 * Runs in the page's frame, in the extension's own world. It hands messages over between the page and the extension
 * and decides nothing: origin and frame are taken from the browser by background.js, never from here.
 *
 * The page posts {type: 'deskhand.connect'} to its own window with one MessagePort; that port is the road from then on.
 */
(() => {
	if (globalThis.deskhandContent || window.origin === 'null')
		return; /* injected again into a tab that was open already; or a sandboxed frame */
	globalThis.deskhandContent = true;

	const RETRY_MAX_MS = 5000;

	function bridge(page) {
		let port = null;
		let timer = null;
		let attempt = 0;
		let isOver = false;

		const tell = (state, reason) => page.postMessage({ method: 'transport.state', params: { state, reason } });

		function open() {
			timer = null;
			try {
				port = chrome.runtime.connect({ name: 'page' });
			} catch {
				tell('failed', 'extension_gone'); /* updated or removed while the page was open */
				return;
			}
			port.onMessage.addListener((m) => {
				attempt = 0;
				isOver = isOver || m.method === 'transport.closed';
				page.postMessage(m);
			});
			port.onDisconnect.addListener(() => {
				void chrome.runtime.lastError;
				port = null;
				if (isOver)
					return;
				tell('down', 'extension_restarted');
				timer = setTimeout(open, Math.min(RETRY_MAX_MS, 100 * 2 ** attempt++));
			});
		}

		function close() {
			isOver = true;
			clearTimeout(timer);
			port?.disconnect();
			page.close();
		}

		page.onmessage = ({ data }) => {
			if (data?.type === 'deskhand.close') {
				close();
				return;
			}
			const { id, method, params } = data ?? {};
			try {
				port.postMessage(params === undefined ? { id, method } : { id, method, params });
			} catch {
				page.postMessage({ id, error: { code: -32018, message: 'the extension is not connected',
					data: { name: 'ECLOSED', retriable: true } } });
			}
		};
		page.postMessage({ method: 'transport.present', params: { road: 'content' } });
		open();
	}

	window.addEventListener('message', (e) => {
		if (e.source !== window || e.origin !== window.origin || e.data?.type !== 'deskhand.connect' || e.ports.length !== 1)
			return;
		e.stopImmediatePropagation();
		bridge(e.ports[0]);
	}, true);
	/* For pages that looked for the extension before it was allowed here. */
	window.postMessage({ type: 'deskhand.present' }, window.origin);
})();
