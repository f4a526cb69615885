import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CODECS } from '../../src/compression/codecs.js';
import { discarding } from '../../src/discard.js';
import { compressWhole, worstCaseOfWhole } from '../../src/compression/compress-whole.js';

const KIB = 1024;

/** Where this Node has zstd in its zlib: then the workers compress with it. */
it(
  'small volumes of zstd, whose results lie in a pool',
  { skip: CODECS.zstd.method.kind !== 'worker' },
  async () => {
    const { method } = CODECS.zstd;
    assert.ok(method.kind === 'worker');
    await discarding;
    for (const bytes of [0, 1, 5000, 20_000, 40_000, 70_000, 600 * KIB]) {
      const data = Buffer.alloc(bytes, 'the same words again and again, ');
      const output = new Uint8Array(worstCaseOfWhole(method, 3, bytes));
      const length = compressWhole('zstd', 3, data, output);
      const packed = output.subarray(0, length);
      assert.ok(
        execFileSync('zstd', ['-dcq'], { input: packed, maxBuffer: 64 << 20 }).equals(data),
        `${bytes} bytes`,
      );
    }
  },
);

it('a whole volume is one gzip stream, within the worst case, whatever its length', () => {
  const { method } = CODECS.gzip;
  assert.ok(method.kind === 'worker');
  for (const bytes of [0, 1, 512 * KIB - 1, 512 * KIB, 512 * KIB + 1, 1300 * KIB]) {
    const text = Buffer.alloc(bytes, 'the same words again and again, ');
    for (const data of [text, randomFillSync(Buffer.alloc(bytes))]) {
      const output = new Uint8Array(worstCaseOfWhole(method, 6, bytes));
      const length = compressWhole('gzip', 6, data, output);
      assert.ok(gunzipSync(output.subarray(0, length)).equals(data), `${bytes} bytes`);
    }
  }
});
