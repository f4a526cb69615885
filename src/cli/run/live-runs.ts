/**
 * Which objects may belong to archives that this machine is writing now: those of a journal whose lock may be held by any user. Removing
 * what a running archive needs cannot be undone, so in doubt a run counts as running.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { INFO } from '../../catalog/names.js';
import { errorCode } from '../../errors.js';
import { readPlainFile } from '../../own-files.js';
import { lockWorld, mayBeLocked } from '../../journal/lock.js';
import { readJournal } from '../../journal/state.js';
import type { FileVersion } from '../../store.js';

/** The first record holds the run's ID. */
const HEAD_BYTES = 64 * 1024;

export interface RunsHere {
  /** A process may be writing what this version belongs to. */
  readonly isAlive: (version: FileVersion) => boolean;
  /** Its run has a journal here, and has ended. */
  readonly isStopped: (version: FileVersion) => boolean;
}

/**
 * @param directories that may contain journals; missing ones contain none
 * @param unreadable called once, when an object counts as running because a directory cannot be read
 */
export async function runsHere(
  directories: readonly string[],
  unreadable: (directory: string, code: string) => void = () => undefined,
): Promise<RunsHere> {
  const runs = new Set<string>();
  const stopped = new Set<string>();
  /** Names of journals whose run is unknown: `HOST.N.BUCKET`. */
  const nameless: string[] = [];
  let closed: { directory: string; code: string } | undefined;
  const world = await lockWorld();
  for (const directory of new Set(directories)) {
    let names: string[];
    try {
      names = await readdir(directory);
    } catch (thrown) {
      const code = errorCode(thrown) ?? String(thrown);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') closed ??= { directory, code };
      continue;
    }
    for (const name of names.filter((candidate) => candidate.endsWith('.journal'))) {
      const stem = name.slice(0, -'.journal'.length);
      const locked = await mayBeLocked(join(directory, `${stem}.lock`), world);
      const run = await runOf(join(directory, name));
      if (!locked) {
        if (run !== undefined) stopped.add(run);
      } else if (run === undefined) nameless.push(stem);
      else runs.add(run);
    }
  }
  let told = false;
  const isAlive = ({ fileInfo }: FileVersion): boolean => {
    const { [INFO.run]: run = '', [INFO.host]: host, [INFO.number]: number } = fileInfo;
    if (runs.has(run)) return true;
    if (host !== undefined && nameless.some((stem) => stem.startsWith(`${host}.${number ?? ''}.`)))
      return true;
    if (closed === undefined || run === '') return false;
    if (!told) unreadable(closed.directory, closed.code);
    told = true;
    return true;
  };
  return { isAlive, isStopped: ({ fileInfo }) => stopped.has(fileInfo[INFO.run] ?? '') };
}

async function runOf(journal: string): Promise<string | undefined> {
  const read = readJournal((await readPlainFile(journal, HEAD_BYTES)) ?? Buffer.alloc(0));
  return read.kind === 'good' ? read.state.archive.run : undefined;
}
