import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  backoffMs,
  decideRetry,
  LEAST_UPLOADS,
  PATIENCE,
  patienceOf,
  RETRY_RULES,
  VOLUME_PATIENCE_MS,
  type Attempt,
  type RetryDecision,
  type CallStage,
  type Trouble,
  type TroubleKind,
} from '../../src/b2/retry/retry.js';

const HALF = 0.5;

/** The decision in a word: `new 750`, `same 2100 all`, `authorize`, `anew`, `stop denied`. */
function word(decision: RetryDecision): string {
  switch (decision.action) {
    case 'stop':
      return `stop ${decision.refusal.kind}`;
    case 'begin-anew':
      return 'anew';
    case 'retry':
      return [
        decision.authorize ? 'authorize' : decision.endpoint,
        decision.pauseMs === 0 ? 'now' : String(decision.pauseMs),
        decision.forAll ? 'all' : '',
      ]
        .filter((part) => part !== '')
        .join(' ');
  }
}

interface Row {
  readonly stage: CallStage;
  readonly kind: TroubleKind;
  /** What the 1st, 2nd … failure leads to, each on another URL. */
  readonly leads: readonly string[];
  readonly retryAfterMs?: number;
}

// Pauses are those of random = 0.5: three quarters of 1, 2, 4 … s.
const TABLE: readonly Row[] = [
  {
    stage: 'part',
    kind: 'network',
    leads: ['new now', 'new 750', 'new 1500', 'new 3000', 'new 6000', 'new 12000', 'new 22500', 'new 22500'],
  },
  { stage: 'part', kind: 'foreign-answer', leads: ['new now', 'new 750'] },
  { stage: 'part', kind: 'stalled', leads: ['new now', 'new 750', 'new 1500'] },
  { stage: 'part', kind: 'request-timeout', leads: ['new 750', 'new 1500'] },
  {
    stage: 'part',
    kind: 'server-error',
    leads: [
      'new now',
      'new 750',
      'new 1500',
      'new 3000',
      'new 6000',
      'new 12000',
      'new 24000',
      'new 48000',
      'new 96000',
      'new 192000',
      'new 225000',
      'new 225000',
    ],
  },
  { stage: 'part', kind: 'full', leads: ['new now', 'new 750', 'new 1500', 'new 3000', 'new 6000'] },
  { stage: 'part', kind: 'slow-down', leads: ['same 750 all', 'same 1500 all'] },
  { stage: 'part', kind: 'slow-down', retryAfterMs: 20_000, leads: ['same 21000 all', 'same 21000 all'] },
  { stage: 'part', kind: 'server-error', retryAfterMs: 5000, leads: ['new now', 'new 5250', 'new 5250'] },
  { stage: 'part', kind: 'token-expired', leads: ['new now', 'new now', 'new 750'] },
  { stage: 'part', kind: 'endpoint-in-use', leads: ['new now', 'new now', 'new 750'] },
  {
    stage: 'part',
    kind: 'damaged',
    leads: ['new now', 'new 750', 'new 1500', 'new 3000', 'stop unavailable'],
  },
  { stage: 'part', kind: 'gone', leads: ['anew'] },
  { stage: 'part', kind: 'refused', leads: ['stop denied'] },
  { stage: 'object', kind: 'server-error', leads: ['new now', 'new 750'] },
  {
    stage: 'object',
    kind: 'full',
    leads: ['new now', 'new 750', 'new 1500', 'new 3000', 'new 6000', 'new 12000'],
  },
  { stage: 'object', kind: 'gone', leads: ['stop denied'] },
  { stage: 'volume', kind: 'full', leads: ['new 750', 'new 1500', 'new 3000', 'new 6000', 'new 12000'] },
  { stage: 'volume', kind: 'gone', leads: ['anew'] },
  { stage: 'volume', kind: 'token-expired', leads: ['authorize now', 'authorize now', 'authorize 750'] },
  { stage: 'control', kind: 'network', leads: ['new 750', 'new 1500'] },
  { stage: 'control', kind: 'server-error', leads: ['new 750', 'new 1500'] },
  { stage: 'control', kind: 'server-error', retryAfterMs: 5000, leads: ['new 5250 all'] },
  { stage: 'control', kind: 'slow-down', leads: ['same 750 all'] },
  { stage: 'control', kind: 'token-expired', leads: ['authorize now'] },
  { stage: 'control', kind: 'gone', leads: ['stop denied'] },
  { stage: 'authorize', kind: 'token-expired', leads: ['stop denied'] },
  { stage: 'authorize', kind: 'key-refused', leads: ['stop denied'] },
  // A key that worked in this run: B2 was seen to refuse it for a while.
  { stage: 'renew', kind: 'key-refused', leads: ['new 750', 'new 1500', 'new 3000'] },
  { stage: 'copy', kind: 'server-error', leads: ['new 750', 'new 1500'] },
  { stage: 'copy', kind: 'token-expired', leads: ['authorize now'] },
  { stage: 'authorize', kind: 'network', leads: ['new 750'] },
  { stage: 'download', kind: 'token-expired', leads: ['authorize now'] },
  { stage: 'download', kind: 'network', leads: ['new 750', 'new 1500'] },
  // A header that would stop the whole night.
  { stage: 'control', kind: 'slow-down', retryAfterMs: 86_400_000, leads: ['same 945000 all'] },
];

