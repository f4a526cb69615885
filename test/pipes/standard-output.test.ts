import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { writeSync } from 'node:fs';
import { wholeWrites } from '../../src/pipes/standard-output.js';

/** A descriptor that takes `most` bytes at a time, and `room` in all. */
function slowDisk(most: number, room: number): { write: typeof writeSync; got: () => string } {
  let got = Buffer.alloc(0);
  const write = (_descriptor: number, bytes: Uint8Array, at: number): number => {
    const slice = bytes.subarray(at, at + Math.min(most, room - got.length));
    if (slice.length === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    got = Buffer.concat([got, slice]);
    return slice.length;
  };
  return { write: write as typeof writeSync, got: () => got.toString() };
}

test('short writes are gone on with', () => {
  const disk = slowDisk(3, 100);
  const out = wholeWrites(1, disk.write);
  out.write('twelve bytes');
  out.write('');
  out.write(' and more');
  assert.equal(disk.got(), 'twelve bytes and more');
});

test('what does not fit is an error', async () => {
  const disk = slowDisk(100, 5);
  const out = wholeWrites(1, disk.write);
  const failed = new Promise<unknown>((resolve) => out.once('error', resolve));
  out.write('twelve bytes');
  assert.equal(((await failed) as NodeJS.ErrnoException).code, 'ENOSPC');
  assert.equal(disk.got(), 'twelv');
});
