/** Notices, part by part, that the source gives other bytes than those the journal has recorded, and decides what starts over then. Pure. */
import type { PartRecord } from './records.js';
import type { JournalState, VolumeState } from './state.js';

/** What the journal says about a part that has just been sealed. */
export type PartVerdict =
  /** Never recorded, so never sent: record it, then send it. */
  | { readonly kind: 'new' }
  /** Recorded with this SHA-1: it may be sent again. */
  | { readonly kind: 'recorded' }
  /** The source gave other bytes: the part must not be sent, and the volume's secrets must not be used again. */
  | { readonly kind: 'changed'; readonly reason: string };

/**
 * Compares a part before it is sent. Also detects what would encrypt another plaintext under a used nonce: in the AEAD profiles the final tag
 * takes the nonce of the chunk that would follow, so a volume that ends earlier or later than recorded has changed, even if the part itself
 * was never recorded.
 */
export function comparePart(
  volume: Pick<VolumeState, 'parts'>,
  sealed: Pick<PartRecord, 'part' | 'bytes' | 'sha1' | 'last'>,
): PartVerdict {
  const { part, bytes, sha1, last } = sealed;
  const changed = (reason: string): PartVerdict => ({ kind: 'changed', reason });
  const { last: end, highest } = volume.parts;
  if (end !== undefined && part > end) return changed(`it is longer: it ended with part ${end + 1}`);
  if (last && highest > part) {
    return changed(`it is shorter: it ends with part ${part + 1}, and later ones were sent`);
  }
  const record = volume.parts.get(part);
  if (record === undefined) return { kind: 'new' };
  const same = record.sha1 === sha1 && record.bytes === bytes && record.last === last;
  return same ? { kind: 'recorded' } : changed(`part ${part + 1} has other contents`);
}

/** The same for a skipped volume: compares its data, cut like `volume.parts`, with the digests. @returns why it differs */
export function compareSkipped(
  volume: Pick<VolumeState, 'parts'>,
  data: Pick<PartRecord, 'part' | 'dataBytes' | 'digest' | 'last'>,
): string | undefined {
  const record = volume.parts.get(data.part);
  const end = volume.parts.size;
  if (record === undefined || (record.last && !data.last)) return `it is longer: it ended with part ${end}`;
  if (data.last && !record.last) return `it is shorter: it ended with part ${end}`;
  if (record.digest === data.digest && record.dataBytes === data.dataBytes) return undefined;
  return `part ${data.part + 1} has other contents`;
}

/**
 * The source has changed within `volume`, whose earlier parts have passed: it is read again from its start, and the returned volumes start
 * over. The first time that is only this volume, as one file may have changed. After that, everything behind it has probably shifted.
 * @param restarts how often the source has been read again already
 */
export function volumesToAbandon(state: JournalState, volume: number, restarts: number): number[] {
  return [...state.volumes.keys()]
    .filter((index) => index === volume || (restarts > 0 && index > volume))
    .sort((a, b) => a - b);
}
