import { readFileSync } from 'node:fs';
import { argumentText, lastArguments, REPLACEMENT, type Argument } from '../../backuppc/octets.js';
import { Failure } from '../../errors.js';

/**
 * The last arguments of this process as octets.
 * @param words the same as Node has them
 * @throws Failure `usage` if they are not UTF-8 and cannot be recovered
 */
export function ownArguments(words: readonly string[]): readonly Argument[] {
  if (!words.some((word) => word.includes(REPLACEMENT))) return words;
  const own = lastArguments(commandLine(), words.length);
  const same = own.every((argument, i) => Buffer.from(argument).toString() === words[i]);
  if (own.length === words.length && same) return own;
  const strange = words.find((word) => word.includes(REPLACEMENT)) ?? '';
  throw new Failure('usage', `the argument ${argumentText(strange)} is not UTF-8`, {
    hint: 'put what is to be run last, behind --',
  });
}

function commandLine(): Uint8Array {
  try {
    return readFileSync('/proc/self/cmdline');
  } catch {
    return new Uint8Array();
  }
}
