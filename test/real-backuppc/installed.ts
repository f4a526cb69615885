/** Our program as its user installs it: what `npm pack` puts into the package and the production dependencies, nothing else. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Identity } from './installation.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAMS = ['BackupPC_archiveHost_b2', 'backuppc-b2', 'backup-manager'];

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** Installs below `prefix` as `npm install --global` does. @returns the directory of the commands */
export function installProgram(prefix: string, user: Identity): string {
  const home = join(prefix, 'lib/node_modules/backuppc-b2');
  const bin = join(prefix, 'bin');
  mkdirSync(home, { recursive: true });
  mkdirSync(bin, { recursive: true });
  const packed = must('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', prefix]).trim();
  must('tar', ['-xzf', join(prefix, packed), '-C', home, '--strip-components=1', '--no-same-owner']);
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  for (const [path, { dev = false, optional = false }] of Object.entries(lock.packages)) {
    if (path === '' || dev || optional) continue;
    cpSync(join(ROOT, path), join(home, path), { recursive: true, dereference: true });
  }
  for (const name of PROGRAMS)
    symlinkSync(`../lib/node_modules/backuppc-b2/dist/bin/${name}`, join(bin, name));
  writeFileSync(join(home, 'dist/bin/node-path'), `${nodeFor(user, bin)}\n`);
  must('chmod', ['-R', 'a+rX', prefix]);
  return bin;
}

/** This Node, or a copy of it where user backuppc cannot reach it (a version manager's, in root's home). */
function nodeFor(user: Identity, bin: string): string {
  const { status } = spawnSync(process.execPath, ['--version'], { ...user, cwd: '/', stdio: 'ignore' });
  if (status === 0) return process.execPath;
  const copy = join(bin, 'node');
  cpSync(process.execPath, copy);
  return copy;
}

function must(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
