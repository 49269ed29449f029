/** A tus server as others run it (@tus/server on @tus/file-store), over TLS, in a process of its own, so that it can be killed.
 * usage: node archive.mjs FOLDER PORT KEY CERTIFICATE; prints its port. It tells the hash of what it has (RFC 9530). */
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

const [folder, port, key, certificate] = process.argv.slice(2);
const datastore = new FileStore({ directory: folder });
const tus = new Server({ path: '/files', datastore, relativeLocation: true });

/** Of an upload that is whole. */
async function digest(id) {
	const upload = await datastore.getUpload(id).catch(() => null);
	if (!upload || upload.offset !== upload.size)
		return null;
	const hash = createHash('sha256');
	await pipeline(createReadStream(path.join(folder, id)), hash);
	return `sha-256=:${hash.digest('base64')}:`;
}

const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, async (request, response) => {
	const found = request.method === 'HEAD' && request.headers['want-repr-digest'] ? await digest(path.basename(request.url)) : null;
	if (found)
		response.setHeader('Repr-Digest', found);
	tus.handle(request, response);
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
