/** BackupPC's own files, read as far as we may: they inform, and their absence stops nothing. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  archiveHostOf,
  clientTimeoutSeconds,
  confValue,
  parseBackups,
  type BackupRecord,
} from './records.js';

export interface BackupPcFacts {
  /** undefined where it cannot be read. */
  readonly backup: BackupRecord | undefined;
  readonly clientTimeoutSeconds: number | undefined;
}

export interface BackupPcQuestion {
  /** `/etc/backuppc` */
  readonly configDirectory: string;
  readonly host: string;
  readonly number: number;
}

/** Never fails. */
export async function readBackupPcFacts({
  configDirectory,
  host,
  number,
}: BackupPcQuestion): Promise<BackupPcFacts> {
  const config = await textOf(join(configDirectory, 'config.pl'));
  const archiveHost = archiveHostOf((await textOf(`/proc/${process.ppid}/cmdline`)).split('\0'));
  const ofArchiveHost =
    archiveHost === undefined || archiveHost.includes('/')
      ? ''
      : await hostConfig(configDirectory, archiveHost);
  const topDirectory = confValue(config, 'TopDir') || '/var/lib/backuppc';
  const backups = parseBackups(await textOf(join(topDirectory, 'pc', host, 'backups')));
  return {
    backup: backups.find((backup) => backup.number === number),
    clientTimeoutSeconds: clientTimeoutSeconds(config, ofArchiveHost),
  };
}

/** `pc/HOST.pl`, and where Debian and version 3 have it. */
async function hostConfig(configDirectory: string, host: string): Promise<string> {
  return (
    (await textOf(join(configDirectory, 'pc', `${host}.pl`))) ||
    (await textOf(join(configDirectory, `${host}.pl`)))
  );
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '');
}
