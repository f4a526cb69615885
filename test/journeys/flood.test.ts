/** Who can write to the bucket fills it with what claims to be ours: that costs about what it takes to list it, and good archives stay at hand. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { EXIT_STATUS } from '../../src/errors.js';
import type { BucketView } from '../support/b2-server/inspect.js';
import { BUCKET, Journey, type Ended } from './harness.js';

const FORGED = 40;
const MOST = ['--most-unproven', '5'];
/** COMPLETE and the sealed manifest of each that is looked at, and what is ours. */
const MOST_DOWNLOADS = 30;

describe('a bucket full of forgeries', () => {
  let journey: Journey;
  let bucket: BucketView;
  let genuine: ReadonlySet<string>;
  before(async () => {
    journey = await Journey.begin();
    bucket = journey.server.bucket(BUCKET);
    mkdirSync(join(journey.directory, 'tree'));
    journey.write('tree/file', Buffer.alloc(100_000, 'x'));
    const tarCreate = journey.tarOf(join(journey.directory, 'tree'));
    for (const number of ['4', '5']) {
      const { status, output } = await journey.archiveHost(
        journey.positionals(tarCreate, { host: 'web', number }),
      ).ended;
      assert.equal(status, 0, output);
    }
    genuine = new Set(bucket.versions().map(({ fileId }) => fileId));
  });
  after(() => journey.end());

  const plain = (stem: string): PlainManifest =>
    JSON.parse(bucket.read(`${stem}.tar.COMPLETE`).toString()) as PlainManifest;
  const infoOf = (name: string): Record<string, string> => ({ ...bucket.file(name)?.fileInfo });
  let targets = 0;
  const target = (): string => join(journey.directory, `restored-${targets++}`);
  const downloads = (): number =>
    journey.server.requests.filter(({ operation }) => operation.startsWith('b2_download')).length;
  const listings = (): number =>
    journey.server.requests.filter(({ operation }) => operation === 'b2_list_file_versions').length;
  const elsewhere = (): string => join(journey.directory, 'elsewhere');
  const bounded = async (words: readonly string[], directory = elsewhere()): Promise<Ended> => {
    journey.server.clearLog();
    const ended = await journey.companion([...words, ...MOST], directory);
    assert.ok(downloads() <= MOST_DOWNLOADS, `${downloads()} downloads: ${ended.output}`);
    assert.ok(listings() <= 8, `${listings()} listings: ${ended.output}`);
    return ended;
  };
  const SAID = /5 archives and manifests in the bucket proved to be none of ours, and no more were looked at/;

  /** Whole archives under new numbers, newer than ours, with a sealed manifest of ours. */
  const numbers = (): void => {
    const said = plain('web.4');
    const [volume] = said.volumes;
    assert.ok(volume && said.sealed);
    const sealed = bucket.read(said.sealed.name);
    for (let number = 1000; number < 1000 + FORGED; number++) {
      const with_ = (name: string) => ({ fileInfo: { ...infoOf(name), 'bb2-number': String(number) } });
      const stem = `web.${number}.tar`;
      bucket.put(volume.name.replace('web.4.tar', stem), bucket.read(volume.name), with_(volume.name));
      bucket.put(`${stem}.MANIFEST.gpg`, sealed, with_(said.sealed.name));
      const forged = { ...said, number, sealed: { ...said.sealed, name: `${stem}.MANIFEST.gpg` } };
      bucket.put(`${stem}.COMPLETE`, Buffer.from(JSON.stringify(forged)), with_('web.4.tar.COMPLETE'));
    }
  };
  /** Newer versions of the manifest of a good archive, of its own run. */
  const versions = (): void => {
    const said = plain('web.5');
    const info = infoOf('web.5.tar.COMPLETE');
    for (let i = 0; i < FORGED; i++)
      bucket.put('web.5.tar.COMPLETE', Buffer.from(JSON.stringify({ ...said, program: `forged ${i}` })), {
        fileInfo: info,
      });
  };
  const kinds: [what: string, put: () => void, named: readonly string[]][] = [
    ['archives under newer numbers', numbers, []],
    ['manifests over a good archive', versions, ['--number', '5']],
  ];
  for (const [what, put, named] of kinds)
    it(`${what}: restore, verify and delete look at a few, and say so`, async () => {
      put();
      const restore = ['restore', '--host', 'web', ...named];
      // This machine remembers its own.
      const own = target();
      const here = await bounded([...restore, '-o', own], journey.outLoc);
      assert.equal(here.status, 0, here.output);
      assert.ok(existsSync(own));
      assert.match(here.output, SAID);
      const refused = await bounded([...restore, '-o', target()]);
      assert.ok(
        [EXIT_STATUS.damaged, EXIT_STATUS.unproven].includes((refused.status ?? -1) as 11),
        refused.output,
      );
      assert.match(refused.output, SAID);
      // Nothing that would take a forgery.
      assert.match(refused.output, /hint: the bucket is full of forgeries, .*--most-unproven 100000/);
      assert.doesNotMatch(refused.output, /--unfinalized|--allow-unproven/);
      const all = await journey.companion([...restore, '-o', target(), '--most-unproven', '1000']);
      assert.equal(all.status, 0, all.output);
      for (const directory of [journey.outLoc, elsewhere()]) {
        const rules = ['--keep', '1', '--keep-daily', '1', '--host', 'web'];
        const kept = await bounded(['delete', ...rules, '--dry-run'], directory);
        assert.equal(kept.status, 0, kept.output);
        assert.match(kept.output, SAID);
        assert.match(kept.output, /web +5 .* keep /);
        const rows = kept.output.split('\n').filter((row) => /^web +\d+ /.test(row));
        const notLookedAt = rows.filter((row) => row.includes('not looked at'));
        assert.ok(
          notLookedAt.every((row) => / keep /.test(row)),
          kept.output,
        );
      }
      await bounded(['verify', '--deep', '--host', 'web']);
      bucket.keepOnly(genuine);
    });

  it('COMPLETE without file info, under many numbers and of one archive', async () => {
    const said = plain('web.4');
    for (let i = 0; i < FORGED; i++) {
      const number = 1000 + i;
      bucket.put(`web.${number}.tar.COMPLETE`, Buffer.from(JSON.stringify({ ...said, number })), {});
      bucket.put('web.5.tar.COMPLETE', Buffer.from(JSON.stringify({ ...said, number: 5, run: `r${i}` })), {});
    }
    const listed = await bounded(['list']);
    assert.equal(listed.status, 0, listed.output);
    assert.match(listed.output, SAID);
    const { status, output } = await bounded(['restore', '--host', 'web', '--number', '5', '-o', target()]);
    assert.equal(status, 0, output);
    bucket.keepOnly(genuine);
  });

  for (const [what, json] of [
    ['a hundred million brackets', `{"x":[${'[],'.repeat(40_000_000)}[]]}`],
    ['brackets without end', `{"x":${'['.repeat(120_000_000)}`],
  ] as const)
    it(`COMPLETE of ${what}, packed into little: neither time nor memory goes`, async () => {
      bucket.put('bomb.7.tar.COMPLETE', gzipSync(Buffer.from(json), { level: 1 }), {});
      const limited = journey.start(
        'backuppc-b2',
        ['list', '--endpoint', journey.server.url, '--bucket', BUCKET],
        { NODE_OPTIONS: '--max-old-space-size=300' },
      );
      const { status, output } = await limited.ended;
      assert.equal(status, 0, output);
      assert.match(output, /bomb +7 +1 /);
      bucket.keepOnly(genuine);
    });
});
