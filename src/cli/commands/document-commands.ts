/** `completion`, `configuration` and `man`. */
import type { Command } from 'commander';
import { standardOutput } from '../../pipes/standard-output.js';
import { defaultStateDirectory } from '../archive.js';
import { configFrom } from '../config-options.js';
import { completionScript } from '../reference/completion.js';
import { configurationReference } from '../reference/configuration-reference.js';
import { localHosts, localNumbers } from '../reference/local-hosts.js';
import { manPage } from '../reference/man.js';
import type { Wiring } from '../wiring.js';

/** Made from the finished tree: register them last. */
export function registerDocuments(program: Command, wiring: Wiring): void {
  const completion = program
    .command('completion')
    .description('print the completion for a shell: eval "$(backuppc-b2 completion bash)"')
    .argument('<SHELL>', 'bash, zsh or fish; hosts, or numbers of a HOST: those that this machine knows of')
    .argument('[HOST]');
  completion.action(async (shell: string, host: string | undefined) => {
    if (shell === 'hosts' || shell === 'numbers') {
      const config = configFrom(completion.optsWithGlobals());
      const directory = config.state_dir ?? defaultStateDirectory();
      const known = await (shell === 'hosts'
        ? localHosts(config, directory)
        : localNumbers(host ?? '', directory));
      standardOutput().write(known.map((one) => `${one}\n`).join(''));
    } else standardOutput().write(completionScript(program, shell));
    wiring.setStatus(0);
  });
  program
    .command('configuration')
    .description('print the configuration reference (Markdown)')
    .action(() => {
      standardOutput().write(configurationReference());
      wiring.setStatus(0);
    });
  program
    .command('man')
    .description('print the man page: backuppc-b2 man > /usr/local/share/man/man1/backuppc-b2.1')
    .action(() => {
      standardOutput().write(manPage(program));
      wiring.setStatus(0);
    });
}
