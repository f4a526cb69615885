import assert from 'node:assert/strict';
import { it } from 'node:test';
import { forecast, type Scenario } from '../../bench/paper.js';

const costs = { read: 1e-10, compress: 400e-10, seal: 10e-10, send: 20e-10 };
const scenario: Scenario = {
  cores: 4,
  slower: 1,
  lineBytesPerSecond: 100e6,
  roundTripSeconds: 0.2,
  connectionBytesPerSecond: 5e6,
  partBytes: 8e6,
  tarBytes: 1e13,
};

it('on paper: the CPUs limit a slow codec, the line a fast one, the main thread is one core', () => {
  const slow = forecast(costs, 0.5, 0, scenario);
  assert.equal(slow.limit, 'cpu');
  assert.equal(Math.round(slow.rate / 1e6), Math.round(4e10 / (401 + 15) / 1e6));
  const fast = forecast({ ...costs, compress: 0 }, 1, 0, scenario);
  assert.deepEqual([fast.limit, fast.rate, fast.seconds], ['line', 100e6, 1e5]);
  // 8 MB in 1.6 s and 0.2 s of waiting: 4.44 MB/s each.
  assert.equal(fast.connections, 23);
  const busy = forecast({ ...costs, compress: 0 }, 1, 0, {
    ...scenario,
    slower: 10,
    lineBytesPerSecond: 1e9,
  });
  assert.equal(Math.round(busy.rate / 1e6), Math.round(1e9 / 21 / 1e6));
  assert.equal(Math.round(busy.mainThread * 100), 100);
});
