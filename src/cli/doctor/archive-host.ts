/** What BackupPC has been told of its archive host, and whether it would work. */
import { access, constants, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { clientCommand, hasHost, type ClientCommand } from '../../backuppc/client-command.js';
import { ARGUMENT_NAMES } from '../../backuppc/arguments.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './doctor.js';

export interface ArchiveHostFacts {
  readonly name: string;
  readonly inHosts: boolean;
  /** `pc/NAME` of BackupPC's data directory. */
  readonly directory: { readonly path: string; readonly isThere: boolean };
  /** Of its own configuration, else of `config.pl`. */
  readonly command: ClientCommand | undefined;
  /** Whether this user can run the command's program; undefined: it is not named by its path. */
  readonly runs: boolean | undefined;
}

/** @returns undefined where there is no BackupPC here, or its configuration cannot be read */
export async function archiveHostFacts(
  config: Pick<Config, 'backuppc_config' | 'backuppc_data'>,
  name: string,
): Promise<ArchiveHostFacts | undefined> {
  const [hosts, ...texts] = await Promise.all(
    // Debian keeps a host's configuration beside config.pl, others in pc/.
    ['hosts', 'config.pl', `pc/${name}.pl`, `${name}.pl`].map((file) =>
      readFile(join(config.backuppc_config, file), 'utf8').catch(() => undefined),
    ),
  );
  if (hosts === undefined) return undefined;
  const path = join(config.backuppc_data, 'pc', name);
  const command = clientCommand(texts.map((text) => text ?? '').join('\n'));
  const program = command === undefined || command.kind === 'unknown' ? undefined : command.words[0];
  return {
    name,
    inHosts: hasHost(hosts, name),
    directory: { path, isThere: await stat(path).then((found) => found.isDirectory(), isUnreadable) },
    command,
    runs: program === undefined || !isAbsolute(program) ? undefined : await canRun(program),
  };
}

/** What this user may not look into is not missing. */
function isUnreadable(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
}

async function canRun(program: string): Promise<boolean> {
  return access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Pure. */
export function judgeArchiveHost({ name, inHosts, directory, command, runs }: ArchiveHostFacts): Finding {
  const check = `archive host ${name}`;
  const warning = (detail: string, cure: string): Finding => ({ check, level: 'warning', detail, cure });
  const failure = (detail: string, cure: string): Finding => ({ check, level: 'failure', detail, cure });
  if (!inHosts)
    return warning(
      "BackupPC's hosts file does not have it",
      'if it is called otherwise, give --archive-host NAME; else follow step 7 of docs/installation.md',
    );
  if (command === undefined || (command.kind === 'text' && !command.words.some(isOurs)))
    return warning(
      '$Conf{ArchiveClientCmd} does not name BackupPC_archiveHost_b2',
      'set it in the configuration of the archive host: docs/installation.md, step 7',
    );
  if (command.kind === 'list')
    return failure(
      '$Conf{ArchiveClientCmd} is a Perl list: BackupPC runs every host of a request with the arguments of the first one, and calls it ok',
      'make it one string: docs/installation.md, step 7',
    );
  if (command.kind === 'unknown')
    return { check, level: 'ok', detail: 'its ArchiveClientCmd takes Perl to know', cure: '' };
  const program = command.words[0] ?? '';
  if (runs === false)
    return failure(
      `${program} in $Conf{ArchiveClientCmd} is not there, or this user may not run it`,
      "command -v BackupPC_archiveHost_b2 has the path; try this as BackupPC's user",
    );
  const variables = command.words.filter((word) => word.startsWith('$') || word === '*').length;
  if (variables !== ARGUMENT_NAMES.length)
    return failure(
      `$Conf{ArchiveClientCmd} passes ${variables} of BackupPC's values, and ${ARGUMENT_NAMES.length} are expected`,
      'copy it from docs/installation.md, step 7',
    );
  if (!directory.isThere)
    return failure(
      `${directory.path} is not there: BackupPC cannot write a request into it`,
      `install -d -o backuppc -g backuppc -m 750 ${directory.path}`,
    );
  return { check, level: 'ok', detail: `${program}, for each host of a request by itself`, cure: '' };
}

function isOurs(word: string): boolean {
  return /(^|\/)BackupPC_archiveHost_b2$/.test(word);
}
