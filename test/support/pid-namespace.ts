/** Programs in a PID namespace of their own, as in a container: nobody outside sees their numbers, nor they anybody's. */
import { spawnSync } from 'node:child_process';

export const OWN_PID_NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] as const;

/** @returns false, or why the test is skipped, as node:test takes it. @throws with CI=true, where it never is */
export function skipWithoutPidNamespaces(): false | string {
  const [program, ...words] = OWN_PID_NAMESPACE;
  if (spawnSync(program, [...words, 'true']).status === 0) return false;
  const reason = 'NOT TESTED: unshare --pid needs root, and a machine that allows it';
  if (process.env['CI'] === 'true') throw new Error(reason);
  console.error(reason);
  return reason;
}
