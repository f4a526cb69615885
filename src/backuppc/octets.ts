/**
 * Arguments are octets: a share may be named in Latin-1. Node decodes its arguments as UTF-8, replaces invalid octets with U+FFFD, and can
 * pass on nothing else. This module recovers the octets and passes them to a program. Pure.
 */
import { isUtf8 } from 'node:buffer';

/** Text if it is valid UTF-8. */
export type Argument = string | Uint8Array;

/** What Node puts in place of octets that are not UTF-8. */
export const REPLACEMENT = '\ufffd';

/** @param commandLine /proc/self/cmdline: each argument ends in a zero octet */
export function lastArguments(commandLine: Uint8Array, count: number): Argument[] {
  const all: Argument[] = [];
  for (let from = 0; from < commandLine.length;) {
    const end = commandLine.indexOf(0, from);
    const octets = commandLine.slice(from, end === -1 ? commandLine.length : end);
    all.push(isUtf8(octets) ? Buffer.from(octets).toString() : octets);
    from += octets.length + 1;
  }
  return count === 0 ? [] : all.slice(-count);
}

/** For people, and to tell two arguments apart: `caf\xE9`. */
export function argumentText(argument: Argument): string {
  if (typeof argument === 'string') return argument;
  return Array.from(argument, (octet) => {
    if (octet === 0x5c) return '\\\\';
    return octet >= 0x20 && octet < 0x7f
      ? String.fromCharCode(octet)
      : `\\x${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** Decodes printf escapes into arguments, then becomes the program. The dot preserves trailing newlines. */
const DECODE =
  'for word do decoded=$(printf "%b." "$word"); set -- "$@" "${decoded%.}"; shift; done; exec "$0" "$@"';

/** What to spawn so that `program` gets exactly these octets. */
export function commandOf(program: string, args: readonly Argument[]): [program: string, args: string[]] {
  if (args.every((argument) => typeof argument === 'string')) return [program, [...args]];
  return ['/bin/sh', ['-c', DECODE, program, ...args.map(escaped)]];
}

function escaped(argument: Argument): string {
  const octets = typeof argument === 'string' ? Buffer.from(argument) : argument;
  return Array.from(octets, (octet) =>
    /[\w./-]/.test(String.fromCharCode(octet)) && octet < 0x80
      ? String.fromCharCode(octet)
      : `\\0${octet.toString(8).padStart(3, '0')}`,
  ).join('');
}
