/**
 * The decision before the work: whether a volume is skipped, copied inside B2, or compressed, sealed and sent. One table for the rerun
 * after a crash and for the archive that follows another. Pure.
 *
 * | this run's journal has at this place | an earlier archive knows it | then |
 * |---|---|---|
 * | the same volume, stored | either way | skip |
 * | another volume | either way | give that one up; then as below |
 * | nothing | yes | copy, unless it is due to be sent again or copies are being refused |
 * | nothing | no | send |
 */
import type { KnownVolume } from './known-volumes.js';

export interface Knowledge {
  /** Hex keyed digest of the volume's tar bytes. */
  readonly digest: string;
  /** Digest of the volume that this run has already stored at this place, if any. */
  readonly stored: string | undefined;
  readonly earlier: KnownVolume | undefined;
  /** The earlier volume's bytes have been at B2 for so long that they should be sent again. */
  readonly due: boolean;
  /** This run no longer asks B2 for copies. */
  readonly refused: boolean;
}

export type SendReason = 'new' | 'due' | 'refused';

export type Decision =
  | { readonly kind: 'skip' }
  | { readonly kind: 'copy'; readonly from: KnownVolume; readonly giveUp: boolean }
  | { readonly kind: 'send'; readonly reason: SendReason; readonly giveUp: boolean };

export function decide({ digest, stored, earlier, due, refused }: Knowledge): Decision {
  if (stored === digest) return { kind: 'skip' };
  const giveUp = stored !== undefined;
  if (earlier === undefined) return { kind: 'send', reason: 'new', giveUp };
  if (due) return { kind: 'send', reason: 'due', giveUp };
  if (refused) return { kind: 'send', reason: 'refused', giveUp };
  return { kind: 'copy', from: earlier, giveUp };
}

/** The share of what it could copy that one archive sends again: over time everything is sent again, without a sudden peak. */
export const DUE_SHARE = 0.05;

/**
 * The volumes that this archive sends although it could copy them: those sent longest ago, more than `maxAgeMs`, up to a share of the
 * archive's bytes (but at least one volume, or a small archive would never resend any).
 * @param nowMs B2's clock
 * @returns digests
 */
export function dueVolumes(
  volumes: readonly Pick<KnownVolume, 'digest' | 'bytes' | 'sentAt'>[],
  nowMs: number,
  maxAgeMs: number,
  share = DUE_SHARE,
): Set<string> {
  const most = share * volumes.reduce((sum, { bytes }) => sum + bytes, 0);
  const old = volumes.filter(({ sentAt }) => nowMs - sentAt > maxAgeMs).sort((a, b) => a.sentAt - b.sentAt);
  const due = new Set<string>();
  let bytes = 0;
  for (const volume of old) {
    if (bytes > 0 && bytes + volume.bytes > most) break;
    bytes += volume.bytes;
    due.add(volume.digest);
  }
  return due;
}
