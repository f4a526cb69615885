import { Failure } from '../errors.js';
import { formatRate, parseRate, RATE_EXAMPLES } from './rate.js';
import type { Rate, RateSyntax } from './rate.js';
import { formatTimetable, parseTimetable } from './timetable.js';
import type { Timetable } from './timetable.js';

/** A limit in force at one moment. */
export type Limit =
  | { readonly kind: 'off' }
  | { readonly kind: 'fixed'; readonly rate: Rate }
  /** Yields to other traffic, between these two rates. */
  | { readonly kind: 'auto'; readonly min: Rate; readonly max: Rate };

/** The value of `--bwlimit`: one limit, or a week of them. */
export type LimitSpec = Limit | { readonly kind: 'timetable'; readonly timetable: Timetable<Limit> };

export const NO_LIMIT: Limit = { kind: 'off' };

/** Bounds of a bare `auto`: at least 64 kbit/s, at most 10 Gbit/s. */
export const AUTO_MIN: Rate = 8000;
export const AUTO_MAX: Rate = 1.25e9;

const TIMETABLE_EXAMPLE = '"Mon-Fri 08:00,1M Mon-Fri 19:00,4M 23:00,off"';

/** `off`, a rate, `auto` or `auto:MIN-MAX`. @throws Failure `usage` */
function parseLimit(text: string, syntax: RateSyntax = {}): Limit {
  const trimmed = text.trim();
  if (/^off$/i.test(trimmed)) return NO_LIMIT;
  const auto = /^auto(?::(.*))?$/i.exec(trimmed);
  if (auto === null) return { kind: 'fixed', rate: parseRate(trimmed, syntax) };
  if (auto[1] === undefined) return { kind: 'auto', min: AUTO_MIN, max: AUTO_MAX };
  const bounds = auto[1].split('-');
  const [from, to] = bounds;
  const hint = 'write auto, or auto:MIN-MAX as in auto:256kbit-6Mbit';
  if (from === undefined || to === undefined || bounds.length !== 2 || from === '' || to === '') {
    throw new Failure('usage', `bandwidth limit "${text}": two rates must follow "auto:"`, { hint });
  }
  const min = parseRate(from, syntax);
  const max = parseRate(to, syntax);
  if (min >= max)
    throw new Failure('usage', `bandwidth limit "${text}": the first rate must be the lower one`, { hint });
  return { kind: 'auto', min, max };
}

/** Anything that `--bwlimit` accepts: a limit, or a timetable of limits. @throws Failure `usage` */
export function parseLimitSpec(text: string, syntax: RateSyntax = {}): LimitSpec {
  const words = text.trim().split(/\s+/);
  if (words[0] === '') {
    throw new Failure('usage', 'bandwidth limit: empty', {
      hint: `write a rate as ${RATE_EXAMPLES}, or a timetable as ${TIMETABLE_EXAMPLE}`,
    });
  }
  // Only a timetable contains a time of day.
  if (!/\d:\d/.test(text)) return parseLimit(text, syntax);
  return {
    kind: 'timetable',
    timetable: parseTimetable(words, (limit) => parseLimit(limit, syntax), TIMETABLE_EXAMPLE),
  };
}

/** For people: `1 MiB/s (8.39 Mbit/s)`, `auto between … and …`, or the whole timetable. */
export function formatLimit(spec: LimitSpec): string {
  switch (spec.kind) {
    case 'off':
      return 'unlimited';
    case 'fixed':
      return formatRate(spec.rate);
    case 'auto':
      return `auto between ${formatRate(spec.min)} and ${formatRate(spec.max)}`;
    case 'timetable':
      return formatTimetable(spec.timetable, formatLimit);
  }
}

export function sameLimit(one: Limit, other: Limit): boolean {
  if (one.kind === 'fixed' && other.kind === 'fixed') return one.rate === other.rate;
  if (one.kind === 'auto' && other.kind === 'auto') return one.min === other.min && one.max === other.max;
  return one.kind === other.kind;
}
