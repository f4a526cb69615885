/** The shells that a restore script runs under; those that are not installed are left out. */
import { spawnSync } from 'node:child_process';
import { busyboxPath } from '../support/busybox.js';

export type Shell = readonly [program: string, ...words: string[]];

const applets = busyboxPath();

/** busybox's sh with nothing around it but busybox's own programs, gpg and curl: Alpine. None without busybox. */
export const BUSYBOX_ALONE: readonly Shell[] =
  applets === undefined ? [] : [['env', `PATH=${applets}`, 'sh']];

/** The same shell, with programs in front of those it finds. */
export function withTools(shell: Shell, directory: string): Shell {
  const [program, setting = '', ...words] = shell;
  return BUSYBOX_ALONE.includes(shell)
    ? [program, setting.replace('=', `=${directory}:`), ...words]
    : ['env', `PATH=${directory}:${process.env['PATH'] ?? ''}`, ...shell];
}

export const SHELLS: readonly Shell[] = [
  ...([['dash'], ['bash'], ['busybox', 'sh'], ['ksh93'], ['zsh']] as const).filter(
    ([shell, ...words]) => spawnSync(shell, [...words, '-c', ':']).status === 0,
  ),
  ...BUSYBOX_ALONE,
];

export function shellName(shell: Shell): string {
  return BUSYBOX_ALONE.includes(shell) ? "busybox sh among busybox's programs" : shell.join(' ');
}

/** Whether its tar is busybox's, which stops where it finds no header. Debian's busybox sh prefers its own programs. */
export function hasBusyboxTar(shell: Shell): boolean {
  return shell[0] === 'busybox' || BUSYBOX_ALONE.includes(shell);
}
