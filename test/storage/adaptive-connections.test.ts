import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADAPTIVE, AdaptiveConnections } from '../../src/storage/adaptive-connections.js';

/** A line that carries `perConnection` with each connection, `total` at most. Runs `seconds`; returns the numbers over time. */
function simulate(line: (seconds: number) => { perConnection: number; total: number }, seconds: number, max = 32): number[] {
  const adaptive = new AdaptiveConnections({ ...ADAPTIVE, max });
  const seen: number[] = [];
  for (let ms = 0; ms < seconds * 1000; ms += 100) {
    const { perConnection, total } = line(ms / 1000);
    adaptive.accepted(ms, Math.min(total, perConnection * adaptive.allowed) / 10, true);
    seen.push(adaptive.allowed);
  }
  return seen;
}

const average = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

describe('adaptive connections', () => {
  it('settles low on a line that one connection fills (8 Mbit/s, 100 ms)', () => {
    const seen = simulate(() => ({ perConnection: 1_000_000, total: 1_000_000 }), 600);
    assert.ok(average(seen.slice(600)) < 3, `${average(seen.slice(600))} connections on average`);
    assert.ok(Math.max(...seen) <= 4);
  });

  it('settles high on a long fat line, and soon', () => {
    const seen = simulate(() => ({ perConnection: 2_000_000, total: 40_000_000 }), 600);
    assert.ok((seen[300] ?? 0) >= 12, `${seen[300] ?? 0} after 30 s`);
    assert.ok(average(seen.slice(3000)) >= 16, `${average(seen.slice(3000))} on average`);
  });

  it('never goes over what the memory budget allows', () => {
    assert.equal(Math.max(...simulate(() => ({ perConnection: 1, total: 1e9 }), 300, 5)), 5);
  });

  it('takes a third away when B2 asks for less, and comes back slowly', () => {
    const adaptive = new AdaptiveConnections({ min: 1, max: 16, start: 9, windowMs: 1000 });
    assert.deepEqual(adaptive.tooMuch(0, 'busy'), { allowed: 6, reason: 'busy' });
    for (let ms = 0; ms <= 8000; ms += 100) adaptive.accepted(ms, 1000 * adaptive.allowed, true);
    const rested = adaptive.allowed;
    for (let ms = 8100; ms <= 40_000; ms += 100) adaptive.accepted(ms, 1000 * adaptive.allowed, true);
    assert.deepEqual([rested, adaptive.allowed > rested], [6, true], 'rests, then tries again');
    assert.equal(new AdaptiveConnections({ min: 1, max: 4, start: 1, windowMs: 1 }).tooMuch(0, 'busy'), undefined, 'never below one');
  });

  it('does not judge the line while the source is what holds it up', () => {
    const adaptive = new AdaptiveConnections({ ...ADAPTIVE, max: 32 });
    for (let ms = 0; ms < 60_000; ms += 100) adaptive.accepted(ms, 1000, false);
    assert.equal(adaptive.allowed, ADAPTIVE.start);
  });
});
