import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdaptiveConnections, TUNING } from '../../src/b2/connections/adaptive-connections.js';
import { runLink, type Link, type Moment } from './simulated-link.js';

const MBIT = 125_000;
const link = (over: Partial<Link>): Link => ({
  perConnection: 100 * MBIT,
  total: 100 * MBIT,
  roundTripMs: 40,
  sendBufferBytes: 1_000_000,
  partBytes: 16_000_000,
  ...over,
});
const average = (moments: readonly Moment[], from: number): number => {
  const part = moments.filter(({ ms }) => ms >= from * 1000);
  return part.reduce((sum, { settled }) => sum + settled, 0) / part.length;
};

describe('adaptive connections', () => {
  for (const partBytes of [5_000_000, 16_000_000, 100_000_000]) {
    it(`settles low on 8 Mbit/s and 100 ms (parts of ${partBytes / 1e6} MB)`, () => {
      const slow = link({
        perConnection: 8 * MBIT,
        total: 8 * MBIT,
        roundTripMs: 100,
        sendBufferBytes: 500_000,
        partBytes,
      });
      const seen = runLink(new AdaptiveConnections(32), () => slow, 900, 40);
      assert.ok(Math.max(...seen.map(({ allowed }) => allowed)) <= 2 * TUNING.startConnections);
      assert.ok(average(seen, 300) <= 3, `${average(seen, 300).toFixed(1)} on average`);
    });
  }

  it('tries no more than it has while a limit holds back the bytes, and climbs once that is lifted', () => {
    const fat = { perConnection: 16 * MBIT, total: 400 * MBIT, roundTripMs: 200 };
    const limited = (seconds: number) =>
      link(seconds < 300 ? { ...fat, total: 8 * MBIT, limited: true } : fat);
    const seen = runLink(new AdaptiveConnections(64), limited, 900, 80);
    const before = seen.filter(({ ms }) => ms < 300_000);
    assert.ok(Math.max(...before.map(({ allowed }) => allowed)) <= TUNING.startConnections);
    assert.ok(average(seen, 700) >= 18, `${average(seen, 700).toFixed(1)} on average after the limit`);
  });

  it('settles high on a long fat link, within half a minute', () => {
    const fat = link({ perConnection: 16 * MBIT, total: 400 * MBIT, roundTripMs: 200 });
    const seen = runLink(new AdaptiveConnections(64), () => fat, 600, 80);
    assert.ok(average(seen, 30) >= 18, `${average(seen, 30).toFixed(1)} on average after 30 s`);
    assert.ok(average(seen, 300) <= 34, `${average(seen, 300).toFixed(1)} on average at the end`);
  });

  it('finds the few that a medium link needs', () => {
    const medium = link({ perConnection: 30 * MBIT, total: 100 * MBIT });
    const seen = runLink(new AdaptiveConnections(32), () => medium, 600, 40);
    assert.ok(average(seen, 120) >= 3 && average(seen, 120) <= 7, average(seen, 120).toFixed(1));
  });

  it('follows a link that becomes faster, and one that becomes slower', () => {
    const change = (seconds: number) =>
      link(
        seconds < 400
          ? { perConnection: 8 * MBIT, total: 8 * MBIT }
          : { perConnection: 8 * MBIT, total: 80 * MBIT },
      );
    const seen = runLink(new AdaptiveConnections(32), change, 1600, 40);
    assert.ok(
      average(
        seen.filter(({ ms }) => ms < 400_000),
        200,
      ) <= 3,
    );
    assert.ok(average(seen, 1000) >= 7, average(seen, 1000).toFixed(1));
  });

  it('never goes above what the memory budget allows, or below one', () => {
    const fat = link({ perConnection: MBIT, total: 1000 * MBIT });
    assert.equal(
      Math.max(...runLink(new AdaptiveConnections(5), () => fat, 300, 40).map(({ allowed }) => allowed)),
      5,
    );
    const single = new AdaptiveConnections(1);
    runLink(single, () => fat, 60, 40);
    single.slowDown(60_000);
    assert.equal(single.allowed, 1);
  });

  it('does not judge the link while the source is the bottleneck', () => {
    const seen = runLink(new AdaptiveConnections(32), () => link({ perConnection: MBIT }), 120, 2);
    assert.deepEqual([...new Set(seen.map(({ allowed }) => allowed))], [TUNING.startConnections]);
  });

  it('drops a third when told to slow down, rests, and tries again', () => {
    const adaptive = new AdaptiveConnections(32);
    const fat = link({ perConnection: 8 * MBIT, total: 1000 * MBIT });
    runLink(adaptive, () => fat, 60, 40);
    const before = adaptive.settled;
    adaptive.slowDown(60_000);
    assert.equal(adaptive.allowed, Math.floor(before * 0.7));
    const seen = runLink(adaptive, () => fat, TUNING.penaltyMs / 1000 + 60 + 120, 40);
    assert.equal(
      seen.find(({ ms }) => ms === 60_000 + TUNING.penaltyMs - 1000)?.allowed,
      Math.floor(before * 0.7),
    );
    assert.ok((seen.at(-1)?.settled ?? 0) > Math.floor(before * 0.7));
  });

  it('takes isolated 503s for what they are, and drops by one when there are many', () => {
    const adaptive = new AdaptiveConnections(32);
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < 9; j++) adaptive.confirmed();
      adaptive.busy(i);
    }
    assert.equal(adaptive.allowed, TUNING.startConnections);
    for (let i = 0; i < 60; i++) adaptive.busy(i);
    assert.equal(adaptive.allowed, 1);
  });
});
