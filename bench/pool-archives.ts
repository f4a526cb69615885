/** A BackupPC with one host, whose backups it archives with `--reuse` to a B2 server that keeps them on disk; each run is measured. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BackupPc } from '../test/real-backuppc/backuppc.js';
import { installProgram } from '../test/real-backuppc/installed.js';
import { until } from '../test/real-backuppc/processes.js';
import { BENCH_BUCKET, startBenchServer, type BenchServer } from './b2-server.js';
import { lastRunBytes } from './last-run.js';
import { treeBytes } from './process-run.js';
import type { Row } from './report.js';
import { membersOf, type TarMembers } from './tar-members.js';
import type { SentVolumes } from './why-sent.js';

const HOST = 'web.example';
const ARCHIVE_HOST = 'offsite';
const BACKUP_LIMIT_MS = 30 * 60_000;
const SAMPLE_MS = 50;

export interface Archived extends SentVolumes {
  readonly sentBytes: number;
  readonly copiedBytes: number;
  readonly volumes: number;
  readonly wallSeconds: number;
  /** With tarCreate. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

interface ServedRequest {
  readonly operation: string;
  readonly status?: number;
  readonly fileName?: string;
  readonly bytesOut: number;
}

export class PoolArchives {
  readonly backuppc: BackupPc;
  readonly #server: BenchServer;
  readonly #bin: string;
  /** Where the program keeps what it knows. */
  readonly #state: string;
  /** Of the last run: process, times, metrics. */
  readonly #figures: string;
  readonly #config: string;

  private constructor(backuppc: BackupPc, server: BenchServer) {
    this.backuppc = backuppc;
    this.#server = server;
    this.#bin = installProgram(join(backuppc.directory, 'program'), backuppc.user);
    this.#state = backuppc.mkdir('state');
    this.#figures = backuppc.mkdir('figures');
    const settings = {
      key_id: server.keyId,
      application_key: server.key,
      endpoint: server.url,
      bucket: BENCH_BUCKET,
      passphrase: 'bench passphrase',
      reuse: true,
      compress: 'zstd:3',
      metrics_file: join(this.#figures, 'metrics'),
      backuppc_data: backuppc.data,
      backuppc_config: backuppc.etc,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
    this.#config = backuppc.write('b2.toml', lines.join(''));
  }

  static async begin(): Promise<PoolArchives> {
    const backuppc = new BackupPc();
    const server = await startBenchServer({ flags: ['--data', `disk:${join(backuppc.directory, 'b2')}`] });
    return new PoolArchives(backuppc, server);
  }

  async end(): Promise<void> {
    this.#server.stop();
    await this.backuppc.end();
  }

  /** Adds the host, whose files lie in `tree`, and the archive host; starts BackupPC. */
  async addHost(tree: string): Promise<void> {
    const { backuppc } = this;
    // Expiry must not take a backup before it has been archived.
    backuppc.addRsyncHost(HOST, tree, { RsyncArgsExtra: ['--xattrs'], FullKeepCnt: 10 });
    const measured = backuppc.write(
      'measured',
      `#!/bin/bash\necho $$ >${this.#figures}/pid\nTIMEFORMAT='%R %U %S'\nexec 3>&2\n{ time "$@" 2>&3 3>&-; } 2>${this.#figures}/times\n`,
      0o755,
    );
    backuppc.addHost(ARCHIVE_HOST, {
      XferMethod: 'archive',
      ArchiveDest: this.#state,
      ArchiveClientCmd:
        `${measured} ${this.#bin}/BackupPC_archiveHost_b2 --config ${this.#config}` +
        ' $tarCreatePath $splitpath $parpath $host $backupnumber $compression $compext $splitsize $archiveloc $parfile *',
    });
    await backuppc.start();
  }

  async backUp(type: 'doFull' | 'doIncr'): Promise<void> {
    const { backuppc } = this;
    const before = backuppc.backups(HOST).length;
    await backuppc.requestBackup(HOST, type);
    await until('the backup is there', async () => !(await backuppc.isBusy(HOST)), BACKUP_LIMIT_MS);
    const [record] = backuppc.backups(HOST).slice(before);
    if (record?.type !== (type === 'doFull' ? 'full' : 'incr'))
      throw new Error(`no such backup: ${await backuppc.log(HOST, 'XferLOG')}`);
  }

  /** As BackupPC does it on request. @throws where it records a failure */
  async archive(number: number): Promise<Archived> {
    const { backuppc } = this;
    const inFigures = (name: string): string => join(this.#figures, name);
    for (const name of ['pid', 'times', 'metrics']) rmSync(inFigures(name), { force: true });
    await this.#control('POST', 'clear-log');
    let peakBytes = 0;
    const sampler = setInterval(() => {
      if (statSync(inFigures('pid'), { throwIfNoEntry: false }) === undefined) return;
      peakBytes = Math.max(peakBytes, treeBytes(Number(readFileSync(inFigures('pid'), 'latin1'))));
    }, SAMPLE_MS);
    const began = backuppc.archives(ARCHIVE_HOST).length;
    await backuppc.requestArchive(ARCHIVE_HOST, HOST, number, this.#state);
    await until(
      'the archive is there',
      () => backuppc.archives(ARCHIVE_HOST).length > began,
      BACKUP_LIMIT_MS,
    );
    clearInterval(sampler);
    await until('BackupPC is idle', async () => !(await backuppc.isBusy(ARCHIVE_HOST)));
    const record = backuppc.archives(ARCHIVE_HOST).at(-1);
    if (record?.result !== 'ok') throw new Error(await backuppc.log(ARCHIVE_HOST, 'ArchiveLOG'));
    const [wallSeconds = NaN, user = NaN, system = NaN] = readFileSync(inFigures('times'), 'latin1')
      .split(/\s+/)
      .map(Number);
    const requests = await this.#requests();
    const sent = volumesIn(requests, 'b2_upload_file');
    return {
      sentBytes: lastRunBytes(inFigures('metrics'), 'sent'),
      copiedBytes: lastRunBytes(inFigures('metrics'), 'copied'),
      volumes: sent.size + volumesIn(requests, 'b2_copy_file').size,
      sent,
      volumeOf: await this.#volumeOf(number),
      wallSeconds,
      cpuSeconds: user + system,
      peakBytes,
    };
  }

  /** What BackupPC_tarCreate gives. @param anyOrder with extended attributes in Perl's own order, which we do not let it have */
  async tar(number: number, { anyOrder = false } = {}): Promise<TarMembers> {
    const { backuppc } = this;
    const order = anyOrder ? [] : ['PERL_HASH_SEED=0', 'PERL_PERTURB_KEYS=0'];
    const tarCreate = join(backuppc.installed, 'bin/BackupPC_tarCreate');
    const words = ['-t', '-h', HOST, '-n', String(number), '-s', '*', '.'];
    const child = backuppc.spawn('/usr/bin/env', [...order, tarCreate, ...words]);
    child.stderr?.resume();
    return membersOf(child.stdout as AsyncIterable<Buffer>);
  }

  /** Restores a file, and counts what B2 gave for it. */
  async restoreOne(number: number, path: string): Promise<Row> {
    await this.#control('POST', 'clear-log');
    const file = await this.#command(
      'restore',
      '--host',
      HOST,
      '--number',
      String(number),
      '--to-stdout',
      path,
    );
    const requests = (await this.#requests()).filter(({ operation }) => operation.startsWith('b2_download'));
    const bytesOf = (pattern: RegExp): number =>
      requests
        .filter(({ fileName = '' }) => pattern.test(fileName))
        .reduce((sum, { bytesOut }) => sum + bytesOut, 0);
    return {
      file: path,
      bytes: file.length,
      'index, bytes fetched': bytesOf(/\.FILES\.gpg$/),
      'manifest, bytes fetched': bytesOf(/\.(MANIFEST\.gpg|COMPLETE)$/),
      'volumes fetched': requests.filter(({ fileName = '' }) => VOLUME.test(fileName)).length,
      'their bytes': bytesOf(VOLUME),
    };
  }

  async #volumeOf(number: number): Promise<number[]> {
    const json = await this.#command('files', '--host', HOST, '--number', String(number), '--json');
    const { members } = JSON.parse(json.toString()) as { members: readonly { volume: number }[] };
    return members.map(({ volume }) => volume);
  }

  async #command(...words: string[]): Promise<Buffer> {
    const child = spawn(join(this.#bin, 'backuppc-b2'), [...words, '--config', this.#config], {
      ...this.backuppc.user,
      cwd: '/',
      env: { PATH: '/bin:/usr/bin', HOME: this.backuppc.data },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const output: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
    const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (status !== 0) throw new Error(`${words.join(' ')} ended with ${String(status)}: ${said}`);
    return Buffer.concat(output);
  }

  async #requests(): Promise<readonly ServedRequest[]> {
    return (await (await this.#control('GET', 'requests')).json()) as readonly ServedRequest[];
  }

  async #control(method: 'GET' | 'POST', what: string): Promise<Response> {
    return fetch(`${this.#server.url}/control/${what}`, { method });
  }
}

const VOLUME = /\/(\d{6})\.gpg$/;

function volumesIn(requests: readonly ServedRequest[], operation: string): Set<number> {
  const names = requests
    .filter((request) => request.operation === operation && request.status === 200)
    .map(({ fileName = '' }) => VOLUME.exec(fileName)?.[1]);
  return new Set(names.filter((name) => name !== undefined).map(Number));
}
