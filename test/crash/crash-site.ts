/**
 * One archive that is killed and run again until it is done, and what must then be true: gpg gives back the tar byte for byte, hardly
 * anything was sent twice, nothing is left behind, and no key and nonce ever carried two plaintexts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { BUCKET, Journey, PASSPHRASE, type Ended, type Running } from '../journeys/harness.js';
import type { GpgHome } from '../support/gpg.js';
import type { B2ServerOptions } from '../support/b2-server/server.js';
import type { Counted, CrashPoint } from './failpoint.js';
import { Observer } from './observer.js';

const MIB = 1024 * 1024;
export const PART_BYTES = 5 * MIB;
export const CONNECTIONS = 2;
/** Volumes of three parts, the last one short. */
const SPLIT_SIZE = '11M';
const VOLUMES = 3;

const FAILPOINT = new URL('./failpoint.js', import.meta.url).href;
export const HOST = 'crash';
export const NUMBER = 12;

export interface CrashOptions {
  readonly server?: B2ServerOptions;
  /** Where the journal lies; default: the journey's own. */
  readonly stateDirectory?: string;
}

export class CrashSite {
  readonly journey: Journey;
  readonly observer: Observer;
  readonly stateDirectory: string;
  /** Runs that did not come to their end. */
  #brokenOff = 0;

  private constructor(journey: Journey, stateDirectory: string) {
    this.journey = journey;
    this.stateDirectory = stateDirectory;
    this.observer = new Observer(journey.server, BUCKET);
  }

  static async begin(options: CrashOptions = {}): Promise<CrashSite> {
    const journey = await Journey.begin({ keepPartBytes: true, ...options.server });
    return new CrashSite(journey, options.stateDirectory ?? journey.outLoc);
  }

  async end(): Promise<void> {
    await this.journey.end();
  }

  /** The program, reading the tar in `tarFile`, killed at `point`. */
  async run(tarFile: string, point?: CrashPoint, flags: readonly string[] = []): Promise<Ended> {
    const ended = await this.start(tarFile, point, flags).ended;
    if (ended.status !== 0) this.#brokenOff++;
    this.observer.look();
    return ended;
  }

  /** @param beforeItsEnd what tarCreate does once it has written some of the second volume */
  start(tarFile: string, point?: CrashPoint, flags: readonly string[] = [], beforeItsEnd = ':'): Running {
    const { journey } = this;
    const tarCreate = journey.tarCreate(
      `echo $$ > '${this.#pidFile}'; head -c 17100000 '${tarFile}'; ${beforeItsEnd}; tail -c +17100001 '${tarFile}' && echo 'Done: 9 files, 5000 bytes, 2 dirs, 0 specials, 0 errors' >&2`,
    );
    const words = journey.positionals(tarCreate, {
      host: HOST,
      number: String(NUMBER),
      outLoc: this.stateDirectory,
    });
    return journey.archiveHost(
      [
        '-v',
        '--part-size',
        '5M',
        '--split-size',
        SPLIT_SIZE,
        '--connections',
        String(CONNECTIONS),
        ...flags,
        ...words,
      ],
      {
        NODE_OPTIONS: `--import=${FAILPOINT}`,
        CRASH_DIRECTORY: this.stateDirectory,
        CRASH_COUNT: join(journey.directory, 'count'),
        ...(point === undefined ? {} : { CRASH_POINT: JSON.stringify(point) }),
      },
    );
  }

