import { Failure } from '../errors.js';

/** Bytes per second. */
export type Rate = number;

/** 8 kbit/s: below that, a slice is a handful of bytes and a part takes hours; no peer would keep such a connection open. */
export const MIN_RATE: Rate = 1000;
/** 1 Tbit/s: a higher limit is a typing error. */
export const MAX_RATE: Rate = 125e9;

export const RATE_EXAMPLES = '8Mbit, 1M (1 MiB/s), 512KiB or off';

const DECIMAL: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };
const BINARY: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * Bytes per second in one `unit`, undefined where the unit is unknown or could mean either bits or bytes.
 * Bits: `bit kbit Mbit Gbit`, `Kibit …`, `bps kbps Mbps …`. Bytes: `B kB MB GB`, `KiB MiB GiB`, and, as in rclone, the bare
 * suffixes `K M G` for KiB, MiB and GiB. `/s` may follow.
 */
function unitBytes(unit: string): number | undefined {
  const name = unit.replace(/\/s$/, '');
  const bits =
    /^([kmg]?)(?:bit|bits)$/i.exec(name) ??
    /^([kmg]?)bps$/.exec(name.replace(/^[KMG]/, (prefix) => prefix.toLowerCase()));
  if (bits !== null) return scale(DECIMAL, bits[1]) / 8;
  const binaryBits = /^([kmg])ibits?$/i.exec(name);
  if (binaryBits !== null) return scale(BINARY, binaryBits[1]) / 8;
  // A lower-case b is refused because some write it for bits and others for bytes.
  const bytes = /^([kKmMgG]?)B$/.exec(name);
  if (bytes !== null) return scale(DECIMAL, bytes[1]);
  const binaryBytes = /^([kKmMgG])(?:iB)?$/.exec(name);
  if (binaryBytes !== null) return scale(BINARY, binaryBytes[1]);
  return undefined;
}

function scale(table: Readonly<Record<string, number>>, prefix: string | undefined): number {
  return table[(prefix ?? '').toLowerCase()] ?? 1;
}

export interface RateSyntax {
  /** What a number without a unit means, in bytes per second; if undefined, such a number is refused. */
  readonly bareUnit?: Rate;
}

/** 1 kbit/s: what a bare number in a speed file has always meant. */
export const SPEED_FILE: RateSyntax = { bareUnit: 125 };

/** @throws Failure `usage`, with an example of the right form. */
export function parseRate(text: string, syntax: RateSyntax = {}): Rate {
  const refuse = (why: string): never => {
    throw new Failure('usage', `bandwidth limit "${text}": ${why}`, {
      hint: `write a rate as ${RATE_EXAMPLES}`,
    });
  };
  const match = /^([+-]?)(\d+(?:\.\d+)?)\s*([a-z]*(?:\/s)?)$/i.exec(text.trim());
  if (match === null) return refuse('not a rate');
  const [, sign = '', digits = '', unit = ''] = match;
  if (sign === '-') return refuse('a rate cannot be negative');
  const number = Number(digits);
  if (number === 0) return refuse('a rate of zero would never finish; "off" lifts the limit');
  const factor = unit === '' ? syntax.bareUnit : unitBytes(unit);
  if (factor === undefined) {
    if (unit === '') return refuse('the unit is missing');
    if (/^[kmg]?i?b(\/s)?$/i.test(unit)) return refuse(`"${unit}" can be read as bits or as bytes`);
    return refuse(`unknown unit "${unit}"`);
  }
  const rate = number * factor;
  if (rate > MAX_RATE) return refuse('more than 1 Tbit/s; "off" lifts the limit');
  if (rate < MIN_RATE) return refuse('less than 8 kbit/s, too slow to keep a connection alive');
  return rate;
}

/** A rate in both notations: `1 MiB/s (8.39 Mbit/s)`; `unlimited` for undefined. */
export function formatRate(rate: Rate | undefined): string {
  if (rate === undefined) return 'unlimited';
  return `${formatBytesRate(rate)} (${formatBitsRate(rate)})`;
}

function formatBytesRate(rate: Rate): string {
  return withPrefix(rate, 1024, ['B/s', 'KiB/s', 'MiB/s', 'GiB/s']);
}

function formatBitsRate(rate: Rate): string {
  return withPrefix(rate * 8, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

function withPrefix(value: number, base: number, units: readonly string[]): string {
  // 999.5 and above would round to four digits, so use the next unit.
  const steps = value < 1 ? 0 : Math.floor(Math.log(value * (1000 / 999.5)) / Math.log(base));
  const index = Math.min(steps, units.length - 1);
  return `${Number((value / base ** index).toPrecision(3))} ${units[index] ?? ''}`;
}
