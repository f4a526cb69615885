/** The shells that a restore script runs under; those that are not installed are left out. */
import { spawnSync } from 'node:child_process';

export const SHELLS: readonly (readonly [string, ...string[]])[] = (
  [['dash'], ['bash'], ['busybox', 'sh'], ['ksh93'], ['zsh']] as const
).filter(([shell, ...words]) => spawnSync(shell, [...words, '-c', ':']).status === 0);
