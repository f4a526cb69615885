/** A machine with BackupPC, our program beside it, and a B2. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { BackupPc } from './backuppc.js';
import type { Settings } from './installation.js';
import { until } from './processes.js';
import { installProgram } from './installed.js';

export const BUCKET = 'backuppc-test';
export const PASSPHRASE = 'correct horse battery staple';

export interface ArchiveHostOptions {
  /** Lines of the configuration file, besides those that every archive needs. */
  readonly toml?: Readonly<Record<string, string | number | boolean>>;
  readonly applicationKey?: string;
  readonly server?: B2Server;
  /** Of BackupPC's configuration of this archive host. */
  readonly settings?: Settings;
}

export class Scene {
  readonly backuppc: BackupPc;
  readonly server: B2Server;
  /** Where our commands are. */
  readonly bin: string;

  private constructor(backuppc: BackupPc, server: B2Server) {
    this.backuppc = backuppc;
    this.server = server;
    this.bin = installProgram(join(backuppc.directory, 'program'), backuppc.user);
    backuppc.write('passphrase', `${PASSPHRASE}\n`);
  }

  static async begin(): Promise<Scene> {
    return new Scene(new BackupPc(), await startB2Server({ buckets: [BUCKET] }));
  }

  /** Stops everything. @throws when a process of an archive was left over, or the server had a defect of its own */
  async end(): Promise<void> {
    const left = await this.backuppc.end();
    await this.server.close();
    if (left.length > 0) throw new Error(`left over at the end: ${left.join('; ')}`);
    if (this.server.defects.length > 0) throw new AggregateError(this.server.defects);
  }

  /** An archive host set up as the manual says. @returns the directory that is its ArchiveDest */
  addArchiveHost(name: string, options: ArchiveHostOptions = {}): string {
    const { backuppc } = this;
    const server = options.server ?? this.server;
    const state = backuppc.mkdir(`state-${name}`);
    const toml = {
      key_id: server.keyId,
      application_key: options.applicationKey ?? server.key,
      endpoint: server.url,
      bucket: BUCKET,
      passphrase_file: join(backuppc.directory, 'passphrase'),
      // Only to be quick: a passphrase of a test needs no stretching, and small parts make many of them.
      s2k_bytes: 1024,
      workers: 2,
      part_size: '5M',
      backuppc_data: join(backuppc.directory, 'data'),
      backuppc_config: join(backuppc.directory, 'etc'),
      ...options.toml,
    };
    const config = backuppc.write(
      `${name}.toml`,
      Object.entries(toml)
        .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
        .join(''),
    );
    backuppc.addHost(name, {
      XferMethod: 'archive',
      ArchiveDest: state,
      ArchiveComp: 'none',
      ArchiveClientCmd:
        `${this.bin}/BackupPC_archiveHost_b2 --config ${config}` +
        ' $tarCreatePath $splitpath $parpath $host $backupnumber $compression $compext $splitsize $archiveloc $parfile *',
      ...options.settings,
    });
    return state;
  }

  /** Starts an archive and waits until the server's fault has caught it with its upload under way. */
  async archiveCaughtBy(fault: string, archiveHost: string, ...hosts: string[]): Promise<void> {
    const planted = this.server.faults.add(fault);
    await this.backuppc.startArchive(archiveHost, ...hosts);
    await until(`${fault} strikes`, () => planted.fired > 0);
  }

  /** Runs one of our commands as user backuppc. */
  async command(
    name: string,
    args: readonly string[],
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const child = spawn(join(this.bin, name), args, {
      ...this.backuppc.user,
      cwd: '/',
      env: { PATH: '/bin:/usr/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString()));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { status, ...said };
  }

  /** Our program and what it has started. */
  ourProcesses(): string[] {
    return this.backuppc
      .processes()
      .map(({ command }) => command)
      .filter(
        (command) =>
          /archive-host\.js|load\.cjs archive-host|BackupPC_tarCreate/.test(command) &&
          !command.includes('BackupPC_archive '),
      );
  }

  /** A directory with one file in it, for a host that needs no more. */
  smallTree(name: string, content: string | Buffer): string {
    const tree = this.backuppc.mkdir(name);
    writeFileSync(join(tree, 'file'), content);
    return tree;
  }
}
