/**
 * Reads volumes of our own AEAD profiles part by part: parts are downloaded in parallel, opened in parallel in the worker pool, and handed out
 * in order, across volumes.
 */
import { setMaxListeners } from 'node:events';
import type { Volume } from '../catalog/archive.js';
import type { ManifestVolume } from '../catalog/manifest.js';
import { Failure } from '../errors.js';
import { partBytesOf, volumeLayout } from '../openpgp/layout.js';
import { openSessionKey, possibleSessionKeys, type VolumeKey } from '../openpgp/reader.js';
import type { OpeningKeys } from '../openpgp/session-keys.js';
import type { OpenedPart, Opener } from '../sealing/ports.js';
import type { ObjectStore } from '../store.js';
import { lossOf } from './loss.js';
import type { ArchiveReader, Lost, OpenedPiece, ReadOptions } from './reader.js';
import { fetchPart, fullPartBytes, openPart } from './sealed-part.js';

export interface PartsReaderOptions {
  readonly opener: Pick<Opener, 'open' | 'sha1'>;
  readonly keys: OpeningKeys;
  /** By fileId, as the manifest has them. */
  readonly known: ReadonlyMap<string, Pick<ManifestVolume, 'parts' | 'dataBytes'>>;
  /** Parts in flight: fetched, being opened, or opened and not yet taken. Each holds its bytes in memory. */
  readonly window: number;
}

interface Part {
  readonly volume: VolumeUnderWay;
  readonly index: number;
  readonly from: number;
  readonly bytes: number;
  readonly sha1: string;
  readonly last: boolean;
}

/** What the parts of one volume share. */
class VolumeUnderWay {
  readonly stored: Volume;
  /** Of the data inside. */
  readonly dataBytes: number;
  /** Sealed bytes of a full part. */
  readonly fullBytes: number;
  /** Bytes that were handed out or reported as lost. */
  passed = 0;
  /** Settled by the first part, awaited by the others. Several if damage leaves open which one is right. */
  readonly keys: Promise<readonly VolumeKey[]>;
  resolve: (keys: readonly VolumeKey[]) => void = () => undefined;
  reject: (reason: unknown) => void = () => undefined;
  /** Whatever happens to the first part, `keys` will be settled. */
  keysFollow = false;

  constructor(stored: Volume, { parts, dataBytes }: Pick<ManifestVolume, 'parts' | 'dataBytes'>) {
    this.stored = stored;
    this.dataBytes = dataBytes;
    this.fullBytes = fullPartBytes(parts);
    this.keys = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.keys.catch(() => undefined);
  }
}

type Opened =
  { readonly part: Part; readonly opened: OpenedPart } | { readonly part: Part; readonly error: unknown };

export function partsReader(
  store: Pick<ObjectStore, 'download'>,
  options: PartsReaderOptions,
): ArchiveReader {
  return {
    async *read(volumes, readOptions) {
      const stop = new AbortController();
      const signals = readOptions.signal === undefined ? [stop.signal] : [stop.signal, readOptions.signal];
      const signal = AbortSignal.any(signals);
      // Each download listens to it, possibly several times.
      setMaxListeners(0, signal);
      const parts = allParts(volumes, options.known);
      const waiting: Promise<Opened>[] = [];
      const buffers: ArrayBuffer[] = [];
      const more = (): void => {
        while (waiting.length < options.window) {
          const { value: part, done } = parts.next();
          if (done === true) return;
          waiting.push(
            fetchAndOpen(store, part, options, buffers, { ...readOptions, signal }).then(
              (opened) => ({ part, opened }),
              (error: unknown) => {
                if (part.index === 0 && !part.volume.keysFollow) part.volume.reject(error);
                return { part, error };
              },
            ),
          );
        }
      };
      try {
        more();
        for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
          const result = await first;
          const { part } = result;
          if ('error' in result) {
            yield await lostPiece(part, result.error, readOptions.keepGoing === true);
          } else {
            const piece = pieceOf(part, result.opened);
            part.volume.passed += piece.bytes.length;
            yield piece;
            buffers.push(result.opened.buffer);
          }
          more();
        }
      } finally {
        stop.abort();
        // Tasks in the pool end by themselves; their results are ignored.
        await Promise.allSettled(waiting);
      }
    },
  };
}

