import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_RATE, MIN_RATE } from '../../src/bandwidth/rate.js';
import { chargedBytes, sliceBytesOf, TokenBucket } from '../../src/bandwidth/token-bucket.js';

/** The most bytes within any window of `windowMs`, of bytes that leave at moments. */
function busiest(sent: readonly { atMs: number; bytes: number }[], windowMs: number): number {
  let most = 0;
  let sum = 0;
  let from = 0;
  for (const slice of sent) {
    sum += slice.bytes;
    for (
      let first = sent[from];
      first !== undefined && first.atMs <= slice.atMs - windowMs;
      first = sent[from]
    ) {
      sum -= first.bytes;
      from += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

const anyRate = fc
  .double({ min: Math.log(MIN_RATE), max: Math.log(MAX_RATE / 100), noNaN: true })
  .map(Math.exp);

describe('the token bucket', () => {
  const slices: [number | undefined, number][] = [
    [1000, 73],
    [8000, 739],
    [47_533, 4504],
    [47_534, 1426],
    [144_799, 1426],
    [144_800, 2874],
    [1e6, 14_458],
    [12.5e6, 65_536],
    [MAX_RATE, 65_536],
    [undefined, 262_144],
  ];
  for (const [rate, bytes] of slices) {
    it(`asks for slices of ${bytes} bytes at ${String(rate)} bytes per second`, () => {
      assert.equal(sliceBytesOf(rate), bytes);
    });
  }

  it('spends at least 97 % on bodies from 64 kbit/s on', () => {
    for (let rate = 8000; rate < MAX_RATE; rate *= 1.01)
      assert.ok(sliceBytesOf(rate) >= 0.97 * chargedBytes(sliceBytesOf(rate)), String(rate));
  });

  it('lets at most 104.8 % through in any second and 200 % in any 100 ms, however late and irregular the calls', () => {
    fc.assert(
      fc.property(
        anyRate,
        fc.array(
          fc.record({
            lateMs: fc.double({ min: 0, max: 200, noNaN: true }),
            share: fc.double({ min: 0.01, max: 1, noNaN: true }),
          }),
          { minLength: 1, maxLength: 300 },
        ),
        (rate, calls) => {
          const bucket = new TokenBucket(rate, 0);
          const sent: { atMs: number; bytes: number }[] = [];
          let nowMs = 0;
          for (const { lateMs, share } of calls) {
            // Mostly on time, sometimes late, so that credit is earned and spent.
            nowMs += bucket.waitMs(nowMs) + (lateMs > 150 ? lateMs : 0);
            const bytes = Math.max(1, Math.floor(bucket.sliceBytes * share));
            bucket.spend(bytes, nowMs);
            sent.push({ atMs: nowMs, bytes: chargedBytes(bytes) });
          }
          assert.ok(busiest(sent, 1000) <= rate * 1.048 + 1);
          assert.ok(busiest(sent, 100) <= rate * 0.2 + 1);
        },
      ),
    );
  });

  it('gives all of the rate to calls that are no later than 14 ms', () => {
    fc.assert(
      fc.property(
        anyRate,
        fc.array(fc.double({ min: 0, max: 14, noNaN: true }), { minLength: 200, maxLength: 400 }),
        (rate, lateness) => {
          const bucket = new TokenBucket(rate, 0);
          let nowMs = 0;
          let bytes = 0;
          for (const lateMs of lateness) {
            const waitMs = bucket.waitMs(nowMs);
            if (waitMs > 0) nowMs += waitMs + lateMs;
            bytes += chargedBytes(bucket.sliceBytes);
            bucket.spend(bucket.sliceBytes, nowMs);
          }
          // The last call may still be late.
          assert.ok(bytes >= (rate * (nowMs - 14) * 0.99) / 1000, `${bytes} in ${nowMs} ms at ${rate}`);
        },
      ),
    );
  });

  it('makes a request larger than a slice just wait longer for the next one', () => {
    const bucket = new TokenBucket(1000, 0);
    bucket.spend(10_000, 0);
    assert.equal(bucket.waitMs(0), 10_022);
    assert.equal(bucket.waitMs(10_021), 1);
    assert.equal(bucket.waitMs(20_000), 0);
  });

  it('keeps the bound, as a share of what the changing rate allows, when the rate changes all the time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ rate: anyRate, slices: fc.integer({ min: 1, max: 30 }) }), {
          minLength: 1,
          maxLength: 20,
        }),
        (periods) => {
          const bucket = new TokenBucket(1e6, 0);
          let nowMs = 0;
          let worthMs = 0;
          for (const { rate, slices: count } of periods) {
            bucket.rate = rate;
            for (let index = 0; index < count; index++) {
              nowMs += bucket.waitMs(nowMs);
              worthMs += (chargedBytes(bucket.sliceBytes) * 1000) / rate;
              bucket.spend(bucket.sliceBytes, nowMs);
              assert.ok(worthMs <= nowMs + 110);
            }
          }
        },
      ),
    );
  });
});
