/** What BackupPC's own files say about a backup and the time that an archive may take. Best effort: unreadable files are ignored. */
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import {
  archiveHostOf,
  clientTimeoutSeconds,
  confValue,
  parseBackups,
  type BackupRecord,
} from '../../backuppc/records.js';
import type { Config } from '../../config/schema.js';

export async function backupRecord(
  config: Config,
  host: string,
  number: number,
): Promise<BackupRecord | undefined> {
  const text = await textOf(join(config.backuppc_data, 'pc', host, 'backups'));
  return parseBackups(text).find((record) => record.number === number);
}

/** Seconds that BackupPC allows for this archive; undefined if BackupPC did not start us, or that is unknown. */
export async function allowedSeconds(config: Config): Promise<number | undefined> {
  const parent = (await textOf(`/proc/${process.ppid}/cmdline`)).split('\0');
  const archiveHost = archiveHostOf(parent);
  return archiveHost === undefined ? undefined : clientTimeout(config, archiveHost);
}

/** The archive host's own value, else the general one; undefined if neither can be read. */
export async function clientTimeout(
  config: Pick<Config, 'backuppc_config'>,
  archiveHost: string,
): Promise<number | undefined> {
  // Debian keeps a host's configuration in pc/, others beside config.pl.
  const [main, inPc, beside] = await Promise.all(
    ['config.pl', `pc/${archiveHost}.pl`, `${archiveHost}.pl`].map((name) =>
      textOf(join(config.backuppc_config, name)),
    ),
  );
  return clientTimeoutSeconds(main ?? '', `${inPc ?? ''}\n${beside ?? ''}`);
}

/** `$Conf{ArchiveDest}` of all hosts: where their archives keep their journals. */
export async function archiveDestinations(configDirectory: string): Promise<string[]> {
  const found = new Set<string>();
  for (const directory of [configDirectory, join(configDirectory, 'pc')]) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((candidate) => candidate.endsWith('.pl'))) {
      const value = confValue(await textOf(join(directory, name)), 'ArchiveDest');
      if (value !== undefined && isAbsolute(value)) found.add(value);
    }
  }
  return [...found];
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
