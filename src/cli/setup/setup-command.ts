import type { Command } from 'commander';
import { BIN_DIRECTORY } from '../../backuppc/defaults.js';
import { fromEnvironment, readConfig } from '../../config/read-config.js';
import { addConfigOptions, flagsOf } from '../config-options.js';
import type { Output } from '../context.js';
import { takeEnvironment } from '../environment.js';
import type { Wiring } from '../wiring.js';
import { withExamples } from '../help.js';

const EXAMPLES = `
Every setting that is given here is written down. Secrets come from the terminal, a file or the environment.
On a terminal it asks for the others, and offers those of the configuration that is there.

Examples:
  backuppc-b2 setup                                       asks
  B2_APPLICATION_KEY=K005... backuppc-b2 setup --key-id 0050... --bucket my-backups --bwlimit 8Mbit
  backuppc-b2 setup --recipient /etc/backuppc/backup-key.asc --bucket my-backups --key-id 0050... --application-key-file /etc/backuppc/b2.key`;

interface SetupFlags {
  readonly config?: string;
  readonly keyId?: string;
  readonly user?: string;
  readonly archiveHost: string;
  readonly binDirectory: string;
  readonly check: boolean;
  readonly force?: boolean;
}

export function registerSetup(program: Command, wiring: Wiring, out: Output, archiveHost: string): void {
  const command = program
    .command('setup')
    .description('write the configuration, test the key, and show how to configure BackupPC')
    .option('--key-id <ID>', 'application key ID')
    .option(
      '--user <NAME>',
      'the user that BackupPC runs as; default: backuppc, or you where you are not root',
    )
    .option('--archive-host <HOST>', "name of BackupPC's archive host", archiveHost)
    .option(
      '--bin-directory <DIR>',
      'link BackupPC_archiveHost_b2 into this directory, if it is there',
      BIN_DIRECTORY,
    )
    .option('--no-check', 'do not log in to B2')
    .option('--force', 'replace a configuration that is there, and take nothing over (it stays as FILE.old)');
  withExamples(addConfigOptions(command, ['line', 'archive']), EXAMPLES);
  command.action(async () => {
    const flags = command.optsWithGlobals<SetupFlags>();
    const { setup } = await import('./setup.js');
    wiring.setStatus(
      await setup(out, {
        given: {
          ...fromEnvironment(takeEnvironment()),
          ...flagsOf(command.optsWithGlobals()),
          ...(flags.keyId === undefined ? {} : { key_id: flags.keyId }),
        },
        // Ignore the existing file, which is about to be replaced.
        configOf: (settings) => readConfig({ file: '/dev/null', environment: {}, flags: settings }),
        file: flags.config,
        user: flags.user,
        archiveHost: flags.archiveHost,
        binDirectory: flags.binDirectory,
        check: flags.check,
        force: flags.force === true,
        date: new Date().toISOString().slice(0, 10),
      }),
    );
  });
}
