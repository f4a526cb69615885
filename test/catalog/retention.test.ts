import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decideRetention,
  neediest,
  periodOf,
  type Candidate,
  type RetentionRules,
} from '../../src/catalog/retention.js';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 15, 12);

function archive(
  number: number,
  ageDays: number,
  state: Candidate['state'] = 'finished',
  host = 'web',
): Candidate {
  const at = NOW - ageDays * DAY;
  const finishedAt = state === 'unfinished' || state === 'running' ? undefined : at;
  return { host, number, state, proof: 'file-info', finishedAt, lastActivityAt: at, rerunning: false };
}

const rules = (more: Partial<RetentionRules>): RetentionRules => ({
  ageDays: undefined,
  keep: 1,
  periods: {},
  ...more,
});

function golden(archives: readonly Candidate[], given: RetentionRules): string[] {
  return decideRetention(archives, given, NOW).map(
    ({ archive: { host, number, state }, action, reason }) =>
      `${host} #${number} ${state}: ${action}, ${reason}`,
  );
}

test('delete --age that never selects: what is older than the age goes, the newest finished one stays', () => {
  assert.deepEqual(
    golden([archive(1, 90), archive(2, 31), archive(3, 29), archive(4, 1)], rules({ ageDays: 30 })),
    [
      'web #1 finished: delete, 90 days old, over 30 days',
      'web #2 finished: delete, 31 days old, over 30 days',
      'web #3 finished: keep, 29 days old, not over 30 days',
      'web #4 finished: keep, newest finished archive of the host',
    ],
  );
});

test('the newest stays however old it is, and exactly the age does not count as older', () => {
  assert.deepEqual(
    golden(
      [archive(1, 900), archive(2, 800), archive(1, 30, 'finished', 'db')],
      rules({ ageDays: 30, keep: 1 }),
    ),
    [
      'web #1 finished: delete, 900 days old, over 30 days',
      'web #2 finished: keep, newest finished archive of the host',
      'db #1 finished: keep, newest finished archive of the host',
    ],
  );
  assert.equal(
    decideRetention([archive(1, 30), archive(2, 1)], rules({ ageDays: 30 }), NOW)[0]?.action,
    'keep',
  );
});

test('partial, damaged and unfinished archives never count as kept', () => {
  assert.deepEqual(
    golden(
      [
        archive(1, 100),
        archive(2, 90),
        archive(3, 80, 'partial'),
        archive(4, 70, 'unfinished'),
        archive(5, 60, 'damaged'),
        archive(6, 50, 'running'),
      ],
      rules({ ageDays: 30, keep: 1 }),
    ),
    [
      'web #1 finished: delete, 100 days old, over 30 days',
      'web #2 finished: keep, newest finished archive of the host',
      'web #3 partial: delete, partial, 80 days old, over 30 days',
      'web #4 unfinished: delete, unfinished, 70 days old, over 30 days',
      'web #5 damaged: delete, damaged, 60 days old, over 30 days',
      'web #6 running: keep, is being written',
    ],
  );
});

test('the newest partial archive of a host that has nothing better stays', () => {
  assert.deepEqual(golden([archive(1, 100, 'partial'), archive(2, 90, 'partial')], rules({ ageDays: 30 })), [
    'web #1 partial: delete, partial, 100 days old, over 30 days',
    'web #2 partial: keep, partial, but the host has no finished archive',
  ]);
});

test('--keep 3 and --keep 0', () => {
  const archives = [archive(1, 100), archive(2, 90), archive(3, 80), archive(4, 70)];
  assert.deepEqual(golden(archives, rules({ ageDays: 30, keep: 3 })), [
    'web #1 finished: delete, 100 days old, over 30 days',
    'web #2 finished: keep, one of the 3 newest finished archives',
    'web #3 finished: keep, one of the 3 newest finished archives',
    'web #4 finished: keep, one of the 3 newest finished archives',
  ]);
  assert.ok(
    decideRetention(archives, rules({ ageDays: 30, keep: 0 }), NOW).every(
      ({ action }) => action === 'delete',
    ),
  );
});

