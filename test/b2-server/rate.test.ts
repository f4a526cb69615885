import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Line, Rates } from '../support/b2-server/rate.js';
import { sha1Of, withServer } from './client.js';

function line(bytesPerSecond: number): { time: { now: number }; line: Line } {
  const time = { now: 0 };
  return {
    time,
    line: new Line(bytesPerSecond, {
      now: () => 0,
      monotonic: () => time.now,
      sleep: () => Promise.resolve(),
    }),
  };
}

test('a client that waits as told gets just the rate', () => {
  for (const rate of [1_000, 1_000_000, 12_500_000]) {
    const { time, line: one } = line(rate);
    time.now = 1000;
    const chunk = rate / 50;
    for (let count = 0; count < 500; count++) time.now += Math.max(0, one.carry(chunk));
    const seconds = (time.now - 1000) / 1000;
    assert.ok(Math.abs(seconds - 10) < 0.01, `${rate}: ${seconds} s`);
  }
});

test('idle time is lost, except for a little that late timers may catch up', () => {
  const { time, line: one } = line(1000);
  one.carry(10);
  time.now = 60_000;
  assert.equal(one.carry(10), 5);
  time.now += 7;
  assert.equal(one.carry(10), 8);
});

test('the shared line is shared, the own is not', () => {
  const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };
  const shared = new Rates({ total: 1000 }, clock);
  const [a, b] = [shared.pace(), shared.pace()];
  assert.equal(a?.(10), 5);
  assert.equal(b?.(10), 15);
  const each = new Rates({ perConnection: 1000 }, clock);
  assert.equal(each.pace()?.(10), 5);
  assert.equal(each.pace()?.(10), 5);
  assert.equal(new Rates({}, clock).pace(), undefined);
});

test('waits are asked of the clock: latency for each answer, pace for the bytes of both directions', async () => {
  const slept: number[] = [];
  const clock = {
    now: () => Date.now(),
    monotonic: () => 0,
    sleep: (ms: number) => Promise.resolve(void slept.push(ms)),
  };
  await withServer(
    { clock, latencyMs: 40, bytesPerSecond: { perConnection: 1_000_000 } },
    async (b2, client) => {
      // Each request of this client opens a connection of its own: one more round trip.
      assert.deepEqual(slept, [80]);
      b2.bucket('test-bucket').put('f', Buffer.alloc(105_000));
      slept.length = 0;
      const { body } = await client.get('/file/test-bucket/f');
      assert.equal(sha1Of(body), sha1Of(Buffer.alloc(105_000)));
      assert.deepEqual(slept, [80, 100]);
    },
  );
});
