import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  partBytesOf,
  partPlan,
  type Piece,
  volumeLayout,
  type VolumeShape,
} from '../../src/openpgp/layout.js';
import { CFB_PREFIX_BYTES, PROFILE, PROFILES, TAG_BYTES } from '../../src/openpgp/profile.js';

const shapes: fc.Arbitrary<VolumeShape> = fc
  .record({
    profile: fc.constantFrom(...PROFILES),
    chunkOctet: fc.integer({ min: 4, max: 16 }),
    chunks: fc.integer({ min: 1, max: 40 }),
    keyPacketReserve: fc.integer({ min: 0, max: 5000 }),
  })
  .map(({ profile, chunkOctet, chunks, keyPacketReserve }) => ({
    profile,
    aead: 'ocb',
    partBytes: chunks * 2 ** (chunkOctet + 6),
    aeadChunkBytes: 2 ** (chunkOctet + 6),
    keyPacketReserve,
  }));

const total = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { lead, bytes }) => sum + lead.length + bytes, 0);

test('a part that is not the last carries exactly partBytes of plaintext', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 0, max: 3 }), (shape, index) => {
      const layout = volumeLayout(shape);
      const plan = partPlan(shape, index, false, layout.dataBytes(index));
      assert.equal(plan.plaintextBytes, shape.partBytes);
      assert.equal(total(plan.outer), plan.sealedBytes);
      assert.equal(plan.inner.reduce((sum, { bytes }) => sum + bytes, 0) - layout.dataBytes(index), 0);
    }),
  );
});

test('the chunks of the parts follow each other', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 12 }), (shape, parts) => {
      const layout = volumeLayout(shape);
      for (let index = 0; index < parts; index++) {
        const plan = partPlan(shape, index, false, layout.dataBytes(index));
        assert.equal(plan.firstChunk, (index * shape.partBytes) / shape.aeadChunkBytes);
      }
    }),
  );
});

test('the part size is recognised from the length of a sealed part, with key packets and without', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 0, max: 900 }), (shape, keyPacketBytes) => {
      if (shape.profile === 'rfc4880') return;
      const layout = volumeLayout(shape);
      const [first, second] = [0, 1].map(
        (index) => partPlan(shape, index, false, layout.dataBytes(index)).sealedBytes,
      );
      assert.equal(partBytesOf((first ?? 0) + keyPacketBytes, shape.aeadChunkBytes), shape.partBytes);
      assert.equal(partBytesOf(second ?? 0, shape.aeadChunkBytes), shape.partBytes);
    }),
  );
});

test('sealing in place never overtakes the data: at every step, what is written ends before what is still to be read', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.integer({ min: 0, max: 2 }),
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (shape, index, last, share) => {
        const layout = volumeLayout(shape);
        const data = last ? Math.round(layout.dataBytes(index) * share) : layout.dataBytes(index);
        const plan = partPlan(shape, index, last, data);
        const front = index === 0 ? shape.keyPacketReserve : 0;
        assert.ok(layout.dataOffset + layout.dataBytes(index) <= layout.bufferBytes);
        assert.ok(front + plan.sealedBytes <= layout.bufferBytes);

        // All leads that were or will be written, in front of data not read yet.
        let read = layout.dataOffset;
        let plaintext = 0;
        const leads = plan.inner.reduce((sum, { lead }) => sum + lead.length, 0);
        for (const { lead, bytes } of plan.inner) {
          for (const consumed of [lead.length, lead.length + bytes]) {
            assert.ok(
              front + sealedAfter(shape, plan.outer, index, plaintext + consumed) <=
                read + consumed - lead.length - leads,
            );
          }
          plaintext += lead.length + bytes;
          read += bytes;
        }
        assert.equal(plaintext, plan.plaintextBytes);
      },
    ),
    { numRuns: 300 },
  );
});

/** Octets written when `plaintext` octets of the part have been encrypted, tags of whole chunks included. */
function sealedAfter(shape: VolumeShape, outer: readonly Piece[], index: number, plaintext: number): number {
  const chained = shape.profile === 'rfc4880';
  const header = index === 0 ? PROFILE[shape.profile].headerBytes + (chained ? CFB_PREFIX_BYTES : 0) : 0;
  let body = header + plaintext + (chained ? 0 : TAG_BYTES * Math.floor(plaintext / shape.aeadChunkBytes));
  let written = 0;
  for (const { lead, bytes } of outer) {
    if (body <= 0) break;
    written += lead.length + Math.min(bytes, body);
    body -= bytes;
  }
  return written;
}

test('a part size that no layout can have is refused', () => {
  const shape = { profile: 'librepgp', aead: 'ocb', aeadChunkBytes: 4096, keyPacketReserve: 0 } as const;
  assert.throws(() => volumeLayout({ ...shape, partBytes: 4097 }), /not a multiple/);
  assert.throws(
    () => volumeLayout({ ...shape, partBytes: 4096, aeadChunkBytes: 3000 }),
    /not a power of two/,
  );
  assert.throws(
    () => volumeLayout({ ...shape, partBytes: 8 << 20, aeadChunkBytes: 8 << 20 }),
    /not a power of two/,
  );
});
