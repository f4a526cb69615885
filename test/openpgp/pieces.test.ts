import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { piecesOfBody, piecesWithLengths } from '../../src/openpgp/pieces.js';

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const sizes = (exponents: readonly number[]): number[] => exponents.map((k) => 2 ** k);
const descending = (numbers: readonly number[]): boolean =>
  numbers.every((n, i) => i === 0 || n <= (numbers[i - 1] ?? 0));

test('pieces of a body sum to the body, longest first', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (bytes) => {
      const exponents = piecesOfBody(bytes);
      assert.equal(sum(sizes(exponents)), bytes);
      assert.ok(descending(exponents));
      assert.ok(exponents.every((k) => k <= 30));
    }),
  );
});

test('pieces with their length octets sum to the space, longest first', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 2 ** 31 - 1 }), (bytes) => {
      const exponents = piecesWithLengths(bytes);
      assert.equal(sum(sizes(exponents)) + exponents.length, bytes);
      assert.ok(descending(exponents));
      assert.ok(exponents.every((k) => k >= 0 && k <= 30));
    }),
  );
});

test('every small space from 2 on can be filled; a lone octet cannot', () => {
  for (let bytes = 2; bytes < 5000; bytes++) {
    const exponents = piecesWithLengths(bytes);
    assert.equal(sum(sizes(exponents)) + exponents.length, bytes);
  }
  assert.deepEqual(piecesWithLengths(0), []);
  assert.throws(() => piecesWithLengths(1), RangeError);
});

test('the first piece of any part is long enough to be a first piece (RFC 9580 §4.2.1.4)', () => {
  for (let bytes = 1024; bytes < 5000; bytes++) {
    assert.ok(2 ** (piecesOfBody(bytes)[0] ?? 0) >= 512);
    assert.ok(2 ** (piecesWithLengths(bytes - 1)[0] ?? 0) >= 512);
  }
});
