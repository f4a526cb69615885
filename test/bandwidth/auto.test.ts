import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runAuto } from '../../src/bandwidth/auto.js';
import { Gate } from '../../src/bandwidth/gate.js';
import { FakeClock } from './fake-clock.js';

it('the delay is probed once a second; somewhat more often while the rate is changing, or an answer is in doubt', async () => {
  const clock = new FakeClock();
  const gate = new Gate(clock);
  const stop = new AbortController();
  let probes = 0;
  let rttMs = 20;
  runAuto({
    gate,
    clock,
    emit: () => undefined,
    probe: () => {
      probes += 1;
      return Promise.resolve(rttMs);
    },
    signal: stop.signal,
    scavenger: { min: 10_000, max: 1_000_000 },
  });
  let sending = false;
  const send = async () => {
    while (sending) await gate.take(gate.sliceBytes, stop.signal);
  };
  const probesIn = async (seconds: number): Promise<number> => {
    const before = probes;
    for (let tenths = 0; tenths < 10 * seconds; tenths++) await clock.advance(100);
    return probes - before;
  };
  const within = (count: number, least: number, most: number, when: string): void => {
    assert.ok(count >= least && count <= most, `${count} probes ${when}`);
  };
  try {
    within(await probesIn(10), 10, 11, 'while nothing is sent');
    sending = true;
    const senders = Promise.allSettled([send(), send()]);
    within(await probesIn(8), 12, 20, 'while the rate is looked for');
    await probesIn(10);
    within(await probesIn(60), 60, 62, 'once it is found');
    rttMs = 60;
    within(await probesIn(2), 3, 5, 'in doubt');
    rttMs = 20;
    await probesIn(20);
    within(await probesIn(60), 60, 62, 'afterwards');
    sending = false;
    stop.abort();
    await senders;
  } finally {
    stop.abort();
  }
});
