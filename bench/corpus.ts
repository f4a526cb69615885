/** The inputs of all suites, made once per machine into the temporary directory. */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type CorpusName = 'files' | 'random' | 'zeros' | 'small';

const MIB = 1024 * 1024;

/** Trees that every Debian has; the first 500 MB of their tar are "real files": programs, libraries, documentation, scripts. */
const REAL_TREES = ['usr/bin', 'usr/lib', 'usr/share'];

/**
 * Path of a file of `mib` MiB: `files` (a tar of real files), `random` (does not compress), `zeros` (compresses to nothing), `small` (a tar
 * of many small files). `files` and `small` may be shorter where the machine has fewer files.
 */
export function corpus(name: CorpusName, mib: number): string {
  const directory = join(tmpdir(), 'backuppc-b2-corpus');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name}-${mib}`);
  if (existsSync(path)) return path;
  const temporary = `${path}.tmp`;
  if (name === 'random' || name === 'zeros') fill(temporary, mib, name === 'random');
  else {
    const trees = name === 'small' ? 'usr/share/doc usr/share/zoneinfo usr/share/perl' : REAL_TREES.join(' ');
    spawnSync('sh', ['-c', `tar -C / -cf - ${trees} 2>/dev/null | head -c ${mib * MIB} > '${temporary}'`]);
  }
  renameSync(temporary, path);
  return path;
}

function fill(path: string, mib: number, random: boolean): void {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(MIB);
  for (let i = 0; i < mib; i++) writeSync(file, random ? randomFillSync(block) : block);
  closeSync(file);
}

export const sizeOf = (path: string): number => statSync(path).size;
