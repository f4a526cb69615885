/** An option that a command does not have, told before one that it misses: commander judges them the other way round. Pure. */
import type { Command, Option } from 'commander';
import { nearest } from '../nearest.js';

/** @returns what to say of the first option that nobody knows; undefined if all are known */
export function misspeltOption(program: Command, words: readonly string[]): string | undefined {
  const command = program.commands.find((one) => words.includes(one.name())) ?? program;
  const help = command.createHelp();
  const known = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command), ...command.options];
  const named = (word: string): Option | undefined =>
    known.find(({ long, short }) => word === long || (short !== undefined && word.startsWith(short)));
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--') return undefined;
    if (!/^--?[a-zA-Z]/.test(word)) continue;
    const name = word.replace(/=.*/, '');
    const option = named(name);
    if (option === undefined) {
      const meant = nearest(
        name,
        known.flatMap(({ long }) => long ?? []),
      );
      return `error: unknown option '${name}'${meant === undefined ? '' : `\n(Did you mean ${meant}?)`}\n`;
    }
    // The next word is its value, whatever it looks like.
    if (option.required && (word === option.long || word === option.short)) at++;
  }
  return undefined;
}
