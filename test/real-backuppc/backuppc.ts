/** A BackupPC that runs: its daemon, what can be asked of it, and what it recorded. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Installation, perl } from './installation.js';
import { killIfThere, processesWith, until, type FoundProcess } from './processes.js';
import { readArchives, readBackups, type ArchiveRecord, type BackupRecord } from './records.js';

export class BackupPc extends Installation {
  #daemon: ChildProcess | undefined;

  constructor() {
    super();
    // Also when a test runner loses patience.
    process.once('exit', this.#removeAll);
    process.once('SIGTERM', onTerminated);
  }

  /** Starts the daemon as systemd does: in the foreground, as user backuppc. */
  async start(): Promise<void> {
    const daemon = this.spawn(join(this.installed, 'bin/BackupPC'), []);
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

  /** Finished backups. */
  backups(host: string): BackupRecord[] {
    return readBackups(join(this.data, 'pc', host, 'backups')).filter(({ type }) => type !== 'active');
  }

  /** Whether a backup is being made. */
  isBackingUp(host: string): boolean {
    return readBackups(join(this.data, 'pc', host, 'backups')).some(({ type }) => type === 'active');
  }

  archives(host: string): ArchiveRecord[] {
    return readArchives(join(this.data, 'pc', host, 'archives'));
  }

  /** A log of a host, by the beginning of its name; the newest where several fit. */
  async log(host: string, name: string): Promise<string> {
    const directory = join(this.data, 'pc', host);
    const fitting = readdirSync(directory).filter((entry) => entry === name || entry.startsWith(`${name}.`));
    const newest = fitting
      .map((entry) => join(directory, entry))
      .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
      .at(-1);
    return newest === undefined ? '' : (await this.run('BackupPC_zcat', [newest])).stdout.toString();
  }

  async #allLogs(host: string): Promise<string> {
    const own = readdirSync(join(this.data, 'pc', host)).filter((name) => name.startsWith('LOG.'));
    const logs = await Promise.all([...own, 'XferLOG'].map((name) => this.log(host, name)));
    return [readFileSync(join(this.data, 'log/LOG'), 'utf8'), ...logs].join('\n');
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
    const found = readdirSync(join(this.data, 'cpool'), { recursive: true, encoding: 'utf8' }).find((path) =>
      path.endsWith(`/${md5}`),
    );
    if (found === undefined) throw new Error(`no pool file ${md5}`);
    return join(this.data, 'cpool', found);
  }

  /** Processes that have anything of ours in their command line, but the daemon. */
  processes(): FoundProcess[] {
    return processesWith(this.directory).filter(({ pid }) => pid !== this.#daemon?.pid);
  }
}

function onTerminated(): void {
  process.exit(128 + constants.signals.SIGTERM);
}
