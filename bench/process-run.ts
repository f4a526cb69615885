/** A shell command as a whole: wall time, CPU time and peak memory of its process tree. Linux. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface RunFigures {
  readonly wallSeconds: number;
  /** User and system time of the command and all its children. */
  readonly cpuSeconds: number;
  /** Highest sum of the resident sets of the tree, sampled every 20 ms. */
  readonly peakBytes: number;
  readonly status: number | null;
  readonly output: string;
}

/** @param command for bash, with pipefail */
export async function runShell(command: string, environment: NodeJS.ProcessEnv): Promise<RunFigures> {
  const began = performance.now();
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}; status=$?; times >&3; exit $status`], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let times = '';
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stdio[3]?.on('data', (bytes: Buffer) => (times += bytes.toString()));
  let peakBytes = 0;
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, treeBytes(child.pid ?? 0));
  }, 20);
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(sampler);
  return {
    wallSeconds: (performance.now() - began) / 1000,
    cpuSeconds: cpuOf(times),
    peakBytes,
    status,
    output,
  };
}

/** bash's `times`: two lines of user and system time, of the shell and of its children. */
function cpuOf(times: string): number {
  let seconds = 0;
  for (const [, minutes, rest] of times.matchAll(/(\d+)m([\d.]+)s/g))
    seconds += Number(minutes) * 60 + Number(rest);
  return seconds;
}

/** Resident bytes of a process and all that descend from it. */
export function treeBytes(root: number): number {
  const parents = new Map<number, number>();
  const resident = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(name), Number(fields[1]));
      resident.set(Number(name), Number(fields[21]) * 4096);
    } catch {
      // It ended while we looked.
    }
  }
  let sum = 0;
  for (const [pid, bytes] of resident) {
    let ancestor: number | undefined = pid;
    while (ancestor !== undefined && ancestor > 1 && ancestor !== root) ancestor = parents.get(ancestor);
    if (ancestor === root) sum += bytes;
  }
  return sum;
}
