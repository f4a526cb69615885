/** The target of a restore, from its command line. Pure. */
import { Failure } from '../errors.js';

export type RestoreTarget =
  | {
      readonly kind: 'directory';
      readonly path: string;
      /** Members to pick; empty: all. */ readonly paths: readonly string[];
    }
  /** The contents of these members, one after the other, to standard output. */
  | { readonly kind: 'contents'; readonly paths: readonly string[] }
  /** The tar; or the data as stored, if the name ends in the archive's own extension or the format is unknown. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' };

export interface TargetFlags {
  readonly host: string;
  readonly directory?: string;
  readonly output?: string;
  readonly extract?: readonly string[];
  readonly toStdout?: boolean;
}

/**
 * Members requested by name go into a directory named after the host by default.
 * @throws Failure `usage` unless there is exactly one target
 */
export function targetOf(words: readonly string[], flags: TargetFlags): RestoreTarget {
  const { host, directory, output, extract = [], toStdout } = flags;
  const paths = [...words.filter((word) => word !== '-'), ...extract];
  const targets: RestoreTarget[] = [];
  if (words.includes('-')) targets.push({ kind: 'stdout' });
  if (directory !== undefined) targets.push({ kind: 'directory', path: directory, paths });
  if (output !== undefined)
    targets.push(output === '-' ? { kind: 'stdout' } : { kind: 'file', path: output });
  if (toStdout === true) targets.push({ kind: 'contents', paths });
  if (targets.length === 0 && paths.length > 0) targets.push({ kind: 'directory', path: host, paths });
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0)
    throw new Failure('usage', 'no target: give one of -C DIR, -o FILE, - and --to-stdout PATH');
  if (target.kind === 'contents' && paths.length === 0)
    throw new Failure('usage', '--to-stdout needs a PATH');
  if (paths.length > 0 && !('paths' in target))
    throw new Failure('usage', 'paths go with -C DIR or --to-stdout', {
      hint: '-o and - give the whole tar',
    });
  return target;
}
