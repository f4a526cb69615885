/** Keys, buckets and options: what is refused, how it is told, and what reaches B2. */
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { accountFacts } from '../../src/b2/account-facts.js';
import { unthrottled } from '../../src/bandwidth/throttle.js';
import { systemClock } from '../../src/clock.js';
import { Failure } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { openB2 } from '../../src/b2/open.js';
import { SHORT_PATIENCE } from '../../src/b2/retry/retry.js';
import type { B2Options } from '../../src/b2/options.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { PATIENT, quickClock } from './quick-clock.js';
import { body, collect, meta, sha1 } from './store.contract.js';

const BUCKET = 'backuppc-main';
const ACCOUNT = '0123456789ab';
const WRITER = ['listBuckets', 'listFiles', 'readFiles', 'writeFiles'] as const;

describe('B2 keys, buckets and options', () => {
  let server: B2Server;
  before(async () => {
    server = await startB2Server({
      buckets: [BUCKET, 'other-bucket'],
      foreignBuckets: ['taken-by-others'],
      minPartBytes: 1000,
    });
    const { bucketId } = server.bucket(BUCKET);
    const key = (
      keyId: string,
      capabilities: readonly (typeof WRITER)[number][] | undefined,
      limits = {},
    ) => {
      server.addKey({
        keyId,
        key: `secret-of-${keyId}`,
        ...(capabilities === undefined ? {} : { capabilities }),
        ...limits,
      });
    };
    key('one-bucket', undefined, { bucketIds: [bucketId] });
    key('prefix', WRITER, { bucketIds: [bucketId], namePrefix: 'web/' });
    key('no-list-buckets', ['listFiles', 'readFiles', 'writeFiles'], { bucketIds: [bucketId] });
    key('read-only', ['listBuckets', 'listFiles', 'readFiles']);
    key('write-only', ['listBuckets', 'writeFiles']);
    key('no-create', WRITER);
    key('of-v4', WRITER, { bucketIds: [bucketId], madeByVersion: 4 });
    key('of-v4-prefix', WRITER, { bucketIds: [bucketId], namePrefix: 'v4/', madeByVersion: 4 });
    const both = [bucketId, server.bucket('other-bucket').bucketId];
    key('two-buckets', WRITER, { bucketIds: both, madeByVersion: 4 });
    key('two-buckets-no-list', ['listFiles', 'readFiles', 'writeFiles'], {
      bucketIds: both,
      madeByVersion: 4,
    });
    key('deleted-bucket', WRITER, { bucketIds: ['0123456789abcdef01234567'], madeByVersion: 4 });
  });
  after(async () => {
    assert.deepEqual(server.defects, []);
    await server.close();
  });

  const options = (over: Partial<B2Options> = {}): B2Options => ({
    endpoint: server.url,
    keyId: server.keyId,
    key: server.key,
    bucket: BUCKET,
    clock: quickClock,
    timeouts: PATIENT,
    ...over,
  });
  const withKey = (keyId: string, over: Partial<B2Options> = {}) =>
    options({ keyId, key: `secret-of-${keyId}`, ...over });
  const refused = async (attempt: Promise<unknown>, kind: string, message: RegExp, hint?: RegExp) => {
    await assert.rejects(attempt, (thrown) => {
      assert.ok(thrown instanceof Failure, inspect(thrown));
      assert.equal(thrown.kind, kind, thrown.message);
      assert.match(thrown.message, message);
      if (hint !== undefined) assert.match(thrown.hint ?? '', hint);
      assert.ok(
        !thrown.message.includes('\n') && !inspect(thrown, { depth: 9 }).includes('secret-of'),
        'one line, no secret',
      );
      return true;
    });
  };

  it('tells the throttle of every connection it makes, to mark its packets', async () => {
    const connected: object[] = [];
    const store = await openB2(
      options({ throttle: { ...unthrottled, connected: (socket) => connected.push(socket) } }),
    );
    await store.close();
    assert.ok(connected.length > 0 && connected.every((socket) => socket instanceof Socket));
  });

  for (const [title, over, kind, message, hint] of [
    ['a wrong key', { key: 'secret-of-nobody' }, 'denied', /does not accept the application key/, /key ID/],
    ['an unknown key ID', { keyId: 'nobody' }, 'denied', /does not accept the application key/, /key ID/],
    ['a missing bucket', { bucket: 'no-such-bucket' }, 'denied', /no bucket no-such-bucket/, /create/],
    [
      'a bucket that another account has',
      { bucket: 'taken-by-others', createBucket: true },
      'denied',
      /taken by another B2 account/,
      /another one/,
    ],
    ['an impossible bucket name', { bucket: 'no_way' }, 'config', /cannot be the name/, /6 to 63/],
    ['plain http', { endpoint: 'http://b2.example' }, 'config', /is not https/, /127\.0\.0\.1/],
  ] as const) {
    it(`refuses ${title}`, async () => {
      await refused(openB2(options(over)), kind, message, hint);
    });
  }

  it('refuses a capped account, and a cap reached later', async () => {
    const capped = await startB2Server({ buckets: [BUCKET], faults: ['authorize_account=transaction-cap'] });
    await refused(
      openB2(options({ endpoint: capped.url, keyId: capped.keyId, key: capped.key })),
      'cap',
      /cap of the B2 account/,
      /Caps & Alerts/,
    );
    await capped.close();
  });

  it('an endpoint where nobody listens is reported after a few attempts', async () => {
    const gone = await startB2Server();
    await gone.close();
    const began = quickClock.monotonic();
    await refused(
      openB2(options({ endpoint: gone.url, loginPatience: SHORT_PATIENCE })),
      'unavailable',
      /ECONNREFUSED.*tries in \d+ s/,
      /network/,
    );
    const seconds = (quickClock.monotonic() - began) / 1000;
    assert.ok(seconds >= 60 && seconds < 150, `after ${seconds} s`);
  });

  it('an endpoint that speaks something else is reported', async () => {
    const { createServer } = await import('node:http');
    const web = createServer((_request, response) => response.end('<html>hello</html>')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => web.once('listening', resolve));
    const address = web.address();
    assert.ok(typeof address === 'object' && address !== null);
    await refused(
      openB2(options({ endpoint: `http://127.0.0.1:${address.port}`, loginPatience: SHORT_PATIENCE })),
      'unavailable',
      /not JSON/,
    );
    web.close();
    web.closeAllConnections();
  });

  it('names the capability that a key lacks: at once if the caller says what it needs', async () => {
    await refused(
      openB2(withKey('read-only', { needs: ['writeFiles'] })),
      'denied',
      /lacks the capability writeFiles/,
      /writeFiles/,
    );
    await refused(
      openB2(withKey('write-only', { needs: [...WRITER] })),
      'denied',
      /capabilities listFiles, readFiles/,
    );
    await refused(
      openB2(withKey('no-create', { bucket: 'to-be-made', createBucket: true })),
      'denied',
      /lacks the capability writeBuckets/,
    );
    const store = await openB2(withKey('read-only'));
    await refused(store.put(meta('x'), body(Buffer.from('x'))), 'denied', /lacks the capability writeFiles/);
    await store.close();
    const writer = await openB2(withKey('write-only'));
    await refused(
      collect(writer.listVersions('')),
      'denied',
      /cannot list files: it lacks the capability listFiles/,
    );
    await writer.close();
  });

  it('a key for one bucket opens that one, and names it otherwise', async () => {
    const store = await openB2(withKey('one-bucket'));
    await store.put(meta('with a limited key'), body(Buffer.from('x')));
    await store.close();
    await refused(
      openB2(withKey('one-bucket', { bucket: 'other-bucket' })),
      'denied',
      /opens only the bucket backuppc-main, not other-bucket/,
    );
  });

  for (const keyId of ['of-v4', 'of-v4-prefix', 'two-buckets', 'two-buckets-no-list']) {
    it(`logs in with a key that version 4 of b2_create_key made: ${keyId}`, async () => {
      const store = await openB2(withKey(keyId));
      const name = `v4/with ${keyId}`;
      const version = await store.put(meta(name), body(Buffer.from('x')));
      assert.deepEqual(await store.fileInfo(version.fileId), version);
      assert.deepEqual(await collect(store.listVersions(name)), [version]);
      await store.close();
    });
  }

  it('a key for several buckets opens each, and names them otherwise', async () => {
    for (const keyId of ['two-buckets', 'two-buckets-no-list']) {
      const store = await openB2(withKey(keyId, { bucket: 'other-bucket' }));
      await store.put(meta(keyId), body(Buffer.from('x')));
      assert.ok(server.bucket('other-bucket').file(keyId));
      await store.close();
      await refused(
        openB2(withKey(keyId, { bucket: 'third-bucket' })),
        'denied',
        /opens only the buckets backuppc-main and other-bucket, not third-bucket/,
      );
    }
    const facts = await accountFacts(withKey('two-buckets'));
    assert.deepEqual(
      facts.buckets?.map(({ name }) => name),
      [BUCKET, 'other-bucket'],
    );
  });

  it('a key for a bucket that was deleted says so', async () => {
    await refused(openB2(withKey('deleted-bucket')), 'denied', /0123456789abcdef01234567 \(deleted\)/);
  });

  it('a key that may not list buckets works for its own', async () => {
    const store = await openB2(withKey('no-list-buckets'));
    const version = await store.put(meta('without listing'), body(Buffer.from('x')));
    assert.deepEqual(await store.fileInfo(version.fileId), version);
    await store.close();
  });

  it('a key for a prefix writes and lists there, and says so elsewhere', async () => {
    await refused(
      openB2(withKey('prefix', { namePrefix: 'mail/' })),
      'denied',
      /only opens names that begin with "web\/"/,
      /--prefix/,
    );
    const store = await openB2(withKey('prefix', { namePrefix: 'web/' }));
    await store.put(meta('web/one'), body(Buffer.from('x')));
    const fileId = await store.startLarge(meta('web/two'));
    assert.deepEqual(
      (await collect(store.listVersions('web/'))).map((file) => file.fileName),
      ['web/one', 'web/two'],
    );
    assert.equal((await collect(store.listUnfinished('web/'))).length, 1);
    await store.cancelLarge(fileId);
    await refused(
      store.put(meta('mail/one'), body(Buffer.from('x'))),
      'denied',
      /begin with "web\/", not "mail\/one"/,
    );
    await refused(store.startLarge(meta('webmail')), 'denied', /begin with/);
    await store.close();
  });

  it('a key that may only write finishes a volume', async () => {
    const store = await openB2(withKey('write-only'));
    const fileId = await store.startLarge(meta('write only'));
    const parts = [Buffer.alloc(2000, 1), Buffer.alloc(10, 2)];
    for (const [i, part] of parts.entries()) await store.uploadPart(fileId, i + 1, body(part));
    assert.equal((await store.finishLarge(fileId, parts.map(sha1))).action, 'upload');
    await store.close();
  });

  for (const [capabilities, outcome] of [
    [['listBuckets', 'listFiles', 'writeFiles'], 'finished'],
    // Nobody can tell: sent anew, rather than ended.
    [['listBuckets', 'writeFiles'], 'lost'],
  ] as const) {
    it(`a finish whose answer is lost, with a key that has ${capabilities.join(', ')}: ${outcome}`, async () => {
      const flaky = await startB2Server({
        buckets: [BUCKET],
        minPartBytes: 1000,
        faults: ['finish_large_file=lost@1'],
        keys: [{ keyId: 'k', key: 'k', capabilities }],
      });
      const store = await openB2(options({ endpoint: flaky.url, keyId: 'k', key: 'k' }));
      const fileId = await store.startLarge(meta('x'));
      const parts = [Buffer.alloc(2000, 1), Buffer.alloc(10, 2)];
      for (const [i, part] of parts.entries()) await store.uploadPart(fileId, i + 1, body(part));
      const finish = store.finishLarge(fileId, parts.map(sha1));
      if (outcome === 'finished') assert.equal((await finish).fileId, fileId);
      else await assert.rejects(finish, { name: 'VolumeLost' });
      await store.close();
      await flaky.close();
    });
  }

  it('creates a bucket of a template: private, with the rule asked for and none that deletes what a newer version replaces', async () => {
    const events: RunEvent[] = [];
    const over = {
      bucket: '{accountId}-pc-{host}',
      host: 'web.example',
      createBucket: true,
      cancelUnfinishedDays: 9,
      serverSideEncryption: true,
    };
    const store = await openB2(options({ ...over, emit: (event) => events.push(event) }));
    const name = `${ACCOUNT}-pc-web-example`;
    assert.deepEqual(events, [{ type: 'notice', message: `created the bucket ${name}` }]);
    const version = await store.put(meta('x'), body(Buffer.from('x')));
    assert.equal(version.action, 'upload');
    await store.close();
    const { bucket } = server.bucket(name);
    assert.equal(bucket.bucketType, 'allPrivate');
    const [rule] = bucket.lifecycleRules as unknown as Record<string, unknown>[];
    assert.deepEqual(
      [
        rule?.['fileNamePrefix'],
        rule?.['daysFromHidingToDeleting'],
        rule?.['daysFromStartingToCancelingUnfinishedLargeFiles'],
      ],
      ['', null, 9],
    );
    assert.notEqual(server.bucket(name).file('x')?.encryption, undefined);
    await (await openB2(options(over))).close();
  });

  it("a bucket whose creation went unanswered is not taken for somebody else's", async () => {
    const flaky = await startB2Server({ faults: ['create_bucket=lost@1'] });
    const store = await openB2(
      options({
        endpoint: flaky.url,
        keyId: flaky.keyId,
        key: flaky.key,
        bucket: 'made-once',
        createBucket: true,
      }),
    );
    await store.close();
    assert.deepEqual(flaky.faults.unfired, []);
    await flaky.close();
  });

  it('adds the rule that cancels unfinished uploads to a bucket that is there, once', async () => {
    const again = options({ bucket: 'other-bucket', cancelUnfinishedDays: 5 });
    await (await openB2(again)).close();
    await (await openB2(again)).close();
    const rules = server.bucket('other-bucket').bucket.lifecycleRules as unknown as Record<string, unknown>[];
    assert.equal(rules.length, 1);
    assert.equal(rules[0]?.['daysFromStartingToCancelingUnfinishedLargeFiles'], 5);
    assert.equal(server.requests.filter(({ operation }) => operation === 'b2_update_bucket').length, 1);
  });

  it('warns where the key may not add it, and goes on', async () => {
    const events: RunEvent[] = [];
    await (
      await openB2(withKey('no-create', { cancelUnfinishedDays: 5, emit: (event) => events.push(event) }))
    ).close();
    assert.deepEqual(
      events.map(({ type }) => type),
      ['warning'],
    );
  });

  it('locks what it uploads, and tells what is locked', async () => {
    const store = await openB2(
      options({ bucket: 'locked-bucket', createBucket: true, lock: { days: 30, mode: 'governance' } }),
    );
    const small = await store.put(meta('small'), body(Buffer.from('x')));
    const fileId = await store.startLarge(meta('large'));
    const parts = [Buffer.alloc(2000, 1), Buffer.alloc(10, 2)];
    for (const [i, part] of parts.entries()) await store.uploadPart(fileId, i + 1, body(part));
    const large = await store.finishLarge(fileId, parts.map(sha1));
    for (const version of [small, large]) {
      const days = ((version.lockedUntil ?? 0) - Date.now()) / 86_400_000;
      // The quick clock runs ahead between two answers of the server.
      assert.ok(days > 29.9 && days < 30.01, `${days} days`);
      assert.equal(version.legalHold, false);
      assert.equal(await store.deleteVersion(version.fileName, version.fileId), 'locked');
    }
    const copied = await store.copyFile(small.fileId, meta('copy'));
    assert.ok(copied.outcome === 'copied' && (copied.version.lockedUntil ?? 0) > Date.now());
    await store.close();
    await refused(
      openB2(options({ lock: { days: 1, mode: 'compliance' } })),
      'denied',
      /Object Lock is not enabled in the bucket/,
      /--lock-days/,
    );
    await refused(
      openB2(withKey('no-create', { bucket: 'locked-bucket', lock: { days: 1, mode: 'compliance' } })),
      'denied',
      /writeFileRetentions/,
    );
  });

  it('reports a legal hold, which has no end', async () => {
    const bucket = server.createBucket('held-bucket', { fileLockEnabled: true });
    const store = await openB2(options({ bucket: 'held-bucket' }));
    const { fileName, fileId } = await store.put(meta('held'), body(Buffer.from('x')));
    const stored = bucket.file(fileName);
    assert.ok(stored);
    stored.legalHold = 'on';
    const [held] = await collect(store.listVersions(''));
    assert.deepEqual([held?.legalHold, held?.lockedUntil], [true, undefined]);
    assert.equal(await store.deleteVersion(fileName, fileId), 'locked');
    await store.close();
  });

  it('counts retention on the clock of B2, not on that of this machine', async () => {
    const wrong = { ...systemClock, now: () => Date.now() + 100 * 86_400_000 };
    const store = await openB2(
      options({ bucket: 'locked-bucket', lock: { days: 30, mode: 'governance' }, clock: wrong }),
    );
    const { lockedUntil = 0 } = await store.put(meta('wrong clock'), body(Buffer.from('x')));
    const days = (lockedUntil - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days < 30.1, `${days} days`);
    assert.ok(Math.abs((store.serverNow() ?? 0) - Date.now()) < 60_000);
    await store.close();
  });

  it('reaches an endpoint that has only an IPv6 address', async (t) => {
    const six = await startB2Server({ host: '::1', buckets: [BUCKET] }).catch(() => undefined);
    if (six === undefined) {
      t.skip('no IPv6 here');
      return;
    }
    const store = await openB2(options({ endpoint: six.url, keyId: six.keyId, key: six.key }));
    await store.put(meta('six'), body(Buffer.from('6')));
    await store.close();
    await six.close();
  });

  it('shows no key when it is inspected', async () => {
    const store = await openB2(withKey('one-bucket'));
    assert.doesNotMatch(inspect(store, { depth: 9, showHidden: true }), /secret-of/);
    assert.doesNotMatch(JSON.stringify(store), /secret-of/);
    await store.close();
  });

  it('tells what a key may do', async () => {
    const facts = await accountFacts(withKey('prefix'));
    assert.deepEqual(
      [facts.accountId, facts.namePrefix, facts.buckets?.map(({ name }) => name)],
      [ACCOUNT, 'web/', [BUCKET]],
    );
  });
});
