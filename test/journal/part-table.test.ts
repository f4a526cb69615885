import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { PartTable } from '../../src/journal/part-table.js';
import type { PartRecord } from '../../src/journal/records.js';
import { partOf } from './sample.js';

const record = fc.record(
  {
    type: fc.constant('part' as const),
    volume: fc.constant(3),
    part: fc.nat(200),
    bytes: fc.maxSafeNat(),
    sha1: fc.stringMatching(/^[0-9a-f]{40}$/),
    dataBytes: fc.maxSafeNat(),
    digest: fc.nat(32).chain((octets) => fc.stringMatching(new RegExp(`^[0-9a-f]{${2 * octets}}$`))),
    last: fc.boolean(),
  },
  { noNullPrototype: true },
);

test('a part table behaves like a map of parts', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 50 }), (records) => {
      const table = new PartTable(3);
      const map = new Map<number, PartRecord>();
      for (const one of records) {
        assert.ok(table.set(one));
        map.set(one.part, one);
      }
      const sorted = [...map.values()].sort((a, b) => a.part - b.part);
      assert.deepEqual([...table.values()], sorted);
      assert.equal(table.size, map.size);
      assert.equal(table.highest, sorted.at(-1)?.part ?? -1);
      for (let part = 0; part <= 201; part++) assert.deepEqual(table.get(part), map.get(part));
    }),
    { numRuns: 100 },
  );
});

test('the part that ends the volume; what no row can hold changes nothing', () => {
  const table = new PartTable(0);
  assert.equal(table.last, undefined);
  table.set(partOf(0, 1, true));
  table.set(partOf(0, 0));
  assert.equal(table.last, 1);
  for (const wrong of [
    { ...partOf(0, 2), part: 1e9 },
    { ...partOf(0, 2), sha1: 'abc' },
    { ...partOf(0, 2), digest: 'abc' },
    { ...partOf(0, 2), digest: '00'.repeat(33) },
  ])
    assert.equal(table.set(wrong), false);
  assert.deepEqual([table.size, table.highest], [2, 1]);
});
