import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ContentCutter, type PieceSizes } from '../../src/reuse/content-cutter.js';

const KEY = new Uint8Array(32).fill(7);
const SIZES: PieceSizes = { min: 256, target: 1024, max: 4096 };

function pieces(bytes: Uint8Array, sliceBytes = bytes.length, key = KEY, sizes = SIZES): Uint8Array[] {
  const cutter = new ContentCutter(key, sizes);
  const found: Uint8Array[] = [];
  let start = 0;
  for (let from = 0; from < bytes.length;) {
    const slice = bytes.subarray(from, from + sliceBytes);
    const cut = cutter.next(slice);
    from += cut ?? slice.length;
    if (cut === undefined) continue;
    found.push(bytes.subarray(start, from));
    start = from;
  }
  if (start < bytes.length) found.push(bytes.subarray(start));
  return found;
}

const sha = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** Octets of `after` in pieces that `before` does not have. */
function newBytes(before: Uint8Array[], after: Uint8Array[]): number {
  const known = new Set(before.map(sha));
  return after.filter((piece) => !known.has(sha(piece))).reduce((sum, { length }) => sum + length, 0);
}

describe('cutting by content', () => {
  // Looks random, and is the same each time: how much a change costs is a matter of chance.
  const data = createCipheriv('aes-128-ctr', Buffer.alloc(16, 5), Buffer.alloc(16)).update(
    Buffer.alloc(2_000_000),
  );

  it('keeps every octet, and all lengths within their bounds', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40_000 }),
        fc.integer({ min: 1, max: 5000 }),
        (bytes, sliceBytes) => {
          const found = pieces(bytes, sliceBytes);
          assert.ok(Buffer.concat(found).equals(bytes));
          for (const { length } of found) assert.ok(length <= SIZES.max);
          for (const { length } of found.slice(0, -1)) assert.ok(length >= SIZES.min);
        },
      ),
    );
  });

  it('cuts at the same places, however the stream is sliced', () => {
    const whole = pieces(data).map(({ length }) => length);
    for (const sliceBytes of [1000, 4097, 65_536])
      assert.deepEqual(
        pieces(data, sliceBytes).map(({ length }) => length),
        whole,
      );
    const few = data.subarray(0, 30_000);
    assert.deepEqual(
      pieces(few, 1).map(({ length }) => length),
      pieces(few).map(({ length }) => length),
    );
  });

  it('comes near the target', () => {
    const { length } = pieces(data);
    assert.ok(length > data.length / 1024 / 1.6 && length < (data.length / 1024) * 1.6, `${length} pieces`);
  });

  it('an insertion, a removal and a change each touch a few pieces', () => {
    const before = pieces(data);
    const at = 700_001;
    const insertion = Buffer.concat([data.subarray(0, at), Buffer.from('inserted'), data.subarray(at)]);
    const removal = Buffer.concat([data.subarray(0, at), data.subarray(at + 11)]);
    const change = Buffer.from(data);
    change[at] = (change[at] ?? 0) ^ 1;
    for (const after of [insertion, removal, change])
      assert.ok(newBytes(before, pieces(after)) < 4 * SIZES.max, `${newBytes(before, pieces(after))} bytes`);
  });

  it('zeros are cut evenly, and another key cuts elsewhere', () => {
    const zeros = pieces(new Uint8Array(3 * SIZES.max)).slice(0, -1);
    assert.equal(new Set(zeros.map(({ length }) => length)).size, 1);
    const other = pieces(data, data.length, new Uint8Array(32).fill(8));
    assert.ok(newBytes(pieces(data), other) > data.length / 2);
  });
});
