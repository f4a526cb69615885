/**
 * A journal that was cut, changed or made up: it ends in a resumed run, an empty one or one that says why not, and never says what was not
 * recorded. What it wrongly took for recorded would be skipped, or sealed again with keys and nonces that were used.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/errors.js';
import { Journal } from '../../src/journal/journal.js';
import { journalPaths, loadJournal } from '../../src/journal/load.js';
import { decodeKeys, encodeKeys, keyIdOf } from '../../src/journal/keys.js';
import { encodeLine } from '../../src/journal/lines.js';
import type { JournalRecord } from '../../src/journal/records.js';
import { planResume } from '../../src/journal/resume.js';
import { readJournal, type JournalFold } from '../../src/journal/state.js';
import type { PartInfo } from '../../src/store.js';
import { ARCHIVE, fileOf, plain, RECORDS, secretsOf, stateOf } from '../journal/sample.js';
import { forAWhile, triedForAWhile } from './for-a-while.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-fuzz-journal-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const FILE = fileOf(RECORDS);
const KEYS = new Map([1, 2, 3].map((seed) => [keyIdOf(secretsOf(seed)), secretsOf(seed)]));
/** After each number of records, as they were written. */
const STATES = RECORDS.map((_, count) => plain(stateOf(RECORDS.slice(0, count + 1))));

/** These octets with some of them changed, left out, put in or cut off. */
function hurt(octets: Buffer): fc.Arbitrary<Buffer> {
  const at = fc.nat(octets.length - 1);
  const change: fc.Arbitrary<(file: Buffer) => Buffer> = fc.oneof(
    fc.tuple(at, fc.nat(7)).map(([offset, bit]) => (file: Buffer) => {
      file.writeUInt8(file.readUInt8(offset % file.length) ^ (1 << bit), offset % file.length);
      return file;
    }),
    at.map((end) => (file: Buffer) => file.subarray(0, end)),
    fc.tuple(at, fc.nat(40), fc.uint8Array({ maxLength: 40 })).map(
      ([from, less, more]) =>
        (file: Buffer) =>
          Buffer.concat([file.subarray(0, from), more, file.subarray(from + less)]),
    ),
    fc.tuple(at, fc.nat(4096)).map(
      ([from, many]) =>
        (file: Buffer) =>
          Buffer.concat([file.subarray(0, from), Buffer.alloc(many)]),
    ),
  );
  return fc
    .array(change, { minLength: 1, maxLength: 4 })
    .map((changes) =>
      changes.reduce<Buffer>((file, apply) => (file.length === 0 ? file : apply(file)), Buffer.from(octets)),
    );
}

function assertRecorded(state: JournalFold): void {
  const said = plain(state);
  assert.ok(
    STATES.some((recorded) => {
      try {
        assert.deepEqual(said, recorded);
        return true;
      } catch {
        return false;
      }
    }),
    `never recorded: ${JSON.stringify(said)}`,
  );
}

const record = fc.oneof(
  fc.constantFrom(...RECORDS),
  fc
    .tuple(fc.constantFrom(...RECORDS), fc.string(), fc.jsonValue())
    .map(([one, field, value]) => ({ ...one, [field]: value })),
  fc
    .constantFrom(...RECORDS)
    .chain((one) => fc.tuple(fc.constant(one), fc.constantFrom(...Object.keys(one)), fc.jsonValue()))
    .map(([one, field, value]) => ({ ...one, [field]: value })),
  fc.jsonValue(),
);