function pieceOf({ volume, last }: Part, { buffer, offset, bytes }: OpenedPart): OpenedPiece {
  return { volume: volume.stored, bytes: new Uint8Array(buffer, offset, bytes), end: last };
}

/** @throws the error itself, unless the reader continues after it */
async function lostPiece(part: Part, error: unknown, keepGoing: boolean): Promise<OpenedPiece> {
  const { volume, last } = part;
  const reason = keepGoing ? lossOf(error, volume.stored) : undefined;
  if (reason === undefined) throw error;
  const lost: Lost = { bytes: await dataBytesOf(part), reason, error };
  volume.passed += lost.bytes ?? 0;
  return { volume: volume.stored, bytes: new Uint8Array(0), end: last, lost };
}

/** Data bytes of a part that cannot be opened. Without a key, all of the volume is reported as lost with its first part. */
async function dataBytesOf({ volume, index, last }: Part): Promise<number> {
  const rest = Math.max(0, volume.dataBytes - volume.passed);
  const [key] = await volume.keys.catch(() => []);
  if (last || key === undefined) return rest;
  const partBytes = partBytesOf(volume.fullBytes, key.aeadChunkBytes);
  const layout = volumeLayout({ ...key, partBytes, keyPacketReserve: 0 });
  return Math.min(rest, layout.dataBytes(index));
}

function* allParts(
  volumes: readonly Volume[],
  known: PartsReaderOptions['known'],
): Generator<Part, undefined> {
  for (const stored of volumes) {
    const { parts, dataBytes } = known.get(stored.fileId) ?? { parts: [], dataBytes: 0 };
    const volume = new VolumeUnderWay(stored, { parts, dataBytes });
    let from = 0;
    for (const [index, [bytes, sha1]] of parts.entries()) {
      yield { volume, index, from, bytes, sha1, last: index === parts.length - 1 };
      from += bytes;
    }
    if (from !== stored.bytes)
      throw new Failure('damaged', `${stored.name}: has ${stored.bytes} bytes, its parts ${from}`);
  }
}

async function fetchAndOpen(
  store: Pick<ObjectStore, 'download'>,
  part: Part,
  options: PartsReaderOptions,
  buffers: ArrayBuffer[],
  { signal, onSealed, keepGoing }: ReadOptions,
): Promise<OpenedPart> {
  const { volume } = part;
  const { stored } = volume;
  const spare = buffers.pop();
  const own = spare !== undefined && spare.byteLength >= part.bytes ? spare : new ArrayBuffer(part.bytes);
  const place = { volume: stored, from: part.from, bytes: part.bytes, sha1: part.sha1 };
  const { buffer, sha1 } = await fetchPart(store, options.opener, place, own, signal);
  const sealed = new Uint8Array(buffer, 0, part.bytes);
  // After a damaged first part the others may still be readable, if its key packets are intact.
  if (part.index === 0 && keepGoing === true) {
    volume.keysFollow = true;
    possibleSessionKeys(sealed, options.keys).then(volume.resolve, volume.reject);
  }
  await new Promise<void>((resolve) => {
    resolve(onSealed?.(stored, part.from, sealed, sha1));
  });
  if (part.index === 0 && keepGoing !== true) volume.resolve([await openSessionKey(sealed, options.keys)]);
  const keys = await volume.keys;
  try {
    const { index, last, bytes } = part;
    const toOpen = { part: index, last, buffer, bytes, fullBytes: volume.fullBytes };
    return await openPart(options.opener, keys, toOpen);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'damaged') throw error;
    throw new Failure('damaged', `${stored.name}: ${error.message}`, { cause: error });
  }
}
