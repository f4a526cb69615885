/** A command's context over the store in memory, with everything printed kept. */
import { Search } from '../../src/catalog/search.js';
import type { Clock } from '../../src/clock.js';
import type { Manifest } from '../../src/catalog/manifest.js';
import { Failure } from '../../src/errors.js';
import type { Archive } from '../../src/catalog/archive.js';
import { downloadManifest } from '../../src/catalog/read.js';
import type { ObjectStore } from '../../src/store.js';
import type { CatalogContext, Judge, Output } from '../../src/cli/context.js';
import { memoryStore, NOW, type MemoryStore } from './memory-store.js';

export interface RecordedOutput extends Output {
  text: string;
  notes: string[];
  answers: string[];
  questions: string[];
  interactive: boolean;
}

export function recordedOutput(): RecordedOutput {
  const out: RecordedOutput = {
    text: '',
    notes: [],
    answers: [],
    questions: [],
    interactive: false,
    writesToTerminal: false,
    follow: (_work, run) => run(),
    write(text) {
      out.text += text;
    },
    note(line) {
      out.notes.push(line);
    },
    ask(question) {
      out.questions.push(question);
      return Promise.resolve(out.answers.shift() ?? '');
    },
  };
  return out;
}

/** A clock that stands still. */
export const stoppedClock: Clock = { now: () => NOW, monotonic: () => 0, sleep: () => Promise.resolve() };

/** The plain manifest, whose entries apply to copies of its volumes, too: those have other file IDs. undefined without a manifest. */
async function readManifest(store: ObjectStore, archive: Archive): Promise<Manifest | undefined> {
  const { manifest, proof, volumes } = archive;
  if (manifest === undefined || proof === 'name') return undefined;
  const version = { fileId: manifest.fileId, fileName: manifest.name, contentLength: manifest.bytes };
  const read = await downloadManifest(store, version);
  if (proof !== 'manifest') return read;
  const byName = new Map(volumes.map((volume) => [volume.name, volume]));
  return {
    ...read,
    volumes: read.volumes.map((volume) => {
      const copy = byName.get(volume.name);
      return copy?.bytes === volume.bytes ? { ...volume, fileId: copy.fileId } : volume;
    }),
  };
}

/** Takes every manifest for proven: for tests of what comes afterwards. */
export const trusting: Judge = {
  hasKeys: true,
  async authenticate({ bucket, archive }) {
    let manifest: Manifest | undefined;
    try {
      manifest = await readManifest(bucket.store, archive);
    } catch (error) {
      if (error instanceof Failure && error.kind === 'damaged')
        return { kind: 'damaged', problem: error.message };
      throw error;
    }
    return manifest === undefined
      ? { kind: 'unproven', reason: 'it has no manifest', manifest }
      : { kind: 'proven', by: 'record', manifest, restsOn: [] };
  },
  remembers: () => Promise.resolve(false),
  whyUnproven: () => Promise.resolve(undefined),
};

export interface TestContext extends CatalogContext {
  readonly out: RecordedOutput;
  readonly store: MemoryStore;
  readonly program: string;
  readonly endpoint: string;
}

export function testContext(store = memoryStore()): TestContext {
  return {
    store,
    clock: stoppedClock,
    out: recordedOutput(),
    prefix: '',
    program: 'backuppc-b2 test',
    endpoint: 'http://127.0.0.1:1',
    openBuckets: () => Promise.resolve([{ name: 'bucket', store }]),
    isAlive: () => false,
    judge: trusting,
    search: new Search(),
  };
}
