import assert from 'node:assert/strict';
import test from 'node:test';
import { discard, discarding } from '../src/discard.js';

await discarding;

test('a discarded buffer is detached, and its memory is freed before the event loop turns', () => {
  const MIB = 1024 * 1024;
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 512; i++) {
    const bytes = new Uint8Array(MIB).fill(i);
    discard(bytes);
    assert.equal(bytes.length, 0);
  }
  const grown = (process.memoryUsage.rss() - before) / MIB;
  assert.ok(grown < 128, `512 MiB discarded, ${Math.round(grown)} MiB of them kept`);
});

test('a part of a larger buffer, such as the pool of all small ones, is left alone', () => {
  const large = new Uint8Array(1 << 20);
  discard(large.subarray(0, 1 << 19));
  assert.equal(large.length, 1 << 20);
  const bytes = Buffer.from('small');
  discard(bytes);
  assert.equal(bytes.toString(), 'small');
});
