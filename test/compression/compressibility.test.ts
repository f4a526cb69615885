/** What is stored instead of compressed: only what does not shrink, and the same for the same bytes. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import test from 'node:test';
import { deflateRawSync, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { isIncompressible, type ClassifiedRange, classify } from '../../src/compression/compressibility.js';
import { choice, compressed, decompressed } from './streams.js';

const KIB = 1024;

/** Incompressible, and the same in each run. */
function noise(bytes: number, seed = 1): Buffer {
  return createCipheriv('aes-256-ctr', Buffer.alloc(32, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

function text(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'all that glitters is not gold; ');
}

/** A header of a tar, as far as it matters here. */
function header(): Buffer {
  const block = Buffer.alloc(512);
  block.write('./usr/share/doc/photo.jpg');
  block.write('ustar', 257);
  return block;
}

const stored = (found: readonly ClassifiedRange[]): number =>
  found.filter(({ compressible }) => !compressible).reduce((sum, { start, end }) => sum + end - start, 0);

const cases: readonly [what: string, input: Buffer, storedKib: number][] = [
  ['nothing', Buffer.alloc(0), 0],
  ['noise shorter than a group', noise(63 * KIB), 0],
  ['noise', noise(64 * KIB), 64],
  ['noise and an odd rest', noise(100_000), 100_000 / KIB],
  ['text', text(512 * KIB), 0],
  ['zeros', Buffer.alloc(512 * KIB), 0],
  ['noise between texts', Buffer.concat([text(128 * KIB), noise(128 * KIB), text(64 * KIB)]), 128],
  ['one header in noise', Buffer.concat([noise(256 * KIB), header(), noise(256 * KIB - 512)]), 496],
  [
    'headers all over noise',
    Buffer.concat(Array.from({ length: 32 }, () => [header(), noise(15 * KIB)]).flat()),
    0,
  ],
  // Nearly even: 0.4 % could be saved at most, and deflate does not.
  ['one value missing', noise(256 * KIB).map((octet) => (octet === 0 ? 1 : octet)) as Buffer, 256],
  ['six bits of eight', noise(256 * KIB).map((octet) => octet & 0x3f) as Buffer, 0],
];

for (const [what, input, storedKib] of cases) {
  test(`${what}: ${storedKib.toFixed(0)} KiB stored`, () => {
    assert.equal(stored(classify(input)), storedKib * KIB);
    assert.equal(isIncompressible(input), input.length > 0 && storedKib * KIB === input.length);
  });
}

const pieces = fc.array(
  fc.tuple(
    fc.constantFrom('noise', 'text', 'header'),
    fc.integer({ min: 1, max: 200 * KIB }),
    fc.integer({ min: 1, max: 255 }),
  ),
  { maxLength: 6 },
);
const mixture = pieces.map((list) =>
  Buffer.concat(
    list.map(([kind, bytes, seed]) =>
      kind === 'noise' ? noise(bytes, seed) : kind === 'text' ? text(bytes) : header(),
    ),
  ),
);

test('stretches cover the input without gaps, in order', () => {
  fc.assert(
    fc.property(mixture, (input) => {
      const found = classify(input);
      let at = 0;
      for (const [index, { start, end, compressible }] of found.entries()) {
        assert.equal(start, at);
        assert.ok(end > start);
        assert.notEqual(found[index - 1]?.compressible, compressible);
        at = end;
      }
      assert.equal(at, input.length);
      assert.deepEqual(classify(Buffer.from(input)), found);
    }),
    { numRuns: 60 },
  );
});

test('hardly anything that is stored would have shrunk', () => {
  fc.assert(
    fc.property(mixture, (input) => {
      for (const { start, end, compressible } of classify(input)) {
        if (compressible) continue;
        const piece = input.subarray(start, end);
        // The odd rest of a chunk goes with what is before it, and groups are judged by a sample.
        assert.ok(deflateRawSync(piece).length > 0.9 * piece.length);
      }
    }),
    { numRuns: 40 },
  );
});

test('gzip: stretches within a chunk, read back by gzip and by zlib, stored where it is worth it', async () => {
  const input = Buffer.concat([
    text(100_000),
    noise(200_000),
    text(5000),
    noise(70_000, 2),
    text(300_000),
    noise(900_000, 3),
  ]);
  const codec = choice('gzip');
  const stream = await compressed(input, codec);
  assert.ok(decompressed(stream, codec).equals(input));
  assert.ok(gunzipSync(stream).equals(input));
  assert.ok(stream.length < 1_175_000 && stream.length > 1_160_000, `${stream.length} bytes`);
});
