/** Archives in the memory store that the real engine has sealed, from a tar that GNU tar has made. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../src/catalog/manifest.js';
import { manifestVolumes } from '../../src/catalog/volume-places.js';
import type { OpenPgpProfile } from '../../src/openpgp/profile.js';
import { openMessage } from '../../src/openpgp/reader.js';
import { placesOf } from '../../src/catalog/volume-places.js';
import { partsDataReader, streamDataReader } from '../../src/restore/data-reader.js';
import { partsReader } from '../../src/restore/parts-reader.js';
import { streamReader } from '../../src/restore/stream-reader.js';
import type { RestoreContext } from '../../src/cli/restore.js';
import { sealVolume, type SmallEngine, smallEngine, type SealedVolume } from '../sealing/sealed-volume.js';
import { testContext, type TestContext } from './context.js';
import { addArchive, type FakeArchive, type MemoryStore } from './memory-store.js';

export interface Scratch {
  readonly directory: string;
  readonly source: string;
  readonly tar: Buffer;
  dispose(): void;
}

export function scratch(fileBytes = 60_000): Scratch {
  const directory = mkdtempSync(join(tmpdir(), 'cli-test-'));
  const source = join(directory, 'source');
  mkdirSync(join(source, 'share', 'sub'), { recursive: true });
  writeFileSync(join(source, 'share', 'random'), randomBytes(fileBytes));
  writeFileSync(join(source, 'share', 'sub', `${'long'.repeat(40)} name`), 'x');
  const tar = execFileSync('tar', ['--format=pax', '-C', source, '-cf', '-', '.'], { maxBuffer: 1 << 30 });
  return {
    directory,
    source,
    tar,
    dispose() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function addSealed(
  store: MemoryStore,
  engine: SmallEngine,
  archive: Omit<FakeArchive, 'volumes'>,
  packed: Buffer,
  volumeBytes: number,
  tarBytes: number,
  profile?: OpenPgpProfile,
): Promise<Manifest> {
  const sealed: SealedVolume[] = [];
  for (let at = 0; at < packed.length; at += volumeBytes)
    sealed.push(await sealVolume(engine, packed.subarray(at, at + volumeBytes)));
  const manifest = addArchive(store, { ...archive, volumes: sealed.map(({ message }) => message) });
  const whole: Manifest = {
    ...manifest,
    profile: profile ?? manifest.profile,
    tar: { ...manifest.tar, bytes: tarBytes },
    volumes: manifest.volumes.map((volume, v) => ({
      ...volume,
      dataBytes: Math.min(volumeBytes, packed.length - v * volumeBytes),
      parts: sealed[v]?.parts.map((part, p) => [part.length, sealed[v]?.sha1s[p] ?? ''] as const) ?? [],
    })),
  };
  const stored = store.versions.find(
    ({ fileName }) => fileName === `${archive.host}.${archive.number}.tar.COMPLETE`,
  );
  if (stored) {
    const text = Buffer.from(JSON.stringify(whole));
    store.contents.set(stored.fileId, text);
    store.versions[store.versions.indexOf(stored)] = { ...stored, contentLength: text.length };
  }
  return whole;
}

export const PASSWORD = 'correct horse';

/** A context, and the engine that seals what is in it. */
export async function restoreContext(
  profile: OpenPgpProfile,
  password = PASSWORD,
): Promise<{ context: TestContext & RestoreContext; engine: SmallEngine }> {
  const engine = await smallEngine({ profile });
  return { context: contextAround(engine, profile, password), engine };
}

/** An empty context whose reader is the parts reader wherever it can be, else the stream reader. */
export function contextAround(
  engine: SmallEngine,
  profile: OpenPgpProfile,
  password = PASSWORD,
): TestContext & RestoreContext {
  const base = testContext();
  const keys = { passwords: [password] };
  const context: TestContext & RestoreContext = {
    ...base,
    async dataReader(located, manifest) {
      const volumes = placesOf(located.archive, manifest).flatMap(({ expected, volume }) =>
        expected === undefined || volume === undefined ? [] : [{ expected, volume }],
      );
      return profile === 'rfc4880'
        ? streamDataReader(await context.archiveReader(located, manifest), volumes)
        : partsDataReader(located.bucket.store, { opener: engine, keys, volumes, window: 3 });
    },
    archiveReader(located, manifest) {
      if (manifest !== undefined && profile !== 'rfc4880') {
        const known = manifestVolumes(located.archive, manifest);
        return Promise.resolve(partsReader(located.bucket.store, { opener: engine, keys, known, window: 3 }));
      }
      const openVolume = (sealed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
        openMessage(sealed, keys);
      return Promise.resolve(
        streamReader(located.bucket.store, {
          openVolume,
          parallel: 2,
          rangeBytes: 10_000,
          known: manifest && manifestVolumes(located.archive, manifest),
        }),
      );
    },
  };
  return context;
}
