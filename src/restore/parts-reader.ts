/**
 * Reads volumes of our own AEAD profiles part by part: parts are fetched side by side, opened side by side in the worker pool, and
 * handed out in order, across the borders of volumes.
 */
import { setMaxListeners } from 'node:events';
import type { Volume } from '../catalog/archive.js';
import { Failure } from '../errors.js';
import { openSessionKey, type VolumeKey } from '../openpgp/reader.js';
import type { OpeningKeys } from '../openpgp/session-keys.js';
import type { Engine, OpenedPart } from '../sealing/engine.js';
import type { ObjectStore } from '../store.js';
import type { ArchiveReader, OnSealed, OpenedPiece } from './reader.js';

export interface PartsReaderOptions {
  readonly engine: Pick<Engine, 'open'>;
  readonly keys: OpeningKeys;
  /** Sealed bytes of each part of a volume, by fileId, as the manifest has them. */
  readonly parts: ReadonlyMap<string, readonly (readonly [bytes: number, sha1: string])[]>;
  /** Parts in flight: fetched, being opened, or opened and not yet taken. Each holds its bytes in memory. */
  readonly window: number;
}

interface Part {
  readonly volume: Volume;
  readonly index: number;
  readonly from: number;
  readonly bytes: number;
  readonly last: boolean;
  readonly key: VolumeKeyPromise;
  /** Sealed bytes of one of the volume's full parts. */
  readonly fullBytes: number;
}

/** Settled by the volume's first part, awaited by the others. */
class VolumeKeyPromise {
  readonly promise: Promise<VolumeKey>;
  resolve: (key: VolumeKey) => void = () => undefined;
  reject: (reason: unknown) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}

export function partsReader(
  store: Pick<ObjectStore, 'download'>,
  options: PartsReaderOptions,
): ArchiveReader {
  return {
    async *read(volumes, { signal, onSealed }) {
      const stop = new AbortController();
      const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
      // Each download listens to it, and may have several tries.
      setMaxListeners(0, either);
      const parts = allParts(volumes, options.parts);
      const waiting: Promise<{ part: Part; opened: OpenedPart }>[] = [];
      const buffers: ArrayBuffer[] = [];
      const more = (): void => {
        while (waiting.length < options.window) {
          const { value: part, done } = parts.next();
          if (done === true) return;
          const opened = fetchAndOpen(store, part, options, buffers, either, onSealed);
          opened.catch((error: unknown) => {
            if (part.index === 0) part.key.reject(error);
          });
          waiting.push(opened);
        }
      };
      try {
        more();
        for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
          const { part, opened } = await first;
          yield pieceOf(part, opened);
          buffers.push(opened.buffer);
          more();
        }
      } finally {
        stop.abort();
        // Tasks in the pool end by themselves; what they return is nobody's any more.
        await Promise.allSettled(waiting);
      }
    },
  };
}

function pieceOf({ volume, last }: Part, { buffer, offset, bytes }: OpenedPart): OpenedPiece {
  return { volume, bytes: new Uint8Array(buffer, offset, bytes), end: last };
}

function* allParts(
  volumes: readonly Volume[],
  parts: PartsReaderOptions['parts'],
): Generator<Part, undefined> {
  for (const volume of volumes) {
    const ofVolume = parts.get(volume.fileId) ?? [];
    const key = new VolumeKeyPromise();
    // The first part has the key packets too, so rather one between first and last.
    const fullBytes = ofVolume[ofVolume.length > 2 ? 1 : 0]?.[0] ?? 0;
    let from = 0;
    for (const [index, [bytes]] of ofVolume.entries()) {
      yield { volume, index, from, bytes, last: index === ofVolume.length - 1, key, fullBytes };
      from += bytes;
    }
    if (from !== volume.bytes)
      throw new Failure('damaged', `${volume.name}: has ${volume.bytes} bytes, its parts ${from}`);
  }
}

async function fetchAndOpen(
  store: Pick<ObjectStore, 'download'>,
  part: Part,
  options: PartsReaderOptions,
  buffers: ArrayBuffer[],
  signal: AbortSignal,
  onSealed: OnSealed | undefined,
): Promise<{ part: Part; opened: OpenedPart }> {
  const spare = buffers.pop();
  const buffer = spare !== undefined && spare.byteLength >= part.bytes ? spare : new ArrayBuffer(part.bytes);
  const sealed = new Uint8Array(buffer, 0, part.bytes);
  let at = 0;
  const range = { from: part.from, to: part.from + part.bytes };
  for await (const chunk of store.download(part.volume.fileId, range, signal)) {
    sealed.set(chunk, at);
    at += chunk.length;
  }
  if (at !== part.bytes)
    throw new Failure('damaged', `${part.volume.name}: ends after ${part.from + at} bytes`);
  onSealed?.(part.volume, part.from, sealed);
  if (part.index === 0) part.key.resolve(await openSessionKey(sealed, options.keys));
  const key = await part.key.promise;
  const partBytes = plaintextOf(part.fullBytes, key.aeadChunkBytes);
  try {
    const request = {
      key,
      part: part.index,
      last: part.last,
      partBytes,
      buffer,
      offset: 0,
      bytes: part.bytes,
    };
    return { part, opened: await options.engine.open(request) };
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'damaged') throw error;
    throw new Failure('damaged', `${part.volume.name}: ${error.message}`, { cause: error });
  }
}

const TAG_BYTES = 16;

/**
 * Plaintext of a volume's parts from the sealed size of a full one: whole chunks, each with its tag; key packets and packet lengths
 * are less than one chunk. (Of a volume with one part nobody asks.)
 */
function plaintextOf(fullSealedBytes: number, aeadChunkBytes: number): number {
  return Math.floor(fullSealedBytes / (aeadChunkBytes + TAG_BYTES)) * aeadChunkBytes;
}
