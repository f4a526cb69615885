/** Where an archive's local state is, and what an earlier run left of it. */
import { constants } from 'node:fs';
import { access, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../errors.js';
import { localFailure, readOwnFile, removeFile, syncDirectory } from '../own-files.js';
import { temporariesOf } from '../replace-file.js';
import { decodeKeys, type KeyRing } from './keys.js';
import { type JournalFold, readJournal } from './state.js';

/** Where one archive's local state is. */
export interface JournalPaths {
  readonly directory: string;
  readonly journal: string;
  readonly keys: string;
  readonly lock: string;
}

/** @param directory `outLoc` or `state_dir` */
export function journalPaths(
  directory: string,
  archive: { host: string; number: number; bucket: string },
): JournalPaths {
  const stem = join(directory, `${archive.host}.${archive.number}.${archive.bucket}`);
  return { directory, journal: `${stem}.journal`, keys: `${stem}.keys`, lock: `${stem}.lock` };
}

/** The directory, made if it is missing, writable by us. @throws Failure `local` */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw localFailure('write to', directory, thrown);
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'EEXIST') return;
    // Only if the parent is missing, too: under /proc Node's recursive mkdir never returns.
    const parentMissing = await access(dirname(directory)).then(
      () => false,
      () => true,
    );
    if (code !== 'ENOENT' || !parentMissing) throw thrown;
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
}

export interface LoadedJournal {
  readonly state: JournalFold;
  readonly keys: KeyRing;
  /** Length of the part of the file that holds complete records. */
  readonly goodBytes: number;
}

export type LoadResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly journal: LoadedJournal }
  /** Renamed to `to`, because it cannot be trusted. */
  | { readonly kind: 'set-aside'; readonly reason: string; readonly to: string };

/** Reads what an earlier run left. The caller holds the lock. @throws Failure `local` */
export async function loadJournal(paths: JournalPaths, now: Date): Promise<LoadResult> {
  await removeTemporaries(paths);
  const file = await readOwnFile(paths.journal);
  const read = file === undefined ? undefined : readJournal(file);
  if (read === undefined || read.kind === 'empty') {
    // Without a first record nothing was started; keys without a journal belong to nothing.
    await removeFile(paths.journal);
    await removeFile(paths.keys);
    return { kind: 'none' };
  }
  if (read.kind === 'damaged')
    return { kind: 'set-aside', reason: read.reason, to: await setAside(paths, now) };
  const keys = decodeKeys((await readOwnFile(paths.keys)) ?? Buffer.alloc(0));
  return { kind: 'found', journal: { state: read.state, keys, goodBytes: read.goodBytes } };
}

/** Renames the journal and removes the keys: nothing may be sealed with them again. @returns the new path */
async function setAside(paths: JournalPaths, now: Date): Promise<string> {
  const to = `${paths.journal}.damaged-${now.toISOString().replace(/[-:]|\.\d+/g, '')}`;
  try {
    await removeFile(paths.keys);
    await rename(paths.journal, to);
    await syncDirectory(paths.directory);
  } catch (thrown) {
    throw localFailure('set aside', paths.journal, thrown);
  }
  return to;
}

async function removeTemporaries({ directory, journal, keys }: JournalPaths): Promise<void> {
  let left: string[];
  try {
    left = await temporariesOf(journal, keys);
  } catch (thrown) {
    throw localFailure('read', directory, thrown);
  }
  for (const temporary of left) await removeFile(temporary);
}
