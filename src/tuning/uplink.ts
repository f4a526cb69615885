/** Measures the line to the store: round trip, calls, uploads. It stores only unfinished files, which it cancels whatever happens. */
import { createHash, randomBytes } from 'node:crypto';
import type { DelayProbe } from '../bandwidth/delay-probe.js';
import { INFO, INFO_FORMAT } from '../catalog/names.js';
import { Failure } from '../errors.js';
import type { ObjectBody, ObjectStore } from '../store.js';
import type { Uplink, UplinkFigure } from './figures.js';
import {
  connectionCase,
  CONNECTION_COUNTS,
  isGrowing,
  PART_SIZES,
  partSizeCase,
  probeBytes,
  type UploadCase,
} from './upload-plan.js';
import { bestUpload } from './choice.js';

export interface UplinkOptions {
  /** Opens the bucket with this many connections; the signal ends every call. */
  readonly openStore: (connections: number, signal?: AbortSignal) => Promise<ObjectStore>;
  readonly probe: DelayProbe;
  /** Goes before every name. */
  readonly prefix: string;
  /** Most bytes that are sent. */
  readonly bytes: number;
  readonly secondsPerCase: number;
  readonly signal: AbortSignal;
  readonly progress: (what: string) => void;
}

const PROBES = 5;

/** @throws Failure of the store, or the signal's reason; the bucket is as before */
export async function measureLine(options: UplinkOptions): Promise<Uplink> {
  const { signal, progress, bytes } = options;
  progress('round trip');
  const roundTripMs = await medianRoundTrip(options);
  const scratch = new Scratch(options);
  try {
    progress('authorization');
    const began = performance.now();
    await scratch.use(1);
    const authorizeMs = performance.now() - began;
    const callMs = await scratch.callMs();

    progress('uploads: one piece');
    const budget = () => ({ bytes: bytes - scratch.sentBytes, secondsPerCase: options.secondsPerCase });
    const first = probeBytes(budget());
    const probe = { connections: 1, partBytes: first, maxBytes: first, maxSeconds: options.secondsPerCase };
    let { rate } = await scratch.upload(probe);

    const uploads: UplinkFigure[] = [];
    const run = async (one: UploadCase | undefined): Promise<void> => {
      if (one === undefined) return;
      signal.throwIfAborted();
      const mib = (one.partBytes / 2 ** 20).toFixed(1);
      progress(`uploads: ${one.connections} at once, parts of ${mib} MiB`);
      const figure = await scratch.upload(one);
      uploads.push(figure);
      rate = figure.rate / one.connections;
    };
    for (const [index, connections] of CONNECTION_COUNTS.entries()) {
      if (!isGrowing(uploads.map((figure) => figure.rate))) break;
      const left = CONNECTION_COUNTS.length - index + PART_SIZES.length;
      await run(connectionCase(connections, rate, budget(), left));
    }
    const best = bestUpload(uploads);
    if (best !== undefined) {
      for (const [index, partBytes] of PART_SIZES.entries()) {
        if (partBytes !== best.partBytes)
          await run(
            partSizeCase(partBytes, best.connections, best.rate, budget(), PART_SIZES.length - index),
          );
      }
    }
    return { roundTripMs, authorizeMs, callMs, uploads, sentBytes: scratch.sentBytes };
  } finally {
    progress('taking away what was sent');
    await scratch.remove();
  }
}

async function medianRoundTrip({ probe, signal }: UplinkOptions): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < PROBES; i++) times.push(await probe(signal));
  return times.sort((a, b) => a - b)[Math.floor(PROBES / 2)] ?? NaN;
}

/** Unfinished files under unique names, one after the other. */
class Scratch {
  readonly #options: UplinkOptions;
  readonly #name: string;
  readonly #files: string[] = [];
  #store: ObjectStore | undefined;
  #connections = 0;
  #sentBefore = 0;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#name = `backuppc-b2-bench-${randomBytes(4).toString('hex')}`;
  }

  get sentBytes(): number {
    return this.#sentBefore + (this.#store?.counters.bytesSent ?? 0);
  }

  async use(connections: number): Promise<ObjectStore> {
    if (this.#store !== undefined && this.#connections === connections) return this.#store;
    this.#sentBefore = this.sentBytes;
    await this.#store?.close();
    this.#store = undefined;
    this.#store = await this.#options.openStore(connections, this.#options.signal);
    this.#connections = connections;
    return this.#store;
  }

  /** The faster of two starts of a file: the first one may have to open a connection. */
  async callMs(): Promise<number> {
    const store = await this.use(1);
    let least = Infinity;
    for (let i = 0; i < 2; i++) {
      const began = performance.now();
      await this.#start(store);
      least = Math.min(least, performance.now() - began);
    }
    return least;
  }

  async #start(store: ObjectStore): Promise<string> {
    const { prefix, signal } = this.#options;
    const fileId = await store.startLarge(
      {
        fileName: `${prefix}${this.#name}.0.tar.gpg`,
        contentType: 'application/octet-stream',
        // File info of an archive, so that `cleanup` finds it if we could not remove it.
        fileInfo: {
          [INFO.format]: INFO_FORMAT,
          [INFO.host]: this.#name,
          [INFO.number]: '0',
          [INFO.run]: 'bench',
          [INFO.volume]: '0',
        },
      },
      signal,
    );
    this.#files.push(fileId);
    return fileId;
  }

  /** Parts of random bytes, which nothing on the way can compress; reused for every upload. */
  async upload({ connections, partBytes, maxBytes, maxSeconds }: UploadCase): Promise<UplinkFigure> {
    const { signal } = this.#options;
    const store = await this.use(connections);
    const fileId = await this.#start(store);
    const body = bodyOf(partBytes);
    const most = Math.max(1, Math.min(10_000, Math.floor(maxBytes / partBytes)));
    const began = performance.now();
    const elapsed = (): number => (performance.now() - began) / 1000;
    let parts = 0;
    let broken = false;
    const feed = async (): Promise<void> => {
      try {
        while (!broken && parts < most && elapsed() < maxSeconds)
          await store.uploadPart(fileId, ++parts, body, signal);
      } catch (error) {
        broken = true;
        throw error;
      }
    };
    const fed = await Promise.allSettled(Array.from({ length: connections }, feed));
    for (const outcome of fed) if (outcome.status === 'rejected') throw outcome.reason;
    return { connections, partBytes, rate: (parts * partBytes) / elapsed() };
  }

  /** A signal that ended the measurement must not end the removal as well. */
  async #forRemoval(): Promise<ObjectStore> {
    if (this.#store !== undefined && !this.#options.signal.aborted) return this.#store;
    await this.#store?.close();
    this.#store = undefined;
    this.#store = await this.#options.openStore(1);
    return this.#store;
  }

  /** Cancels what was sent, which is free. Also runs after a stop. @throws Failure if something could not be removed */
  async remove(): Promise<void> {
    try {
      if (this.#files.length === 0) return;
      const store = await this.#forRemoval();
      for (const fileId of this.#files.splice(0)) await store.cancelLarge(fileId);
      // A file whose start succeeded, but the answer was lost.
      for await (const { fileId } of store.listUnfinished(`${this.#options.prefix}${this.#name}`))
        await store.cancelLarge(fileId);
    } catch (error) {
      if (error instanceof Failure && error.kind === 'denied') return;
      throw error;
    } finally {
      await this.#store?.close();
    }
  }
}

function bodyOf(bytes: number): ObjectBody {
  const content = randomBytes(bytes);
  return { bytes: content, sha1: createHash('sha1').update(content).digest('hex') };
}
