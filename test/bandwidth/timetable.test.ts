import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/errors.js';
import {
  formatMinuteOfWeek,
  minuteOfWeek,
  nextSwitch,
  parseTimetable,
  valueAt,
} from '../../src/bandwidth/timetable.js';
import type { Timetable } from '../../src/bandwidth/timetable.js';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function table(text: string): Timetable<string> {
  return parseTimetable(text.split(' '), (value) => value, 'Mon-Fri 08:00,1M');
}

/** `Tue 07:59` as a minute of the week. */
function at(text: string): number {
  const [day = '', hour = '', minute = ''] = text.split(/[ :]/);
  return DAYS.indexOf(day) * 1440 + Number(hour) * 60 + Number(minute);
}

describe('a timetable', () => {
  const office = table('Mon-Fri 08:00,slow Mon-Fri 19:00,middle 23:00,off');
  const rows: [string, string][] = [
    ['Mon 07:59', 'off'],
    ['Mon 08:00', 'slow'],
    ['Mon 18:59', 'slow'],
    ['Mon 19:00', 'middle'],
    ['Mon 23:00', 'off'],
    ['Tue 00:00', 'off'],
    ['Fri 22:59', 'middle'],
    ['Sat 00:00', 'off'],
    ['Sat 12:00', 'off'],
    ['Sun 23:59', 'off'],
    ['Sun 00:00', 'off'],
  ];
  for (const [when, value] of rows) {
    it(`says ${value} on ${when}`, () => {
      assert.equal(valueAt(office, at(when)), value);
    });
  }

  it('holds a value over midnight and over the end of the week', () => {
    const late = table('Sat 22:00,night Mon 06:00,day');
    assert.equal(valueAt(late, at('Sat 21:59')), 'day');
    assert.equal(valueAt(late, at('Sat 23:59')), 'night');
    assert.equal(valueAt(late, at('Sun 00:00')), 'night');
    assert.equal(valueAt(late, at('Mon 05:59')), 'night');
    assert.equal(valueAt(late, at('Mon 06:00')), 'day');
  });

  it('takes days, ranges, ranges over the weekend and lists', () => {
    const days = (text: string) =>
      table(`${text} 12:00,x`).switches.map((entry) => DAYS[Math.floor(entry.minuteOfWeek / 1440)]);
    assert.deepEqual(days('wed'), ['Wed']);
    assert.deepEqual(days('Mon-Fri'), ['Mon', 'Tue', 'Wed', 'Thu', 'Fri']);
    assert.deepEqual(days('FRI-MON'), ['Sun', 'Mon', 'Fri', 'Sat']);
    assert.deepEqual(days('Sat,Sun'), ['Sun', 'Sat']);
    assert.deepEqual(days('Mon-Tue,Sat'), ['Mon', 'Tue', 'Sat']);
    assert.equal(table('12:00,x').switches.length, 7);
  });

  it('knows what comes next', () => {
    assert.equal(formatMinuteOfWeek(nextSwitch(office, at('Mon 08:00')).minuteOfWeek), 'Mon 19:00');
    assert.equal(formatMinuteOfWeek(nextSwitch(office, at('Sat 23:30')).minuteOfWeek), 'Sun 23:00');
    assert.equal(
      formatMinuteOfWeek(nextSwitch(table('Sun 01:00,x'), at('Sat 23:30')).minuteOfWeek),
      'Sun 01:00',
    );
  });

  const refused: [string, RegExp][] = [
    ['08:00,a 07:00,b', /Sun, 07:00 is written after 08:00/],
    ['08:00,a 08:00,b', /two entries begin on Sun at 08:00/],
    ['Mon-Fri 08:00,a Fri-Sun 08:00,b', /two entries begin on Fri at 08:00/],
    ['Mon-Wed 19:00,a Wed 08:00,b', /Wed, 08:00 is written after 19:00/],
    ['8:00,a 08:00,b', /two entries/],
    ['24:00,a', /no time between/],
    ['12:60,a', /no time between/],
    ['Mon-Fri', /followed by a time/],
    ['Mon Tue 08:00,a', /followed by a time and a rate, not by "Tue"/],
    ['Moon 08:00,a', /"Moon" is neither/],
    ['Mon-Tue-Wed 08:00,a', /neither/],
    ['08:00', /neither/],
    ['08:00,', /neither/],
    ['08.00,a', /neither/],
  ];
  for (const [text, why] of refused) {
    it(`"${text}" is refused with an example`, () => {
      assert.throws(
        () => table(text),
        (error) =>
          error instanceof Failure &&
          error.kind === 'usage' &&
          why.test(error.message) &&
          /Mon-Fri 08:00,1M/.test(error.hint ?? ''),
      );
    });
  }

  it('says at every minute what a search backwards through the week finds', () => {
    const entry = fc.record({ day: fc.nat(6), time: fc.nat(1439) });
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, {
          minLength: 1,
          maxLength: 12,
          selector: ({ day, time }) => day * 1440 + time,
        }),
        fc.nat(10079),
        (entries, minute) => {
          const sorted = entries.toSorted((one, other) => one.time - other.time);
          const words = sorted.flatMap(({ day, time }) => [
            DAYS[day] ?? '',
            `${Math.floor(time / 60)}:${String(time % 60).padStart(2, '0')},${day * 1440 + time}`,
          ]);
          let back = minute;
          while (!entries.some(({ day, time }) => day * 1440 + time === back)) back = (back + 10079) % 10080;
          assert.equal(valueAt(table(words.join(' ')), minute + 0.99), String(back));
        },
      ),
    );
  });
});

