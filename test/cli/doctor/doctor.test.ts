import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../../src/errors.js';
import { clientTimeout } from '../../../src/cli/run/backuppc-facts.js';
import { rehearse } from '../../../src/cli/doctor/rehearsal.js';
import { openMessage } from '../../../src/openpgp/reader.js';
import { openWithGpg } from '../../../src/restore/gpg.js';
import { createSealer } from '../../../src/sealing/sealer.js';
import type { BucketFacts } from '../../../src/b2/account-facts.js';
import { doctor, type Check } from '../../../src/cli/doctor/doctor.js';
import {
  judgeBucket,
  judgeClientTimeout,
  judgeClock,
  judgeGpg,
  judgeGzip,
  judgeKey,
  judgeReuse,
  judgeSpool,
  measuredRate,
} from '../../../src/cli/doctor/doctor-rules.js';
import type { HistoryRecord } from '../../../src/reporting/history.js';
import { judgeArchiveHost, type ArchiveHostFacts } from '../../../src/cli/doctor/archive-host.js';
import { generateKey } from 'openpgp';
import { testContext } from '../context.js';
import { memoryStore, NOW } from '../memory-store.js';

const FULL = ['listBuckets', 'listFiles', 'readFiles', 'writeFiles', 'shareFiles', 'deleteFiles'];
const levels = (findings: readonly { level: string }[]): string =>
  findings.map(({ level }) => level).join(',');

test('a key: what is missing, a prefix that is not ours, an end that is near', () => {
  const key = { capabilities: FULL, namePrefix: undefined };
  assert.equal(levels(judgeKey(key, '')), 'ok');
  assert.equal(
    levels(judgeKey({ ...key, capabilities: ['listFiles', 'readFiles', 'shareFiles', 'listBuckets'] }, '')),
    'failure,warning',
  );
  assert.ok(
    judgeKey(key, '', 30).some(
      ({ level, detail }) => level === 'failure' && detail.includes('writeFileRetentions'),
    ),
  );
  assert.equal(levels(judgeKey({ ...key, namePrefix: 'bpc/' }, '')), 'failure');
  assert.equal(levels(judgeKey({ ...key, namePrefix: 'bpc/' }, 'bpc/one/')), 'ok');
});

type BucketSettings = Parameters<typeof judgeBucket>[1];
const judged = (bucket: BucketFacts, settings: Partial<BucketSettings> = {}) =>
  judgeBucket(bucket, { prefix: '', lock_days: undefined, cancel_unfinished_days: undefined, ...settings });

test('a bucket: public, a rule that hides archives, unfinished uploads for ever, Object Lock wanted and absent', () => {
  const rule = {
    fileNamePrefix: '',
    daysFromUploadingToHiding: null,
    daysFromHidingToDeleting: null,
    daysFromStartingToCancelingUnfinishedLargeFiles: 7,
  };
  const bucket: BucketFacts = { name: 'b', type: 'allPrivate', objectLock: false, lifecycleRules: [rule] };
  assert.equal(levels(judged(bucket)), 'ok');
  assert.equal(levels(judged({ ...bucket, type: 'allPublic' })), 'failure');
  assert.equal(levels(judged({ ...bucket, lifecycleRules: [] })), 'warning');
  assert.equal(
    levels(
      judged({ ...bucket, lifecycleRules: [{ ...rule, daysFromUploadingToHiding: 30 }] }, { prefix: 'bpc/' }),
    ),
    'failure',
  );
  assert.equal(
    levels(
      judged(
        {
          ...bucket,
          lifecycleRules: [rule, { ...rule, fileNamePrefix: 'x/', daysFromUploadingToHiding: 3 }],
        },
        { prefix: 'bpc/' },
      ),
    ),
    'ok',
  );
  assert.equal(levels(judged(bucket, { lock_days: 30 })), 'failure');
  // Each run sets the rule that the setting asks for.
  assert.equal(levels(judged({ ...bucket, lifecycleRules: [] }, { cancel_unfinished_days: 7 })), 'ok');
  const forgetful = { ...bucket, lifecycleRules: [{ ...rule, daysFromHidingToDeleting: 1 }] };
  assert.match(judged(forgetful)[0]?.detail ?? '', /deletes hidden and replaced versions after 1 days/);
});

