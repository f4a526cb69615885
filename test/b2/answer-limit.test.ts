import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TIMEOUTS } from '../../src/b2/http.js';
import { answerLimitMs } from '../../src/b2/upload.js';

const MB = 1_000_000;
const BUFFER_BYTES = 4 * 1024 * 1024;
const seconds = (bytes: number, tookSeconds: number): number =>
  Math.round(answerLimitMs(TIMEOUTS.replyMs, bytes, tookSeconds * 1000) / 1000);

describe('how long to wait for the response to a body', () => {
  for (const [line, bytes, tookSeconds, limit] of [
    ['1 Gbit/s', 100 * MB, 0.8, 60],
    ['160 Mbit/s', 16 * MB, 0.6, 60],
    ['10 Mbit/s', 16 * MB, 9.5, 63],
    ['1 Mbit/s', 16 * MB, 95, 94],
    ['64 kbit/s, bounded', 16 * MB, 1476, 300],
    ['a body that fits into the buffer, on a line of 128 kbit/s at least', MB, 0.01, 123],
    ['the same, full', BUFFER_BYTES, 0.01, 300],
    ['a manifest', 4000, 0.001, 60],
    ['nothing', 0, 0, 60],
  ] as const) {
    it(`${line}: ${limit} s`, () => {
      assert.equal(seconds(bytes, tookSeconds), limit);
    });
  }

  it('at least a minute, at most five, and never less for a slower line', () => {
    const bytes = fc.integer({ min: 0, max: 5e9 });
    const ms = fc.integer({ min: 0, max: 86_400_000 });
    fc.assert(
      fc.property(bytes, ms, ms, (size, one, other) => {
        const [quick, slow] = [Math.min(one, other), Math.max(one, other)].map((took) =>
          answerLimitMs(TIMEOUTS.replyMs, size, took),
        ) as [number, number];
        assert.ok(quick >= TIMEOUTS.replyMs && slow <= 5 * TIMEOUTS.replyMs && quick <= slow);
      }),
    );
  });
});