describe('fuzz: the journal', () => {
  it('any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        assert.notEqual(readJournal(Buffer.from(octets)).kind, 'good');
      }),
      forAWhile,
    );
  });

  it('a cut journal is what had been recorded until then', () => {
    fc.assert(
      fc.property(fc.nat(FILE.length), (length) => {
        const read = readJournal(FILE.subarray(0, length));
        if (read.kind === 'good') {
          assert.deepEqual(plain(read.state), STATES[read.records - 1]);
          assert.ok(read.goodBytes <= length);
        } else assert.equal(read.kind, 'empty');
      }),
      forAWhile,
    );
  });

  it('a corrupted journal says nothing that was not recorded', () => {
    fc.assert(
      fc.property(hurt(FILE), (file) => {
        const read = readJournal(file);
        if (read.kind === 'good') assertRecorded(read.state);
        else if (read.kind === 'damaged') assert.match(read.reason, /^(record \d+|it does not begin)/);
      }),
      forAWhile,
    );
  });

  it('records that are whole and contradict each other', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), fc.boolean(), (records, begins) => {
        const lines = [...(begins ? [ARCHIVE] : []), ...records].map((one) =>
          encodeLine(JSON.stringify(one)),
        );
        const read = readJournal(Buffer.concat(lines));
        if (read.kind !== 'good') return;
        for (const { finished, parts } of read.state.volumes.values())
          if (finished)
            assert.equal(parts.size, (parts.last ?? -1) + 1, 'a finished volume has all its parts');
      }),
      forAWhile,
    );
  });

  it('corrupted keys do not count', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hurt(encodeKeys(KEYS)),
          fc.jsonValue().map((value) => encodeLine(JSON.stringify(value))),
          fc.string().map((text) => encodeLine(text.replaceAll('\n', ' '))),
        ),
        (file) => {
          for (const [keyId, secrets] of decodeKeys(file)) assert.deepEqual(secrets, KEYS.get(keyId));
        },
      ),
      forAWhile,
    );
  });

  it('no volume goes on with a part that the journal does not have', () => {
    const part = fc.record({
      partNumber: fc.oneof(fc.nat(4), fc.double(), fc.integer()),
      contentLength: fc.constantFrom(1000, 1001, 7),
      contentSha1: fc.constantFrom(
        ...RECORDS.flatMap((one: JournalRecord) => (one.type === 'part' ? [one.sha1] : [])),
        'da39a3ee5e6b4b0d3255bfef95601890afd80709',
      ),
    }) as fc.Arbitrary<PartInfo>;
    const fileIds = ['file-0', 'file-1', 'file-3c'];
    const lists = fc.dictionary(fc.constantFrom(...fileIds), fc.array(part, { maxLength: 4 }));
    fc.assert(
      fc.property(hurt(FILE), hurt(encodeKeys(KEYS)), lists, (file, keyFile, parts) => {
        const read = readJournal(file);
        if (read.kind !== 'good') return;
        const plan = planResume({
          journal: { state: read.state, keys: decodeKeys(keyFile) },
          options: ARCHIVE.options,
          keys: ARCHIVE.keys,
          versions: fileIds.map((fileId) => ({
            fileName: 'web.1.42.tar.gz.aa.gpg',
            fileId,
            action: 'start',
            contentLength: 0,
            contentSha1: undefined,
            contentType: '',
            fileInfo: { 'bb2-run': ARCHIVE.run },
            uploadTimestamp: 1,
            lockedUntil: undefined,
            legalHold: false,
          })),
          parts: new Map(Object.entries(parts)),
        });
        assert.equal(plan.kind, 'resume');
        for (const one of plan.volumes.values()) {
          if (one.kind !== 'continue') continue;
          assert.deepEqual(one.secrets, KEYS.get(one.volume.keyId ?? ''));
          for (const { partNumber, contentSha1 } of parts[one.volume.fileId ?? ''] ?? [])
            assert.equal(one.volume.parts.get(partNumber - 1)?.sha1, contentSha1);
        }
      }),
      forAWhile,
    );
  });

  it('on disk: a run goes on, starts over or is told why, and what could not be trusted is kept', async () => {
    let number = 0;
    await triedForAWhile(
      fc.asyncProperty(hurt(FILE), hurt(encodeKeys(KEYS)), async (file, keyFile) => {
        const paths = journalPaths(mkdtempSync(join(scratch, `${number++}-`)), ARCHIVE);
        writeFileSync(paths.journal, file, { mode: 0o600 });
        writeFileSync(paths.keys, keyFile, { mode: 0o600 });
        try {
          const loaded = await loadJournal(paths, new Date(0));
          if (loaded.kind === 'found') {
            assertRecorded(loaded.journal.state);
            const resumed = await Journal.resume(paths, loaded.journal);
            await resumed.startVolume(9, 'web.1.42.tar.gz.aj.gpg', 'file-9', secretsOf(9));
            await resumed.close();
            const again = await loadJournal(paths, new Date(0));
            assert.ok(again.kind === 'found' && again.journal.state.volumes.has(9));
          } else if (loaded.kind === 'set-aside') assert.match(loaded.to, /\.damaged-1970/);
        } catch (error) {
          if (!(error instanceof Failure) || error.kind !== 'local') throw error;
        } finally {
          rmSync(paths.directory, { recursive: true, force: true });
        }
      }),
    );
  });
});
