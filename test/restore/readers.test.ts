/** The two readers over the same volumes: whatever the sizes, the same data in the same order; damage is told with the volume's name. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Volume } from '../../src/catalog/archive.js';
import { openMessage } from '../../src/openpgp/reader.js';
import { partsReader } from '../../src/restore/parts-reader.js';
import type { ArchiveReader } from '../../src/restore/reader.js';
import { streamReader } from '../../src/restore/stream-reader.js';
import { addSealed, PASSWORD } from '../cli/sealed-archive.js';
import { memoryStore, type MemoryStore } from '../cli/memory-store.js';
import { testContext } from '../cli/context.js';
import { locate } from '../../src/cli/archives.js';
import { type SmallEngine, smallEngine } from '../sealing/sealed-volume.js';

const keys = { passwords: [PASSWORD] };

async function dataOf(reader: ArchiveReader, volumes: readonly Volume[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // A piece is the reader's again when the next is asked for.
  for await (const { bytes } of reader.read(volumes, {})) pieces.push(Buffer.from(bytes));
  return Buffer.concat(pieces);
}

for (const profile of ['librepgp', 'rfc9580'] as const) {
  describe(`readers of ${profile}`, () => {
    const data = randomBytes(70_001);
    let engine: SmallEngine;
    let store: MemoryStore;
    let volumes: readonly Volume[];
    /** Readers that have the parts of the manifest. */
    let knowing: (from: Pick<MemoryStore, 'download'>) => Readonly<Record<string, ArchiveReader>>;
    let readers: Readonly<Record<string, ArchiveReader>>;

    before(async () => {
      engine = await smallEngine({ profile });
      store = memoryStore();
      const wanted = { host: 'web', number: 1, ageDays: 1 };
      const manifest = await addSealed(store, engine, wanted, data, 25_000, data.length);
      const located = await locate(testContext(store), { host: 'web', number: 1, unfinalized: false });
      ({ volumes } = located.archive);
      const known = new Map(manifest.volumes.map((volume) => [volume.fileId, volume]));
      const openVolume = (sealed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
        openMessage(sealed, keys);
      knowing = (from) => ({
        'one part at a time': partsReader(from, { opener: engine, keys, known, window: 1 }),
        'five parts at a time': partsReader(from, { opener: engine, keys, known, window: 5 }),
        'as a stream, part by part': streamReader(from, {
          openVolume,
          known,
          parallel: 3,
          rangeBytes: 1 << 20,
        }),
      });
      readers = {
        ...knowing(store),
        'as a stream, in small ranges': streamReader(store, { openVolume, parallel: 3, rangeBytes: 777 }),
        'as a stream, in one range': streamReader(store, { openVolume, parallel: 1, rangeBytes: 1 << 20 }),
      };
    });
    after(() => engine.close());

    test('all of it, in order', async () => {
      for (const [what, reader] of Object.entries(readers))
        assert.ok((await dataOf(reader, volumes)).equals(data), what);
    });

    test('a part that arrives damaged is fetched again, three times at most', async () => {
      for (const [times, outcome] of [
        [3, 'whole'],
        [4, 'damaged'],
      ] as const) {
        const seen: boolean[] = [];
        // The first part of the second volume, as a vault in trouble serves it.
        const flaky: Pick<MemoryStore, 'download'> = {
          async *download(fileId, range, signal, options) {
            const bad = fileId === volumes[1]?.fileId && range.from === 0 && seen.length < times;
            if (fileId === volumes[1]?.fileId && range.from === 0) seen.push(options?.ownConnection === true);
            for await (const chunk of store.download(fileId, range, signal, options))
              yield bad ? chunk.fill(0x55, 100, 200) : chunk;
          },
        };
        for (const [what, reader] of Object.entries(knowing(flaky))) {
          seen.length = 0;
          if (outcome === 'whole') assert.ok((await dataOf(reader, volumes)).equals(data), what);
          else await assert.rejects(dataOf(reader, volumes), { kind: 'damaged' }, what);
          assert.deepEqual(seen, [false, true, true, true], what);
        }
      }
    });

    test('any one flipped octet is damage', async () => {
      const content = store.contents.get(volumes[1]?.fileId ?? '');
      assert.ok(content);
      for (const at of [0, 100, content.length >> 1, content.length - 1]) {
        content[at] = (content[at] ?? 0) ^ 0x10;
        for (const [what, reader] of Object.entries(readers))
          await assert.rejects(dataOf(reader, volumes), { kind: 'damaged' }, `${what}, octet ${at}`);
        content[at] ^= 0x10;
      }
    });
  });
}
