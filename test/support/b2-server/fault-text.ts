import type { Fault, FaultRule } from './fault-rule.js';

/**
 * A fault rule as one word, for `--fault` and for terse tests:
 *
 *     OPERATION[,OPERATION…][:FILE]=FAULT[@WHICH][xTIMES]
 *
 *     upload_part=503@10%             one in ten parts, by the seed
 *     upload_part=reset-body:65536@2  the second part breaks after 64 KiB
 *     upload_file:*.COMPLETE=lost@1   the manifest's first answer is lost
 *     *=429:2@/50x3                   every fiftieth request, three times, with Retry-After: 2
 *
 * FAULT: a status, optionally with a code or (429, 503) with seconds for Retry-After; `401` means an expired token;
 * `STATUS-early` answers before the body and closes, `STATUS-drain` reads the rest of the body for nothing; reset-before, reset-body[:BYTES], reset-after, stall-body[:BYTES], stall-answer[:MS], lost,
 * wrong-sha1, empty (the answer is `{}`), page:STATUS (HTML), full-vault, cap, transaction-cap, download-cap, flip-bit[:BYTES], delay:MS.
 * WHICH: 3 or 3,5 (which of the matching requests), /4 (every fourth), 10% (chance).
 */
export function parseFaultRule(text: string): FaultRule {
  const match = /^([^=:]+)(?::([^=]+))?=([^@]+?)(?:@([^x]+))?(?:x(\d+))?$/.exec(text);
  if (match === null) throw new Error(`not a fault rule: ${text} (OPERATION[:FILE]=FAULT[@WHICH][xTIMES])`);
  const [, operations = '', file, fault = '', which, times] = match;
  return {
    name: text,
    on: operations.split(','),
    ...(file === undefined ? {} : { file }),
    ...(which === undefined ? {} : parseWhich(which)),
    ...(times === undefined ? {} : { times: Number(times) }),
    fault: parseFault(fault),
  };
}

function parseWhich(text: string): Pick<FaultRule, 'nth' | 'every' | 'probability'> {
  if (/^\d+(,\d+)*$/.test(text)) return { nth: text.split(',').map(Number) };
  if (/^\/\d+$/.test(text)) return { every: Number(text.slice(1)) };
  if (/^[\d.]+%$/.test(text)) return { probability: Number(text.slice(0, -1)) / 100 };
  throw new Error(`not a choice of requests: ${text} (3 or 3,5 or /4 or 10%)`);
}

function parseFault(text: string): Fault {
  const [kind = '', argument] = text.split(':');
  const bytes = (): { afterBytes?: number } =>
    argument === undefined ? {} : { afterBytes: number(argument) };
  const ms = (): { ms?: number } => (argument === undefined ? {} : { ms: number(argument) });
  switch (kind) {
    case 'reset-before':
      return { kind: 'reset', when: 'before' };
    case 'reset-body':
      return { kind: 'reset', when: 'body', ...bytes() };
    case 'reset-after':
      return { kind: 'reset', when: 'after' };
    case 'stall-body':
      return { kind: 'stall', when: 'body', ...bytes() };
    case 'stall-answer':
      return { kind: 'stall', when: 'answer', ...ms() };
    case 'lost':
      return { kind: 'lost-answer' };
    case 'empty':
      return { kind: 'empty-answer' };
    case 'page':
      return { kind: 'page', status: number(argument ?? '403') };
    case 'wrong-sha1':
      return { kind: 'wrong-sha1' };
    case 'full-vault':
      return { kind: 'full-vault' };
    case 'flip-bit':
      return { kind: 'flip-bit', ...bytes() };
    case 'delay':
      return { kind: 'delay', ms: number(argument ?? '') };
    case 'cap':
      return { kind: 'status', status: 403, code: 'storage_cap_exceeded' };
    case 'transaction-cap':
      return { kind: 'status', status: 403, code: 'transaction_cap_exceeded' };
    case 'download-cap':
      return { kind: 'status', status: 403, code: 'download_cap_exceeded' };
    default:
      return parseStatus(kind, argument, text);
  }
}

function parseStatus(kind: string, argument: string | undefined, text: string): Fault {
  const match = /^([45]\d\d)(-early|-drain)?$/.exec(kind);
  if (match === null) throw new Error(`not a fault: ${text}`);
  const early = match[2] === undefined ? {} : ({ early: match[2] === '-drain' ? 'drain' : 'close' } as const);
  const detail =
    argument === undefined
      ? {}
      : /^\d+$/.test(argument)
        ? { retryAfterSeconds: Number(argument) }
        : { code: argument };
  return { kind: 'status', status: Number(match[1]), ...early, ...detail };
}

function number(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}
