/** Archives of more parts, and of more volumes, than a call may have arguments (some 125,000): what reads them takes them one by one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { assemble } from '../../src/catalog/assemble.js';
import { piecesToCheck } from '../../src/catalog/check.js';
import { difference } from '../../src/catalog/difference.js';
import { followManifest } from '../../src/catalog/follow-manifest.js';
import { parseManifest, partsByFileId, type Manifest } from '../../src/catalog/manifest.js';
import { contentVolumeName, INFO, volumeName } from '../../src/catalog/names.js';
import { manifestVolumes, piecesOfPlaces, placesOf } from '../../src/catalog/volume-places.js';
import { removalSteps } from '../../src/catalog/removal.js';
import { restoreScript, piecesOf } from '../../src/catalog/restore-script.js';
import { straysOf } from '../../src/catalog/strays.js';
import { Readers } from '../../src/cli/open-reader.js';
import { verify } from '../../src/cli/verify.js';
import { planRuns } from '../../src/restore/selection.js';
import { testContext } from '../cli/context.js';
import { addArchive, memoryStore, NOW } from '../cli/memory-store.js';
import { readConfig } from '../../src/config/read-config.js';
import type { FileVersion } from '../../src/store.js';

const scratch = mkdtempSync(join(tmpdir(), 'many-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const MANY = 140_000;
const SHA1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';
const NAME = { prefix: '', host: 'web', number: 1, extension: '' };

const unused = (): never => {
  throw new Error('not part of this test');
};

function manifestOf(volumes: number, partsEach: number): Manifest {
  const model = addArchive(memoryStore(), { host: 'web', number: 1, ageDays: 1 });
  return {
    ...model,
    volumes: Array.from({ length: volumes }, (_, index) => ({
      name: volumes > 1000 ? contentVolumeName(NAME, index) : volumeName(NAME, index, true),
      fileId: `id-${index}`,
      bytes: partsEach,
      dataBytes: partsEach,
      parts: Array.from({ length: partsEach }, () => [1, SHA1] as const),
    })),
  };
}

function versionsOf(manifest: Manifest): FileVersion[] {
  return manifest.volumes.map(({ name, fileId, bytes }, index) => ({
    fileName: name,
    fileId,
    action: 'upload',
    contentLength: bytes,
    contentSha1: undefined,
    contentType: '',
    fileInfo: {
      [INFO.format]: '1',
      [INFO.host]: 'web',
      [INFO.number]: '1',
      [INFO.run]: manifest.run,
      [INFO.volume]: String(index),
    },
    uploadTimestamp: 1,
    lockedUntil: undefined,
    legalHold: false,
  }));
}

for (const [title, volumes, partsEach] of [
  ['14 volumes of 10,000 parts', 14, 10_000],
  [`${MANY} volumes of one part`, MANY, 1],
] as const) {
  describe(title, () => {
    const manifest = manifestOf(volumes, partsEach);
    const { archive } = assemble({ host: 'web', number: 1 }, versionsOf(manifest), {
      prefix: '',
      now: NOW,
      isAlive: () => false,
      activeMs: 1,
    });
    assert.ok(archive);

    it('manifest and listing', () => {
      assert.deepEqual(parseManifest(JSON.stringify(manifest), 'x').volumes.length, volumes);
      assert.equal(difference(manifest, manifest), undefined);
      assert.equal(partsByFileId(manifest).size, volumes);
      const followed = followManifest(archive, manifest);
      assert.equal(followed.archive.volumes.length, volumes);
      assert.deepEqual(followed.problems, []);
      assert.equal(followManifest({ ...archive, volumes: [] }, manifest).problems.length, volumes);
    });

    it('what is checked', () => {
      const followed = followManifest(archive, manifest);
      assert.equal(piecesToCheck(followed.archive, manifest).length, volumes * partsEach);
      assert.equal(piecesOfPlaces(placesOf(followed.archive, manifest)).length, volumes * partsEach);
      assert.equal(manifestVolumes(followed.archive, manifest).size, volumes);
    });

    it('how it is read', async () => {
      const followed = followManifest(archive, manifest);
      const file = join(scratch, 'passphrase');
      writeFileSync(file, 'correct horse', { mode: 0o600 });
      const config = readConfig({ file: '/dev/null', environment: {}, flags: { passphrase_file: [file] } });
      const readers = new Readers(config);
      const context = testContext();
      const [bucket] = await context.openBuckets();
      assert.ok(bucket);
      const reader = await readers.readerOf({ archive: followed.archive, bucket }, followed.manifest);
      // There is nothing in this store: the first part is asked for, and that fails.
      await assert.rejects(async () => {
        await reader.read(followed.archive.volumes, {})[Symbol.asyncIterator]().next();
      }, /no id-0/);
      await readers.close();
      const picked = { from: 512, to: 1024, path: Buffer.from('x') };
      const facts = {
        dataBytes: manifest.volumes.map(({ dataBytes }) => dataBytes),
        plain: true,
        points: manifest.volumes.map((_, volume) => ({
          kind: 'point' as const,
          tarOffset: volume * partsEach,
          streamOffset: 0,
          volume,
        })),
        joinBytes: 1,
      };
      assert.equal(planRuns([picked], facts).length, 1);
    });

    it('what a script says', () => {
      const text = restoreScript({
        host: 'web',
        number: 1,
        program: 'test',
        madeAt: 0,
        storedAt: 0,
        problems: [],
        access: { kind: 'key', authorizeUrl: 'https://api.example.org' },
        decompress: undefined,
        gpgVersion: [2, 2, 21],
        volumes: manifest.volumes.map(({ name, fileId, bytes, dataBytes, parts }) => ({
          name,
          fileId,
          encrypted: true,
          dataBytes,
          pieces: piecesOf(bytes, parts, undefined),
        })),
      });
      assert.ok(text.split('\n').length > volumes * partsEach);
    });

    it('what is removed', () => {
      const unfinished = { ...archive, state: 'unfinished' as const };
      assert.equal(straysOf(unfinished, NOW, 0)[0]?.objects.length, volumes);
      assert.equal(removalSteps(archive)[0]?.objects.length, volumes);
    });

    it('verify names everything that is missing', async () => {
      const context = testContext();
      const { store } = context;
      addArchive(store, { host: 'web', number: 1, ageDays: 1 });
      const complete = store.versions.find(({ fileName }) => fileName.endsWith('.COMPLETE'));
      assert.ok(complete);
      const text = Buffer.from(JSON.stringify(manifest));
      store.contents.set(complete.fileId, text);
      Object.assign(complete, { contentLength: text.length });
      const status = await verify(
        { ...context, archiveReader: unused, dataReader: unused },
        {
          host: 'web',
          number: 1,
          level: { kind: 'quick' },
          json: false,
          parallel: 1,
          rangeBytes: 1,
          random: () => 0,
        },
      );
      assert.equal(status, 11);
    });
  });
}
