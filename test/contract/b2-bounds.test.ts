/** A server that never ends: answers, listings and downloads are given up. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { asTrouble, boundedText } from '../../src/b2/http.js';
import { TroubleError } from '../../src/b2/retry/retrying.js';
import { openB2 } from '../../src/b2/open.js';
import { startB2Server } from '../support/b2-server/server.js';
import { IMPATIENT, quickClock } from './quick-clock.js';
import { body, collect, meta, readInto } from './store.contract.js';
import { BUCKET, withStore } from './with-store.js';
import type { ObjectStore } from '../../src/store.js';

/** What it does with a request; false: passed on. */
type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

async function withServer(answer: Answer, run: (store: ObjectStore) => Promise<void>): Promise<void> {
  const server = await startB2Server({ buckets: [BUCKET], minPartBytes: 1000 });
  const between = createServer((request, response) => {
    if (answer(request, response)) return;
    void (async () => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const passed = await fetch(`${server.url}${request.url ?? ''}`, {
        method: request.method ?? 'GET',
        headers: { authorization: request.headers.authorization ?? '' },
        ...(request.method === 'POST' ? { body: Buffer.concat(pieces) } : {}),
      });
      response.writeHead(passed.status, { 'content-type': 'application/json' });
      response.end((await passed.text()).replaceAll(server.url, url));
    })();
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
  const { keyId, key } = server;
  const patience = { unreachableMs: 100_000, busyMs: 100_000 };
  const store = await openB2({
    endpoint: url,
    keyId,
    key,
    bucket: BUCKET,
    clock: quickClock,
    timeouts: IMPATIENT,
    patience,
  });
  try {
    await run(store);
  } finally {
    await store.close();
    between.close();
    between.closeAllConnections();
    await server.close();
  }
}

describe('endless responses', () => {
  it("a response larger than any of B2's", async () => {
    const piece = Buffer.alloc(16 << 20, ' ');
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(piece);
    };
    const thrown: unknown = await boundedText(endless()).catch((error: unknown) => error);
    const trouble = asTrouble('b2_authorize_account', thrown, undefined);
    assert.ok(trouble instanceof TroubleError);
    assert.equal(trouble.trouble.kind, 'foreign-answer');
    assert.match(trouble.message, /the answer is larger than any of B2/);
  });

  it('a listing that goes round in circles', async () => {
    let pages = 0;
    const answer: Answer = (request, response) => {
      if (!/list_file_versions|list_parts|list_unfinished/.test(request.url ?? '')) return false;
      pages += 1;
      request.resume();
      const fileId = `id-${pages % 2}`;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ files: [], parts: [], nextFileName: 'a', nextFileId: fileId, nextPartNumber: 1 }),
      );
      return true;
    };
    await withServer(answer, async (store) => {
      const lists: AsyncIterable<unknown>[] = [
        store.listVersions(''),
        store.listUnfinished(''),
        store.listParts('id'),
      ];
      for (const list of lists)
        await assert.rejects(collect(list), { kind: 'unavailable', message: /the same page/ });
    });
    assert.ok(pages < 12, `${pages} pages`);
  });

  it('a download that trickles', async () => {
    let trickling = true;
    const answer: Answer = (request, response) => {
      if (request.url?.includes('b2_download_file_by_id') !== true) return false;
      response.writeHead(206, { 'content-length': '1000000' });
      void (async () => {
        while (trickling && !response.destroyed) {
          response.write('x');
          await delay(5);
        }
      })();
      return true;
    };
    await withServer(answer, async (store) => {
      const range = { from: 0, to: 1_000_000 };
      await assert.rejects(collect(store.download('id', range)), { kind: 'unavailable' });
      await assert.rejects(readInto(store, 'id', range), { kind: 'unavailable' });
    });
    trickling = false;
  });

  it('a download of more than was asked for', async () => {
    const answer: Answer = (request, response) => {
      if (request.url?.includes('b2_download_file_by_id') !== true) return false;
      response.writeHead(206, { 'content-length': '1000000' });
      response.end(Buffer.alloc(1_000_000));
      return true;
    };
    await withServer(answer, async (store) => {
      const range = { from: 0, to: 999_999 };
      const refused = { kind: 'unavailable', message: /more bytes came than were asked for/ };
      await assert.rejects(collect(store.download('id', range)), refused);
      await assert.rejects(readInto(store, 'id', range), refused);
    });
  });

  it('a range shorter than the minimum is not a stall', async () => {
    await withStore({}, { timeouts: IMPATIENT }, async (store) => {
      const version = await store.put(meta('x'), body(Buffer.from('short')));
      assert.equal(
        Buffer.concat(await collect(store.download(version.fileId, { from: 0, to: 5 }))).toString(),
        'short',
      );
    });
  });
});
