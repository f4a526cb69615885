/** Two archives of one host in volumes cut by content; the second is killed and run again, and what must then be true. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { BUCKET, Journey, PASSPHRASE, type Ended } from '../journeys/harness.js';
import type { GpgHome } from '../support/gpg.js';
import type { Counted, CrashPoint } from './failpoint.js';
import { Observer } from './observer.js';
import { nameOf } from './points.js';

const FAILPOINT = new URL('./failpoint.js', import.meta.url).href;
const HOST = 'crash';
const CONNECTIONS = 2;

/** Two backups of a tree, as tars: most of the second is in the first. */
export class Backups {
  readonly before: string;
  readonly after: string;

  constructor(directory: string) {
    const tree = join(directory, 'tree');
    for (let i = 0; i < 12; i++) {
      mkdirSync(join(tree, `d${i % 3}`), { recursive: true });
      writeFileSync(join(tree, `d${i % 3}`, `f${i}`), randomFillSync(Buffer.alloc(60_000)));
    }
    this.before = tarOf(tree, join(directory, 'before.tar'));
    for (const name of ['d0/f3', 'd1/f7', 'd2/new'])
      writeFileSync(join(tree, name), randomFillSync(Buffer.alloc(60_000)));
    this.after = tarOf(tree, join(directory, 'after.tar'));
  }
}

function tarOf(tree: string, path: string): string {
  execFileSync('tar', ['-C', tree, '--sort=name', '-cf', path, '.']);
  return path;
}

export class ReuseSite {
  readonly journey: Journey;
  readonly observer: Observer;

  private constructor(journey: Journey) {
    this.journey = journey;
    this.observer = new Observer(journey.server, BUCKET);
  }

  static async begin(): Promise<ReuseSite> {
    return new ReuseSite(await Journey.begin({ keepPartBytes: true }));
  }

  async end(): Promise<void> {
    await this.journey.end();
  }

  async run(number: number, tar: string, point?: CrashPoint): Promise<Ended> {
    const { journey } = this;
    const source = journey.tarCreate(
      `cat '${tar}' && echo 'Done: 9 files, 5000 bytes, 2 dirs, 0 specials, 0 errors' >&2`,
    );
    const words = journey.positionals(source, { host: HOST, number: String(number) });
    const ended = await journey.archiveHost(
      ['--reuse', '--reuse-volume', '64K', '--connections', String(CONNECTIONS), ...words],
      {
        NODE_OPTIONS: `--import=${FAILPOINT}`,
        CRASH_DIRECTORY: journey.outLoc,
        CRASH_COUNT: this.#count,
        ...(point === undefined ? {} : { CRASH_POINT: JSON.stringify(point) }),
      },
    ).ended;
    this.observer.look();
    return ended;
  }

  async finish(number: number, tar: string): Promise<Ended> {
    const ended = await this.run(number, tar);
    assert.equal(ended.status, 0, ended.output);
    return ended;
  }

  /** What the last run did, up to its end. */
  get counted(): Counted {
    return JSON.parse(readFileSync(this.#count, 'utf8')) as Counted;
  }

  get #count(): string {
    return join(this.journey.directory, 'count');
  }

  /** Its manifest is up and its journal gone. */
  isDone(number: number): boolean {
    return this.#isNamed(`${HOST}.${number}.tar.COMPLETE`) && this.#journals().length === 0;
  }

  /** gpg and cat give back the tar; the manifest names all that there is, and nothing else; nothing was sent twice but what was on its way. */
  async verify(gpg: GpgHome, number: number, tar: string): Promise<void> {
    const { server } = this.journey;
    const bucket = server.bucket(BUCKET);
    const complete = gunzipSync(bucket.read(`${HOST}.${number}.tar.COMPLETE`)).toString();
    const { state, volumes, index, sealed } = JSON.parse(complete) as PlainManifest;
    assert.equal(state, 'finished');
    const versions = bucket.versions().filter(({ fileName }) => fileName.startsWith(`${HOST}.${number}.tar`));
    const stored = new Map(versions.map((version) => [version.fileId, version]));
    const pieces = volumes.map(({ name, fileId }) => {
      const version = stored.get(fileId);
      assert.ok(version?.action === 'upload' && version.fileName === name, `${name} is in the bucket`);
      return bucket.read(version);
    });
    assert.ok(
      Buffer.concat(await gpg.decryptAll(pieces, PASSPHRASE)).equals(readFileSync(tar)),
      'the tar came back byte for byte',
    );
    assert.ok(index && sealed);
    const named = new Set([index.fileId, sealed.fileId, ...volumes.map(({ fileId }) => fileId)]);
    assert.deepEqual(
      versions.flatMap(({ fileId, fileName, action }) =>
        named.has(fileId) || fileName.endsWith('.COMPLETE') ? [] : [`${action} ${fileName}`],
      ),
      [],
      'nothing else is left',
    );
    assert.deepEqual(this.#journals(), []);
    this.observer.assertNoNonceReuse();
    assert.deepEqual(server.defects, []);
  }

  /** Uploads of a volume that B2 had stored already, over all runs: what was on its way when the run died, and nothing more. */
  assertSentOnce(number: number, broken: number): void {
    const uploads = this.journey.server.requests.filter(
      ({ operation, status, fileName }) =>
        operation === 'b2_upload_file' &&
        status === 200 &&
        fileName?.startsWith(`${HOST}.${number}.tar/`) === true,
    );
    const again = uploads.length - new Set(uploads.map(({ fileName }) => fileName)).size;
    assert.ok(again <= broken * CONNECTIONS, `${again} volumes were sent twice`);
  }

  #isNamed(name: string): boolean {
    return this.journey.server.bucket(BUCKET).names().includes(name);
  }

  #journals(): string[] {
    return readdirSync(this.journey.outLoc).filter((name) => /\.(journal|keys|tmp)/.test(name));
  }
}

/**
 * The second of two archives, killed at `point` and run again, is whole; `goOn`: and a third one copies from it.
 * @returns whether the point was reached: what comes together is written together, so that a run may end with fewer operations
 */
export async function killSecondArchive(
  gpg: GpgHome,
  { before, after }: Backups,
  point: CrashPoint,
  goOn = true,
): Promise<boolean> {
  const site = await ReuseSite.begin();
  try {
    await site.finish(1, before);
    const killed = await site.run(2, after, point);
    const reached = killed.status !== 0;
    if (reached) assert.equal(killed.signal, 'SIGKILL', killed.output);
    else if (point.kind === 'file') assert.ok(site.counted.operations.length < point.nth);
    if (!site.isDone(2)) await site.finish(2, after);
    await site.verify(gpg, 2, after);
    site.assertSentOnce(2, reached ? 1 : 0);
    await site.verify(gpg, 1, before);
    if (!goOn) return reached;
    const third = await site.finish(3, after);
    assert.match(third.output, /copied .* in B2/);
    await site.verify(gpg, 3, after);
    return reached;
  } catch (error) {
    throw new Error(`killed ${nameOf(point)}: ${String(error)}`, { cause: error });
  } finally {
    await site.end();
  }
}
