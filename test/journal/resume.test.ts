// The decision as a table: what was recorded, what B2 has, what is done and why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { INFO } from '../../src/catalog/names.js';
import { differences, keyFingerprint } from '../../src/journal/identity.js';
import { keyIdOf } from '../../src/journal/keys.js';
import type { JournalRecord } from '../../src/journal/records.js';
import { fileIdsToList, planResume, type ResumeInput, type ResumePlan } from '../../src/journal/resume.js';
import { comparePart, compareSkipped, volumesToAbandon } from '../../src/journal/changed-source.js';
import type { VolumeState } from '../../src/journal/state.js';
import type { VolumeSecrets } from '../../src/openpgp/volume-secrets.js';
import type { FileVersion, PartInfo } from '../../src/store.js';
import { ARCHIVE, partOf, RECORDS, secretsOf, sha1, started, stateOf } from './sample.js';

const KEYS = new Map(
  [1, 2, 3].map((seed): [string, VolumeSecrets] => [keyIdOf(secretsOf(seed)), secretsOf(seed)]),
);

function version(
  fileId: string,
  action: FileVersion['action'],
  over: Partial<FileVersion> = {},
): FileVersion {
  return {
    fileName: `name of ${fileId}`,
    fileId,
    action,
    contentLength: 0,
    contentSha1: undefined,
    contentType: 'application/pgp-encrypted',
    fileInfo: { [INFO.run]: 'run-1' },
    uploadTimestamp: 0,
    lockedUntil: undefined,
    legalHold: false,
    ...over,
  };
}

function held(volume: number, ...parts: number[]): PartInfo[] {
  return parts.map((part) => {
    const { bytes, sha1 } = partOf(volume, part);
    return { partNumber: part + 1, contentLength: bytes, contentSha1: sha1 };
  });
}

/** What B2 has when nothing went wrong there. */
const VERSIONS = [
  version('file-0', 'upload', { contentLength: 2001 }),
  version('file-1', 'start'),
  version('file-3c', 'start'),
];
const PARTS = new Map([
  ['file-1', held(1, 1)],
  ['file-3c', []],
]);

function input(over: Partial<ResumeInput> & { records?: readonly JournalRecord[] } = {}): ResumeInput {
  const { records = RECORDS, ...rest } = over;
  return {
    journal: { state: stateOf(records), keys: KEYS },
    options: ARCHIVE.options,
    keys: ARCHIVE.keys,
    versions: VERSIONS,
    parts: PARTS,
    ...rest,
  };
}

function describe(plan: ResumePlan): string[] {
  if (plan.kind === 'done') return [`done: ${plan.reason}`];
  const volumes = plan.kind === 'resume' ? [...plan.volumes] : [];
  return [
    `${plan.kind}: ${plan.reason}`,
    ...volumes.map(([index, volume]) => {
      const stored = volume.kind === 'continue' ? ` [${[...volume.stored].join(' ')}]` : '';
      const record = volume.kind === 'skip' && volume.record ? ` (record ${volume.fileId})` : '';
      return `${index} ${volume.kind}${stored}${record}: ${volume.reason}`;
    }),
    ...plan.cancel.map(({ fileId, reason }) => `cancel ${fileId}: ${reason}`),
    ...(plan.kind === 'fresh' && plan.supersedes.length > 0
      ? [`supersedes ${plan.supersedes.join(' ')}`]
      : []),
    ...plan.notes,
  ];
}

const GOING_ON = 'resume: resuming run run-1 of 2026-01-02T03:04:05.000Z: ';
const PLAIN = '2 continue []: it was not stored yet';
const EMPTY = '3 continue []: B2 holds 0 of 0 recorded parts';
const FINISHED = '0 skip: it is finished';
const RUNNING = '1 continue [1]: B2 holds 1 of 2 recorded parts';

