/** Every stage with every kind of fault: what comes of it, and what it costs in requests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { beyondIdeal, IDEAL, journey } from './fault-journey.js';
import { IMPATIENT } from './quick-clock.js';

type Row = readonly [fault: string, more: Readonly<Record<string, number>>];

const again = (operation: string) => ({ [operation]: 1 });
const loginAgain = (operation: string) => ({ [operation]: 1, authorize_account: 1 });
/** Tried on another URL. */
const PART = { upload_part: 1, get_upload_part_url: 1 };
const FILE = { upload_file: 1, get_upload_url: 1 };
/** Whether it worked is asked before it is tried again. */
const FINISH = { finish_large_file: 1, get_file_info: 1 };

const CURED: readonly Row[] = [
  ...[
    '500',
    '503',
    '503:3',
    '408',
    '429',
    '429:2',
    'reset-before',
    'reset-body',
    'reset-after',
    'lost',
    'stall-answer',
    'stall-body',
    'page:403',
    'page:404',
    'page:200',
  ].flatMap((fault): Row[] => [
    [`authorize_account=${fault}@1`, again('authorize_account')],
    [`list_buckets=${fault}@1`, again('list_buckets')],
    [`start_large_file=${fault}@1`, again('start_large_file')],
    [`get_upload_part_url=${fault}@1`, again('get_upload_part_url')],
    [`get_upload_url=${fault}@1`, again('get_upload_url')],
  ]),
  ...[
    'list_buckets',
    'start_large_file',
    'get_upload_part_url',
    'get_upload_url',
    'finish_large_file',
  ].flatMap((operation): Row[] => [
    [`${operation}=401@1`, loginAgain(operation)],
    [`${operation}=401:bad_auth_token@1`, loginAgain(operation)],
  ]),
  ...[
    '500',
    '503',
    '503:3',
    '503-early',
    '503-drain',
    '401-early',
    '408',
    '401',
    '401:bad_auth_token',
    'reset-before',
    'reset-body',
    'reset-after',
    'stall-body',
    'stall-answer',
    'lost',
    'wrong-sha1',
    '400:auth_token_limit',
    'page:403',
    'page:200',
    'empty',
  ].flatMap((fault): Row[] => [
    [`upload_part=${fault}@1`, PART],
    [`upload_part=${fault}@3`, PART],
    [`upload_file=${fault}@1`, FILE],
  ]),
  ['upload_part=429@2', again('upload_part')],
  ['upload_part=429:5@2', again('upload_part')],
  ['upload_file=429:5@1', again('upload_file')],
  // `{}` where an answer should be: for the finish B2 is asked whether it worked.
  ...['authorize_account', 'list_buckets', 'start_large_file', 'get_upload_part_url', 'get_upload_url'].map(
    (operation): Row => [`${operation}=empty@1`, again(operation)],
  ),
  ['finish_large_file=empty@1', again('get_file_info')],
  ...['500', '503', '408', 'page:403', 'reset-before', 'reset-body', 'reset-after'].map((fault): Row => [
    `finish_large_file=${fault}@1`,
    FINISH,
  ]),
  ...['lost', 'stall-answer', 'stall-body'].map((fault): Row => [
    `finish_large_file=${fault}@1`,
    again('get_file_info'),
  ]),
  ['finish_large_file=429:2@1', again('finish_large_file')],
];

// Most of the time is pauses: rows run side by side.
const SIDE_BY_SIDE = { concurrency: 6 };

describe('fault matrix: cured', SIDE_BY_SIDE, () => {
  for (const [fault, more] of CURED) {
    it(`${fault} costs ${JSON.stringify(more)}`, async () => {
      const stalls = fault.includes('stall');
      const seen = await journey({ faults: [fault], ...(stalls ? { store: { timeouts: IMPATIENT } } : {}) });
      assert.equal(seen.outcome, 'whole', seen.message);
      assert.deepEqual(beyondIdeal(seen.requests), more);
      const asked = /(?:429|503):(\d)/.exec(fault)?.[1];
      // A busy upload URL is not waited for: another one is asked for at once.
      const waits = asked !== undefined && !/upload_(part|file)=503/.test(fault);
      if (waits) assert.ok(seen.longestPauseMs >= Number(asked) * 1000, `paused ${seen.longestPauseMs} ms`);
    });
  }
});

