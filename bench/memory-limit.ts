/** A control group of our own that limits the memory of whatever joins it. Linux, root; version 1 and 2. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MemoryLimit {
  /** Words of sh that put the shell, and all it starts, into the group. */
  readonly join: string;
  /** Most that the group has held, bytes, page cache and kernel memory among it; undefined where the kernel does not say. */
  peakBytes(): number | undefined;
  /** Once nobody is in it any more. */
  remove(): void;
}

interface Hierarchy {
  readonly root: string;
  readonly limit: string;
  /** Swap must not help. */
  readonly swap: string;
  readonly peak: string;
}

const HIERARCHIES: readonly Hierarchy[] = [
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    swap: 'memory.swappiness',
    peak: 'memory.max_usage_in_bytes',
  },
  {
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    swap: 'memory.swap.max',
    peak: 'memory.peak',
  },
];

/** @returns undefined where this machine does not let us */
export function limitMemory(bytes: number): MemoryLimit | undefined {
  for (const { root, limit, swap, peak } of HIERARCHIES) {
    const group = join(root, `backuppc-b2-bench-${process.pid}`);
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    try {
      if (!existsSync(join(group, limit))) throw new Error('no memory controller here');
      writeFileSync(join(group, limit), String(bytes));
      if (existsSync(join(group, swap))) writeFileSync(join(group, swap), '0');
    } catch {
      rmdirSync(group);
      continue;
    }
    const peakFile = join(group, peak);
    return {
      join: `echo $$ > '${join(group, 'cgroup.procs')}'`,
      peakBytes: () => (existsSync(peakFile) ? Number(readFileSync(peakFile, 'utf8')) : undefined),
      remove: () => {
        rmdirSync(group);
      },
    };
  }
  return undefined;
}
