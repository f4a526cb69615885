import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runAuto } from '../../src/bandwidth/auto.js';
import { Gate } from '../../src/bandwidth/gate.js';
import { FakeClock } from './fake-clock.js';

it('the delay is probed five times a second while something is sent, and once a second otherwise', async () => {
  const clock = new FakeClock();
  const gate = new Gate(clock);
  const stop = new AbortController();
  let probes = 0;
  runAuto({
    gate,
    clock,
    emit: () => undefined,
    probe: () => {
      probes += 1;
      return Promise.resolve(20);
    },
    signal: stop.signal,
    scavenger: { min: 10_000, max: 1_000_000 },
  });
  const probesIn = async (seconds: number, send: boolean): Promise<number> => {
    const before = probes;
    for (let tenths = 0; tenths < 10 * seconds; tenths++) {
      if (send) void gate.take(100, stop.signal)?.catch(() => undefined);
      await clock.advance(100);
    }
    return probes - before;
  };
  try {
    const idle = await probesIn(10, false);
    assert.ok(idle >= 10 && idle <= 11, `${idle} probes`);
    const busy = await probesIn(10, true);
    assert.ok(busy >= 45 && busy <= 51, `${busy} probes`);
  } finally {
    stop.abort();
  }
});
