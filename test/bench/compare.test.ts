import assert from 'node:assert/strict';
import { it } from 'node:test';
import { comparison } from '../../bench/compare.js';

it('bench compare: ratios, and whether a difference exceeds the spread', () => {
  const table = (
    wall: string,
    rss: number,
    other = 'x',
  ): { title: string; rows: Record<string, string | number>[] }[] => [
    { title: 'T', rows: [{ program: 'ours', 'wall s': wall, 'RSS MiB': rss, 'only here': other }] },
  ];
  for (const [a, b, ratio, difference] of [
    ['2.0 (1.9–2.1)', '3.0 (2.8–3.2)', '1.50', 'more than the spread'],
    ['2.0 (1.9–2.1)', '2.1 (2.0–2.3)', '1.05', 'within the spread'],
    ['2.0 (2.0–2.0)', '2.1 (2.1–2.1)', '1.05', 'one run each'],
    ['2.0 (1.9–2.1)', '2.0 (1.9–2.1)', '1.00', 'none'],
  ] as const) {
    const [first] = comparison(table(a, 160), table(b, 120));
    assert.deepEqual(first?.rows, [
      { row: 'ours, x', figure: 'wall s', A: a, B: b, 'B / A': ratio, difference },
      {
        row: 'ours, x',
        figure: 'RSS MiB',
        A: '160',
        B: '120',
        'B / A': '0.75',
        difference: 'no spread known',
      },
    ]);
  }
  assert.deepEqual(comparison(table('1', 1), [{ title: 'another', rows: [] }]), []);
});
