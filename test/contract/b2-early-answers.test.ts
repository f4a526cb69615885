/** Refusals that come while the body is still being sent: what they cost of the line. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { B2Server } from '../support/b2-server/server.js';
import { body, meta, sha1 } from './store.contract.js';
import { withStore } from './with-store.js';

const bytesOf = (server: B2Server): number[] =>
  server.requests.filter(({ operation }) => operation === 'b2_upload_part').map(({ bytesIn }) => bytesIn);

describe('an answer that comes before the body is sent', () => {
  // More than the kernels of both sides buffer.
  const large = body(Buffer.alloc(48_000_000, 7));

  for (const fault of ['503-early', '503-drain', '401-early', '401-drain', '429-drain']) {
    it(`${fault}: the rest is not sent`, async () => {
      await withStore({ faults: [`upload_part=${fault}@1`] }, {}, async (store, server) => {
        const fileId = await store.startLarge(meta('large'));
        await store.uploadPart(fileId, 1, large);
        const [refused = Infinity, taken] = bytesOf(server);
        assert.ok(refused < large.bytes.byteLength / 2, `${refused} bytes were taken before`);
        assert.equal(taken, large.bytes.byteLength);
        assert.ok(store.counters.bytesSent < 1.5 * large.bytes.byteLength);
        assert.equal(store.counters.bytesConfirmed, large.bytes.byteLength);
      });
    });
  }
});

describe('10 % 503, 5 % broken connections and 2 % expired tokens', () => {
  const parts = Array.from({ length: 200 }, (_, i) => body(Buffer.alloc(1_000_000, i)));
  const PLAIN = ['upload_part=503@10%', 'upload_part=reset-body@5%', 'upload_part=401@2%'];

  for (const [refusals, faults, most] of [
    // What the kernels of this machine hold of a body is not on the line yet.
    ['while the bodies are sent', PLAIN.map((fault) => fault.replace(/(503|401)/, '$1-early')), 1.1],
    // Each body that is refused went over the line for nothing: 1 / (1 - 0.17) tries, the broken ones of half a body.
    ['behind the bodies', PLAIN, 1.25],
  ] as const) {
    it(`refused ${refusals}: at most ${most} times the bytes`, async () => {
      await withStore({ faults: [...faults] }, { connections: 4 }, async (store, server) => {
        const fileId = await store.startLarge(meta('many'));
        await Promise.all(parts.map((part, i) => store.uploadPart(fileId, i + 1, part)));
        await store.finishLarge(
          fileId,
          parts.map(({ bytes }) => sha1(bytes)),
        );
        const stored = parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
        const arrived = bytesOf(server).reduce((sum, bytes) => sum + bytes, 0);
        assert.ok(arrived <= most * stored, `${(arrived / stored).toFixed(3)} times`);
      });
    });
  }
});