const table: [name: string, input: ResumeInput, lines: string[]][] = [
  ['no journal', input({ journal: undefined, versions: [] }), ['fresh: no journal of an earlier run']],
  [
    "no journal, and somebody's unfinished files",
    input({ journal: undefined, versions: [version('a', 'start'), version('b', 'start', { fileInfo: {} })] }),
    [
      'fresh: no journal of an earlier run',
      'left alone: unfinished name of a of run run-1, which has no journal here',
      'left alone: unfinished name of b of another program, which has no journal here',
    ],
  ],
  [
    'as it was left',
    input(),
    [`${GOING_ON}1 volume stored, 3 to continue, 0 to start over`, FINISHED, RUNNING, EMPTY, PLAIN],
  ],
  [
    'just begun',
    input({ records: [ARCHIVE], versions: [], parts: new Map() }),
    [`${GOING_ON}0 volumes stored, 0 to continue, 0 to start over`],
  ],
  [
    'other options',
    input({ options: { ...ARCHIVE.options, compression: 'zstd:3', share: '/home' } }),
    [
      'fresh: compression was gzip:6, is zstd:3; share was not set, is /home',
      'cancel file-1: compression was gzip:6, is zstd:3; share was not set, is /home',
      'cancel file-3c: compression was gzip:6, is zstd:3; share was not set, is /home',
      'supersedes run-1',
    ],
  ],
  [
    'other keys, and nothing listed under the new names',
    input({ keys: 'other', versions: [] }),
    [
      'fresh: the passphrases or recipients are others',
      'cancel file-1: the passphrases or recipients are others',
      'cancel file-3c: the passphrases or recipients are others',
      'supersedes run-1',
    ],
  ],
  [
    'the finished volume was deleted',
    input({ versions: VERSIONS.slice(1) }),
    [
      `${GOING_ON}0 volumes stored, 3 to continue, 1 to start over`,
      '0 anew: it was finished, but is no longer in the bucket',
      RUNNING,
      EMPTY,
      PLAIN,
    ],
  ],
  [
    'the finished volume has another size',
    input({ versions: [version('file-0', 'upload', { contentLength: 7 }), ...VERSIONS.slice(1)] }),
    [
      `${GOING_ON}0 volumes stored, 3 to continue, 1 to start over`,
      '0 anew: B2 has 7 bytes of it, the journal 2001',
      RUNNING,
      EMPTY,
      PLAIN,
    ],
  ],
  [
    'the unfinished file was cancelled behind our back',
    input({ versions: VERSIONS.filter(({ fileId }) => fileId !== 'file-1') }),
    [
      `${GOING_ON}1 volume stored, 2 to continue, 1 to start over`,
      FINISHED,
      '1 anew: B2 does not have its unfinished file any more',
      EMPTY,
      PLAIN,
    ],
  ],
  [
    'B2 has a part that was never recorded: the journal is older than the upload',
    input({
      parts: new Map([
        ['file-1', [...held(1, 1), { partNumber: 9, contentLength: 1, contentSha1: sha1('?') }]],
      ]),
    }),
    [
      `${GOING_ON}1 volume stored, 2 to continue, 1 to start over`,
      FINISHED,
      '1 anew: B2 holds part 9, which the journal does not know',
      EMPTY,
      PLAIN,
      'cancel file-1: B2 holds part 9, which the journal does not know',
    ],
  ],
  [
    'B2 has a part with another SHA-1',
    input({ parts: new Map([['file-1', [{ partNumber: 1, contentLength: 1000, contentSha1: sha1('?') }]]]) }),
    [
      `${GOING_ON}1 volume stored, 2 to continue, 1 to start over`,
      FINISHED,
      '1 anew: B2 holds part 1 with another SHA-1 than the journal',
      EMPTY,
      PLAIN,
      'cancel file-1: B2 holds part 1 with another SHA-1 than the journal',
    ],
  ],
  [
    'the key file is lost',
    input({ journal: { state: stateOf(RECORDS), keys: new Map() } }),
    [
      `${GOING_ON}1 volume stored, 0 to continue, 3 to start over`,
      FINISHED,
      '1 anew: its session key is no longer at hand',
      '3 anew: its session key is no longer at hand',
      '2 anew: its session key is no longer at hand',
      'cancel file-1: its session key is no longer at hand',
      'cancel file-3c: its session key is no longer at hand',
    ],
  ],
  [
    'started at B2, but the crash came before the record',
    input({ versions: [...VERSIONS, version('file-4', 'start')] }),
    [
      `${GOING_ON}1 volume stored, 3 to continue, 0 to start over`,
      FINISHED,
      RUNNING,
      EMPTY,
      PLAIN,
      'cancel file-4: the journal does not know it: nothing was sent to it',
    ],
  ],
  [
    "another machine's unfinished file",
    input({ versions: [...VERSIONS, version('x', 'start', { fileInfo: { [INFO.run]: 'run-7' } })] }),
    [
      `${GOING_ON}1 volume stored, 3 to continue, 0 to start over`,
      FINISHED,
      RUNNING,
      EMPTY,
      PLAIN,
      'left alone: unfinished name of x of run run-7, which has no journal here',
    ],
  ],
  [
    'B2 finished the volume, the crash came before the record',
    input({
      records: [...RECORDS, partOf(1, 2, true)],
      versions: [VERSIONS[0], VERSIONS[2], version('file-1', 'upload', { contentLength: 3003 })].filter(
        (v) => v !== undefined,
      ),
    }),
    [
      `${GOING_ON}2 volumes stored, 2 to continue, 0 to start over`,
      FINISHED,
      '1 skip (record file-1): B2 had finished it when the run ended',
      EMPTY,
      PLAIN,
    ],
  ],
  [
    'B2 finished a volume of which the journal knows too little',
    input({
      versions: [VERSIONS[0], VERSIONS[2], version('file-1', 'upload', { contentLength: 3003 })].filter(
        (v) => v !== undefined,
      ),
    }),
    [
      `${GOING_ON}1 volume stored, 2 to continue, 1 to start over`,
      FINISHED,
      '1 anew: B2 has it finished, but the journal does not know all of its parts',
      EMPTY,
      PLAIN,
    ],
  ],
  [
    'the plain file had arrived',
    input({
      versions: [
        ...VERSIONS,
        version('old', 'upload', {
          fileName: 'web.1.42.tar.gz.ac.gpg',
          contentSha1: partOf(2, 0).sha1,
          fileInfo: { [INFO.run]: 'run-0' },
        }),
        version('new', 'upload', {
          fileName: 'web.1.42.tar.gz.ac.gpg',
          contentSha1: partOf(2, 0).sha1,
          contentLength: 1000,
        }),
      ],
    }),
    [
      `${GOING_ON}2 volumes stored, 2 to continue, 0 to start over`,
      FINISHED,
      RUNNING,
      EMPTY,
      '2 skip (record new): B2 had stored it when the run ended',
    ],
  ],
  [
    'the manifest is up',
    input({
      versions: [
        ...VERSIONS,
        version('m', 'upload', { fileInfo: { [INFO.run]: 'run-1', [INFO.state]: 'finished' } }),
      ],
    }),
    ['done: run run-1 has stored its manifest: the archive is finished'],
  ],
  [
    'the manifest is up, and now something else is asked for',
    input({
      keys: 'other',
      versions: [
        ...VERSIONS,
        version('m', 'upload', { fileInfo: { [INFO.run]: 'run-1', [INFO.state]: 'finished' } }),
      ],
    }),
    [
      'fresh: run run-1 has stored its manifest, and this one differs: the passphrases or recipients are others',
      'cancel file-1: run run-1 has stored its manifest, and this one differs: the passphrases or recipients are others',
      'cancel file-3c: run run-1 has stored its manifest, and this one differs: the passphrases or recipients are others',
    ],
  ],
  [
    'it was finished as partial',
    input({
      versions: [
        ...VERSIONS.slice(0, 1),
        version('m', 'upload', { fileInfo: { [INFO.run]: 'run-1', [INFO.state]: 'partial' } }),
      ],
    }),
    ['fresh: run run-1 has stored its manifest as a partial archive'],
  ],
];

