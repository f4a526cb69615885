/** What passes between the stages of a restore: bytes, and gaps where some are missing. */
import type { Volume } from '../catalog/archive.js';
import type { ArchiveReader, ReadOptions } from './reader.js';

export type Flow =
  /** Valid until the consumer asks for the next. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | Gap
  /** All of this volume has passed; `dataBytes` came out of it. */
  | { readonly kind: 'volumeEnd'; readonly volume: Volume; readonly dataBytes: number };

export interface Gap {
  readonly kind: 'gap';
  /** How much is missing; undefined if unknown. */
  readonly bytes: number | undefined;
  /** One line. */
  readonly reason: string;
}

/** One volume of an archive, in its place: stored, or known to be missing. */
export type RestorePlace =
  | { readonly kind: 'stored'; readonly volume: Volume }
  /** `dataBytes`: what was in it, if the manifest says so. */
  | { readonly kind: 'missing'; readonly name: string; readonly dataBytes: number | undefined };

/** The data of the volumes in order. @throws Failure `damaged` unless `keepGoing`, where damage comes as gaps */
export async function* flowOf(
  reader: ArchiveReader,
  places: readonly RestorePlace[],
  options: ReadOptions,
): AsyncGenerator<Flow> {
  for (let at = 0; at < places.length;) {
    const place = places[at];
    if (place?.kind === 'missing') {
      yield { kind: 'gap', bytes: place.dataBytes, reason: `${place.name} is missing` };
      at += 1;
      continue;
    }
    const run = storedFrom(places, at);
    at += run.length;
    let dataBytes = 0;
    for await (const { volume, bytes, end, lost } of reader.read(run, options)) {
      options.signal?.throwIfAborted();
      if (bytes.length > 0) yield { kind: 'bytes', bytes };
      if (lost !== undefined) yield { kind: 'gap', bytes: lost.bytes, reason: lost.reason };
      dataBytes += bytes.length;
      if (!end) continue;
      yield { kind: 'volumeEnd', volume, dataBytes };
      dataBytes = 0;
    }
  }
}

/** Stored volumes in sequence from `at` on, read together so that the next is downloaded ahead. */
function storedFrom(places: readonly RestorePlace[], at: number): Volume[] {
  const run: Volume[] = [];
  for (let place = places[at]; place?.kind === 'stored'; place = places[at + run.length])
    run.push(place.volume);
  return run;
}
