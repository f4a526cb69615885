import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sh, succeeds } from './shell.js';

/** Whose each is can be read from its name: `b2ROLE-PID`. */
export type Role = 'near' | 'guest' | 'modem' | 'far' | 'probe';

export function nameOf(role: Role): string {
  return `b2${role}-${process.pid}`;
}

export function addNamespace(name: string): void {
  sh('ip', 'netns', 'add', name);
  sh('ip', '-n', name, 'link', 'set', 'lo', 'up');
}

/** Kills what still runs in a namespace and removes it; the interfaces go with it. A name that does not exist is no error. */
export function removeNamespace(name: string): void {
  let pids: string[] = [];
  try {
    pids = sh('ip', 'netns', 'pids', name).split(/\s+/).filter(Boolean);
  } catch {
    // There is none of that name.
  }
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Ended meanwhile.
    }
  }
  succeeds('ip', 'netns', 'del', name);
}

/** What the name of a link's folder begins with. */
export const FOLDER_PREFIX = `narrow-link-${process.pid}-`;

/** Removes what runs that were killed have left behind. */
export function sweep(): void {
  let list = '';
  try {
    list = sh('ip', 'netns', 'list');
  } catch {
    return;
  }
  for (const line of list.split('\n')) {
    const [name = '', pid] = /^b2(?:near|guest|modem|far|probe)-(\d+)/.exec(line) ?? [];
    if (pid !== undefined && !lives(Number(pid))) removeNamespace(name);
  }
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^narrow-link-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !lives(Number(pid)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
