import assert from 'node:assert/strict';
import test from 'node:test';
import { definiteLength, lengthOctets, partialLength, readLength } from '../../src/openpgp/packets.js';

test('a length is read as it was written, either side of each boundary', () => {
  for (const bytes of [0, 1, 191, 192, 193, 8383, 8384, 65_536, 2 ** 31 - 1, 2 ** 32 - 1]) {
    const written = Uint8Array.from(definiteLength(bytes));
    assert.deepEqual(readLength(written), { octets: written.length, bytes, partial: false });
    assert.equal(lengthOctets(written[0] ?? 0), written.length);
  }
  for (let exponent = 0; exponent <= 30; exponent++) {
    const written = Uint8Array.of(partialLength(exponent));
    assert.deepEqual(readLength(written), { octets: 1, bytes: 2 ** exponent, partial: true });
  }
});

test('octets past the end count as 0', () => {
  assert.deepEqual(readLength(Uint8Array.of(7, 200, 9), 1, 2), { octets: 2, bytes: 2240, partial: false });
});
