/** One sealed part of an AEAD volume: fetched into a buffer, compared with its SHA-1, opened. All that costs CPU runs in the worker pool. */
import type { Volume } from '../catalog/archive.js';
import type { ManifestVolume } from '../catalog/manifest.js';
import { Failure } from '../errors.js';
import { partBytesOf } from '../openpgp/layout.js';
import type { VolumeKey } from '../openpgp/reader.js';
import type { OpenedPart, Opener } from '../sealing/ports.js';
import type { ObjectStore } from '../store.js';
import { fetchRange } from './fetch-range.js';

/** Where a part lies in its volume. */
export interface PartPlace {
  readonly volume: Volume;
  /** First byte. */
  readonly from: number;
  readonly bytes: number;
  /** Hex, as the manifest has it. */
  readonly sha1: string;
}

export interface FetchedPart {
  readonly buffer: ArrayBuffer;
  /** Of what arrived. After the last attempt it may still differ from the recorded one. */
  readonly sha1: string;
}

/**
 * @param buffer moved; at least as long as the part
 * @throws Failure `damaged` if the volume ends before the part does
 */
export async function fetchPart(
  store: Pick<ObjectStore, 'download'>,
  opener: Pick<Opener, 'sha1'>,
  { volume, from, bytes, sha1 }: PartPlace,
  buffer: ArrayBuffer,
  signal: AbortSignal | undefined,
): Promise<FetchedPart> {
  let arrived = buffer;
  const target = {
    into: () => new Uint8Array(arrived, 0, bytes),
    sha1: async (arrivedBytes: number) => {
      const hashed = await opener.sha1(arrived, arrivedBytes);
      arrived = hashed.buffer;
      return hashed.sha1;
    },
  };
  const range = { from, to: from + bytes, sha1 };
  const found = await fetchRange(store, volume.fileId, range, target, { signal });
  if (found.bytes !== bytes)
    throw new Failure('damaged', `${volume.name}: ends after ${from + found.bytes} bytes`);
  return { buffer: arrived, sha1: found.sha1 ?? '' };
}

export interface SealedPartToOpen {
  /** 0-based. */
  readonly part: number;
  readonly last: boolean;
  /** Moved. The sealed part is its beginning. */
  readonly buffer: ArrayBuffer;
  readonly bytes: number;
  /** `fullPartBytes` of the volume. */
  readonly fullBytes: number;
}

/** @param keys the right one is among them, or none is @throws Failure `damaged` */
export async function openPart(
  opener: Pick<Opener, 'open'>,
  keys: readonly VolumeKey[],
  { part, last, buffer, bytes, fullBytes }: SealedPartToOpen,
): Promise<OpenedPart> {
  for (const [nth, key] of keys.entries()) {
    const partBytes = partBytesOf(fullBytes, key.aeadChunkBytes);
    // Each attempt consumes the buffer.
    const its = nth === keys.length - 1 ? buffer : buffer.slice(0);
    try {
      return await opener.open({ key, part, last, partBytes, buffer: its, offset: 0, bytes });
    } catch (error) {
      if (nth === keys.length - 1 || !(error instanceof Failure) || error.kind !== 'damaged') throw error;
    }
  }
  throw new Failure(
    'damaged',
    'wrong passphrase or key, or damaged data: nothing at hand opens its first part',
  );
}

/** Sealed bytes of a full part of a volume. One that is neither first nor last if there is one: the first also holds the key packets. */
export function fullPartBytes(parts: ManifestVolume['parts']): number {
  return parts[parts.length > 2 ? 1 : 0]?.[0] ?? 0;
}