const trouble = (kind: TroubleKind, retryAfterMs?: number): Trouble => ({
  kind,
  reason: `seen: ${kind}`,
  retryAfterMs,
});
const nth = (stage: CallStage, kind: TroubleKind, n: number, retryAfterMs?: number): Attempt => ({
  stage,
  trouble: trouble(kind, retryAfterMs),
  failures: n,
  sameTrouble: n,
  troubleMs: 1000 * n,
  quietMs: 1000 * n,
  patience: PATIENCE,
});

describe('retry decision', () => {
  for (const { stage, kind, leads, retryAfterMs } of TABLE) {
    it(`${stage}: ${kind}${retryAfterMs === undefined ? '' : `, Retry-After ${retryAfterMs / 1000}`}`, () => {
      assert.deepEqual(
        leads.map((_, i) => word(decideRetry(nth(stage, kind, i + 1, retryAfterMs), HALF))),
        leads,
      );
    });
  }

  it('a refusal keeps its own kind, message and hint', () => {
    const refusal = { kind: 'cap', message: 'a cap', hint: 'raise it' } as const;
    const attempt = { ...nth('part', 'refused', 1), trouble: { ...trouble('refused'), refusal } };
    assert.deepEqual(decideRetry(attempt, HALF), { action: 'stop', refusal });
  });

  const stops = Object.keys(RETRY_RULES) as (keyof typeof RETRY_RULES)[];

  it('stops as unavailable, with the last reason and what to do, when nothing got through for its patience', () => {
    for (const kind of stops) {
      const { patience, hint } = RETRY_RULES[kind];
      const quietMs = PATIENCE[patience];
      const attempt = { ...nth('control', kind, 3), troubleMs: quietMs };
      assert.equal(decideRetry({ ...attempt, quietMs: quietMs - 1 }, HALF).action, 'retry');
      const decision = decideRetry({ ...attempt, quietMs }, HALF);
      assert.ok(decision.action === 'stop');
      const message = `seen: ${kind} (3 tries in ${quietMs / 60_000} min)`;
      assert.deepEqual(decision.refusal, { kind: 'unavailable', message, hint });
    }
  });

  it('a key that B2 refuses for good in mid-run is reported as such', () => {
    const refusal = { kind: 'denied', message: 'not accepted', hint: 'check it' } as const;
    const attempt = { ...nth('renew', 'key-refused', 9), trouble: { ...trouble('key-refused'), refusal } };
    assert.equal(decideRetry(attempt, HALF).action, 'retry');
    assert.deepEqual(decideRetry({ ...attempt, quietMs: PATIENCE.unreachableMs }, HALF), {
      action: 'stop',
      refusal,
    });
  });

  it('a volume is never given up within minutes', () => {
    const long = { troubleMs: VOLUME_PATIENCE_MS - 1, quietMs: 60_000 };
    for (const stage of ['part', 'volume'] as const) {
      for (const kind of ['full', 'server-error'] as const) {
        const attempt = { ...nth(stage, kind, 40), ...long };
        assert.equal(decideRetry(attempt, HALF).action, 'retry', `${stage} ${kind}`);
        assert.equal(word(decideRetry({ ...attempt, troubleMs: VOLUME_PATIENCE_MS }, HALF)), 'anew');
      }
    }
  });

  it('where nothing else gets through, a busy volume is kept for the next run; a full vault is not', () => {
    const dead = { troubleMs: VOLUME_PATIENCE_MS, quietMs: PATIENCE.busyMs };
    assert.equal(
      word(decideRetry({ ...nth('part', 'server-error', 20), ...dead }, HALF)),
      'stop unavailable',
    );
    assert.equal(word(decideRetry({ ...nth('part', 'full', 20), ...dead }, HALF)), 'anew');
  });

  it('a full vault is left once patience ends, too, however short that is: the next run would find the same one', () => {
    const patience = patienceOf(60_000);
    const attempt = { ...nth('volume', 'full', 20), patience, troubleMs: patience.busyMs };
    assert.equal(decideRetry({ ...attempt, quietMs: patience.busyMs - 1 }, HALF).action, 'retry');
    assert.equal(word(decideRetry({ ...attempt, quietMs: patience.busyMs }, HALF)), 'anew');
  });

  it('a slow line, where each attempt takes long, gets its attempts', () => {
    const slow = { troubleMs: 2 * VOLUME_PATIENCE_MS, quietMs: 2 * VOLUME_PATIENCE_MS };
    for (const kind of ['network', 'server-error', 'full'] as const) {
      assert.equal(
        decideRetry({ ...nth('part', kind, LEAST_UPLOADS - 1), ...slow }, HALF).action,
        'retry',
        kind,
      );
      assert.notEqual(
        decideRetry({ ...nth('part', kind, LEAST_UPLOADS), ...slow }, HALF).action,
        'retry',
        kind,
      );
    }
  });

  it('pauses: half to all of 1, 2, 4 … s up to the longest, whatever the random number', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1000, max: 300_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (n, longestMs, random) => {
          const whole = Math.min(longestMs, 1000 * 2 ** Math.min(n - 1, 10));
          const pause = backoffMs(n, longestMs, random);
          assert.ok(pause >= Math.floor(whole / 2) && pause <= whole, `${n}: ${pause}`);
        },
      ),
    );
  });

  it('ends: every kind of trouble at every stage stops or starts over once its patience is over', () => {
    const stages: CallStage[] = [
      'authorize',
      'renew',
      'control',
      'volume',
      'object',
      'part',
      'copy',
      'download',
    ];
    const kinds = [...Object.keys(RETRY_RULES), 'gone', 'refused'] as TroubleKind[];
    fc.assert(
      fc.property(
        fc.constantFrom(...stages),
        fc.constantFrom(...kinds),
        fc.integer({ min: LEAST_UPLOADS, max: 1000 }),
        fc.integer({ min: 1000, max: 3_600_000 }),
        (stage, kind, n, quietMs) => {
          const patience = { unreachableMs: quietMs, busyMs: quietMs };
          const attempt = { ...nth(stage, kind, n), troubleMs: quietMs, quietMs, patience };
          assert.notEqual(decideRetry(attempt, HALF).action, 'retry');
        },
      ),
    );
  });
});
