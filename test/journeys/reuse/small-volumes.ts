/** Archives of one tree in volumes cut by content: what they sent, what they had B2 copy, and how they open by hand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../support/b2-server/random.js';
import { GpgHome } from '../../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE, type Ended, type Running } from '../harness.js';

export const HOST = 'web';

export class SmallVolumes {
  readonly journey: Journey;
  readonly tree: string;
  readonly #gpg = new GpgHome();

  private constructor(journey: Journey) {
    this.journey = journey;
    this.tree = join(journey.directory, 'tree');
    const random = seededRandom(11);
    for (let i = 0; i < 120; i++) {
      const directory = join(this.tree, `d${i % 8}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(
        join(directory, `f${i}`),
        randomFillSync(Buffer.alloc(Math.floor(80_000 * random() ** 2))),
      );
    }
    writeFileSync(join(this.tree, 'd3', 'mailbox'), randomFillSync(Buffer.alloc(3_000_000)));
  }

  static async begin(): Promise<SmallVolumes> {
    return new SmallVolumes(await Journey.begin());
  }

  async end(): Promise<void> {
    this.#gpg.remove();
    await this.journey.end();
  }

  /** Where this machine remembers what the newest archive of `host` has. */
  known(host = HOST): string {
    return join(this.journey.outLoc, `${host}.${BUCKET}.known`);
  }

  start(
    number: number,
    flags: readonly string[] = [],
    over: Parameters<Journey['positionals']>[1] = {},
    env: NodeJS.ProcessEnv = {},
  ): Running {
    const words = this.journey.positionals(this.journey.tarOf(this.tree), {
      host: HOST,
      compExt: '',
      ...over,
      number: String(number),
    });
    return this.journey.archiveHost(['--reuse', '--reuse-volume', '128K', ...flags, ...words], env);
  }

  /** An archive that succeeds. */
  async stored(number: number, ...how: StartOptions): Promise<Ended> {
    const ended = await this.start(number, ...how).ended;
    assert.equal(ended.status, 0, ended.output);
    assert.deepEqual(this.journey.server.defects, []);
    return ended;
  }

  /** What is no tar. */
  dump(number: number, passphraseFile: string, file: string): Promise<Ended> {
    const { journey } = this;
    return journey.start(
      'backuppc-b2',
      [
        ...['archive', '--host', 'db', '--number', String(number), '--reuse', '--reuse-volume', '128K'],
        ...[...journey.flags, '--endpoint', journey.server.url, '--bucket', BUCKET],
        ...['--passphrase-file', passphraseFile, '--state-dir', journey.outLoc, '--compress', 'none'],
        ...['--', 'cat', file],
      ],
      {},
    ).ended;
  }

  tarOfTree(): Buffer {
    return execFileSync('tar', ['-C', this.tree, '--sort=name', '-cf', '-', '.'], { maxBuffer: 2 ** 30 });
  }

  volumes(number: number, host = HOST): string[] {
    return this.journey.server
      .bucket(BUCKET)
      .names()
      .filter((name) => name.startsWith(`${host}.${number}.tar`) && name.includes('/'));
  }

  /** Volumes that arrived as uploads. */
  get uploads(): number {
    return this.journey.server.requests.filter(
      ({ operation, fileName }) => operation === 'b2_upload_file' && fileName?.includes('/') === true,
    ).length;
  }

  get copies(): number {
    return this.journey.server.requests.filter(({ operation }) => operation === 'b2_copy_file').length;
  }

  /** By hand, as docs/format.md says. */
  async byHand(number: number, unpack?: string): Promise<Buffer> {
    const bucket = this.journey.server.bucket(BUCKET);
    const sealed = this.volumes(number)
      .sort()
      .map((name) => bucket.read(name));
    const packed = Buffer.concat(await this.#gpg.decryptAll(sealed, PASSPHRASE));
    return unpack === undefined
      ? packed
      : execFileSync('sh', ['-c', unpack], { input: packed, maxBuffer: 2 ** 30 });
  }
}

type StartOptions = Parameters<SmallVolumes['start']> extends [number, ...infer Rest] ? Rest : never;