describe('the wall clock', () => {
  const zone = process.env['TZ'];
  after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  // The day in spring that lacks an hour, the one in autumn that has one twice, and zones where that hour is midnight or half an hour.
  for (const name of [
    'Europe/Berlin',
    'America/New_York',
    'America/Santiago',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'UTC',
  ]) {
    it(`agrees with Intl at every quarter of an hour of three years in ${name}`, () => {
      process.env['TZ'] = name;
      const formatter = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
      });
      for (let ms = Date.UTC(2025, 0, 1); ms < Date.UTC(2028, 0, 1); ms += 15 * 60_000) {
        // Formatting is slow: every quarter of an hour around the changes, every 13 hours and a quarter elsewhere.
        const changing =
          new Date(ms).getTimezoneOffset() !== new Date(ms + 86_400_000).getTimezoneOffset() ||
          new Date(ms).getTimezoneOffset() !== new Date(ms - 86_400_000).getTimezoneOffset();
        if (!changing && (ms / 900_000) % 53 !== 0) continue;
        assert.equal(formatMinuteOfWeek(minuteOfWeek(ms)), formatter.format(ms).replace(/^(\w+),? /, '$1 '));
      }
    });
  }

  const night = table('01:00,early 02:30,late 04:00,day');

  it('begins what the skipped hour should have begun right after it', () => {
    process.env['TZ'] = 'Europe/Berlin';
    // 29 March 2026, 02:00 becomes 03:00.
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 2, 29, 0, 59, 59, 999))), 'early');
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 2, 29, 1, 0))), 'late');
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 2, 29, 2, 0))), 'day');
  });

  it('goes by the clock on the wall when an hour comes twice', () => {
    process.env['TZ'] = 'Europe/Berlin';
    // 25 October 2026, 03:00 becomes 02:00.
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 9, 25, 0, 29))), 'early');
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 9, 25, 0, 30))), 'late');
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 9, 25, 1, 0))), 'early');
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 9, 25, 1, 30))), 'late');
    assert.equal(valueAt(night, minuteOfWeek(Date.UTC(2026, 9, 25, 3, 0))), 'day');
  });
});
