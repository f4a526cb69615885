/**
 * Reads ranges of an archive's data, that is, of all its volumes decrypted and joined. For AEAD volumes it downloads only the parts that hold a
 * range, in parallel across ranges and volumes; other volumes are read from their beginning.
 */
import { setMaxListeners } from 'node:events';
import type { Volume } from '../catalog/archive.js';
import { sha1Problem } from '../catalog/check.js';
import type { ManifestVolume } from '../catalog/manifest.js';
import { Failure } from '../errors.js';
import { partBytesOf, volumeLayout } from '../openpgp/layout.js';
import { openSessionKey, possibleSessionKeys, type VolumeKey } from '../openpgp/reader.js';
import type { OpeningKeys } from '../openpgp/session-keys.js';
import type { Opener } from '../sealing/ports.js';
import type { ObjectStore } from '../store.js';
import { fetchBytes } from './fetch-range.js';
import type { ArchiveReader } from './reader.js';
import { fetchPart, fullPartBytes, openPart } from './sealed-part.js';

export interface DataRange {
  readonly from: number;
  readonly to: number;
}

export interface RangePiece {
  readonly bytes: Uint8Array;
  /** Whether the range ends with this piece; it may be empty then. */
  readonly end: boolean;
}

export interface DataReader {
  /** Piece by piece, in the order given. @throws Failure `damaged` before handing out anything that is not what was stored */
  read(ranges: readonly DataRange[], signal?: AbortSignal): AsyncGenerator<RangePiece, void, undefined>;
}

/** A volume in the bucket with its entry in the manifest. */
export interface ReadableVolume {
  readonly volume: Volume;
  readonly expected: ManifestVolume;
}

/** A range within one volume. */
interface VolumeRange extends DataRange {
  readonly known: ReadableVolume;
  readonly endsRange: boolean;
}

function* byVolume(
  volumes: readonly ReadableVolume[],
  ranges: readonly DataRange[],
): Generator<VolumeRange, void, undefined> {
  const starts: number[] = [];
  let total = 0;
  for (const { expected } of volumes) {
    starts.push(total);
    total += expected.dataBytes;
  }
  for (const { from, to } of ranges) {
    for (const [index, known] of volumes.entries()) {
      const start = starts[index] ?? 0;
      const end = start + known.expected.dataBytes;
      if (end <= from || start >= to) continue;
      const within = { from: Math.max(0, from - start), to: Math.min(end, to) - start };
      yield { known, ...within, endsRange: to <= end || end === total };
    }
  }
}

/** For volumes that can only be read from their beginning. */
export function streamDataReader(reader: ArchiveReader, volumes: readonly ReadableVolume[]): DataReader {
  return {
    async *read(ranges, signal) {
      for (const { known, from, to, endsRange } of byVolume(volumes, ranges)) {
        let at = 0;
        for await (const { bytes } of reader.read([known.volume], { signal })) {
          const wanted = bytes.subarray(Math.max(0, from - at), Math.max(0, to - at));
          at += bytes.length;
          if (wanted.length > 0) yield { bytes: wanted, end: false };
          if (at >= to) break;
        }
        if (endsRange) yield { bytes: new Uint8Array(0), end: true };
      }
    },
  };
}

export interface PartsDataReaderOptions {
  readonly opener: Pick<Opener, 'open' | 'sha1'>;
  readonly keys: OpeningKeys;
  readonly volumes: readonly ReadableVolume[];
  /** Parts in flight. */
  readonly window: number;
}

/** Enough for key packets of many recipients and the data packet's header. */
const HEAD_BYTES = 64 * 1024;

interface PartTask {
  readonly known: ReadableVolume;
  readonly part: number;
  /** Where the part begins in the volume. */
  readonly at: number;
  /** Of the part's data. */
  readonly from: number;
  readonly to: number;
  readonly endsRange: boolean;
}

export function partsDataReader(
  store: Pick<ObjectStore, 'download'>,
  options: PartsDataReaderOptions,
): DataReader {
  return {
    async *read(ranges, outer) {
      const stop = new AbortController();
      const signal = outer === undefined ? stop.signal : AbortSignal.any([stop.signal, outer]);
      setMaxListeners(0, signal);
      const heads = new Heads(store, options.keys, signal);
      const tasks = partTasks(byVolume(options.volumes, ranges), heads);
      const waiting: Promise<RangePiece>[] = [];
      const more = async (): Promise<void> => {
        while (waiting.length < options.window) {
          const next = await tasks.next();
          if (next.done === true) return;
          const piece = readPart(store, next.value, options, heads, signal);
          piece.catch(() => undefined);
          waiting.push(piece);
        }
      };
      try {
        await more();
        for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
          yield await first;
          await more();
        }
      } finally {
        stop.abort();
        await Promise.allSettled(waiting);
      }
    },
  };
}

