/** Programs in a PID namespace of their own, as in a container: nobody outside sees their numbers, nor they anybody's. */
import { spawnSync } from 'node:child_process';
import { skipped } from './debian.js';

export const OWN_PID_NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] as const;

/** For `skip`: false where it works, else a reason that is also printed. @throws as `skipped` */
export function skipWithoutPidNamespaces(): false | string {
  const [program, ...words] = OWN_PID_NAMESPACE;
  if (spawnSync(program, [...words, 'true']).status === 0) return false;
  const reason = 'NOT TESTED: unshare --pid needs root, and a machine that allows it';
  console.error(reason);
  return skipped(reason);
}
