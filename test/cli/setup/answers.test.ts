/** Which answers of setup's will do, and what is said of the others. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { AccountFacts } from '../../../src/b2/account-facts.js';
import {
  checkBucket,
  checked,
  checkKey,
  checkKeyId,
  checkLimit,
  checkNewPassphrase,
  checkPath,
  type Checked,
} from '../../../src/cli/setup/answers.js';
import { Failure } from '../../../src/errors.js';

/** undefined: it will do. */
const table = <A extends readonly unknown[]>(
  check: (...answer: A) => Checked<unknown>,
  rows: readonly (readonly [answer: A, refused: RegExp | undefined])[],
): void => {
  for (const [answer, refused] of rows) {
    const judged = check(...answer);
    if (judged.ok) assert.equal(refused, undefined, `${JSON.stringify(answer)} was accepted`);
    else assert.match(judged.reason, refused ?? /^$/);
  }
};

test('what the user types', () => {
  table(checkKeyId, [
    [['0050123456789ab0000000001'], undefined],
    [[''], /a key ID is needed/],
    [['0050 123'], /no blanks/],
    [['0050\u2026'], /no blanks and no other such/],
  ]);
  table(checkPath, [
    [['/etc/a b'], undefined],
    [[''], /a file is needed/],
    [['passphrase'], /passphrase is not an absolute path/],
    [['~/passphrase'], /not an absolute path/],
  ]);
  table(checkLimit, [
    [[''], undefined],
    [['none'], undefined],
    [['8Mbit'], undefined],
    [['auto:256kbit-6Mbit'], undefined],
    [['Mon-Fri 08:00,1M 19:00,off'], undefined],
    [['fast'], /"fast": not a rate/],
    [['auto:6Mbit-1Mbit'], /the lower one \(write auto, or/],
    [['Mon-Fri 25:00,1M'], /25:00/],
  ]);
  table(checkNewPassphrase, [
    [['correct horse', 'correct horse'], undefined],
    [['correct horse', 'correct house'], /not the same/],
    [['nul\0', 'nul\0'], /NUL octet/],
  ]);
});

test('a limit is echoed as it was understood; no limit stays no limit', () => {
  assert.deepEqual(checkLimit('None'), { ok: true, value: undefined });
  assert.deepEqual(checkLimit('8Mbit'), {
    ok: true,
    value: { spec: '8Mbit', shown: '977 KiB/s (8 Mbit/s)' },
  });
});

const ALL = ['listFiles', 'writeFiles', 'readFiles', 'deleteFiles', 'shareFiles', 'listBuckets'];
const bucket = { name: 'ours', type: 'allPrivate', objectLock: false, lifecycleRules: [] };
const account = (over: Partial<AccountFacts> = {}): AccountFacts => ({
  accountId: '0123456789ab',
  capabilities: ALL,
  namePrefix: undefined,
  buckets: [bucket, { ...bucket, name: 'open', type: 'allPublic' }],
  ...over,
});

test('what B2 says of the key', () => {
  const config = { prefix: '', lock_days: undefined };
  table(checkKey, [
    [[account(), config], undefined],
    [[account({ capabilities: ['listFiles', 'writeFiles'] }), config], undefined],
    [[account({ capabilities: ['readFiles'] }), config], /listFiles: .*; .*writeFiles: no archives/],
    [[account({ namePrefix: 'a/' }), config], /only names that begin with a\/ \(set prefix/],
    [[account(), { ...config, lock_days: 30 }], /writeFileRetentions/],
  ]);
});

test('what B2 says of the bucket', () => {
  const named = (name: string, create = false) => ({
    bucket: name,
    prefix: '',
    lock_days: undefined,
    cancel_unfinished_days: undefined,
    create_bucket: create,
  });
  table(checkBucket, [
    [[account(), named('ours')], undefined],
    [[account(), named('')], /a bucket is needed/],
    [[account(), named('hours')], /sees no bucket hours; it sees ours, open$/],
    [[account({ buckets: [] }), named('ours')], /sees no bucket ours; it sees none$/],
    [[account(), named('hours', true)], undefined],
    [[account(), named('b-{host}')], undefined],
    [[account(), named('open')], /everybody can download/],
    [[account(), { ...named('ours'), lock_days: 30 }], /Object Lock is not enabled/],
    // The key may not list them: the first archive will tell.
    [[account({ buckets: undefined }), named('any')], undefined],
  ]);
});

test('another answer helps if the answer was at fault, and not otherwise', async () => {
  const failing = (kind: 'denied' | 'config' | 'unavailable' | 'interrupted') =>
    checked(() => Promise.reject(new Failure(kind, 'why', { hint: 'do this' })));
  assert.deepEqual(await checked(() => 1), { ok: true, value: 1 });
  for (const kind of ['denied', 'config'] as const)
    assert.deepEqual(await failing(kind), { ok: false, reason: 'why (do this)' });
  for (const kind of ['unavailable', 'interrupted'] as const) await assert.rejects(failing(kind), /why/);
});
