import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { decodeS2k, deriveKey, encodeS2k, s2kCountOctet, s2kOctets } from '../../src/openpgp/s2k.js';

test('the coded count spans 1024 to 65,011,712 (RFC 9580 §3.7.1.3) and is monotonic', () => {
  assert.equal(s2kOctets(0), 1024);
  assert.equal(s2kOctets(96), 65536);
  assert.equal(s2kOctets(255), 65_011_712);
  for (let coded = 1; coded < 256; coded++) assert.ok(s2kOctets(coded) > s2kOctets(coded - 1));
});

test('the count for so many octets is the smallest that reaches them', () => {
  assert.equal(s2kCountOctet(Infinity), 255);
  assert.equal(s2kCountOctet(0), 0);
  fc.assert(
    fc.property(fc.integer({ min: 1025, max: 65_011_712 }), (octets) => {
      const coded = s2kCountOctet(octets);
      assert.ok(s2kOctets(coded) >= octets && s2kOctets(coded - 1) < octets);
    }),
  );
});

test('a key is the hash of salt and passphrase, repeated up to the count, whatever their lengths', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 60 }),
      (passphrase, countOctet) => {
        const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
        const unit = Buffer.concat([salt, passphrase]);
        const octets = Math.max(s2kOctets(countOctet), unit.length);
        const input = Buffer.alloc(octets, unit);
        const expected = createHash('sha256').update(input).digest();
        const key = deriveKey({ type: 3, hash: 8, salt, countOctet }, passphrase, 32);
        assert.ok(expected.equals(key));
      },
    ),
  );
});

test('a key longer than the hash takes contexts preloaded with zeros', () => {
  const key = deriveKey({ type: 0, hash: 2, salt: new Uint8Array(0), countOctet: 0 }, Buffer.from('abc'), 32);
  const first = createHash('sha1').update('abc').digest();
  const second = createHash('sha1').update('\0abc').digest();
  assert.ok(Buffer.concat([first, second]).subarray(0, 32).equals(key));
});

test('a specifier is what its encoding says', () => {
  const s2k = { type: 3, hash: 10, salt: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1), countOctet: 255 } as const;
  assert.deepEqual(decodeS2k(encodeS2k(s2k)), { s2k, bytes: 11 });
  assert.equal(decodeS2k(encodeS2k(s2k).subarray(0, 10)), undefined);
  assert.equal(decodeS2k(Uint8Array.of(4, 10)), undefined, 'Argon2 is not read');
});
