/** Hosts and numbers that this machine knows of, for the completion of `--host` and `--number`: nothing is fetched, because somebody is waiting with a key pressed. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/schema.js';
import { readHistory } from '../../reporting/history.js';

/** bash expands the words that it is given to choose from: a name with more in it is not offered. */
const HARMLESS = /^[\p{L}\p{N}._-]+$/u;

/** BackupPC's hosts, and those that were archived from here; in order. What cannot be read is not there. */
export async function localHosts(
  { backuppc_data }: Pick<Config, 'backuppc_data'>,
  stateDirectory: string,
): Promise<string[]> {
  const [ofBackupPc, history] = await Promise.all([
    readdir(join(backuppc_data, 'pc'), { withFileTypes: true }).catch(() => []),
    readHistory(stateDirectory).catch(() => []),
  ]);
  const names = [
    ...ofBackupPc.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    ...history.map(({ host }) => host),
  ];
  return [...new Set(names)].filter((name) => HARMLESS.test(name)).sort();
}

/** Of the host's archives that were made from here, newest last. */
export async function localNumbers(host: string, stateDirectory: string): Promise<number[]> {
  const history = await readHistory(stateDirectory).catch(() => []);
  const numbers = history.flatMap((record) =>
    record.type === 'archive' && record.host === host ? [record.number] : [],
  );
  return [...new Set(numbers)].sort((a, b) => a - b);
}
