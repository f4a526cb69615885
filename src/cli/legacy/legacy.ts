/** `backup-manager`: the older scripts' command line, carried out by the current commands. */
import type { Config } from '../../config/schema.js';
import { EXIT_STATUS } from '../../errors.js';
import type { ExitStatus, Output } from '../context.js';
import { deleteArchives } from '../delete.js';
import { LEGACY_USAGE, parseLegacy, type LegacyCommand } from './legacy-arguments.js';
import { list } from '../list.js';
import { tell } from '../main.js';
import { ARCHIVE_HOST, ARCHIVE_START } from '../../backuppc/defaults.js';
import { script } from '../script.js';
import { startBackups, type RunProgram } from './start-backups.js';
import type { CompanionContext, OpenContext } from '../wiring.js';

export interface LegacyDependencies {
  readonly out: Output;
  /** Configuration from `--config FILE` or the usual place. */
  readonly configOf: (file: string | undefined) => Config;
  readonly open: OpenContext;
  /** For tests: how BackupPC_archiveStart is run. */
  readonly run?: RunProgram;
}

export async function runLegacy(
  words: readonly string[],
  dependencies: LegacyDependencies,
): Promise<ExitStatus> {
  const { out } = dependencies;
  try {
    const command = parseLegacy(words);
    if (command.help) {
      out.write(LEGACY_USAGE);
      return EXIT_STATUS.ok;
    }
    const context = await dependencies.open(dependencies.configOf(command.config));
    try {
      return await carryOut(command, context, dependencies.run);
    } finally {
      await context.close();
    }
  } catch (error) {
    return tell(error, 'backup-manager', out);
  }
}

async function carryOut(
  command: LegacyCommand,
  context: CompanionContext,
  run: RunProgram | undefined,
): Promise<ExitStatus> {
  const { host, number, ageDays, keep, test } = command;
  let status: ExitStatus = EXIT_STATUS.ok;
  if (command.command === 'delete') {
    // The older scripts asked nothing, because cron runs them. Names prove nothing, so a user at a terminal is asked.
    const rules = { ageDays, keep, periods: {} };
    const yes = !context.out.interactive;
    const options = { host, number, rules, legacy: true, dryRun: test, yes, json: false };
    status = await deleteArchives(context, options);
    if (command.startBackups) {
      const start = {
        archiveHost: ARCHIVE_HOST,
        program: ARCHIVE_START,
        target: keep + 1,
        count: 1,
        dryRun: test,
        legacy: true,
      };
      await startBackups(context, start, run);
    }
  } else if (command.command === 'script' && host !== undefined) {
    const { unfinalized, expireSeconds, filename } = command;
    status = await script(context, {
      host,
      number,
      unfinalized,
      legacy: true,
      token: true,
      expireSeconds,
      output: filename,
    });
  }
  if (command.command === 'list' || command.list) {
    const hosts = command.command === 'list' && host !== undefined ? [host] : [];
    await list(context, { hosts, json: false, legacy: true, verbose: context.config.verbose });
  }
  return status;
}