test('what is kept of an earlier run, and why', () => {
  for (const [name, given, lines] of table) assert.deepEqual(describe(planResume(given)), lines, name);
});

test('parts are listed only for unfinished large files', () => {
  assert.deepEqual(fileIdsToList(stateOf(RECORDS)), ['file-1', 'file-3c']);
});

/** A volume whose parts 0…recorded-1 were recorded, ending there or not. */
function volumeOf(recorded: readonly number[], last: number | undefined): VolumeState {
  const records = recorded.map((part) => partOf(0, part, part === last));
  const volume = stateOf([ARCHIVE, started(0), ...records]).volumes.get(0);
  assert.ok(volume !== undefined);
  return volume;
}

test('a part is compared before it is sent', () => {
  const running = volumeOf([0, 1, 3], undefined);
  const ended = volumeOf([0, 1], 1);
  const verdicts: [volume: VolumeState, part: ReturnType<typeof partOf>, verdict: string][] = [
    [running, partOf(0, 0), 'recorded'],
    [running, partOf(0, 2), 'new'],
    [running, partOf(0, 4), 'new'],
    [running, partOf(0, 4, true), 'new'],
    [running, partOf(0, 1, false, 'other'), 'changed: part 2 has other contents'],
    [running, partOf(0, 3, true), 'changed: part 4 has other contents'],
    [running, { ...partOf(0, 1), bytes: 5 }, 'changed: part 2 has other contents'],
    // Its final tag would take the nonce of the first chunk of part 4, which was sent.
    [running, partOf(0, 2, true), 'changed: it is shorter: it ends with part 3, and later ones were sent'],
    [ended, partOf(0, 1, true), 'recorded'],
    [ended, partOf(0, 1), 'changed: part 2 has other contents'],
    // Its first chunk would take the nonce of the final tag, which was sent.
    [ended, partOf(0, 2), 'changed: it is longer: it ended with part 2'],
  ];
  for (const [volume, part, expected] of verdicts) {
    const verdict = comparePart(volume, part);
    assert.equal(verdict.kind === 'changed' ? `changed: ${verdict.reason}` : verdict.kind, expected);
  }
});

