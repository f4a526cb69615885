/** Which objects belong to archives that this machine is writing now: those of a journal whose lock a living process holds. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { INFO } from '../../catalog/names.js';
import { isLocked, systemProcesses } from '../../journal/lock.js';
import { readJournal } from '../../journal/state.js';
import type { FileVersion } from '../../store.js';

/** @param directories where journals may lie; those that are missing or closed to us hold none */
export async function liveRuns(directories: readonly string[]): Promise<(version: FileVersion) => boolean> {
  const runs = new Set<string>();
  const processes = await systemProcesses();
  for (const directory of directories) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((candidate) => candidate.endsWith('.journal'))) {
      const path = join(directory, name);
      if (!(await isLocked(path.replace(/\.journal$/, '.lock'), processes).catch(() => false))) continue;
      const read = readJournal(await readFile(path).catch(() => Buffer.alloc(0)));
      if (read.kind === 'good') runs.add(read.state.archive.run);
    }
  }
  return ({ fileInfo }) => runs.has(fileInfo[INFO.run] ?? '');
}
