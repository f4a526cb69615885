import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Failure } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { Retrying, Tries, TroubleError } from '../../src/b2/retry/retrying.js';
import { PATIENCE, VOLUME_PATIENCE_MS, type Patience, type TroubleKind } from '../../src/b2/retry/retry.js';
import { VolumeLost } from '../../src/store.js';
import { JumpingClock } from './test-clock.js';

function setUp(patience: Patience = PATIENCE) {
  const clock = new JumpingClock();
  const events: RunEvent[] = [];
  const counters = { retries: 0 };
  const retrying = new Retrying({
    clock,
    random: () => 0.5,
    emit: (event) => events.push(event),
    patience,
    counters,
  });
  return { clock, events, counters, retrying };
}

const failing = (kind: TroubleKind, retryAfterMs?: number) =>
  new TroubleError({ kind, reason: `seen: ${kind}`, retryAfterMs });

/** Throws what the list holds, one after the other, then returns 'done'. */
function script(...thrown: (Error | undefined)[]) {
  return () => {
    const next = thrown.shift();
    return next === undefined ? Promise.resolve('done') : Promise.reject(next);
  };
}

describe('the retry loop', () => {
  it('repeats with growing pauses, reports and counts each', async () => {
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
      attempt: script(failing('slow-down', 10_000)),
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

  it('patience starts over when the store confirms anything, for whichever caller; pauses do not', async () => {
    const { retrying, clock } = setUp({ unreachableMs: 20_000, busyMs: 2_400_000 });
    let n = 0;
    const attempt = () => {
      n += 1;
      if (n > 12) return Promise.resolve('done');
      if (n % 2 === 0) retrying.noteProgress();
      return Promise.reject(failing('server-error'));
    };
    const call = { operation: 'x', stage: 'part', attempt } as const;
    assert.equal(await retrying.run(call), 'done');
    assert.ok(clock.sleeps.every((ms, i) => i === 0 || ms >= (clock.sleeps[i - 1] ?? 0)));
    assert.ok(clock.monotonic() > 5 * 60_000);
    await assert.rejects(
      retrying.run({ operation: 'y', stage: 'control', attempt: () => Promise.reject(failing('network')) }),
      (thrown) =>
        thrown instanceof Failure &&
        thrown.kind === 'unavailable' &&
        thrown.message === 'seen: network (6 tries in 20 s)',
    );
  });

  it('a call that gets through wakes those waiting for the same line, and those of the same volume', async () => {
    const { retrying, clock } = setUp();
    const woken: string[] = [];
    const wait = (name: string, kind: TroubleKind, fileId?: string) =>
      retrying.pause(60_000, kind, fileId).then(() => {
        woken.push(`${name} at ${clock.monotonic()}`);
      });
    const waiting = [
      wait('line', 'network'),
      wait('same volume', 'full', 'A'),
      wait('other volume', 'full', 'B'),
      wait('busy call', 'server-error'),
    ];
    retrying.noteProgress('A');
    await Promise.all(waiting);
    assert.deepEqual(woken, ['line at 0', 'same volume at 0', 'other volume at 60000', 'busy call at 60000']);
  });

  it('an outage of a minute costs little more than a minute', async () => {
    const { retrying, clock } = setUp();
    const OUTAGE_MS = 60_000;
    const upload = async (name: number) =>
      retrying.run({
        operation: `part ${name}`,
        stage: 'part',
        // Each call fails at its own time.
        attempt: async () => {
          await clock.sleep(100 + 333 * name);
          if (clock.monotonic() < OUTAGE_MS) throw failing('network');
          retrying.noteProgress();
        },
      });
    await Promise.all([0, 1, 2, 3].map(upload));
    assert.ok(clock.monotonic() < 1.35 * OUTAGE_MS, `${clock.monotonic()} ms`);
  });

  it('a part that works gives its call a new count of failures', async () => {
    const { retrying, clock } = setUp();
    const tries = new Tries(retrying, { operation: 'download', stage: 'download' });
    for (let n = 0; n < 5; n++) {
      await tries.failed(failing('network'));
      tries.worked();
    }
    assert.deepEqual(clock.sleeps, [750, 750, 750, 750, 750]);
  });

  it('asks whether it worked anyway before it tries again', async () => {
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

  it('gives up a volume whose vault stays full for three quarters of an hour, and not before', async () => {
    const { retrying, clock } = setUp();
    let n = 0;
    const attempt = () => {
      n += 1;
      // Other volumes go on all the time.
      retrying.noteProgress('another');
      return Promise.reject(failing('full'));
    };
    await assert.rejects(
      retrying.run({ operation: 'part', stage: 'part', fileId: 'F', attempt }),
      (thrown) => thrown instanceof VolumeLost && thrown.fileId === 'F',
    );
    assert.ok(clock.monotonic() >= VOLUME_PATIENCE_MS);
    assert.ok(n < 25, `${n} bodies sent`);
  });

  it("what is not the store's trouble passes through at once", async () => {
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