test('clock, gpg, ClientTimeout and spool', () => {
  assert.deepEqual(
    [0, 59, 90, 700].map((s) => judgeClock(NOW + s * 1000, NOW).level),
    ['ok', 'ok', 'warning', 'failure'],
  );
  assert.deepEqual(
    ['gpg (GnuPG) 2.2.40', 'gpg (GnuPG) 2.2.20', 'gpg (GnuPG) 1.4.23', undefined].map(
      (text) => judgeGpg(text, 'librepgp').level,
    ),
    ['ok', 'failure', 'failure', 'ok'],
  );
  assert.equal(judgeGpg('gpg (GnuPG) 2.2.20', 'rfc4880').level, 'ok');
  assert.equal(judgeGpg('gpg (GnuPG) 2.4.7', 'rfc9580').level, 'warning');
  assert.equal(judgeClientTimeout(72_000, 10 ** 11, { limit: 10 ** 7, measured: undefined }).level, 'ok');
  assert.equal(
    judgeClientTimeout(72_000, 10 ** 11, { limit: 2 * 10 ** 6, measured: undefined }).level,
    'warning',
  );
  const late = judgeClientTimeout(72_000, 10 ** 11, { limit: 10 ** 6, measured: undefined });
  assert.equal(late.level, 'failure');
  assert.equal(late.cure, 'set $Conf{ClientTimeout} of the archive host to 201600 or more');
  assert.deepEqual(
    [5, 20].map((free) => judgeSpool('/s', 10, free).level),
    ['failure', 'ok'],
  );
});

test('the uplink: the limit, or what the last runs came to where that is less', () => {
  const run = (sentBytes: number, seconds: number): HistoryRecord =>
    ({ type: 'archive', sentBytes, seconds }) as HistoryRecord;
  const verified = { type: 'verify' } as HistoryRecord;
  // The short one had not found its rate, and of the others the old ones do not count.
  const history = [run(9e12, 100), ...[3, 1, 5, 2, 4].map((rate) => run(rate * 1e8, 100)), run(9e9, 3)];
  assert.equal(measuredRate([...history, verified]), 3e6);
  assert.equal(measuredRate([verified, run(9e9, 3), run(0, 100)]), undefined);
  const both = judgeClientTimeout(72_000, 10 ** 11, { limit: 10 ** 7, measured: 10 ** 6 });
  assert.equal(both.level, 'failure');
  assert.match(both.detail, /976 KiB\/s, as in the last runs|977 KiB\/s, as in the last runs/);
  const limited = judgeClientTimeout(72_000, 10 ** 11, { limit: 10 ** 6, measured: 10 ** 7 });
  assert.match(limited.detail, /the upload limit$/);
  const neither = judgeClientTimeout(72_000, 10 ** 11, { limit: undefined, measured: undefined });
  assert.equal(neither.level, 'ok');
});

test('the archive host: what BackupPC was told, and whether that works', () => {
  const words = [
    '/usr/local/bin/BackupPC_archiveHost_b2',
    ...'$tarCreatePath $splitpath $parpath $host $backupnumber $compression $compext'.split(' '),
    ...'$splitsize $archiveloc $parfile *'.split(' '),
  ];
  const good: ArchiveHostFacts = {
    name: 'archiveb2',
    inHosts: true,
    directory: { path: '/var/lib/backuppc/pc/archiveb2', isThere: true },
    command: { kind: 'text', words },
    runs: true,
  };
  assert.equal(judgeArchiveHost(good).level, 'ok');
  for (const [facts, level, detail] of [
    [{ inHosts: false }, 'warning', /hosts file does not have it/],
    [{ command: undefined }, 'warning', /does not name BackupPC_archiveHost_b2/],
    [{ command: { kind: 'text', words: ['/usr/bin/other'] } }, 'warning', /does not name/],
    [{ command: { kind: 'list', words } }, 'failure', /is a Perl list/],
    [{ command: { kind: 'unknown' } }, 'ok', /takes Perl/],
    [{ runs: false }, 'failure', /is not there, or this user may not run it/],
    [{ command: { kind: 'text', words: words.slice(0, -1) } }, 'failure', /passes 10 of .* 11 are expected/],
    [{ directory: { path: '/x', isThere: false } }, 'failure', /cannot write a request/],
  ] as const) {
    const found = judgeArchiveHost({ ...good, ...facts });
    assert.equal(found.level, level, found.detail);
    assert.match(found.detail, detail);
  }
});

test('recipients alone: the rehearsal proves what can be proven without the secret key', async () => {
  const { publicKey } = await generateKey({ userIDs: [{ name: 'away' }], format: 'armored' });
  for (const profile of ['librepgp', 'rfc4880'] as const) {
    const engine = await createSealer({
      workers: 1,
      profile,
      aead: 'ocb',
      partBytes: 4 << 20,
      passwords: [],
      recipients: [{ name: 'away.asc', contents: Buffer.from(publicKey) }],
    });
    const store = memoryStore();
    try {
      const { detail } = await rehearse({
        store,
        sealer: engine,
        prefix: '',
        openers: [],
        recipients: 1,
        signal: new AbortController().signal,
        openForRemoval: () => Promise.reject(new Error('nothing stopped it')),
      });
      assert.match(detail, /sealed for the recipient, stored, fetched, and read by their session key; /);
      assert.match(detail, /verify --deep --secret-key-file/);
      assert.deepEqual(store.versions, []);
    } finally {
      await engine.close();
    }
  }
});

