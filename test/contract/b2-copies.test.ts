/** Copies inside B2: what every kind of trouble comes to, so that the caller can send the bytes instead. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IMPATIENT } from './quick-clock.js';
import { collect, meta, sha1 } from './store.contract.js';
import { BUCKET, withStore } from './with-store.js';

const BYTES = Buffer.alloc(5000, 'copy');

/** One small object, copied under these faults. */
async function copyUnder(
  faults: readonly string[],
  capabilities?: readonly ('listBuckets' | 'listFiles' | 'readFiles' | 'writeFiles')[],
) {
  const seen = { outcome: '', reason: '', copies: 0, requests: 0, sha1: '' };
  const keys = capabilities === undefined ? [] : [{ keyId: 'limited', key: 'limited', capabilities }];
  const key = capabilities === undefined ? {} : { keyId: 'limited', key: 'limited' };
  const timeouts = faults.some((fault) => fault.includes('stall')) ? { timeouts: IMPATIENT } : {};
  await withStore({ faults, keys }, { ...key, ...timeouts }, async (store, server) => {
    const { fileId } = server.bucket(BUCKET).put('source', BYTES);
    const copy = await store.copyFile(fileId, meta('target', { 'bb2-run': 'r' }));
    seen.outcome = copy.outcome;
    if (copy.outcome === 'copied') seen.sha1 = copy.version.contentSha1 ?? '';
    else seen.reason = copy.reason;
    seen.requests = server.requests.filter(({ operation }) => operation === 'b2_copy_file').length;
    seen.copies = (server.bucket(BUCKET).bucket.versions.get('target') ?? []).length;
  });
  return seen;
}

describe('copies inside B2', { concurrency: 6 }, () => {
  for (const [fault, requests] of [
    ['503', 2],
    ['500', 2],
    ['408', 2],
    ['429', 2],
    ['401', 2],
    ['reset-before', 2],
    ['lost', 1],
    ['stall-answer', 1],
  ] as const) {
    it(`${fault}: copied once, in ${requests} requests`, async () => {
      const seen = await copyUnder([`copy_file=${fault}@1`]);
      assert.deepEqual([seen.outcome, seen.requests, seen.copies], ['copied', requests, 1]);
      assert.equal(seen.sha1, sha1(BYTES));
    });
  }

  it('a lost response, with a key that may not list files: copied twice, which does no harm', async () => {
    const seen = await copyUnder(['copy_file=lost@1'], ['listBuckets', 'readFiles', 'writeFiles']);
    assert.deepEqual([seen.outcome, seen.requests, seen.copies], ['copied', 2, 2]);
  });

  for (const [fault, outcome, reason] of [
    ['404', 'source-missing', /404/],
    ['400:bad_request', 'refused', /bad_request/],
    ['cap', 'refused', /storage_cap_exceeded/],
    ['transaction-cap', 'refused', /transaction_cap_exceeded/],
    ['403:access_denied', 'refused', /access_denied/],
    ['503', 'refused', /too busy/],
  ] as const) {
    it(`${fault} for good: ${outcome}`, async () => {
      const seen = await copyUnder([`copy_file=${fault}`]);
      assert.equal(seen.outcome, outcome);
      assert.match(seen.reason, reason);
      assert.equal(seen.requests, fault === '503' ? 6 : 1);
    });
  }

  it('a key without readFiles: refused, with the reason', async () => {
    const seen = await copyUnder([], ['listBuckets', 'listFiles', 'writeFiles']);
    assert.equal(seen.outcome, 'refused');
    assert.match(seen.reason, /readFiles/);
  });

  it('another SHA-1 in the answer reaches the caller, who compares', async () => {
    const seen = await copyUnder(['copy_file=wrong-sha1']);
    assert.deepEqual([seen.outcome, seen.sha1], ['copied', '0'.repeat(40)]);
  });

  it('a hidden source is missing; an older version of the same name is not taken for the copy', async () => {
    await withStore({ faults: ['copy_file=reset-before@2'] }, {}, async (store, server) => {
      const bucket = server.bucket(BUCKET);
      bucket.put('target', Buffer.from('older'), { fileInfo: { 'bb2-run': 'old' } });
      const source = bucket.put('source', BYTES);
      const marker = await store.copyFile('4_z000000000000000000000000_fnone', meta('x'));
      assert.equal(marker.outcome, 'source-missing');
      const copy = await store.copyFile(source.fileId, meta('target', { 'bb2-run': 'new' }));
      assert.ok(copy.outcome === 'copied');
      assert.equal(copy.version.contentSha1, sha1(BYTES));
      assert.equal((await collect(store.listVersions('target'))).length, 2);
    });
  });

  it('an abort ends it with its reason', async () => {
    await withStore({}, {}, async (store, server) => {
      const { fileId } = server.bucket(BUCKET).put('source', BYTES);
      const aborted = AbortSignal.abort(new Error('deadline'));
      await assert.rejects(store.copyFile(fileId, meta('target'), aborted), /deadline/);
    });
  });
});
