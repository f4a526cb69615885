/**
 * Where this installation has its files. This module is compiled to `dist/src/` and bundled into `dist/bundle/`, side by side: what it
 * finds relative to itself is the same from both.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The programs: the entry point for BackupPC, `backuppc-b2`, and `backup-manager`. */
export const PROGRAM_DIRECTORY = fileURLToPath(new URL('../bin', import.meta.url));

/** A file beside this module, in the bundle or compiled. */
function moduleFile(bundled: string, compiled: string): URL {
  const beside = new URL(bundled, import.meta.url);
  return existsSync(beside) ? beside : new URL(compiled, import.meta.url);
}

/** Modules of worker threads. */
export const SEAL_WORKER = moduleFile('./seal.worker.mjs', '../workers/seal.worker.js');
export const KEYS_WORKER = moduleFile('./keys.worker.mjs', '../workers/keys.worker.js');
/** Measures one case of `bench`. */
export const CASE_PROCESS = moduleFile('./case-process.mjs', './tuning/case-process.js');

/** The program that every restore script contains; `build` copies it. */
export const RESTORE_SCRIPT = moduleFile('./restore-script.sh', './catalog/restore-script.sh');

/** The version in package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
