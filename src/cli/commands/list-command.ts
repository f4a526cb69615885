import type { Command } from 'commander';
import { Failure } from '../../errors.js';
import { nearest } from '../../nearest.js';
import { list } from '../list.js';
import { collected, type Wiring } from '../wiring.js';
import { LEGACY } from './archive-options.js';

export function registerList(program: Command, wiring: Wiring): void {
  const command = program
    .command('list', { isDefault: true })
    .description('list the archives in B2 (the default command)')
    .option('--host <HOST>', 'only this host; may be given several times', collected)
    .option(...LEGACY)
    .option('--json', 'print JSON')
    // The default command gets every unknown word with its options. A misspelt command is reported before its options.
    .allowExcessArguments()
    .allowUnknownOption();
  command.action(
    async ({ host = [], legacy, json = false }: { host?: string[]; legacy?: boolean; json?: boolean }) => {
      const [word] = command.args;
      if (word !== undefined) throw notUnderstood(word, program, command);
      await wiring.run(command, (context) =>
        list(context, { hosts: host, legacy, json, verbose: context.config.verbose }),
      );
    },
  );
}

function notUnderstood(word: string, program: Command, list: Command): Failure {
  const isOption = word.startsWith('-');
  const known = isOption
    ? [...program.options, ...list.options].flatMap(({ long }) => long ?? [])
    : program.commands.map((command) => command.name());
  const meant = nearest(word, known);
  const lists = isOption ? "'backuppc-b2 list --help' lists them" : "'backuppc-b2 --help' lists them";
  return new Failure('usage', isOption ? `unknown option '${word}'` : `no such command: ${word}`, {
    hint: meant === undefined ? lists : `did you mean ${meant}? ${lists}`,
  });
}
