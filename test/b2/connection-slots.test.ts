import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionSlots } from '../../src/b2/connections/connection-slots.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('connection slots', () => {
  it('serves in order, retries first', async () => {
    const slots = new ConnectionSlots(1);
    const order: string[] = [];
    const release = await slots.take(false);
    const queued = [false, true, false].map(async (again, i) => {
      const done = await slots.take(again);
      order.push(`${i}${again ? ' again' : ''}`);
      done();
    });
    assert.equal(slots.waiting, 3);
    release();
    release();
    await Promise.all(queued);
    assert.deepEqual(order, ['1 again', '0', '2']);
    assert.equal(slots.busy, 0);
  });

  it('admits more at once when more are allowed, and fewer as they end', async () => {
    const slots = new ConnectionSlots(1);
    const held: (() => void)[] = [];
    const takers = Array.from({ length: 4 }, async () => held.push(await slots.take(false)));
    await settle();
    assert.equal(held.length, 1);
    slots.allow(3);
    await settle();
    assert.equal(held.length, 3);
    slots.allow(1);
    held[0]?.();
    held[1]?.();
    await settle();
    assert.equal(slots.busy, 1);
    assert.equal(slots.waiting, 1);
    held[2]?.();
    await Promise.all(takers);
    assert.equal(slots.busy, 1);
  });

  it('an aborted one leaves the queue and takes nothing', async () => {
    const slots = new ConnectionSlots(1);
    const release = await slots.take(false);
    const abort = new AbortController();
    const waiting = slots.take(false, abort.signal);
    abort.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(slots.take(false, abort.signal), /enough/);
    release();
    assert.equal(slots.waiting, 0);
    assert.equal(slots.busy, 0);
  });
});
