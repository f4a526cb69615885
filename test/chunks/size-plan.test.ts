/** What B2's limits make of an archive that is not split: parts, objects, where the next one begins. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mostParts } from '../../src/chunks/size-plan.js';
import { DEFAULT_AEAD_CHUNK_BYTES, volumeLayout } from '../../src/openpgp/layout.js';
import { PROFILES } from '../../src/openpgp/profile.js';

const MIB = 1024 * 1024;
const GB = 1e9;
/** https://www.backblaze.com/docs/cloud-storage-large-files */
const B2 = { maxParts: 10_000, maxFileBytes: 10_000 * GB };

describe('the largest object', () => {
  for (const [partBytes, parts] of [
    [5 * MIB, 10_000],
    [8 * MIB, 10_000],
    [1 * GB, 10_000],
    [1 * GB + 1, 9_999],
    [1024 * MIB, 9_313],
    [2 * GB, 5_000],
    [2000 * MIB, 4_768],
  ] as const) {
    it(`of parts of ${partBytes} bytes has ${parts} of them, and is never longer than 10 TB`, () => {
      assert.equal(mostParts(B2, partBytes), parts);
      assert.ok(parts * partBytes <= B2.maxFileBytes);
    });
  }

  for (const profile of PROFILES) {
    it(`${profile}: sealed parts are never longer than the bound assumes`, () => {
      for (const partBytes of [5 * MIB, 8 * MIB, 1024 * MIB, 2000 * MIB]) {
        const shape = {
          profile,
          aead: 'ocb',
          partBytes,
          aeadChunkBytes: DEFAULT_AEAD_CHUNK_BYTES,
          keyPacketReserve: 1000,
        } as const;
        const layout = volumeLayout(shape);
        const parts = mostParts(B2, layout.bufferBytes);
        assert.ok(parts * layout.bufferBytes <= B2.maxFileBytes);
        assert.ok(layout.dataBytes(0) <= layout.bufferBytes && layout.dataBytes(1) <= layout.bufferBytes);
      }
    });
  }

  it('of parts of 8 MiB takes 84 GB, as docs/b2.md says', () => {
    const shape = {
      profile: 'librepgp',
      aead: 'ocb',
      partBytes: 8 * MIB,
      aeadChunkBytes: DEFAULT_AEAD_CHUNK_BYTES,
      keyPacketReserve: 1000,
    } as const;
    const layout = volumeLayout(shape);
    const data = layout.dataBytes(0) + (mostParts(B2, layout.bufferBytes) - 1) * layout.dataBytes(1);
    assert.equal(Math.round(data / GB), 84);
  });
});