test('gzip: which program compresses, and which would be quicker', () => {
  const only = (program: string) => (name: string) => name === program;
  assert.match(judgeGzip('gzip:9', only('libdeflate-gzip'))?.detail ?? '', /by libdeflate-gzip$/);
  assert.match(judgeGzip('gzip:9', only('igzip'))?.detail ?? '', /by zlib; .*libdeflate-tools$/);
  assert.match(judgeGzip(undefined, only('gzip'))?.detail ?? '', /by zlib; .*libdeflate-tools$/);
  assert.equal(judgeGzip('zstd', only('libdeflate-gzip')), undefined);
});

test('each check is a line, one that throws is a failure with its remedy, and the status tells', async () => {
  const context = testContext();
  const checks: Check[] = [
    { name: 'one', run: () => Promise.resolve([{ check: 'one', level: 'ok', detail: 'fine', cure: '' }]) },
    {
      name: 'two',
      run: () => Promise.reject(new Failure('denied', 'B2 refuses the key', { hint: 'make another key' })),
    },
  ];
  const doctored = { ...context, doctorChecks: () => Promise.resolve(checks) };
  assert.equal(await doctor(doctored, { rehearsal: false, archiveHost: 'archiveb2', json: false }), 3);
  assert.equal(
    context.out.text,
    `ok        one: fine
failure   two: B2 refuses the key
          -> make another key
1 failed, 0 warnings, 2 checked.
`,
  );
  // A cause is told once; who else it keeps from looking, in one line.
  checks.push({ name: 'three', run: () => Promise.reject(new Failure('denied', 'B2 refuses the key')) });
  context.out.text = '';
  await doctor(doctored, { rehearsal: false, archiveHost: 'archiveb2', json: false });
  assert.equal(context.out.text.match(/refuses/g)?.length, 1);
  assert.match(context.out.text, /^not looked at, for the same reason: three\n1 failed/m);
  checks.splice(1);
  assert.equal(await doctor(doctored, { rehearsal: false, archiveHost: 'archiveb2', json: true }), 0);
});

test('ClientTimeout is the archive host’s own, else the general one; comments do not count', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'doctor-test-'));
  try {
    assert.equal(await clientTimeout({ backuppc_config: directory }, 'archiveb2'), undefined);
    writeFileSync(
      join(directory, 'config.pl'),
      '# $Conf{ClientTimeout} = 1;\n$Conf{ClientTimeout} = 72000;\n',
    );
    assert.equal(await clientTimeout({ backuppc_config: directory }, 'archiveb2'), 72_000);
    writeFileSync(join(directory, 'archiveb2.pl'), "$Conf{ClientTimeout} = '720000';\n");
    assert.equal(await clientTimeout({ backuppc_config: directory }, 'archiveb2'), 720_000);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the rehearsal reads back what it wrote, with our reader and with gpg, and leaves nothing', async () => {
  const engine = await createSealer({
    workers: 1,
    profile: 'librepgp',
    aead: 'ocb',
    partBytes: 4 << 20,
    passwords: ['correct horse'],
    s2kOctets: 1024,
  });
  const store = memoryStore();
  try {
    const openers = [
      [
        'this program',
        (sealed: AsyncIterable<Uint8Array>) => openMessage(sealed, { passwords: ['correct horse'] }),
      ],
      [
        'gpg',
        (sealed: AsyncIterable<Uint8Array>) =>
          openWithGpg(sealed, { passphrase: Buffer.from('correct horse') }),
      ],
    ] as const;
    const stop = new AbortController();
    const openForRemoval = () => Promise.reject(new Error('nothing stopped it'));
    const place = { store, sealer: engine, signal: stop.signal, openForRemoval };
    assert.equal(
      (await rehearse({ ...place, prefix: 'p/', openers, recipients: 0 })).detail,
      '1000000 bytes sealed, stored, fetched, and read by this program and gpg',
    );
    const wrong = [
      [
        'gpg',
        (sealed: AsyncIterable<Uint8Array>) => openWithGpg(sealed, { passphrase: Buffer.from('wrong') }),
      ],
    ] as const;
    await assert.rejects(
      rehearse({ ...place, prefix: '', openers: wrong, recipients: 0 }),
      /gpg ended with status 2/,
    );
    assert.deepEqual(store.versions, []);
  } finally {
    await engine.close();
  }
});

test('reuse needs readFiles, and a host without reuse is reported', () => {
  assert.match(judgeReuse(false, { capabilities: [] }).detail, /off/);
  assert.equal(judgeReuse(true, { capabilities: ['readFiles'] }).level, 'ok');
  assert.equal(judgeReuse(true, { capabilities: ['writeFiles'] }).level, 'warning');
});
