/**
 * A PATH as Alpine has it after `apk add gnupg curl`: busybox's own programs and nothing else, but for those two. So a sh, tar, sed, awk, grep,
 * mktemp, head, od, stat and date that are not Debian's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipped } from './debian.js';

/** What Alpine has, and Debian's busybox has not: flock (its busybox), getent (musl's own). gpg finds its agent by itself. */
const OTHERS = ['gpg', 'gpgconf', 'curl', 'flock', 'getent'];

let made: { readonly path: string } | undefined;

/** The directory of links, made at the first call and removed when this process ends; undefined without busybox. */
export function busyboxPath(): string | undefined {
  if (made !== undefined) return made.path;
  const busybox = whereIs('busybox');
  const listed = spawnSync('busybox', ['--list'], { encoding: 'utf8' });
  if (busybox === undefined || listed.status !== 0) return undefined;
  const path = mkdtempSync(join(tmpdir(), 'busybox-'));
  process.once('exit', () => {
    rmSync(path, { recursive: true, force: true });
  });
  const applets = listed.stdout.split('\n').filter((name) => name !== '' && !name.includes('/'));
  for (const name of new Set(['busybox', ...applets])) symlinkSync(busybox, join(path, name));
  for (const name of OTHERS.filter((other) => !applets.includes(other))) {
    const program = whereIs(name);
    if (program !== undefined) symlinkSync(program, join(path, name));
  }
  made = { path };
  return path;
}

/** For `skip`: false if busybox is there. @throws as `skipped` */
export function skipWithoutBusybox(): false | string {
  return busyboxPath() === undefined ? skipped('busybox is not installed') : false;
}

function whereIs(program: string): string | undefined {
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
