import { spawnSync } from 'node:child_process';

/** A program of Debian's that a suite runs against us. */
export interface Program {
  /** As apt-get calls it. */
  readonly package: string;
  /** A command that succeeds where it is installed. */
  readonly check: readonly [string, ...string[]];
}

export const RCLONE: Program = { package: 'rclone', check: ['rclone', 'version'] };
/** Debian's own Python sees Debian's packages; another `python3` earlier in PATH does not. */
export const B2SDK: Program = {
  package: 'python3-b2sdk',
  check: ['/usr/bin/python3', '-c', 'import b2sdk.v2'],
};
export const BACKBLAZE_B2: Program = {
  package: 'backblaze-b2',
  check: ['/usr/bin/python3', '-c', 'import b2.console_tool'],
};

/** The reason as node:test's `skip` takes it. @throws with CI=true, where nothing may be skipped */
export function skipped(reason: string): string {
  if (process.env['CI'] === 'true') throw new Error(`not tested: ${reason}`);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}

/** For `skip`: false if the program is there. @throws as `skipped` */
export function skipWithout(program: string): false | string {
  const found = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
  return found ? false : skipped(`${program} is not installed`);
}

/** For `skip`: false for root. @throws as `skipped` */
export function skipWithoutRoot(): false | string {
  return process.getuid?.() === 0 ? false : skipped('needs root');
}

/**
 * Makes sure that these programs are there: as root it installs what is missing.
 *
 * @returns false, or why the suite has to be skipped. @throws as `skipped`
 */
export function needPrograms(programs: readonly Program[]): false | string {
  const missing = (): string[] =>
    programs
      .filter(({ check: [command, ...args] }) => !runs(command, args))
      .map((program) => program.package);
  const wanted = missing();
  if (wanted.length === 0) return false;
  if (process.getuid?.() === 0) install(wanted);
  const left = missing();
  if (left.length === 0) return false;
  return skipped(`not installed: ${left.join(' ')} (as root: apt-get install ${left.join(' ')})`);
}

function install(packages: readonly string[]): void {
  process.stderr.write(`installing ${packages.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const get = (...args: string[]): boolean =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], { env, stdio: ['ignore', 2, 2] })
      .status === 0;
  // The lists may be old or absent; a first try without them is free.
  if (!get('install', '-y', '--no-install-recommends', ...packages) && get('update'))
    get('install', '-y', '--no-install-recommends', ...packages);
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
