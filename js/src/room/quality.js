/** How good a connection is, in one word, from what the browser counts. Thresholds: where people begin to notice. */

const FAIR = { rtt_s: 0.3, lost: 0.03 };
const POOR = { rtt_s: 0.6, lost: 0.1 };

/** @param {RTCStatsReport} report @returns {{received: number, lost: number, rtt_s: number}} sums since the beginning */
export function countsOf(report) {
	const counts = { received: 0, lost: 0, rtt_s: 0 };
	for (const s of report.values())
		if (s.type === 'inbound-rtp') {
			counts.received += s.packetsReceived ?? 0;
			counts.lost += Math.max(0, s.packetsLost ?? 0);
		} else if (s.type === 'candidate-pair' && s.nominated)
			counts.rtt_s = Math.max(counts.rtt_s, s.currentRoundTripTime ?? 0);
	return counts;
}

/** @param {ReturnType<typeof countsOf>} now @param {ReturnType<typeof countsOf>} [before] @returns {'good'|'fair'|'poor'} */
export function wordFor(now, before = { received: 0, lost: 0 }) {
	const lost = now.lost - before.lost;
	const share = lost / Math.max(1, lost + now.received - before.received);
	const isOver = (limit) => now.rtt_s > limit.rtt_s || share > limit.lost;
	return isOver(POOR) ? 'poor' : isOver(FAIR) ? 'fair' : 'good';
}