async function* partTasks(
  ranges: Iterable<VolumeRange>,
  heads: Heads,
): AsyncGenerator<PartTask, void, undefined> {
  for (const { known, from, to, endsRange } of ranges) {
    const { parts } = known.expected;
    const last = parts.length - 1;
    // A volume in one part needs no layout.
    const layout = last === 0 ? undefined : await heads.layoutOf(known);
    let start = 0;
    let at = 0;
    for (let part = 0; part <= last && start < to; part++) {
      const end =
        part === last || layout === undefined ? known.expected.dataBytes : start + layout.dataBytes(part);
      if (end > from) {
        const within = { from: Math.max(0, from - start), to: Math.min(end, to) - start };
        yield { known, part, at, ...within, endsRange: endsRange && end >= to };
      }
      start = end;
      at += parts[part]?.[0] ?? 0;
    }
  }
}

/** Session keys of volumes, from their first bytes. */
class Heads {
  readonly #store: Pick<ObjectStore, 'download'>;
  readonly #keys: OpeningKeys;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Promise<readonly VolumeKey[]>>();

  constructor(store: Pick<ObjectStore, 'download'>, keys: OpeningKeys, signal: AbortSignal) {
    this.#store = store;
    this.#keys = keys;
    this.#signal = signal;
  }

  /** Several if only the data can tell which one is right. */
  keysOf({ volume }: ReadableVolume): Promise<readonly VolumeKey[]> {
    let found = this.#known.get(volume.fileId);
    if (found === undefined) {
      const range = { from: 0, to: Math.min(volume.bytes, HEAD_BYTES) };
      found = fetched(this.#store, volume, range, this.#signal).then((head) =>
        possibleSessionKeys(head, this.#keys),
      );
      this.#known.set(volume.fileId, found);
    }
    return found;
  }

  async layoutOf(known: ReadableVolume): Promise<{ dataBytes(index: number): number }> {
    const [key] = await this.keysOf(known);
    if (key === undefined) throw new Error('no key');
    const partBytes = partBytesOf(fullPartBytes(known.expected.parts), key.aeadChunkBytes);
    return volumeLayout({ ...key, partBytes, keyPacketReserve: 0 });
  }
}

async function readPart(
  store: Pick<ObjectStore, 'download'>,
  { known, part, at, from, to, endsRange }: PartTask,
  { opener, keys }: PartsDataReaderOptions,
  heads: Heads,
  signal: AbortSignal,
): Promise<RangePiece> {
  const { volume, expected } = known;
  const { parts } = expected;
  const [bytes = 0, sha1 = ''] = parts[part] ?? [];
  const place = { volume, from: at, bytes, sha1 };
  const { buffer, sha1: found } = await fetchPart(store, opener, place, new ArrayBuffer(bytes), signal);
  const [problem] = sha1Problem({ volume, from: at, to: at + bytes, sha1 }, found);
  if (problem !== undefined) throw new Failure('damaged', problem);
  try {
    const possible =
      parts.length === 1 ? [await openSessionKey(new Uint8Array(buffer), keys)] : await heads.keysOf(known);
    const last = part === parts.length - 1;
    const toOpen = { part, last, buffer, bytes, fullBytes: fullPartBytes(parts) };
    const opened = await openPart(opener, possible, toOpen);
    const data = new Uint8Array(opened.buffer, opened.offset, opened.bytes);
    return { bytes: data.subarray(from, to), end: endsRange };
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'damaged') throw error;
    throw new Failure('damaged', `${volume.name}: ${error.message}`, { cause: error });
  }
}

async function fetched(
  store: Pick<ObjectStore, 'download'>,
  { name, fileId }: Volume,
  range: DataRange,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await fetchBytes(store, fileId, range, { signal });
  const { length } = bytes;
  if (length !== range.to - range.from)
    throw new Failure('damaged', `${name}: ends after ${range.from + length} bytes`);
  return bytes;
}
