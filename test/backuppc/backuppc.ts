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
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { needPrograms, type Program } from '../support/debian.js';

const PACKAGED = '/usr/share/backuppc';
const IS_INSTALLED = ['test', '-x', `${PACKAGED}/bin/BackupPC`] as const;
const PACKAGES: readonly Program[] = [
  { package: 'backuppc', check: IS_INSTALLED },
  // BackupPC wants some web server and some mail server: these two are small. Only installed together with it.
  { package: 'micro-httpd', check: IS_INSTALLED },
  { package: 'nullmailer', check: IS_INSTALLED },
  { package: 'rsync', check: ['rsync', '--version'] },
  { package: 'gnupg', check: ['gpg', '--version'] },
];

/** @returns false, or why the suite has to be skipped. Never skipped with CI=true. */
export function needBackupPc(): false | string {
  const wasThere = existsSync(IS_INSTALLED[2]);
  const reason = needPrograms(PACKAGES);
  // Debian starts what it installs, but here it is only wanted for its code.
  if (reason === false && !wasThere && existsSync('/run/systemd/system'))
    spawnSync('systemctl', ['disable', '--now', 'backuppc']);
  if (reason !== false || process.getuid?.() === 0) return reason;
  const root = 'BackupPC has to run as its own user, and only root can start it so';
  if (process.env['CI'] === 'true') throw new Error(root);
  process.stderr.write(`SKIPPED: ${root}\n`);
  return root;
}

/** Settings of one host: `$Conf{NAME}`. */
export type Settings = Readonly<
  Record<string, string | number | readonly string[] | Readonly<Record<string, string>>>
>;

/** A line of pc/HOST/backups. */
export interface BackupRecord {
  readonly number: number;
  readonly type: string;
  readonly files: number;
  readonly errors: number;
}

