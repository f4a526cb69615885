import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Copies } from '../../src/reuse/copies.js';
import { CopyLimit } from '../../src/reuse/copy-limit.js';
import type { CopyOutcome, FileVersion } from '../../src/store.js';

const from = { digest: 'd', fileId: 'a', bytes: 9, sha1: 's', dataBytes: 8, sentAt: 1 };
const meta = { fileName: 'n', contentType: 't', fileInfo: {} };
const version = (over: Partial<FileVersion> = {}): FileVersion => ({
  fileName: 'n',
  fileId: 'b',
  action: 'upload',
  contentLength: 9,
  contentSha1: 's',
  contentType: 't',
  fileInfo: {},
  uploadTimestamp: 2,
  lockedUntil: undefined,
  legalHold: false,
  ...over,
});

function copiesOf(outcomes: CopyOutcome[]): Copies {
  const { signal } = new AbortController();
  const copyFile = (): Promise<CopyOutcome> =>
    Promise.resolve(outcomes.shift() ?? { outcome: 'copied', version: version() });
  return new Copies({ store: { copyFile }, monotonic: () => 0, signal });
}

describe('copies inside B2', () => {
  it('count only with the recorded SHA-1 and length', async () => {
    const wrong = [
      version({ contentSha1: 'x' }),
      version({ contentSha1: undefined }),
      version({ contentLength: 8 }),
    ];
    const copies = copiesOf(wrong.map((each) => ({ outcome: 'copied', version: each })));
    for (const each of wrong) {
      const result = await copies.copy(from, meta);
      assert.ok(result.kind === 'not-copied');
      assert.equal(result.wrong, each);
    }
    assert.deepEqual(await copies.copy(from, meta), { kind: 'copied', fileId: 'b' });
  });

  it('are given up after three refusals in a row, but not because sources are gone', async () => {
    const refused: CopyOutcome = { outcome: 'refused', reason: 'no readFiles' };
    const gone: CopyOutcome = { outcome: 'source-missing', reason: '404' };
    const copies = copiesOf([refused, refused, gone, gone, gone, gone, refused, refused, refused]);
    for (let i = 0; i < 8; i++) await copies.copy(from, meta);
    assert.equal(copies.refused, undefined);
    await copies.copy(from, meta);
    assert.deepEqual(copies.refused, { reason: 'B2 did not copy them', detail: 'no readFiles' });
  });

  it('grow one at a time while they go well, and are halved when they take far longer', () => {
    const limit = new CopyLimit();
    for (let i = 0; i < 4 + 5 + 6; i++) limit.ended(100, false, 3);
    assert.equal(limit.allowed, 7);
    limit.ended(20_000, false, 6);
    assert.equal(limit.allowed, 3);
    for (let i = 0; i < 6; i++) limit.ended(20_000, false, 0);
    assert.equal(limit.allowed, 3, 'those that were under way say nothing new');
    limit.ended(100, true, 0);
    assert.equal(limit.allowed, 1);
  });
});
