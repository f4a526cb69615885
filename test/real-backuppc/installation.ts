/**
 * A BackupPC of our own: the code of Debian's package, with its directories below one of ours. Whatever BackupPC this machine has besides
 * is not touched.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGED } from './package.js';

/** Settings of one host: `$Conf{NAME}`. */
export type Settings = Readonly<
  Record<string, string | number | readonly string[] | Readonly<Record<string, string>>>
>;

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export class Installation {
  /** Everything lives below; user backuppc may enter. */
  readonly directory: string;
  readonly user: Identity;
  readonly installed: string;
  readonly data: string;
  readonly etc: string;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'backuppc-'));
    chmodSync(this.directory, 0o755);
    this.user = identityOf('backuppc');
    this.installed = join(this.directory, 'share');
    this.data = join(this.directory, 'data');
    this.etc = join(this.directory, 'etc');
    this.#copyPackage();
    for (const name of ['data', 'data/pc', 'data/pool', 'data/cpool', 'data/log', 'run', 'etc'])
      this.mkdir(name);
    const config = this.#relocated(readFileSync(join(PACKAGED, 'conf/config.pl'), 'utf8'));
    writeFileSync(join(this.etc, 'config.pl'), config);
    this.#configure('config.pl', {
      // The daemon wants every program to be there that its configuration names.
      SmbClientPath: '',
      NmbLookupPath: '',
      PingPath: '',
      Ping6Path: '',
      SshPath: '',
      SendmailPath: '',
      RrdToolPath: '',
      ParPath: '',
      PingCmd: '&{sub {0}}',
      ClientNameAlias: 'localhost',
      // No nightly work while tests run.
      WakeupSchedule: [String((new Date().getHours() + 12) % 24 || 24)],
      RsyncSshArgs: [
        '-e',
        this.write(
          'ssh',
          '#!/bin/sh\n# Instead of ssh: HOST COMMAND ... runs here.\nshift\nexec "$@"\n',
          0o755,
        ),
      ],
    });
    writeFileSync(join(this.etc, 'hosts'), 'host dhcp user moreUsers\n');
  }

  /** Adds a host; the daemon sees it when it starts. */
  addHost(host: string, settings: Settings): void {
    appendFileSync(join(this.etc, 'hosts'), `${host} 0 backuppc\n`);
    this.#configure(`${host}.pl`, settings);
    // Without it, an archive host that was never used from the web page is refused.
    this.mkdir(`data/pc/${host}`);
  }

  /** A host backed up by rsync through a stand-in for ssh; its share is called /data. */
  addRsyncHost(host: string, tree: string, settings: Settings = {}): void {
    this.addHost(host, {
      XferMethod: 'rsync',
      RsyncShareName: '/data',
      ClientShareName2Path: { '/data': tree },
      ...settings,
    });
  }

  /** A copy beside a file, with its owner and mode. */
  takeCopy(path: string): string {
    const copy = `${path}.whole`;
    const { uid, gid, mode } = statSync(path);
    cpSync(path, copy);
    chownSync(copy, uid, gid);
    chmodSync(copy, mode);
    return copy;
  }

  /** Runs one of BackupPC's programs as user backuppc. */
  async run(
    program: string,
    args: readonly string[],
  ): Promise<{ status: number | null; stdout: Buffer; stderr: Buffer }> {
    const child = this.spawn(join(this.installed, 'bin', program), args);
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  }

  /** A directory that belongs to user backuppc. */
  mkdir(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    chownSync(path, this.user.uid, this.user.gid);
    return path;
  }

  /** A file that user backuppc may read through its group. */
  write(name: string, contents: string, mode = 0o640): string {
    const path = join(this.directory, name);
    writeFileSync(path, contents);
    chownSync(path, 0, this.user.gid);
    chmodSync(path, mode);
    return path;
  }

  spawn(program: string, args: readonly string[]): ChildProcess {
    return spawn(program, args, {
      ...this.user,
      cwd: '/',
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: this.data,
        USER: 'backuppc',
        LOGNAME: 'backuppc',
        SHELL: '/bin/sh',
        LANG: 'C.UTF-8',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #copyPackage(): void {
    for (const folder of ['bin', 'lib'])
      cpSync(join(PACKAGED, folder), join(this.installed, folder), { recursive: true });
    for (const entry of readdirSync(this.installed, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      writeFileSync(path, this.#relocated(readFileSync(path, 'latin1')), 'latin1');
    }
  }

  #relocated(text: string): string {
    return text
      .replaceAll('/usr/share/backuppc', this.installed)
      .replaceAll('/var/lib/backuppc', this.data)
      .replaceAll('/etc/backuppc', this.etc)
      .replaceAll('/run/backuppc', join(this.directory, 'run'));
  }

  #configure(file: string, settings: Settings): void {
    const lines = Object.entries(settings).map(([name, value]) => `$Conf{${name}} = ${perl(value)};\n`);
    const path = join(this.etc, file);
    appendFileSync(path, lines.join(''));
    chownSync(path, this.user.uid, this.user.gid);
  }
}

export function perl(value: Settings[string]): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&')}'`;
  if (isList(value)) return `[${value.map(perl).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, element]) => `${perl(key)} => ${perl(element)}`)
    .join(', ')}}`;
}

function isList(value: readonly string[] | Readonly<Record<string, string>>): value is readonly string[] {
  return Array.isArray(value);
}

function identityOf(user: string): Identity {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, user]).stdout.toString()));
  if (!uid || !gid) throw new Error(`no user ${user}`);
  return { uid, gid };
}
