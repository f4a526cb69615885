import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from '../../src/bandwidth/gate.js';
import { FakeClock } from './fake-clock.js';

/** Sends slice after slice until aborted; returns the running total. */
function sender(gate: Gate, signal: AbortSignal): { bytes: number; done: Promise<void> } {
  const state = { bytes: 0, done: Promise.resolve() };
  const run = async () => {
    while (!signal.aborted) {
      const asked = gate.sliceBytes;
      state.bytes += (await gate.take(asked, signal)) ?? asked;
    }
  };
  state.done = run().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return state;
}

describe('the gate', () => {
  it('lets everything through at once without a limit', () => {
    const gate = new Gate(new FakeClock());
    assert.equal(gate.take(gate.sliceBytes), undefined);
    assert.equal(gate.rate, undefined);
  });

  it('holds the rate over all connections and shares it evenly', async () => {
    const clock = new FakeClock();
    const gate = new Gate(clock, 1e6);
    const stop = new AbortController();
    const senders = Array.from({ length: 7 }, () => sender(gate, stop.signal));
    for (let second = 1; second <= 10; second++) {
      const before = gate.admittedBytes;
      await clock.advance(1000);
      assert.ok(gate.admittedBytes - before <= 1.05e6);
      assert.ok(gate.admittedBytes - before >= 0.97e6);
    }
    stop.abort();
    await Promise.all(senders.map(({ done }) => done));
    const bytes = senders.map((one) => one.bytes);
    assert.equal(
      bytes.reduce((sum, one) => sum + one),
      gate.admittedBytes,
    );
    assert.ok(Math.max(...bytes) - Math.min(...bytes) <= 3 * gate.sliceBytes, String(bytes));
  });

  it('uses at least 97 % although every timer is up to 13 ms late', async () => {
    const clock = new FakeClock();
    let step = 0;
    clock.lateMs = () => (step++ * 7) % 13;
    for (const rate of [8000, 125_000, 1e6, 12.5e6]) {
      const gate = new Gate(clock, rate);
      const stop = new AbortController();
      const { done } = sender(gate, stop.signal);
      await clock.advance(5000);
      stop.abort();
      await done;
      assert.ok(gate.admittedBytes >= rate * 5 * 0.97, `${gate.admittedBytes} at ${rate}`);
      assert.ok(gate.admittedBytes <= rate * 5 * 1.01);
    }
  });

  it('serves in the order of the requests', async () => {
    const clock = new FakeClock();
    const gate = new Gate(clock, 1000);
    await gate.take(gate.sliceBytes);
    const order: number[] = [];
    for (const index of [1, 2, 3]) void gate.take(30)?.then(() => order.push(index));
    await clock.advance(1000);
    assert.deepEqual(order, [1, 2, 3]);
  });

  it('applies a new rate at once to those waiting, and gives them no more than a slice of it', async () => {
    const clock = new FakeClock();
    const gate = new Gate(clock, 12.5e6);
    assert.equal(gate.take(65_536), undefined);
    const waiting = gate.take(65_536);
    gate.setRate(8000);
    await clock.advance(50);
    assert.equal(await waiting, 739);

    await clock.advance(100);
    assert.equal(gate.take(240), undefined);
    const stuck = gate.take(240);
    gate.setRate(12.5e6);
    await clock.advance(100);
    assert.equal(await stuck, 240);
  });

  it('releases those waiting when the limit is lifted', async () => {
    const clock = new FakeClock();
    const gate = new Gate(clock, 1000);
    assert.equal(gate.take(30), undefined);
    const waiting = Array.from({ length: 100 }, async () => gate.take(30));
    gate.setRate(undefined);
    await clock.advance(0);
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([30]));
    assert.equal(gate.busy, false);
  });

  it('drops a caller that aborts, without a charge, and serves the next', async () => {
    const clock = new FakeClock();
    const gate = new Gate(clock, 1000);
    assert.equal(gate.take(30), undefined);
    const stop = new AbortController();
    const first = gate.take(30, stop.signal);
    const second = gate.take(30);
    const reason = new Error('stop');
    stop.abort(reason);
    await assert.rejects(async () => first, reason);
    await clock.advance(96);
    assert.equal(await second, 30);
    assert.equal(gate.admittedBytes, 60);
    await assert.rejects(async () => gate.take(1, stop.signal), reason);
  });

  it('leaves no timer and no listener behind', async () => {
    const clock = new FakeClock();
    const gate = new Gate(clock, 1000);
    const stop = new AbortController();
    for (let index = 0; index < 20; index++) {
      const wait = gate.take(30, stop.signal);
      await clock.advance(100);
      await wait;
    }
    assert.equal(clock.sleepers, 0);
  });
});
