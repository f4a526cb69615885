/** `script` and `restore`. */
import type { Command } from 'commander';
import { restore } from '../restore.js';
import { targetOf, type TargetFlags } from '../restore-target.js';
import { script } from '../script.js';
import { wholeNumber, type Wiring } from '../wiring.js';
import { addArchiveOptions, allowancesOf, type OneArchive } from './archive-options.js';

export function registerScript(program: Command, wiring: Wiring): void {
  const command = addArchiveOptions(
    program
      .command('script')
      .description(
        'write a restore script: needs sh, curl, gpg, tar, the decompressor, and nothing of this program',
      ),
  )
    .option(
      '--expire <SECONDS>',
      'how long its token opens the archive: at most 604800 (7 days)',
      wholeNumber(1),
      86_400,
    )
    .option('--output <FILE>', 'write it to FILE instead of standard output')
    .option('--no-token', 'no token inside: the script asks for an application key, and never expires');
  command.action(async (flags: OneArchive & { expire: number; output?: string; token: boolean }) => {
    const { host, number, unfinalized = false, legacy, token, expire, output } = flags;
    await wiring.run(command, (context) =>
      script(context, {
        host,
        number,
        unfinalized,
        legacy,
        ...allowancesOf(flags),
        token,
        expireSeconds: expire,
        output,
      }),
    );
  });
}

export function registerRestore(program: Command, wiring: Wiring): void {
  const command = addArchiveOptions(
    program
      .command('restore')
      .description('bring an archive back')
      .argument(
        '[PATH...]',
        'only these, as "files" prints them: paths, globs; or "-": the tar to standard output',
      ),
  )
    .option('-C, --directory <DIR>', 'unpack into DIR (made if missing; must be empty)')
    .option(
      '-o, --output <FILE>',
      'write the tar to FILE; kept compressed, and then resumable, if FILE ends like the archive (.zst, …)',
    )
    .option('--to-stdout', 'with PATH: the contents of these files to standard output')
    .option('-x, --extract <PATH...>', 'the same as PATH')
    .option('--dry-run', 'only say what would be fetched: archive, members, volumes, bytes')
    .option('--keep-going', 'go on behind damage: give what can still be read, and say what is lost');
  command.action(
    async (words: string[], flags: OneArchive & TargetFlags & { keepGoing?: true; dryRun?: true }) => {
      const target = targetOf(words, flags);
      await wiring.run(command, (context) =>
        restore(context, {
          host: flags.host,
          number: flags.number,
          unfinalized: flags.unfinalized === true,
          legacy: flags.legacy,
          keepGoing: flags.keepGoing,
          dryRun: flags.dryRun,
          ...allowancesOf(flags),
          target,
          quiet: context.config.quiet,
          signal: context.signal,
        }),
      );
    },
  );
}