const FATAL: readonly [
  fault: string,
  outcome: string,
  message: RegExp,
  count: Readonly<Record<string, number>>,
][] = [
  [
    'authorize_account=401:unauthorized',
    'denied',
    /does not accept the application key/,
    { authorize_account: 1 },
  ],
  ['authorize_account=transaction-cap', 'cap', /cap of the B2 account is reached/, { authorize_account: 1 }],
  ['authorize_account=503', 'unavailable', /tries in \d+ \w/, {}],
  ['list_buckets=401:unauthorized', 'denied', /b2_list_buckets/, { list_buckets: 1 }],
  ['list_buckets=transaction-cap', 'cap', /transaction_cap_exceeded/, { list_buckets: 1 }],
  ['start_large_file=cap', 'cap', /storage_cap_exceeded/, { start_large_file: 1 }],
  ['start_large_file=reset-before', 'unavailable', /tries in \d+ \w/, {}],
  ['get_upload_part_url=cap', 'cap', /storage_cap_exceeded/, { get_upload_part_url: 1 }],
  ['get_upload_part_url=503', 'unavailable', /tries in \d+ \w/, {}],
  ['upload_part=cap@2', 'cap', /storage_cap_exceeded/, { upload_part: 2 }],
  ['upload_part=403:access_denied@1', 'denied', /access_denied/, { upload_part: 1 }],
  ['upload_part=400:bad_request@1', 'denied', /B2 refuses/, { upload_part: 1 }],
  ['upload_part=reset-after', 'unavailable', /tries in \d+ \w/, {}],
  [
    'upload_part=wrong-sha1',
    'unavailable',
    /confirms .* with SHA-1/,
    { upload_part: 5, get_upload_part_url: 5 },
  ],
  ['upload_part=429', 'unavailable', /tries in \d+ \w/, { get_upload_part_url: 1 }],
  ['upload_part=503', 'unavailable', /too busy .*tries in \d+ \w/, {}],
  ['finish_large_file=cap', 'cap', /storage_cap_exceeded/, { finish_large_file: 1 }],
  ['finish_large_file=500', 'unavailable', /tries in \d+ \w/, {}],
  ['upload_file=cap', 'cap', /storage_cap_exceeded/, { upload_file: 1 }],
  ['upload_file=503', 'unavailable', /tries in \d+ \w/, {}],
  ['get_upload_url=401:unauthorized', 'denied', /b2_get_upload_url/, { get_upload_url: 1 }],
];

describe('fault matrix: final', SIDE_BY_SIDE, () => {
  for (const [fault, outcome, message, count] of FATAL) {
    it(`${fault} ends as ${outcome}`, async () => {
      const seen = await journey({
        faults: [fault],
        partCount: /^upload_part=[^@]*(@1)?$/.test(fault) ? 1 : 3,
        store: { patience: { unreachableMs: 100_000, busyMs: 100_000 } },
      });
      assert.equal(seen.outcome, outcome, seen.message);
      assert.match(seen.message, message);
      assert.ok(!seen.message.includes('\n'));
      for (const [operation, times] of Object.entries(count))
        assert.equal(seen.requests[operation], times, `${operation}: ${JSON.stringify(seen.requests)}`);
      if (outcome === 'unavailable' || outcome === 'cap') assert.ok(seen.hint, 'says what to do');
    });
  }
});

describe('many faults at once', () => {
  for (const connections of [4, 'auto'] as const) {
    it(`10 % of 503, 5 % of resets, 2 % of expired tokens: whole, and no storm of requests (${connections} connections)`, async () => {
      const partCount = 300;
      const seen = await journey({
        faults: ['upload_part=503@10%', 'upload_part=reset-body@5%', 'upload_part=401@2%', '*=401@/150'],
        partCount,
        partBytes: 20_000,
        store: { connections, maxConnections: 8 },
      });
      assert.equal(seen.outcome, 'whole', seen.message);
      const total = Object.values(seen.requests).reduce((a, b) => a + b, 0);
      const ideal = Object.values(IDEAL).reduce((a, b) => a + b, 0) - 3 + partCount;
      const faulted = (seen.requests['upload_part'] ?? 0) - partCount;
      assert.ok(total <= 1.2 * ideal + faulted, `${total} requests, ideal ${ideal}, ${faulted} faulted`);
    });
  }
});
