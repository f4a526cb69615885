/** Calls that B2 takes and never answers: what each costs, with the time-outs of every day. Five minutes of this clock are a second and a half. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { RunEvent } from '../../src/events.js';
import { TIMEOUTS } from '../../src/b2/http.js';
import { openB2 } from '../../src/b2/open.js';
import { PATIENCE, patienceOf } from '../../src/b2/retry/retry.js';
import type { ObjectStore } from '../../src/store.js';
import { TurnClock } from '../support/turn-clock.js';
import { PATIENT, quickClock } from './quick-clock.js';
import { body, collect, meta, sha1 } from './store.contract.js';
import { BUCKET, withStore } from './with-store.js';

const clock = new TurnClock(200);
const PARTS = [Buffer.alloc(3000, 1), Buffer.alloc(10, 2)];

const put = async (store: ObjectStore) => await store.put(meta('small'), body(Buffer.from('x')));
async function upload(store: ObjectStore): Promise<void> {
  const fileId = await store.startLarge(meta('volume'));
  for (const [i, part] of PARTS.entries()) await store.uploadPart(fileId, i + 1, body(part));
  await store.finishLarge(fileId, PARTS.map(sha1));
}

/** Seconds until it is done all the same, and how often that was told. */
async function cost(fault: string, work: (store: ObjectStore) => Promise<unknown>) {
  const told: string[] = [];
  const emit = (event: RunEvent) => {
    if (event.type === 'retry') told.push(`${event.operation}: ${event.reason}`);
  };
  let tookMs = 0;
  await withStore({ faults: [fault] }, { clock, timeouts: TIMEOUTS, emit }, async (store, server) => {
    const began = clock.monotonic();
    await work(store);
    tookMs = clock.monotonic() - began;
    assert.equal(server.faults.fired(), 1);
  });
  return { seconds: tookMs / 1000, told };
}

describe('a call that is never answered', { concurrency: 4 }, () => {
  for (const [fault, bound, work] of [
    ['start_large_file=stall-answer@1', 60, upload],
    ['get_upload_part_url=stall-answer@1', 60, upload],
    ['upload_part=stall-answer@1', 60, upload],
    ['finish_large_file=stall-answer@1', 120, upload],
    ['get_upload_url=stall-answer@1', 60, put],
    ['upload_file=stall-answer@1', 60, put],
    ['list_file_versions=stall-answer@1', 120, (store) => collect(store.listVersions(''))],
    ['list_unfinished_large_files=stall-answer@1', 60, (store) => collect(store.listUnfinished(''))],
    ['get_file_info=stall-answer@1', 60, async (store) => store.fileInfo((await put(store)).fileId)],
    [
      'delete_file_version=stall-answer@1',
      60,
      async (store) => store.deleteVersion('small', (await put(store)).fileId),
    ],
    [
      'copy_file=stall-answer@1',
      300,
      async (store) => store.copyFile((await put(store)).fileId, meta('copy')),
    ],
    [
      'download_file_by_id=stall-answer@1',
      60,
      async (store) => collect(store.download((await put(store)).fileId, { from: 0, to: 1 })),
    ],
  ] as const satisfies readonly (readonly [string, number, (store: ObjectStore) => Promise<unknown>])[]) {
    it(`${fault} costs ${bound} s once, and is told`, async () => {
      const { seconds, told } = await cost(fault, work);
      // And two pauses of at most a second, and what the calls themselves took: not one bound more.
      assert.ok(seconds >= bound && seconds <= 1.5 * bound, `${seconds} s`);
      const settled = /^(finish_large_file|copy_file)/.test(fault);
      assert.deepEqual(
        told.map((line) => /no answer for \d+ s$/.exec(line)?.[0]),
        settled ? [] : [`no answer for ${bound} s`],
      );
    });
  }

  it('a part whose body stops half-way costs a minute and a half', async () => {
    // More than the kernels buffer.
    const large = Buffer.alloc(24_000_000, 3);
    const { seconds } = await cost('upload_part=stall-body:100000@1', async (store) => {
      const fileId = await store.startLarge(meta('volume'));
      await store.uploadPart(fileId, 1, body(large));
    });
    assert.ok(seconds >= 90 && seconds < 180, `${seconds} s`);
  });

  it('the part goes over another connection, and should the first one have arrived, it is the same part', async () => {
    await withStore({}, { clock, timeouts: TIMEOUTS }, async (store, server) => {
      const held = server.faults.hold({ on: 'upload_part', nth: 1, when: 'answer' });
      await upload(store);
      const sent = server.parts.filter(({ partNumber }) => partNumber === 1);
      assert.deepEqual(
        sent.map((part) => [part.stored, part.sha1]),
        Array.from({ length: 2 }, () => [true, sha1(PARTS[0] ?? Buffer.alloc(0))]),
      );
      const [first, second] = server.requests.filter(({ operation }) => operation === 'b2_upload_part');
      assert.notEqual(first?.connection, second?.connection);
      held.release();
      assert.ok(server.bucket(BUCKET).read('volume').equals(Buffer.concat(PARTS)));
    });
  });

  for (const [faults, most] of [
    // Patience counts from the first failure, and the last try may begin just before it ends.
    [['start_large_file=stall-body'], 60 + 300 + 60],
    [['get_upload_part_url=stall-body'], 60 + 300 + 60],
    // Whether the finish worked is asked once, with patience of its own.
    [['finish_large_file=stall-body', 'get_file_info=stall-body'], 120 + 60 + 300 + 60],
  ] as const) {
    it(`${faults.join(' and ')} for ever: ends when patience does, and a bound later at the latest`, async () => {
      const options = { clock, timeouts: TIMEOUTS, patience: patienceOf(300_000) };
      await withStore({ faults: [...faults] }, options, async (store) => {
        const began = clock.monotonic();
        await assert.rejects(upload(store), {
          kind: 'unavailable',
          message: /no answer for \d+ s \(\d tries in \d min\)/,
        });
        const seconds = (clock.monotonic() - began) / 1000;
        assert.ok(seconds >= 300 && seconds <= 1.2 * most, `${seconds} s`);
      });
    });
  }

  it('a connection that is never established is given up on its own: here a TLS handshake that nobody answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const sockets = new Set<Socket>();
    silent.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
    try {
      const attempt = openB2({
        endpoint: `https://127.0.0.1:${port}`,
        keyId: 'k',
        key: 'k',
        bucket: BUCKET,
        clock: quickClock,
        // This one is of the real clock.
        timeouts: { ...PATIENT, connectMs: 100 },
        loginPatience: patienceOf(1000),
      });
      await assert.rejects(attempt, { kind: 'unavailable', message: /connect timeout/i });
      assert.ok(sockets.size >= 2, 'tried again over another connection');
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  it('patience is longer than every bound', () => {
    assert.ok(PATIENCE.unreachableMs >= 3 * 5 * TIMEOUTS.replyMs);
  });
});
