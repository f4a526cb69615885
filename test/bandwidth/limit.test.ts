import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Failure } from '../../src/errors.js';
import { AUTO_MAX, AUTO_MIN, formatLimit, parseLimitSpec } from '../../src/bandwidth/limit.js';
import { SPEED_FILE } from '../../src/bandwidth/rate.js';

describe('a limit', () => {
  it('is off, a rate, auto, or a timetable', () => {
    assert.deepEqual(parseLimitSpec('off'), { kind: 'off' });
    assert.deepEqual(parseLimitSpec(' OFF '), { kind: 'off' });
    assert.deepEqual(parseLimitSpec('8Mbit'), { kind: 'fixed', rate: 1e6 });
    assert.deepEqual(parseLimitSpec('8 Mbit'), { kind: 'fixed', rate: 1e6 });
    assert.deepEqual(parseLimitSpec('auto'), { kind: 'auto', min: AUTO_MIN, max: AUTO_MAX });
    assert.deepEqual(parseLimitSpec('auto:256kbit-6Mbit'), { kind: 'auto', min: 32_000, max: 750_000 });
    assert.equal(parseLimitSpec('08:00,1M').kind, 'timetable');
  });

  it('is kbit/s without a unit in a speed file, also within a timetable', () => {
    assert.deepEqual(parseLimitSpec('512\n', SPEED_FILE), { kind: 'fixed', rate: 64_000 });
    const spec = parseLimitSpec('08:00,512', SPEED_FILE);
    assert.deepEqual(spec.kind === 'timetable' && spec.timetable.entries[0]?.value, {
      kind: 'fixed',
      rate: 64_000,
    });
  });

  const refused: [string, RegExp, RegExp][] = [
    ['', /empty/, /8Mbit.*Mon-Fri 08:00/],
    ['   ', /empty/, /8Mbit/],
    ['0', /zero/, /8Mbit/],
    ['fast', /not a rate/, /8Mbit/],
    ['auto:', /two rates/, /auto:256kbit-6Mbit/],
    ['auto:1M', /two rates/, /auto:MIN-MAX/],
    ['auto:-1M', /two rates/, /auto:MIN-MAX/],
    ['auto:1M-2M-3M', /two rates/, /auto:MIN-MAX/],
    ['auto:2M-1M', /lower one/, /auto:MIN-MAX/],
    ['auto:1M-1M', /lower one/, /auto:MIN-MAX/],
    ['auto:0-1M', /zero/, /8Mbit/],
    ['08:00,0', /zero/, /8Mbit/],
    ['Mon-Fri 08:00', /neither|followed/, /Mon-Fri 08:00,1M/],
  ];
  for (const [text, why, hint] of refused) {
    it(`"${text}" is refused with an example`, () => {
      assert.throws(
        () => parseLimitSpec(text),
        (error) =>
          error instanceof Failure &&
          error.kind === 'usage' &&
          why.test(error.message) &&
          hint.test(error.hint ?? ''),
      );
    });
  }

  it('is echoed in bits and bytes', () => {
    assert.equal(formatLimit(parseLimitSpec('off')), 'unlimited');
    assert.equal(formatLimit(parseLimitSpec('1M')), '1 MiB/s (8.39 Mbit/s)');
    assert.equal(
      formatLimit(parseLimitSpec('auto:256kbit-6Mbit')),
      'auto between 31.3 KiB/s (256 kbit/s) and 732 KiB/s (6 Mbit/s)',
    );
    assert.equal(
      formatLimit(parseLimitSpec('Mon-Fri 8:00,1M Mon-Fri 19:00,4M 23:00,off')),
      'Mon-Fri 08:00 1 MiB/s (8.39 Mbit/s), Mon-Fri 19:00 4 MiB/s (33.6 Mbit/s), 23:00 unlimited',
    );
  });
});
