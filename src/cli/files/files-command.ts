/** The options of `files`. */
import type { Command } from 'commander';
import { Failure } from '../../errors.js';
import { allowancesOf, UNENCRYPTED, UNPROVEN, type OneArchive } from '../commands/archive-options.js';
import { collected, wholeNumber, type Wiring } from '../wiring.js';
import { files, filesDiff } from './files.js';

interface Flags extends Pick<OneArchive, 'allowUnproven' | 'allowUnencrypted'> {
  readonly host: string;
  readonly number?: number;
  readonly long?: boolean;
  readonly json?: boolean;
  readonly diff?: readonly string[];
}

export function registerFiles(program: Command, wiring: Wiring): void {
  const command = program
    .command('files')
    .description('list the files in an archive, or what changed between two; reads only its index')
    .argument(
      '[PATTERN...]',
      "paths or globs, such as etc/fstab or 'home/ann/*'; with a directory all below it",
    )
    .requiredOption('--host <HOST>', 'name of the backed-up host')
    .option('--number <N>', 'number of the backup; default: the one that finished last', wholeNumber(0))
    .option('-l, --long', 'as tar -tv prints them; times in UTC')
    .option(
      '--diff <N>',
      'what changed between two archives: --diff 11 --diff 12, or --diff 11,12',
      collected,
    )
    .option(...UNPROVEN)
    .option(...UNENCRYPTED)
    .option('--json', 'print JSON');
  command.action(async (patterns: string[], flags: Flags) => {
    const { host, number, long = false, json = false } = flags;
    const numbers = flags.diff === undefined ? undefined : twoNumbers(flags.diff, patterns);
    await wiring.run(command, (context) => {
      const common = { host, json, signal: context.signal, ...allowancesOf(flags) };
      if (numbers === undefined) return files(context, { ...common, number, patterns, long });
      const [older, newer, rest] = numbers;
      return filesDiff(context, [older, newer], { ...common, patterns: rest });
    });
  });
}

/** `--diff 11 12`, `--diff 11,12` or `--diff 11 --diff 12`: the second of the first form stands first among the patterns. */
function twoNumbers(
  given: readonly string[],
  patterns: readonly string[],
): readonly [older: number, newer: number, patterns: readonly string[]] {
  const words = given.flatMap((text) => text.split(','));
  const [first, ...rest] = patterns;
  const withFirst = words.length === 1 && first !== undefined ? [...words, first] : words;
  const [older, newer, ...more] = withFirst.map((word) => (/^\d{1,15}$/.test(word) ? Number(word) : NaN));
  if (older === undefined || newer === undefined || more.length > 0 || Number.isNaN(older + newer))
    throw new Failure('usage', '--diff takes the numbers of two archives', { hint: '--diff 11 12' });
  return [older, newer, withFirst === words ? patterns : rest];
}
