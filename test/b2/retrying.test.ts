import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Failure } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { Retrying, TroubleError } from '../../src/b2/retry/retrying.js';
import type { TroubleKind } from '../../src/b2/retry/retry.js';
import { VolumeLost } from '../../src/store.js';
import { JumpingClock } from './test-clock.js';

function setUp(budget = 20) {
  const clock = new JumpingClock();
  const events: RunEvent[] = [];
  const counters = { retries: 0 };
  const retrying = new Retrying({
    clock,
    random: () => 0.5,
    emit: (event) => events.push(event),
    budget,
    counters,
  });
  return { clock, events, counters, retrying };
}

const failing = (kind: TroubleKind, endpoint?: string, retryAfterMs?: number) =>
  new TroubleError({ kind, reason: `seen: ${kind}`, retryAfterMs }, endpoint);

/** Throws what the list holds, one after the other, then returns 'done'. */
function script(...thrown: (Error | undefined)[]) {
  return () => {
    const next = thrown.shift();
    return next === undefined ? Promise.resolve('done') : Promise.reject(next);
  };
}

describe('the retry loop', () => {
  it('repeats with growing pauses, tells each, and counts them', async () => {
    const { retrying, clock, events, counters } = setUp();
    const attempt = script(failing('server-error'), failing('server-error'), failing('network'));
    assert.equal(await retrying.run({ operation: 'list', stage: 'control', attempt }), 'done');
    assert.deepEqual(clock.sleeps, [750, 1500, 3000]);
    assert.deepEqual(events[1], {
      type: 'retry',
      operation: 'list',
      reason: 'seen: server-error',
      pauseMs: 1500,
      attempt: 2,
    });
    assert.equal(counters.retries, 3);
  });

  it('a slow-down holds every call back, not only the one that was told', async () => {
    const { retrying, clock } = setUp();
    const order: string[] = [];
    const told = retrying.run({
      operation: 'a',
      stage: 'part',
      attempt: script(failing('slow-down', 'u', 10_000)),
    });
    while (clock.sleeps.length === 0) await Promise.resolve();
    const other = retrying.run({
      operation: 'b',
      stage: 'control',
      attempt: () => {
        order.push(`b at ${clock.monotonic()}`);
        return Promise.resolve();
      },
    });
    await Promise.all([told, other]);
    assert.deepEqual(order, ['b at 10500']);
  });

  it('the budget refills when the store confirms something, by whomever', async () => {
    const { retrying } = setUp(3);
    let n = 0;
    const attempt = () => {
      n += 1;
      if (n > 12) return Promise.resolve('done');
      if (n % 2 === 0) retrying.noteProgress();
      return Promise.reject(failing('network'));
    };
    assert.equal(await retrying.run({ operation: 'x', stage: 'control', attempt }), 'done');
    await assert.rejects(
      retrying.run({ operation: 'y', stage: 'control', attempt: () => Promise.reject(failing('network')) }),
      (thrown) =>
        thrown instanceof Failure &&
        thrown.kind === 'unavailable' &&
        thrown.message === 'seen: network (3 tries)',
    );
  });

  it('asks whether it worked all the same before it tries again', async () => {
    const { retrying } = setUp();
    let tries = 0;
    const attempt = () => {
      tries += 1;
      return Promise.reject(failing('network'));
    };
    assert.equal(
      await retrying.run<string>({
        operation: 'finish',
        stage: 'volume',
        attempt,
        settle: () => 'was finished',
      }),
      'was finished',
    );
    assert.equal(tries, 1);
  });

  it('gives up a volume whose vault is full after five URLs', async () => {
    const { retrying } = setUp();
    let n = 0;
    const attempt = () => Promise.reject(failing('full', `url ${++n}`));
    await assert.rejects(
      retrying.run({ operation: 'part', stage: 'part', fileId: 'F', attempt }),
      (thrown) => thrown instanceof VolumeLost && thrown.fileId === 'F',
    );
    assert.equal(n, 5);
  });

  it('what is no trouble of the store goes through at once', async () => {
    const { retrying, counters } = setUp();
    await assert.rejects(
      retrying.run({ operation: 'x', stage: 'control', attempt: script(new TypeError('a bug')) }),
      TypeError,
    );
    assert.equal(counters.retries, 0);
  });

  it('an abort ends a pause with its reason', async () => {
    const { retrying } = setUp();
    const abort = new AbortController();
    const attempt = () => Promise.reject(failing('network'));
    const running = retrying.run(
      {
        operation: 'x',
        stage: 'control',
        attempt,
        prepare: () => {
          abort.abort(new Error('stop now'));
        },
      },
      abort.signal,
    );
    await assert.rejects(running, /stop now/);
  });
});
