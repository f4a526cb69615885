/** Connections, upload URLs, slices and broken downloads, as the server and the throttle see them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Throttle } from '../../src/bandwidth/throttle.js';
import type { ObjectStore } from '../../src/store.js';
import type { B2Server } from '../support/b2-server/server.js';
import { IMPATIENT, PATIENT, quickClock } from './quick-clock.js';
import { body, collect, meta, readInto, sha1 } from './store.contract.js';
import { withStore } from './with-store.js';

const count = (server: B2Server, operation: string) =>
  server.requests.filter((request) => request.operation === operation).length;

describe('upload connections', () => {
  it('one upload URL and one kept-alive socket per connection, each used by one upload at a time', async () => {
    await withStore({ latencyMs: 2 }, { connections: 3 }, async (store, server) => {
      const parts = Array.from({ length: 30 }, (_, i) => Buffer.alloc(5000, i));
      const fileId = await store.startLarge(meta('many parts'));
      await Promise.all(parts.map((part, i) => store.uploadPart(fileId, i + 1, body(part))));
      await store.finishLarge(fileId, parts.map(sha1));
      assert.equal(count(server, 'b2_get_upload_part_url'), 3);
      assert.ok(new Set(server.requests.map(({ connection }) => connection)).size <= 5);
      const running = server.requests.filter(({ operation }) => operation === 'b2_upload_part');
      const most = Math.max(
        ...running.map(
          (one) =>
            running.filter(
              (other) =>
                other.startedAtMs <= one.startedAtMs && (other.endedAtMs ?? Infinity) > one.startedAtMs,
            ).length,
        ),
      );
      assert.ok(most <= 3, `${most} at once`);
    });
  });

  it('when all tokens expire at once, one login serves all connections', async () => {
    await withStore({}, { connections: 8 }, async (store, server) => {
      const parts = Array.from({ length: 24 }, (_, i) => Buffer.alloc(5000, i));
      const fileId = await store.startLarge(meta('expired'));
      const send = (from: number, to: number) =>
        Promise.all(
          parts.slice(from, to).map((part, i) => store.uploadPart(fileId, from + i + 1, body(part))),
        );
      await send(0, 8);
      server.expireTokens();
      await send(8, 24);
      await store.finishLarge(fileId, parts.map(sha1));
      assert.equal(count(server, 'b2_authorize_account'), 2);
    });
  });

  it('Retry-After holds every connection back', async () => {
    await withStore(
      { faults: ['upload_part=429:600@4'], clock: quickClock },
      { connections: 4, random: () => 0 },
      async (store, server) => {
        const parts = Array.from({ length: 12 }, (_, i) => Buffer.alloc(5000, i));
        const fileId = await store.startLarge(meta('slowly'));
        await Promise.all(parts.map((part, i) => store.uploadPart(fileId, i + 1, body(part))));
        const starts = server.requests
          .filter(({ operation }) => operation === 'b2_upload_part')
          .map(({ startedAtMs }) => startedAtMs);
        const refusal = server.requests.findIndex(({ fault }) => fault !== undefined);
        const refused = server.requests
          .slice(0, refusal + 1)
          .filter(({ operation }) => operation === 'b2_upload_part').length;
        // Those that were on their way may arrive after the refusal.
        const gap = starts.findIndex((start, i) => start - (starts[i - 1] ?? start) >= 350_000);
        assert.ok(
          gap > 0 && gap <= refused + 3,
          `${gap} started before the pause, ${refused} before the refusal`,
        );
      },
    );
  });
});

describe('slices', () => {
  /** Notes what it was asked for, and lets it pass after `wait`. */
  function noting(sliceBytes: number, wait?: () => Promise<void>): Throttle & { readonly asked: number[] } {
    const asked: number[] = [];
    const take = (bytes: number) => {
      asked.push(bytes);
      return wait?.().then(() => bytes);
    };
    return { asked, sliceBytes, rate: undefined, take, close: () => undefined };
  }

  it('every byte is asked for, the manifest and repeated parts too, in slices no larger than told', async () => {
    const throttle = noting(1000);
    await withStore({ faults: ['upload_part=503@1'] }, { throttle }, async (store) => {
      const fileId = await store.startLarge(meta('sliced'));
      await store.uploadPart(fileId, 1, body(Buffer.alloc(3500)));
      await store.put(meta('manifest'), body(Buffer.alloc(10)));
    });
    assert.deepEqual(throttle.asked, [1000, 1000, 1000, 500, 1000, 1000, 1000, 500, 10]);
  });

  it('a bandwidth limit that pauses for longer than the stall limit is not a stall', async () => {
    const pause = () => quickClock.sleep(IMPATIENT.stallMs * 1.5);
    await withStore(
      {},
      { throttle: noting(10_000, pause), timeouts: { ...PATIENT, stallMs: IMPATIENT.stallMs } },
      async (store) => {
        await store.put(meta('patient'), body(Buffer.alloc(20_000)));
        assert.equal(store.counters.retries, 0);
      },
    );
  });

  it('a socket that takes no bytes is given up, and the part is sent again elsewhere', async () => {
    // Larger than what kernels buffer, so that it is the socket that stands still.
    const bytes = randomBytes(24_000_000);
    await withStore(
      { faults: ['upload_part=stall-body:100000@1'] },
      { timeouts: { ...PATIENT, stallMs: IMPATIENT.stallMs } },
      async (store, server) => {
        const fileId = await store.startLarge(meta('stalls'));
        await store.uploadPart(fileId, 1, body(bytes));
        assert.equal(count(server, 'b2_get_upload_part_url'), 2);
        assert.equal(server.parts.filter(({ stored }) => stored).length, 1);
      },
    );
  });

  it('an abort in the middle of a body ends the request', async () => {
    const abort = new AbortController();
    const throttle = noting(1000, () => {
      if (throttle.asked.length === 20) abort.abort(new Error('deadline'));
      return quickClock.sleep(1000);
    });
    await withStore({}, { throttle }, async (store, server) => {
      const fileId = await store.startLarge(meta('aborted'));
      await assert.rejects(
        store.uploadPart(fileId, 1, body(Buffer.alloc(10_000_000)), abort.signal),
        /deadline/,
      );
      assert.equal(server.parts.filter(({ stored }) => stored).length, 0);
      assert.equal(store.counters.connectionsBusy, 0);
    });
  });
});

