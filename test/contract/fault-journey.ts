/** One short archive (a volume of three parts and a manifest) against a B2 with planted faults. */
import assert from 'node:assert/strict';
import { Failure } from '../../src/errors.js';
import { openB2 } from '../../src/b2/open.js';
import type { B2Options } from '../../src/b2/options.js';
import { VolumeLost } from '../../src/store.js';
import { startB2Server, type B2ServerOptions } from '../support/b2-server/server.js';
import { PATIENT, quickClock } from './quick-clock.js';
import { body, meta, sha1 } from './store.contract.js';

export const BUCKET = 'faulty-bucket';
const PART_BYTES = 300_000;

/** Requests of a run in which nothing goes wrong, with one connection. */
export const IDEAL: Readonly<Record<string, number>> = {
  authorize_account: 1,
  list_buckets: 1,
  start_large_file: 1,
  get_upload_part_url: 1,
  upload_part: 3,
  finish_large_file: 1,
  get_upload_url: 1,
  upload_file: 1,
};

export interface Outcome {
  /** `whole`, `volume lost`, or the kind of the Failure. */
  readonly outcome: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly requests: Readonly<Record<string, number>>;
  /** Longest pause of a retry, ms of the injected clock. */
  readonly longestPauseMs: number;
}

export interface JourneyOptions {
  readonly faults: readonly string[];
  readonly server?: B2ServerOptions;
  readonly store?: Partial<B2Options>;
  readonly partCount?: number;
  readonly partBytes?: number;
}

/** Every planted fault must have struck, and what was reported whole must be whole. */
export async function journey({
  faults,
  server: serverOptions,
  store: storeOptions,
  partCount = 3,
  partBytes = PART_BYTES,
}: JourneyOptions): Promise<Outcome> {
  const server = await startB2Server({ buckets: [BUCKET], minPartBytes: 1000, faults, ...serverOptions });
  const pauses: number[] = [];
  let outcome = 'whole';
  let message = '';
  let hint: string | undefined;
  const parts = Array.from({ length: partCount }, (_, i) =>
    Buffer.alloc(i === partCount - 1 ? partBytes / 2 : partBytes, i + 1),
  );
  const manifest = Buffer.from('{"state":"finished"}');
  try {
    const store = await openB2({
      endpoint: server.url,
      keyId: server.keyId,
      key: server.key,
      bucket: BUCKET,
      connections: 1,
      clock: quickClock,
      timeouts: PATIENT,
      random: () => 0.5,
      emit: (event) => {
        if (event.type === 'retry') pauses.push(event.pauseMs);
      },
      ...storeOptions,
    });
    try {
      const fileId = await store.startLarge(meta('web.7.tar.gpg', { 'bb2-run': 'r' }));
      const abort = new AbortController();
      const uploads = parts.map((part, i) => store.uploadPart(fileId, i + 1, body(part), abort.signal));
      await Promise.all(uploads).catch(async (thrown: unknown) => {
        abort.abort(thrown);
        await Promise.allSettled(uploads);
        throw thrown;
      });
      await store.finishLarge(fileId, parts.map(sha1));
      await store.put(meta('web.7.tar.COMPLETE'), body(manifest));
      assert.ok(server.bucket(BUCKET).read('web.7.tar.gpg').equals(Buffer.concat(parts)));
      assert.ok(server.bucket(BUCKET).read('web.7.tar.COMPLETE').equals(manifest));
      assert.equal(store.counters.retries, pauses.length);
      assert.equal(store.counters.connectionsBusy, 0);
    } finally {
      await store.close();
    }
  } catch (thrown) {
    if (thrown instanceof Failure) {
      outcome = thrown.kind;
      hint = thrown.hint;
    } else if (thrown instanceof VolumeLost) {
      outcome = 'volume lost';
    } else throw thrown;
    message = thrown.message;
    assert.doesNotMatch(`${message} ${hint ?? ''}`, new RegExp(server.key), 'no error holds the key');
  } finally {
    await server.close();
  }
  assert.deepEqual(server.faults.unfired, [], 'every planted fault struck');
  assert.deepEqual(server.defects, []);
  const requests: Record<string, number> = {};
  for (const { operation } of server.requests) {
    const name = operation.replace('b2_', '');
    requests[name] = (requests[name] ?? 0) + 1;
  }
  return { outcome, message, hint, requests, longestPauseMs: Math.max(0, ...pauses) };
}

/** What was asked beyond the ideal, or (negative) never. */
export function beyondIdeal(requests: Readonly<Record<string, number>>): Record<string, number> {
  const names = new Set([...Object.keys(requests), ...Object.keys(IDEAL)]);
  const rows = [...names].map((name) => [name, (requests[name] ?? 0) - (IDEAL[name] ?? 0)] as const);
  return Object.fromEntries(rows.filter(([, count]) => count !== 0));
}
