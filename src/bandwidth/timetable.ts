import { Failure } from '../errors.js';

/**
 * A week of values that change at given local times. Only the wall clock counts: if daylight saving time skips an hour, what should have
 * begun in it begins right after; if an hour comes twice, so does what the table says for it.
 */
export interface Timetable<Value> {
  /** As written, for people. */
  readonly entries: readonly TimetableEntry<Value>[];
  /** One switch per weekday and entry, ascending by `minuteOfWeek`; never empty. */
  readonly switches: readonly Switch<Value>[];
}

export interface TimetableEntry<Value> {
  /** `Mon-Fri`, or empty for every day. */
  readonly days: string;
  /** `08:00` */
  readonly time: string;
  readonly value: Value;
}

export interface Switch<Value> {
  /** Minutes since Sunday 00:00, local time. */
  readonly minuteOfWeek: number;
  readonly value: Value;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MINUTES_PER_DAY = 24 * 60;
const MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY;

/** The local wall clock at `epochMs`, in minutes since Sunday 00:00, with a fraction. */
export function minuteOfWeek(epochMs: number): number {
  const local = new Date(epochMs);
  const minutes =
    local.getHours() * 60 + local.getMinutes() + local.getSeconds() / 60 + local.getMilliseconds() / 60_000;
  return local.getDay() * MINUTES_PER_DAY + minutes;
}

/** The value in force at a minute of the week: that of the last switch at or before it, in the previous week if need be. */
export function valueAt<Value>(timetable: Timetable<Value>, minute: number): Value {
  return lastAtOrBefore(timetable.switches, minute).value;
}

/** The next switch after a minute of the week. */
export function nextSwitch<Value>(timetable: Timetable<Value>, minute: number): Switch<Value> {
  return timetable.switches.find((candidate) => candidate.minuteOfWeek > minute) ?? first(timetable.switches);
}

/** `Mon 08:00` */
export function formatMinuteOfWeek(minute: number): string {
  const day = DAYS[Math.floor(minute / MINUTES_PER_DAY) % 7] ?? '';
  return `${day} ${formatTime(minute % MINUTES_PER_DAY)}`;
}

export function formatTimetable<Value>(
  timetable: Timetable<Value>,
  format: (value: Value) => string,
): string {
  return timetable.entries
    .map(({ days, time, value }) => `${days === '' ? '' : `${days} `}${time} ${format(value)}`)
    .join(', ');
}

/**
 * Parses entries `[DAYS] HH:MM,VALUE`, separated by blanks. DAYS is a day, a range or a list of them (`Mon`, `Mon-Fri`, `Sat,Sun`); an entry
 * without DAYS applies every day. The times of a day must be written in ascending order.
 *
 * @throws Failure `usage`, with `example`
 */
export function parseTimetable<Value>(
  words: readonly string[],
  parseValue: (text: string) => Value,
  example: string,
): Timetable<Value> {
  const refuse = (why: string): never => {
    throw new Failure('usage', `bandwidth timetable: ${why}`, { hint: `write it as ${example}` });
  };
  const entries: TimetableEntry<Value>[] = [];
  const switches: Switch<Value>[] = [];
  const latest: (string | undefined)[] = DAYS.map(() => undefined);
  let days = '';
  for (const word of words) {
    const entry = /^(\d{1,2}):(\d{2}),(.+)$/.exec(word);
    if (entry === null) {
      if (days !== '') return refuse(`"${days}" must be followed by a time and a rate, not by "${word}"`);
      if (!isDays(word)) return refuse(`"${word}" is neither days nor a time with a rate`);
      days = word;
      continue;
    }
    const [, hour = '', minute = '', text = ''] = entry;
    if (Number(hour) > 23 || Number(minute) > 59)
      return refuse(`"${word}" has no time between 00:00 and 23:59`);
    const minuteOfDay = Number(hour) * 60 + Number(minute);
    const time = formatTime(minuteOfDay);
    const value = parseValue(text);
    for (const day of weekdays(days)) {
      const before = latest[day];
      if (before === time) return refuse(`two entries begin on ${DAYS[day] ?? ''} at ${time}`);
      if (before !== undefined && before > time) {
        return refuse(
          `on ${DAYS[day] ?? ''}, ${time} is written after ${before}; the times of a day must rise`,
        );
      }
      latest[day] = time;
      switches.push({ minuteOfWeek: day * MINUTES_PER_DAY + minuteOfDay, value });
    }
    entries.push({ days, time, value });
    days = '';
  }
  if (days !== '') return refuse(`"${days}" must be followed by a time and a rate`);
  if (entries.length === 0) return refuse('no entries');
  switches.sort((one, other) => one.minuteOfWeek - other.minuteOfWeek);
  return { entries, switches };
}

function lastAtOrBefore<Value>(switches: readonly Switch<Value>[], minute: number): Switch<Value> {
  return (
    switches.findLast((candidate) => candidate.minuteOfWeek <= minute % MINUTES_PER_WEEK) ??
    first(switches.toReversed())
  );
}

function first<Value>(switches: readonly Switch<Value>[]): Switch<Value> {
  const [earliest] = switches;
  if (earliest === undefined) throw new Error('a timetable without entries');
  return earliest;
}

function formatTime(minuteOfDay: number): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${two(Math.floor(minuteOfDay / 60))}:${two(Math.floor(minuteOfDay % 60))}`;
}

function isDays(text: string): boolean {
  return text
    .split(',')
    .every((part) => part.split('-').length <= 2 && part.split('-').every((day) => dayIndex(day) >= 0));
}

function dayIndex(text: string): number {
  return DAYS.findIndex((day) => day.toLowerCase() === text.toLowerCase());
}

/** Weekday numbers (Sunday 0) of `Mon-Fri`, `Sat,Sun`, `Fri-Mon`; all seven for the empty text. */
function weekdays(text: string): number[] {
  if (text === '') return DAYS.map((_, index) => index);
  const days = new Set<number>();
  for (const part of text.split(',')) {
    const [from = '', to = from] = part.split('-');
    const last = dayIndex(to);
    for (let day = dayIndex(from); ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days];
}
