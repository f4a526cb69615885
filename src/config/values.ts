/** Kinds of setting values: each turns the text of a file, a flag or the environment into a checked value. Pure. */
import { mayHaveLost } from './environment.js';
import { Secret } from './secret.js';

export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly wanted: string };

export interface ValueKind<T> {
  /** Shown as the flag's argument; undefined for a switch. */
  readonly metavar: string | undefined;
  /** Whether a flag may be given several times, each adding a value. */
  readonly repeatable?: boolean;
  /** `raw` is a string from a flag or the environment, or whatever TOML has. */
  parse(raw: unknown): Parsed<T>;
}

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const no = (wanted: string): Parsed<never> => ({ ok: false, wanted });

export const text = (metavar: string): ValueKind<string> => ({
  metavar,
  parse: (raw) => (typeof raw === 'string' && raw !== '' ? ok(raw) : no('a text that is not empty')),
});

/** The beginning of object names: may be empty. B2 takes no `/` in front and no `//`, and clients resolve `.` and `..` in an address. */
export const prefix = (): ValueKind<string> => ({
  metavar: 'PREFIX',
  parse: (raw) =>
    typeof raw === 'string' && !/^\/|\/\/|(^|\/)\.\.?\//.test(raw)
      ? ok(raw)
      : no('a text such as backuppc/, without / in front, //, and . or .. between slashes'),
});

export const secret = (): ValueKind<Secret> => ({
  metavar: undefined,
  parse: (raw) => {
    if (raw instanceof Uint8Array && raw.length > 0) return ok(new Secret(raw));
    if (typeof raw !== 'string' || raw === '') return no('a text that is not empty');
    // U+FFFD stands for octets that Node could not decode, so the secret would be a different one.
    return mayHaveLost(raw) ? no('UTF-8 text; a file takes any octets') : ok(new Secret(raw));
  },
});

export const toggle = (): ValueKind<boolean> => ({
  metavar: undefined,
  parse: (raw) => {
    if (typeof raw === 'boolean') return ok(raw);
    if (raw === 'true' || raw === 'yes' || raw === '1') return ok(true);
    if (raw === 'false' || raw === 'no' || raw === '0') return ok(false);
    return no('true or false');
  },
});

export const integer = (metavar: string, min: number, max: number): ValueKind<number> => ({
  metavar,
  parse: (raw) => {
    const value =
      typeof raw === 'bigint' || typeof raw === 'number'
        ? Number(raw)
        : typeof raw === 'string' && /^\d+$/.test(raw)
          ? Number(raw)
          : NaN;
    return Number.isSafeInteger(value) && value >= min && value <= max
      ? ok(value)
      : no(`a whole number from ${min} to ${max}`);
  },
});

export const choice = <const C extends readonly string[]>(...choices: C): ValueKind<C[number]> => ({
  metavar: choices.join('|'),
  parse: (raw) =>
    choices.includes(raw as C[number]) ? ok(raw as C[number]) : no(`one of ${choices.join(', ')}`),
});

/** 'auto' or a whole number. */
export const autoOr = (kind: ValueKind<number>): ValueKind<number | 'auto'> => ({
  metavar: `auto|${kind.metavar ?? ''}`,
  parse: (raw) => {
    if (raw === 'auto') return ok('auto' as const);
    const parsed = kind.parse(raw);
    return parsed.ok ? parsed : no(`auto or ${parsed.wanted}`);
  },
});

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  ...units('k', 1),
  ...units('m', 2),
  ...units('g', 3),
  ...units('t', 4),
};

function units(letter: string, power: number): Record<string, number> {
  return { [letter]: 1024 ** power, [`${letter}ib`]: 1024 ** power, [`${letter}b`]: 1000 ** power };
}

/** Sizes as GNU split writes them: 500, 64K, 64KiB (both 1024), 64KB (1000). */
export function parseBytes(raw: unknown): number | undefined {
  if (typeof raw === 'number' || typeof raw === 'bigint')
    return Number.isSafeInteger(Number(raw)) && raw >= 0 ? Number(raw) : undefined;
  if (typeof raw !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(raw.trim());
  const factor = UNITS[(match?.[2] ?? '').toLowerCase()];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export const bytes = (min: number, max: number, example: string): ValueKind<number> => ({
  metavar: 'BYTES',
  parse: (raw) => {
    const value = parseBytes(raw);
    return value !== undefined && value >= min && value <= max
      ? ok(value)
      : no(`a size from ${formatBytes(min)} to ${formatBytes(max)}, such as ${example}`);
  },
});

/** 0, or a size that justifies an object of its own. */
export const splitBytes = (least: number, most: number, example: string): ValueKind<number> => ({
  metavar: 'BYTES',
  parse: (raw) => {
    const value = parseBytes(raw);
    return value === 0 || (value !== undefined && value >= least && value <= most)
      ? ok(value)
      : no(`0, or a size from ${formatBytes(least)} on, such as ${example}`);
  },
});

/** A size with the unit a person would use: 64 MiB, 1.5 GiB. */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${names[unit] ?? ''}`;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** Durations such as 90s, 45m, 19h30m, 2d; a bare number is seconds. In ms. */
export const duration = (): ValueKind<number> => ({
  metavar: 'DURATION',
  parse: (raw) => {
    const wanted = 'a duration such as 19h, 45m or 2d';
    if (typeof raw === 'number') return Number.isFinite(raw) && raw > 0 ? ok(raw * 1000) : no(wanted);
    if (typeof raw !== 'string' || !/^(\d+[smhd]?)+$/.test(raw)) return no(wanted);
    let ms = 0;
    for (const [, count, unit] of raw.matchAll(/(\d+)([smhd]?)/g))
      ms += Number(count) * (SECONDS[unit === '' ? 's' : (unit ?? 's')] ?? 1) * 1000;
    return ms > 0 ? ok(ms) : no(wanted);
  },
});

export const listOf = <T>(kind: ValueKind<T>): ValueKind<readonly T[]> => ({
  metavar: kind.metavar,
  repeatable: true,
  parse: (raw) => {
    const values: T[] = [];
    for (const item of Array.isArray(raw) ? (raw as unknown[]) : [raw]) {
      const parsed = kind.parse(item);
      if (!parsed.ok) return parsed;
      values.push(parsed.value);
    }
    return ok(values);
  },
});

/** The kind; undefined if the setting is missing. */
export const optional = <T>(kind: ValueKind<T>): ValueKind<T | undefined> => kind;

/** A spool: DIR:SIZE. */
export const spool = (): ValueKind<{ readonly directory: string; readonly bytes: number }> => ({
  metavar: 'DIR:SIZE',
  parse: (raw) => {
    const match = typeof raw === 'string' ? /^(.+):([^:]+)$/.exec(raw) : null;
    const size = parseBytes(match?.[2]);
    return match?.[1] !== undefined && size !== undefined && size > 0
      ? ok({ directory: match[1], bytes: size })
      : no('a directory and a size, such as /var/spool/backuppc-b2:20G');
  },
});
