// Torn at every byte, damaged at every byte, contradicting itself: what is read back is the truth or nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeLine, scanLines } from '../../src/journal/lines.js';
import { decodeRecord, type JournalRecord } from '../../src/journal/records.js';
import { hasAllParts, JournalContradiction, readJournal, volumeTotals } from '../../src/journal/state.js';
import { ARCHIVE, fileOf, partOf, plain, RECORDS, started, stateOf } from './sample.js';

test('a journal reads back as it was written', () => {
  const read = readJournal(fileOf(RECORDS));
  assert.ok(read.kind === 'good');
  assert.deepEqual(plain(read.state), plain(stateOf(RECORDS)));
  assert.equal(read.goodBytes, fileOf(RECORDS).length);
  for (const record of RECORDS) assert.deepEqual(decodeRecord(JSON.stringify(record)), record);
});

test('torn at every byte: the records before it stand, and nothing is damaged', () => {
  const file = fileOf(RECORDS);
  const ends = RECORDS.map((_, index) => fileOf(RECORDS.slice(0, index + 1)).length);
  for (let cut = 0; cut < file.length; cut++) {
    const read = readJournal(file.subarray(0, cut));
    const whole = ends.filter((end) => end <= cut).length;
    if (whole === 0) {
      assert.equal(read.kind, 'empty', `cut at ${cut}`);
      continue;
    }
    assert.ok(read.kind === 'good', `cut at ${cut}`);
    assert.deepEqual([read.records, read.goodBytes], [whole, ends[whole - 1]], `cut at ${cut}`);
  }
});

test('space that the file system allocated but did not fill is a torn end, too', () => {
  const file = fileOf(RECORDS);
  for (const tail of [
    Buffer.alloc(4096),
    Buffer.concat([encodeLine('{"type":"manifest"').subarray(0, 9), Buffer.alloc(100)]),
  ]) {
    const read = readJournal(Buffer.concat([file, tail]));
    assert.ok(read.kind === 'good');
    assert.equal(read.goodBytes, file.length);
  }
});

test('damaged at every byte: never accepted, not even in the last record', () => {
  const file = fileOf(RECORDS);
  for (let at = 0; at < file.length; at++) {
    for (const flip of [0x01, 0x80, 0x0a ^ (file[at] ?? 0)]) {
      if (flip === 0) continue;
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      assert.equal(readJournal(damaged).kind, 'damaged', `byte ${at} ^ ${flip}`);
    }
  }
});

test('lost, duplicated and swapped records: damage, or what the rest says without contradiction', () => {
  fc.assert(
    fc.property(fc.nat(RECORDS.length - 1), fc.nat(RECORDS.length - 1), (a, b) => {
      const swapped = [...RECORDS];
      [swapped[a], swapped[b]] = [RECORDS[b] ?? ARCHIVE, RECORDS[a] ?? ARCHIVE];
      const read = readJournal(fileOf(swapped));
      if (read.kind !== 'good') return read.kind === 'damaged';
      // Whatever order is accepted, no part has two contents and nothing finished lacks a part.
      return [...read.state.volumes.values()].every((volume) => !volume.finished || hasAllParts(volume));
    }),
  );
});

test('folding record by record is folding at once; any prefix is a state', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: RECORDS.length }), (length) => {
      const read = readJournal(fileOf(RECORDS.slice(0, length)));
      assert.ok(read.kind === 'good');
      assert.deepEqual(plain(read.state), plain(stateOf(RECORDS.slice(0, length))));
    }),
  );
});

test('lines hold any text', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' }).filter((text) => !text.includes('\n'))),
      (payloads) => {
        const file = Buffer.concat(payloads.map((payload) => encodeLine(payload)));
        const scanned = scanLines(file);
        assert.deepEqual(
          [scanned.payloads, scanned.goodBytes, scanned.damage],
          [payloads.map((text) => Buffer.from(text).toString()), file.length, undefined],
        );
      },
    ),
  );
});

test('records that contradict the ones before are refused, and change nothing', () => {
  const contradictions: [name: string, record: JournalRecord][] = [
    ['a second archive record', ARCHIVE],
    ['a volume begun twice', started(1)],
    ['a part of a volume that never began', partOf(7, 0)],
    ['a part with two contents', partOf(1, 0, false, 'other tar')],
    ['a part that becomes the last', partOf(1, 1, true)],
    ['a part after the end', partOf(0, 2)],
    ['sent without a record', { type: 'sent', volume: 1, part: 5 }],
    ['finished with parts missing', { type: 'finished', volume: 1, fileId: 'file-1' }],
    ['finished under another fileId', { type: 'finished', volume: 1, fileId: 'file-9' }],
    ['finished twice', { type: 'finished', volume: 0, fileId: 'file-0' }],
    ['given up but never begun', { type: 'abandoned', volume: 9, reason: '' }],
  ];
  for (const [name, record] of contradictions) {
    const state = stateOf(RECORDS);
    const before = plain(state);
    assert.throws(
      () => {
        state.add(record);
      },
      JournalContradiction,
      name,
    );
    assert.deepEqual(plain(state), before, name);
    assert.equal(readJournal(fileOf([...RECORDS, record])).kind, 'damaged', name);
  }
});

test('what another version wrote is not read', () => {
  const table: unknown[] = [
    { ...ARCHIVE, format: 'backuppc-b2-journal/2' },
    { ...ARCHIVE, digestKey: 'short' },
    { ...ARCHIVE, options: { a: null } },
    { ...partOf(0, 0), sha1: 'x' },
    { ...partOf(0, 0), bytes: -1 },
    { ...partOf(0, 0), part: 0.5 },
    { type: 'future' },
    [],
    null,
    7,
  ];
  for (const payload of table)
    assert.equal(decodeRecord(JSON.stringify(payload)), undefined, JSON.stringify(payload));
  assert.equal(decodeRecord('{'), undefined);
  assert.equal(readJournal(fileOf(RECORDS.slice(1))).kind, 'damaged');
  assert.equal(readJournal(Buffer.alloc(0)).kind, 'empty');
});

test('totals and the end of a volume', () => {
  const volume = stateOf(RECORDS).volumes.get(0);
  assert.ok(volume !== undefined);
  assert.equal(volume.parts.last, 1);
  const { bytes, dataBytes } = volumeTotals(volume);
  assert.deepEqual([bytes, dataBytes], [2001, 1801]);
  const running = stateOf(RECORDS).volumes.get(1);
  assert.ok(running !== undefined && !hasAllParts(running) && running.parts.last === undefined);
});