describe('downloads', () => {
  const bytes = randomBytes(1_000_000);
  type Way = (store: ObjectStore, fileId: string, range: { from: number; to: number }) => Promise<Uint8Array>;
  const WAYS: readonly (readonly [string, Way])[] = [
    [
      'as a stream,',
      async (store, fileId, range) => Buffer.concat(await collect(store.download(fileId, range))),
    ],
    ['into memory,', readInto],
  ];

  for (const faults of [
    ['download_file_by_id=reset-body:65536@1,2,3'],
    ['download_file_by_id=reset-before@1'],
    ['download_file_by_id=503@1', 'download_file_by_id=500@2'],
    ['download_file_by_id=429:2@1'],
    ['download_file_by_id=401@1'],
    ['download_file_by_id=401@2', 'download_file_by_id=reset-body:300000@1'],
    ['download_file_by_id=stall-body:100000@1'],
  ]) {
    for (const [name, way] of WAYS)
      it(`${name} go on after ${faults.join(' and ')}`, async () => {
        await withStore({ faults }, { timeouts: IMPATIENT }, async (store, server) => {
          const version = await store.put(meta('x'), body(bytes));
          const read = await way(store, version.fileId, { from: 1, to: 999_999 });
          assert.ok(bytes.subarray(1, 999_999).equals(read));
          const sent = server.requests
            .filter(({ operation }) => operation === 'b2_download_file_by_id')
            .reduce((sum, { bytesOut }) => sum + bytesOut, 0);
          assert.ok(sent < 2_100_000, `${sent} bytes for a million`);
        });
      });
  }

  it('use a connection of their own if asked to', async () => {
    await withStore({}, {}, async (store, server) => {
      const version = await store.put(meta('x'), body(bytes));
      const range = { from: 0, to: 100_000 };
      for (let n = 0; n < 3; n++) await collect(store.download(version.fileId, range));
      await collect(store.download(version.fileId, range, undefined, { ownConnection: true }));
      for (let n = 0; n < 2; n++) {
        const into = new Uint8Array(range.to);
        await collect(store.download(version.fileId, range, undefined, { ownConnection: true, into }));
      }
      const connections = server.requests
        .filter(({ operation }) => operation === 'b2_download_file_by_id')
        .map(({ connection }) => connection);
      const own = connections.slice(3);
      assert.equal(new Set(own).size, 3);
      assert.ok(own.every((connection) => !connections.slice(0, 3).includes(connection)));
    });
  });

  it('stop when no more bytes arrive', async () => {
    const patience = { unreachableMs: 100_000, busyMs: 100_000 };
    await withStore({ faults: ['download_file_by_id=reset-body:0'] }, { patience }, async (store, server) => {
      const version = await store.put(meta('x'), body(bytes));
      await assert.rejects(collect(store.download(version.fileId, { from: 0, to: 10 })), {
        name: 'Failure',
        kind: 'unavailable',
      });
      const tries = count(server, 'b2_download_file_by_id');
      assert.ok(tries >= 5 && tries <= 12, `${tries} tries`);
    });
  });

  for (const [name, way] of WAYS)
    it(`${name} say what is refused`, async () => {
      await withStore({ faults: ['download_file_by_id=download-cap@1'] }, {}, async (store) => {
        const { fileId } = await store.put(meta('x'), body(bytes));
        await assert.rejects(way(store, fileId, { from: 0, to: 10 }), { kind: 'cap' });
        await assert.rejects(way(store, fileId, { from: 2_000_000, to: 2_000_010 }), { kind: 'damaged' });
        await assert.rejects(way(store, '4_zno_such_file', { from: 0, to: 10 }), { name: 'Failure' });
      });
    });

  for (const [name, way] of WAYS)
    it(`${name} end with the reason of an abort`, async () => {
      await withStore(
        { faults: ['download_file_by_id=stall-body:100000'] },
        { timeouts: PATIENT },
        async (store) => {
          const { fileId } = await store.put(meta('x'), body(bytes));
          const abort = new AbortController();
          const into = way === readInto ? new Uint8Array(1_000_000) : undefined;
          const begun = store.download(fileId, { from: 0, to: 1_000_000 }, abort.signal, { into });
          await assert.rejects(async () => {
            for await (const chunk of begun) if (chunk.length > 0) abort.abort(new Error('enough'));
          }, /enough/);
          const late = store.download(fileId, { from: 0, to: 1_000_000 }, abort.signal, { into });
          await assert.rejects(collect(late), /enough/);
        },
      );
    });

  it('a slow consumer is not a stall', async () => {
    await withStore({}, { timeouts: IMPATIENT }, async (store) => {
      const version = await store.put(meta('x'), body(bytes));
      let read = 0;
      for await (const chunk of store.download(version.fileId, { from: 0, to: 1_000_000 })) {
        if (read === 0) await quickClock.sleep(IMPATIENT.stallMs * 1.5);
        read += chunk.byteLength;
      }
      assert.equal(read, 1_000_000);
      assert.equal(store.counters.retries, 0);
    });
  });
});