/** A line of pc/HOST/archives: what BackupPC's pages show. */
export interface ArchiveRecord {
  readonly number: number;
  readonly result: string;
  readonly errorMessage: string;
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Waits for a state by asking for it again and again. @throws after `limitMs`, with what was waited for */
export async function until(
  what: string,
  state: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await state())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs / 1000} s for: ${what}`);
    await delay(40);
  }
}

export class BackupPc {
  /** Everything lives below; user backuppc may enter. */
  readonly directory: string;
  readonly user: Identity;
  readonly #installed: string;
  readonly #data: string;
  readonly #etc: string;
  #daemon: ChildProcess | undefined;

  private constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'backuppc-'));
    chmodSync(this.directory, 0o755);
    this.user = identityOf('backuppc');
    this.#installed = join(this.directory, 'share');
    this.#data = join(this.directory, 'data');
    this.#etc = join(this.directory, 'etc');
  }

  /** Installed, not yet running. */
  static install(): BackupPc {
    const backuppc = new BackupPc();
    // Also when a test runner loses patience.
    process.once('exit', backuppc.#removeAll);
    process.once('SIGTERM', onTerminated);
    backuppc.#copyPackage();
    for (const name of ['data', 'data/pc', 'data/pool', 'data/cpool', 'data/log', 'run', 'etc'])
      backuppc.mkdir(name);
    const config = backuppc.#relocated(readFileSync('/etc/backuppc/config.pl.sample', 'utf8'));
    writeFileSync(join(backuppc.#etc, 'config.pl'), config);
    backuppc.#configure('config.pl', {
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
        backuppc.write(
          'ssh',
          '#!/bin/sh\n# Instead of ssh: HOST COMMAND ... runs here.\nshift\nexec "$@"\n',
          0o755,
        ),
      ],
    });
    writeFileSync(join(backuppc.#etc, 'hosts'), 'host dhcp user moreUsers\n');
    return backuppc;
  }

  /** Adds a host; the daemon sees it when it starts. */
  addHost(host: string, settings: Settings): void {
    appendFileSync(join(this.#etc, 'hosts'), `${host} 0 backuppc\n`);
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

  /** Starts the daemon as systemd does: in the foreground, as user backuppc. */
  async start(): Promise<void> {
    const daemon = this.#spawn(join(this.#installed, 'bin/BackupPC'), []);
    this.#daemon = daemon;
    let said = '';
    daemon.stdout?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    daemon.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    await until('the daemon answers', async () => {
      if (daemon.exitCode !== null) throw new Error(`BackupPC ended with ${daemon.exitCode}: ${said}`);
      return (await this.message('status info')).includes('%Info');
    });
  }

  /** Stops the daemon as systemd does. */
  async stop(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    const impatience = setTimeout(() => daemon.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(impatience);
  }

  /** Stops the daemon and whatever it left. @returns command lines of what had to be killed */
  async end(): Promise<string[]> {
    await this.stop();
    const left = this.processes();
    for (const { pid } of left) killIfThere(pid);
    await until('nothing is left', () => this.processes().length === 0, 10_000);
    process.off('exit', this.#removeAll);
    process.off('SIGTERM', onTerminated);
    rmSync(this.directory, { recursive: true, force: true });
    return left.map(({ command }) => command);
  }

  readonly #removeAll = (): void => {
    if (this.#daemon?.pid !== undefined) killIfThere(this.#daemon.pid);
    for (const { pid } of this.processes()) killIfThere(pid);
    rmSync(this.directory, { recursive: true, force: true });
  };

  /** One message to the daemon, by BackupPC's own client. @returns its reply, or what went wrong */
  async message(words: string): Promise<string> {
    return (await this.run('BackupPC_serverMesg', words.split(' '))).stdout.toString();
  }

  /** Asks for a backup and waits until it is there. @throws when it failed */
  async backUp(host: string, type: 'doFull' | 'doIncr'): Promise<BackupRecord> {
    const before = this.backups(host).length;
    await this.requestBackup(host, type);
    await until(`${host} is idle`, async () => !(await this.isBusy(host)));
    const [record] = this.backups(host).slice(before);
    const wanted = type === 'doFull' ? 'full' : 'incr';
    if (record?.type !== wanted)
      throw new Error(
        `${host}: ${record?.type ?? 'no backup'} instead of ${wanted}:\n${await this.#allLogs(host)}`,
      );
    return record;
  }

  async requestBackup(host: string, type: 'doFull' | 'doIncr'): Promise<void> {
    const reply = await this.message(`backup ${host} ${host} backuppc ${type}`);
    if (!reply.includes('ok: requested backup')) throw new Error(reply);
  }

  /** Whether the daemon has a job for this host, or one in a queue. */
  async isBusy(host: string): Promise<boolean> {
    return /"Job" => \{|"(Bg|User)QueueOn" => 1/.test(await this.message(`status host(${host})`));
  }

  /** Whether a job of this host runs (not only waits). */
  async isRunning(host: string): Promise<boolean> {
    return (await this.message(`status host(${host})`)).includes('"Job" => {');
  }

  /** BackupPC_archiveStart: the newest backup of each host. Resolves when the daemon has taken the request. */
  async startArchive(archiveHost: string, ...hosts: string[]): Promise<void> {
    const { stdout, stderr } = await this.run('BackupPC_archiveStart', [archiveHost, 'backuppc', ...hosts]);
    if (!stdout.includes('ok: requested archive'))
      throw new Error(`${stdout.toString()}${stderr.toString()}`);
  }

  /** As the web page does it: a request file, then a word to the daemon. Any number can be asked for. */
  async requestArchive(
    archiveHost: string,
    host: string,
    number: number,
    archiveDest: string,
  ): Promise<void> {
    const name = 'archiveReq.test';
    const request = {
      archiveloc: archiveDest,
      archtype: '0',
      compression: '/bin/cat',
      compext: '.raw',
      parfile: '',
      splitsize: '0000000',
      host: archiveHost,
      user: 'backuppc',
    };
    const fields = Object.entries(request).map(([key, value]) => `${perl(key)} => ${perl(value)},`);
    this.write(
      `data/pc/${archiveHost}/${name}`,
      `%ArchiveReq = (${fields.join(' ')} HostList => [${perl(host)}], BackupList => [${perl(String(number))}]);\n1;\n`,
    );
    const reply = await this.message(`archive backuppc ${archiveHost} ${name}`);
    if (!reply.includes('ok: requested archive')) throw new Error(reply);
  }

  /** Runs an archive to its end. @returns BackupPC's record and log of it */
  async archive(archiveHost: string, ...hosts: string[]): Promise<ArchiveRecord & { readonly log: string }> {
    return this.archiveEnded(archiveHost, () => this.startArchive(archiveHost, ...hosts));
  }

  /** Starts an archive by `start` and waits until BackupPC has recorded it and is idle. */
  async archiveEnded(
    archiveHost: string,
    start: () => Promise<void>,
  ): Promise<ArchiveRecord & { readonly log: string }> {
    const before = this.archives(archiveHost).length;
    await start();
    await until(`archive on ${archiveHost}`, () => this.archives(archiveHost).length > before);
    await until(`${archiveHost} is idle`, async () => !(await this.isBusy(archiveHost)));
    const record = this.archives(archiveHost).at(-1);
    if (record === undefined) throw new Error(`${archiveHost}: no record`);
    return { ...record, log: await this.log(archiveHost, `ArchiveLOG.${record.number}`) };
  }

  backups(host: string): BackupRecord[] {
    return this.#records(host, 'backups')
      .map((fields) => ({
        number: Number(fields[0]),
        type: fields[1] ?? '',
        files: Number(fields[4]),
        errors: Number(fields[10]),
      }))
      .filter(({ type }) => type !== 'active');
  }

  /** Whether pc/HOST/backups has an entry of this type; `active` is one that is being made. */
  hasRecord(host: string, type: string): boolean {
    return this.#records(host, 'backups').some((fields) => fields[1] === type);
  }

  archives(host: string): ArchiveRecord[] {
    return this.#records(host, 'archives').map((fields) => ({
      number: Number(fields[0]),
      result: fields[3] ?? '',
      errorMessage: unescaped(fields[4] ?? ''),
    }));
  }

  /** A log of a host, by the beginning of its name; the newest where several fit. */
  async log(host: string, name: string): Promise<string> {
    const directory = join(this.#data, 'pc', host);
    const fitting = readdirSync(directory).filter((entry) => entry === name || entry.startsWith(`${name}.`));
    const newest = fitting
      .map((entry) => join(directory, entry))
      .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
      .at(-1);
    return newest === undefined ? '' : (await this.run('BackupPC_zcat', [newest])).stdout.toString();
  }

  async #allLogs(host: string): Promise<string> {
    const own = readdirSync(join(this.#data, 'pc', host)).filter((name) => name.startsWith('LOG.'));
    const logs = await Promise.all([...own, 'XferLOG'].map((name) => this.log(host, name)));
    return [readFileSync(join(this.#data, 'log/LOG'), 'utf8'), ...logs].join('\n');
  }

  /** What BackupPC itself makes of a backup. */
  async tarCreate(host: string, number: number): Promise<Buffer> {
    const { status, stdout, stderr } = await this.run('BackupPC_tarCreate', [
      '-t',
      '-h',
      host,
      '-n',
      String(number),
      '-s',
      '*',
      '.',
    ]);
    if (status !== 0) throw new Error(`tarCreate exited with ${status ?? 'a signal'}: ${stderr.toString()}`);
    return stdout;
  }

  /** Where the pool keeps a content, by the MD5 of the content. */
  poolFile(md5: string): string {
    const found = readdirSync(join(this.#data, 'cpool'), { recursive: true, encoding: 'utf8' }).find((path) =>
      path.endsWith(`/${md5}`),
    );
    if (found === undefined) throw new Error(`no pool file ${md5}`);
    return join(this.#data, 'cpool', found);
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

  /** Processes that have anything of ours in their command line, but the daemon. */
  processes(): { readonly pid: number; readonly command: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== this.#daemon?.pid)
      .map((name) => ({ pid: Number(name), command: commandOf(name) }))
      .filter(({ command }) => command.includes(this.directory));
  }

  /** Runs one of BackupPC's programs as user backuppc. */
  async run(
    program: string,
    args: readonly string[],
  ): Promise<{ status: number | null; stdout: Buffer; stderr: Buffer }> {
    const child = this.#spawn(join(this.#installed, 'bin', program), args);
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

  #spawn(program: string, args: readonly string[]): ChildProcess {
    return spawn(program, args, {
      ...this.user,
      cwd: '/',
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: this.#data,
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
      cpSync(join(PACKAGED, folder), join(this.#installed, folder), { recursive: true });
    for (const entry of readdirSync(this.#installed, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      writeFileSync(path, this.#relocated(readFileSync(path, 'latin1')), 'latin1');
    }
  }

  #relocated(text: string): string {
    return text
      .replaceAll('/usr/share/backuppc', this.#installed)
      .replaceAll('/var/lib/backuppc', this.#data)
      .replaceAll('/etc/backuppc', this.#etc)
      .replaceAll('/run/backuppc', join(this.directory, 'run'));
  }

  #configure(file: string, settings: Settings): void {
    const lines = Object.entries(settings).map(([name, value]) => `$Conf{${name}} = ${perl(value)};\n`);
    const path = join(this.#etc, file);
    appendFileSync(path, lines.join(''));
    chownSync(path, this.user.uid, this.user.gid);
  }

  #records(host: string, name: 'backups' | 'archives'): string[][] {
    const path = join(this.#data, 'pc', host, name);
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  }
}

function perl(value: Settings[string]): string {
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

/** BackupPC writes %, tab and line ends of a field as %XX. */
function unescaped(field: string): string {
  return field.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function identityOf(user: string): Identity {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, user]).stdout.toString()));
  if (!uid || !gid) throw new Error(`no user ${user}`);
  return { uid, gid };
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function onTerminated(): void {
  process.exit(128 + constants.signals.SIGTERM);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
}
