import assert from 'node:assert/strict';
import { openB2 } from '../../src/b2/open.js';
import type { B2Options } from '../../src/b2/options.js';
import type { ObjectStore } from '../../src/store.js';
import { startB2Server, type B2Server, type B2ServerOptions } from '../support/b2-server/server.js';
import { PATIENT, quickClock } from './quick-clock.js';

export const BUCKET = 'transfers';

/** Runs `run` against a B2 of its own; every planted fault must have struck. */
export async function withStore(
  serverOptions: B2ServerOptions,
  over: Partial<B2Options>,
  run: (store: ObjectStore, server: B2Server) => Promise<void>,
): Promise<void> {
  const server = await startB2Server({ buckets: [BUCKET], minPartBytes: 1000, ...serverOptions });
  const store = await openB2({
    endpoint: server.url,
    keyId: server.keyId,
    key: server.key,
    bucket: BUCKET,
    clock: quickClock,
    timeouts: PATIENT,
    ...over,
  });
  try {
    await run(store, server);
    assert.deepEqual(server.faults.unfired, []);
    assert.deepEqual(server.defects, []);
  } finally {
    await store.close();
    await server.close();
  }
}
