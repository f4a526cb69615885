/**
 * What a rerun does with each volume that the journal knows, from the journal and what the store says of it. Pure.
 *
 * Safe against nonce reuse by construction: a volume goes on only with secrets from the key file, each of its parts is sealed again
 * from the source and leaves this machine only if its SHA-1 equals the recorded one (or nothing was recorded for it, which means
 * that nothing of it ever left). Everything in doubt begins anew, with fresh secrets.
 */
import { hasAllParts, volumeTotals, type VolumeState } from './state.js';
import type { ShapingOptions } from './records.js';

/** What the store says of one recorded volume. */
export interface SeenVolume {
  /** The finished object: by fileId, or, for a plain file whose answer was lost, by name and SHA-1. */
  readonly finished: { readonly fileId: string; readonly contentLength: number } | undefined;
  /** Parts of the unfinished large file by number (from 1), or undefined where there is no such file. */
  readonly parts: ReadonlyMap<number, { readonly contentLength: number; readonly contentSha1: string }> | undefined;
}

export type Resumption =
  /** Finished: read its data again only to see that they are the same. */
  | { readonly kind: 'skip'; readonly reason: string }
  /** The store finished it, and our record of that was lost. */
  | { readonly kind: 'adopt'; readonly fileId: string; readonly reason: string }
  /** Goes on; the store has the parts in `held` (from 0). */
  | { readonly kind: 'continue'; readonly held: ReadonlySet<number>; readonly reason: string }
  | { readonly kind: 'anew'; readonly reason: string };

/** @param secretsAtHand whether the key file still opens this volume */
export function resumeVolume(volume: VolumeState, seen: SeenVolume, secretsAtHand: boolean): Resumption {
  const { bytes } = volumeTotals(volume);
  const whole = hasAllParts(volume) && seen.finished?.contentLength === bytes ? seen.finished : undefined;
  if (volume.finished) {
    return whole === undefined ? { kind: 'anew', reason: 'it was finished, but B2 does not have it any more' } : { kind: 'skip', reason: 'it is finished' };
  }
  if (whole !== undefined) return { kind: 'adopt', fileId: whole.fileId, reason: 'B2 finished it; only the answer was lost' };
  if (!secretsAtHand) return { kind: 'anew', reason: 'its session key is not at hand any more' };
  if (volume.plain) return { kind: 'continue', held: new Set(), reason: 'it was not sent yet' };
  if (seen.parts === undefined) return { kind: 'anew', reason: 'B2 does not have its unfinished file any more' };

  const held = new Set<number>();
  for (const [number, part] of seen.parts) {
    const recorded = volume.parts.get(number - 1);
    if (recorded === undefined) return { kind: 'anew', reason: `B2 has a part ${number} that this journal does not know` };
    // A part with another content is sent again: the last upload of a number wins.
    if (recorded.sha1 === part.contentSha1 && recorded.bytes === part.contentLength) held.add(number - 1);
  }
  const missing = volume.parts.size - held.size;
  return { kind: 'continue', held, reason: `B2 has ${held.size} of its parts${missing === 0 ? '' : `; ${missing} recorded ${missing === 1 ? 'one was' : 'ones were'} not confirmed`}` };
}

/** Why an archive cannot go on under these options, or undefined. @param sameKeys whether passphrases and recipients are those of before */
export function cannotResume(before: ShapingOptions, now: ShapingOptions, sameKeys: boolean): string | undefined {
  const other = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => before[name] !== now[name]);
  if (other.length > 0) return `other options than before (${other.map((name) => `${name}: ${String(before[name])} → ${String(now[name])}`).join(', ')})`;
  if (!sameKeys) return 'other passphrases or recipients than before';
  return undefined;
}
