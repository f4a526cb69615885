import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  backoffMs,
  BUSY_URLS,
  decide,
  FULL_URLS,
  RETRY_RULES,
  type Attempt,
  type Decision,
  type Stage,
  type Trouble,
  type TroubleKind,
} from '../../src/b2/retry/retry.js';

const HALF = 0.5;

/** The decision in a word: `new 750`, `same 2100 all`, `authorize`, `anew`, `stop denied`. */
function word(decision: Decision): string {
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
  readonly stage: Stage;
  readonly kind: TroubleKind;
  /** What the 1st, 2nd … failure leads to, each on another URL. */
  readonly leads: readonly string[];
  readonly retryAfterMs?: number;
}

// Pauses are those of random = 0.5: three quarters of 1, 2, 4 … s.
const TABLE: readonly Row[] = [
  { stage: 'part', kind: 'network', leads: ['new now', 'new 750', 'new 1500', 'new 3000'] },
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
      'new 48000',
      'new 48000',
      'new 48000',
      'anew',
    ],
  },
  { stage: 'part', kind: 'full', leads: ['new now', 'new 750', 'new 1500', 'new 3000', 'anew'] },
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
  { stage: 'volume', kind: 'full', leads: ['new 750', 'new 1500', 'new 3000', 'new 6000', 'anew'] },
  { stage: 'volume', kind: 'gone', leads: ['anew'] },
  { stage: 'volume', kind: 'token-expired', leads: ['authorize now', 'authorize now', 'authorize 750'] },
  { stage: 'control', kind: 'network', leads: ['new 750', 'new 1500'] },
  { stage: 'control', kind: 'server-error', leads: ['new 750', 'new 1500'] },
  { stage: 'control', kind: 'server-error', retryAfterMs: 5000, leads: ['new 5250 all'] },
  { stage: 'control', kind: 'slow-down', leads: ['same 750 all'] },
  { stage: 'control', kind: 'token-expired', leads: ['authorize now'] },
  { stage: 'control', kind: 'gone', leads: ['stop denied'] },
  { stage: 'authorize', kind: 'token-expired', leads: ['stop denied'] },
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
const nth = (stage: Stage, kind: TroubleKind, n: number, retryAfterMs?: number): Attempt => ({
  stage,
  trouble: trouble(kind, retryAfterMs),
  spent: n,
  distinctUrls: n,
  sameTrouble: n,
  budget: 20,
});

describe('retry decision', () => {
  for (const { stage, kind, leads, retryAfterMs } of TABLE) {
    it(`${stage}: ${kind}${retryAfterMs === undefined ? '' : `, Retry-After ${retryAfterMs / 1000}`}`, () => {
      assert.deepEqual(
        leads.map((_, i) => word(decide(nth(stage, kind, i + 1, retryAfterMs), HALF))),
        leads,
      );
    });
  }

  it('a refusal keeps its own kind, message and hint', () => {
    const refusal = { kind: 'cap', message: 'a cap', hint: 'raise it' } as const;
    const attempt = { ...nth('part', 'refused', 1), trouble: { ...trouble('refused'), refusal } };
    assert.deepEqual(decide(attempt, HALF), { action: 'stop', refusal });
  });

  it('stops as unavailable, with the last reason and what to do, when the budget is used up', () => {
    for (const kind of Object.keys(RETRY_RULES) as (keyof typeof RETRY_RULES)[]) {
      const decision = decide({ ...nth('control', kind, 20), distinctUrls: 1 }, HALF);
      assert.ok(decision.action === 'stop');
      assert.deepEqual(decision.refusal, {
        kind: 'unavailable',
        message: `seen: ${kind} (20 tries)`,
        hint: RETRY_RULES[kind].hint,
      });
    }
  });

  it('a busy URL tried again and again is not a full vault: different ones count', () => {
    assert.equal(word(decide({ ...nth('part', 'full', FULL_URLS), distinctUrls: 1 }, HALF)), 'new 6000');
    assert.equal(
      word(decide({ ...nth('part', 'server-error', BUSY_URLS), distinctUrls: BUSY_URLS - 1 }, HALF)),
      'new 48000',
    );
  });

  it('pauses: half to all of 1, 2, 4 … 64 s, whatever the random number', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (n, random) => {
          const whole = Math.min(64_000, 1000 * 2 ** Math.min(n - 1, 10));
          const pause = backoffMs(n, random);
          assert.ok(pause >= whole / 2 && pause <= whole, `${n}: ${pause}`);
        },
      ),
    );
  });

  it('ends: every kind of trouble at every stage stops or begins anew within the budget', () => {
    const stages: Stage[] = ['authorize', 'control', 'volume', 'object', 'part', 'download'];
    const kinds = [...Object.keys(RETRY_RULES), 'gone', 'refused'] as TroubleKind[];
    fc.assert(
      fc.property(
        fc.constantFrom(...stages),
        fc.constantFrom(...kinds),
        fc.integer({ min: 1, max: 40 }),
        (stage, kind, budget) => {
          assert.notEqual(decide({ ...nth(stage, kind, budget), budget }, HALF).action, 'retry');
        },
      ),
    );
  });
});