test('no nonce is ever used for two plaintexts, whatever was recorded and whatever the source gives now', () => {
  // A volume of n parts uses the nonces 0…n-1 for its parts and n for its final tag (one AEAD chunk to a part).
  const uses = (part: {
    part: number;
    last: boolean;
    source: string;
  }): [nonce: number, plaintext: string][] => [
    [part.part, `data ${part.part} of ${part.source}`],
    ...(part.last ? [[part.part + 1, 'final tag'] as [number, string]] : []),
  ];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.subarray([0, 1, 2, 3, 4, 5]),
      fc.subarray([0, 1, 2, 3, 4, 5]),
      (lengthBefore, lengthNow, left, changedParts) => {
        const before = left
          .filter((part) => part < lengthBefore)
          .map((part) => ({ part, last: part === lengthBefore - 1, source: 'a' }));
        const volume = volumeOf(
          before.map(({ part }) => part),
          lengthBefore - 1,
        );
        const used = new Map(before.flatMap(uses));
        for (let part = 0; part < lengthNow; part++) {
          const source = changedParts.includes(part) ? 'b' : 'a';
          const last = part === lengthNow - 1;
          const text = `${source} ${last === (part === lengthBefore - 1) ? 'same framing' : 'other framing'}`;
          const sealed = text === 'a same framing' ? partOf(0, part, last) : partOf(0, part, last, text);
          if (comparePart(volume, sealed).kind === 'changed') continue;
          for (const [nonce, plaintext] of uses({ part, last, source })) {
            assert.equal(used.get(nonce) ?? plaintext, plaintext, `nonce ${nonce}`);
            used.set(nonce, plaintext);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a skipped volume is compared by its digests', () => {
  const volume = volumeOf([0, 1], 1);
  for (const part of volume.parts.values()) assert.equal(compareSkipped(volume, part), undefined);
  assert.equal(compareSkipped(volume, partOf(0, 0, false, 'other')), 'part 1 has other contents');
  assert.equal(compareSkipped(volume, partOf(0, 0, true)), 'it is shorter: it ended with part 2');
  assert.equal(compareSkipped(volume, partOf(0, 1, false)), 'it is longer: it ended with part 2');
  assert.equal(compareSkipped(volume, partOf(0, 2, false)), 'it is longer: it ended with part 2');
});

test('a changed source costs one volume at first, and all following ones the second time', () => {
  const state = stateOf(RECORDS);
  assert.deepEqual(volumesToAbandon(state, 1, 0), [1]);
  assert.deepEqual(volumesToAbandon(state, 1, 1), [1, 2, 3]);
  assert.deepEqual(volumesToAbandon(state, 9, 0), []);
});

test('options are compared by name', () => {
  assert.deepEqual(differences({ a: 1, b: 'x', c: true }, { a: 1, b: 'y', d: '' }), [
    'b was x, is y',
    'c was true, is not set',
    'd was not set, is not set',
  ]);
  assert.deepEqual(differences({ a: 1 }, { a: 1 }), []);
});

test('the key fingerprint knows the keys, not their order, and differs from journal to journal', async () => {
  const salt = ARCHIVE.digestKey;
  const of = (passphrases: string[], recipients: string[], key = salt): Promise<string> =>
    keyFingerprint({ passphrases, recipients }, key);
  const same = await of(['a', 'b'], ['1', '2']);
  assert.equal(await of(['b', 'a'], ['2', '1', '1']), same);
  for (const other of [
    of(['a'], ['1', '2']),
    of(['ab'], ['1', '2']),
    of(['a', 'b'], ['1']),
    of(['a', 'b'], ['1', '2'], '00'.repeat(32)),
    of([], ['1', '2']),
  ]) {
    assert.notEqual(await other, same);
  }
});
