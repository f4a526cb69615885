import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CODECS } from '../../src/compression/codecs.js';
import { compressWhole, worstCaseOfWhole } from '../../src/compression/compress-whole.js';

const KIB = 1024;

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