test('grandfather, father, son: the newest of each of the last days, weeks, months and years that have one', () => {
  const ages = [0.1, 0.3, 1, 2, 3, 8, 15, 22, 40, 70, 100, 200, 400, 500, 800];
  const archives = ages.map((age, i) => archive(100 - i, age));
  assert.deepEqual(golden(archives, rules({ periods: { daily: 3, weekly: 2, monthly: 3, yearly: 2 } })), [
    'web #100 finished: keep, newest finished archive of the host, daily 2026-06-15, weekly 2026-W25, monthly 2026-06, yearly 2026',
    'web #99 finished: delete, no rule keeps it',
    'web #98 finished: keep, daily 2026-06-14, weekly 2026-W24',
    'web #97 finished: keep, daily 2026-06-13',
    'web #96 finished: delete, no rule keeps it',
    'web #95 finished: delete, no rule keeps it',
    'web #94 finished: keep, monthly 2026-05',
    'web #93 finished: delete, no rule keeps it',
    'web #92 finished: delete, no rule keeps it',
    'web #91 finished: keep, monthly 2026-04',
    'web #90 finished: delete, no rule keeps it',
    'web #89 finished: keep, yearly 2025',
    'web #88 finished: delete, no rule keeps it',
    'web #87 finished: delete, no rule keeps it',
    'web #86 finished: delete, no rule keeps it',
  ]);
});

test('periods without --age leave unfinished uploads to cleanup', () => {
  assert.deepEqual(
    golden([archive(1, 1, 'unfinished'), archive(2, 2), archive(3, 3)], rules({ periods: { daily: 1 } })),
    [
      "web #1 unfinished: keep, unfinished: an upload may still go on from it; 'cleanup' removes it",
      'web #2 finished: keep, newest finished archive of the host, daily 2026-06-13',
      'web #3 finished: delete, no rule keeps it',
    ],
  );
});

test('ISO weeks at the turn of the year', () => {
  const cases: [string, string][] = [
    ['2025-12-28', '2025-W52'],
    ['2025-12-29', '2026-W01'],
    ['2027-01-03', '2026-W53'],
    ['2027-01-04', '2027-W01'],
    ['2021-01-03', '2020-W53'],
    ['2024-02-29', '2024-W09'],
  ];
  for (const [date, week] of cases)
    assert.equal(periodOf('weekly', Date.parse(`${date}T23:59:59Z`)), week, date);
});

test('whatever the archives and rules: N finished archives of each host stay, and nothing being written is deleted', () => {
  const state = fc.constantFrom<Candidate['state']>(
    'finished',
    'partial',
    'damaged',
    'unfinished',
    'running',
  );
  const one = fc.tuple(
    fc.nat(500),
    fc.double({ min: -1, max: 900, noNaN: true }),
    state,
    fc.constantFrom('a', 'b.c'),
  );
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 40 }),
      fc.nat(5),
      fc.option(fc.nat(400), { nil: undefined }),
      fc.nat(4),
      (rows, keep, ageDays, daily) => {
        const archives = rows.map(([number, age, its, host]) => archive(number, age, its, host));
        const decisions = decideRetention(archives, rules({ keep, ageDays, periods: { daily } }), NOW);
        assert.equal(decisions.length, archives.length);
        for (const host of ['a', 'b.c']) {
          const finished = decisions.filter(
            ({ archive: its }) => its.host === host && its.state === 'finished',
          );
          const kept = finished.filter(({ action }) => action === 'keep').length;
          assert.ok(kept >= Math.min(keep, finished.length));
          // A good archive never goes while an older one stays, but for the periods.
          if (daily === 0) {
            const oldestKept = Math.max(
              ...finished
                .filter(({ action }) => action === 'keep')
                .map(({ archive: its }) => NOW - (its.finishedAt ?? 0)),
            );
            for (const { action, archive: its } of finished)
              if (action === 'delete') assert.ok(NOW - (its.finishedAt ?? 0) >= oldestKept);
          }
        }
        assert.ok(
          decisions.every(({ archive: its, action }) => its.state !== 'running' || action === 'keep'),
        );
        assert.ok(decisions.every(({ reason }) => reason.length > 0));
      },
    ),
  );
});

test('hosts that need an archive: one that did not finish first, then the one that waited longest', () => {
  const needs = neediest(
    [
      archive(1, 30, 'finished', 'longest'),
      archive(1, 3, 'finished', 'recent'),
      archive(1, 9, 'finished', 'failed'),
      archive(2, 1, 'partial', 'failed'),
      archive(1, 90, 'finished', 'enough'),
      archive(2, 60, 'finished', 'enough'),
      archive(1, 90, 'finished', 'busy'),
      archive(2, 0, 'running', 'busy'),
    ],
    2,
    NOW,
  );
  assert.deepEqual(
    needs.map(({ host }) => host),
    ['failed', 'longest', 'recent'],
  );
});
