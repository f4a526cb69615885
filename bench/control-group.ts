/** A control group of our own that limits whatever joins it. Linux, root; version 1 and 2. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Limits {
  readonly memoryBytes: number;
  /** Of one CPU, 0 to 1. */
  readonly cpuShare?: number;
}

export interface ControlGroup {
  /** Words of sh that put the shell, and all it starts, into the group. */
  readonly join: string;
  /** Most that the group has held, bytes, page cache and kernel memory among it; undefined where the kernel does not say. */
  peakBytes(): number | undefined;
  /** Once nobody is in it any more. */
  remove(): void;
}

const PERIOD_US = 100_000;

interface Folder {
  readonly root: string;
  readonly peak?: string;
  /** Files and what goes into them; the first has to be there, or the kernel cannot limit this. */
  files(limits: Limits): readonly (readonly [name: string, value: string])[];
}

const quota = ({ cpuShare = 1 }: Limits): string => String(Math.round(cpuShare * PERIOD_US));

/** Version 1 has a folder for each controller; version 2 one for all. Swap must not help. */
const HIERARCHIES: readonly (readonly Folder[])[] = [
  [
    {
      root: '/sys/fs/cgroup/memory',
      peak: 'memory.max_usage_in_bytes',
      files: ({ memoryBytes }) => [
        ['memory.limit_in_bytes', String(memoryBytes)],
        ['memory.swappiness', '0'],
      ],
    },
    {
      root: '/sys/fs/cgroup/cpu',
      files: (limits) =>
        limits.cpuShare === undefined
          ? []
          : [
              ['cpu.cfs_quota_us', quota(limits)],
              ['cpu.cfs_period_us', String(PERIOD_US)],
            ],
    },
  ],
  [
    {
      root: '/sys/fs/cgroup',
      peak: 'memory.peak',
      files: (limits) => [
        ['memory.max', String(limits.memoryBytes)],
        ['memory.swap.max', '0'],
        ...(limits.cpuShare === undefined ? [] : [['cpu.max', `${quota(limits)} ${PERIOD_US}`] as const]),
      ],
    },
  ],
];

/** @returns undefined where this machine does not let us */
export function controlGroup(limits: Limits): ControlGroup | undefined {
  for (const hierarchy of HIERARCHIES) {
    const groups: string[] = [];
    try {
      for (const folder of hierarchy) {
        const wanted = folder.files(limits);
        if (wanted.length === 0) continue;
        const group = join(folder.root, `backuppc-b2-bench-${process.pid}`);
        mkdirSync(group);
        groups.push(group);
        for (const [index, [name, value]] of wanted.entries())
          if (index === 0 || existsSync(join(group, name))) writeFileSync(join(group, name), value);
      }
    } catch {
      for (const group of groups) rmdirSync(group);
      continue;
    }
    const peakFile = join(groups[0] ?? '', hierarchy[0]?.peak ?? '');
    return {
      join: groups.map((group) => `echo $$ > '${join(group, 'cgroup.procs')}'`).join(' && '),
      peakBytes: () => (existsSync(peakFile) ? Number(readFileSync(peakFile, 'utf8')) : undefined),
      remove: () => {
        for (const group of groups) rmdirSync(group);
      },
    };
  }
  return undefined;
}
