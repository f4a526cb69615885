import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { crc32, crc32Combine } from '../../src/compression/crc32.js';

test("the catalogue's check value", () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
});

test('of two pieces joined, from the CRC-32 of each', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
      assert.equal(
        crc32Combine(crc32(first), crc32(second), second.length),
        crc32(Buffer.concat([first, second])),
      );
    }),
  );
});

test('of pieces too long for 32 bits: as if zeros were appended in two steps', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.nat(0xffffffff),
      (a, b, crc) => {
        assert.equal(crc32Combine(crc32Combine(crc, 0, a), 0, b), crc32Combine(crc, 0, a + b));
      },
    ),
  );
});