  /** Of the last run. */
  get tarCreatePid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'));
  }

  get #pidFile(): string {
    return join(this.journey.directory, 'tarCreate.pid');
  }

  /** What the last run did, up to its end. */
  get counted(): Counted {
    return JSON.parse(readFileSync(join(this.journey.directory, 'count'), 'utf8')) as Counted;
  }

  /** Runs until it is done; more than one run is a defect, since nothing goes wrong any more. */
  async finish(tarFile: string, flags: readonly string[] = []): Promise<Ended> {
    const ended = await this.run(tarFile, undefined, flags);
    assert.equal(ended.status, 0, ended.output);
    return ended;
  }

  /**
   * @param sentTwiceBytes most that may have been stored more than once
   * @param breaks transfers that B2 itself broke off
   * @param unpack for sh
   * @returns the tar as gpg gives it back
   */
  async verify(
    gpg: GpgHome,
    tarFile: string,
    sentTwiceBytes: number,
    { breaks = 0, unpack = 'cat' } = {},
  ): Promise<Buffer> {
    const { server } = this.journey;
    const bucket = server.bucket(BUCKET);
    const manifest = JSON.parse(bucket.read(`${HOST}.${NUMBER}.tar.COMPLETE`).toString()) as PlainManifest;
    assert.equal(manifest.state, 'finished');
    const volumes = await gpg.decryptAll(
      manifest.volumes.map(({ name, fileId }) => {
        const version = bucket.versions().find((candidate) => candidate.fileId === fileId);
        assert.ok(version?.action === 'upload', `${name} is in the bucket`);
        return bucket.read(version);
      }),
      PASSPHRASE,
    );
    const tar = spawnSync('sh', ['-c', unpack], { input: Buffer.concat(volumes), maxBuffer: 2 ** 30 }).stdout;
    assert.ok(tar.equals(readFileSync(tarFile)), 'the tar came back byte for byte');
    const { sealed, ...plain } = manifest;
    const sealedVersion = bucket.versions().find(({ fileId }) => fileId === sealed?.fileId);
    assert.ok(sealedVersion, 'the sealed manifest is in the bucket');
    assert.deepEqual(
      JSON.parse((await gpg.decrypt(bucket.read(sealedVersion), PASSPHRASE)).toString()),
      plain,
      'the sealed manifest says what the plain one says',
    );
    const { index } = manifest;
    assert.ok(index, 'there is a member index');
    const named = new Set([sealed?.fileId, index.fileId, ...manifest.volumes.map(({ fileId }) => fileId)]);
    const left = bucket
      .versions()
      .filter(({ fileId, fileName }) => !fileName.endsWith('COMPLETE') && !named.has(fileId));
    assert.deepEqual(
      left.map(({ fileName, action }) => `${action} ${fileName}`),
      [],
      'nothing is left in the bucket',
    );
    // A lock of the dead is no obstacle to anybody, and what a stopped run said stays to be read.
    assert.deepEqual(
      this.stateFiles().filter((name) => !name.endsWith('.lock') && name !== `${HOST}.${NUMBER}.log`),
      [],
      'no journal is left',
    );
    this.observer.assertNoNonceReuse();
    const twice = this.observer.sentTwiceBytes();
    assert.ok(twice <= sentTwiceBytes, `${twice} bytes were stored more than once, ${sentTwiceBytes} may be`);
    const inFlight = this.observer.brokenOffBytes();
    const mostInFlight = (this.#brokenOff * CONNECTIONS + breaks) * PART_BYTES;
    assert.ok(inFlight <= mostInFlight, `${inFlight} bytes were in flight, ${mostInFlight} may be`);
    assert.deepEqual(server.defects, []);
    return tar;
  }

  get hasManifest(): boolean {
    return this.journey.server.bucket(BUCKET).names().includes(`${HOST}.${NUMBER}.tar.COMPLETE`);
  }

  get hasAllVolumes(): boolean {
    const names = this.journey.server.bucket(BUCKET).names();
    return names.filter((name) => /\.[a-z]+\.gpg$/.test(name)).length === VOLUMES;
  }

  /** Nothing is left to do. */
  get isDone(): boolean {
    return this.hasManifest && !existsSync(this.journalPath);
  }

  /** Cancels every unfinished large file, as an owner does in B2's web page. */
  async cancelUnfinished(): Promise<void> {
    const { server } = this.journey;
    const authorization = `Basic ${Buffer.from(`${server.keyId}:${server.key}`).toString('base64')}`;
    const answer = await fetch(`${server.url}/b2api/v2/b2_authorize_account`, { headers: { authorization } });
    const account = (await answer.json()) as { authorizationToken: string; apiUrl: string };
    for (const { fileId } of server.bucket(BUCKET).unfinished()) {
      const cancelled = await fetch(`${account.apiUrl}/b2api/v2/b2_cancel_large_file`, {
        method: 'POST',
        headers: { authorization: account.authorizationToken },
        body: JSON.stringify({ fileId }),
      });
      assert.equal(cancelled.status, 200);
    }
  }

  /** Forget what the journal knew. */
  loseJournal(): void {
    for (const name of this.stateFiles()) rmSync(join(this.stateDirectory, name));
  }

  stateFiles(): string[] {
    return readdirSync(this.stateDirectory).filter((name) => name.startsWith(HOST));
  }

  get journalPath(): string {
    return join(this.stateDirectory, `${HOST}.${NUMBER}.${BUCKET}.journal`);
  }
}
