/** How large volumes shall be that are cut by content. Small ones send less when little changes; each costs a call. Pure. */
import { Failure } from '../errors.js';
import type { PieceSizes } from './content-cutter.js';

const MIB = 1024 * 1024;

/**
 * Volumes of an archive, about. Targets double, so an archive has between half as many and all of them. A call each costs 0.0004 cents when it
 * copies; a restore by hand takes an S2K each.
 */
const LIKED_VOLUMES = 30_000;
/** So many are still better than to cut anew, which sends everything once. */
const MOST_VOLUMES = 60_000;
/** What volumes come to, as a multiple of the target: those of little files are short (/usr, `bench -- volumes`). */
const MEAN = 0.65;

/** Up to 10 GB. Smaller ones would send little less: a change costs its volume, a directory's, and the member index. */
const SMALLEST_TARGET_BYTES = MIB / 2;
/**
 * Longest and shortest piece of what is cut by its content, as multiples of the target. Twice as long ones would send a third more where
 * little changes (bench/README.md), and take twice the memory.
 */
const LONGEST = 2;
const SHORTEST = 1 / 4;
/** So many times what an archive would have by itself, and it is cut anew. */
const FAR_TOO_LARGE = 4;

export function pieceSizes(targetBytes: number): PieceSizes {
  return { min: targetBytes * SHORTEST, target: targetBytes, max: targetBytes * LONGEST };
}

export interface TargetFacts {
  /** The setting. */
  readonly asked: number | undefined;
  /** Of the host's last archive; what was cut with another target is not recognised. */
  readonly last: { readonly targetBytes: number; readonly tarBytes: number } | undefined;
  /** BackupPC's record of the backup. */
  readonly expectedBytes: number | undefined;
  /** The largest target that the memory budget has room for. */
  readonly mostBytes: number;
  /** The budget that has room for volumes of this target, MiB. */
  readonly neededMemory: (targetBytes: number) => number;
}

/** @returns a power of two. @throws Failure `config` where the memory does not suffice for what is asked */
export function chooseTarget({ asked, last, expectedBytes, mostBytes, neededMemory }: TargetFacts): number {
  const most = mostBytes;
  if (asked !== undefined) {
    const target = powerOfTwoBelow(asked);
    if (target > most) {
      throw new Failure('config', `volumes of about ${sizeText(target)} do not fit into the memory budget`, {
        hint: `--memory ${neededMemory(target)}M, or --reuse-volume ${most / 1024}K`,
      });
    }
    return target;
  }
  const tarBytes = expectedBytes ?? last?.tarBytes;
  if (last !== undefined && last.targetBytes <= most) {
    const volumes = volumesOf(tarBytes ?? 0, last.targetBytes);
    const far = last.targetBytes > FAR_TOO_LARGE * liked(tarBytes ?? last.tarBytes);
    if (volumes <= MOST_VOLUMES && !far) return last.targetBytes;
  }
  // Where nobody knows how large the archive will be, it may well be small.
  return Math.min(most, liked(tarBytes ?? 0));
}

/** What is to be said where the memory makes for more volumes than anybody wants; undefined where it does not. */
export function volumesWarning(
  targetBytes: number,
  { last, expectedBytes, neededMemory }: Pick<TargetFacts, 'last' | 'expectedBytes' | 'neededMemory'>,
): string | undefined {
  const tarBytes = expectedBytes ?? last?.tarBytes ?? 0;
  const volumes = Math.ceil(volumesOf(tarBytes, targetBytes));
  if (volumes <= MOST_VOLUMES) return undefined;
  const better = liked(tarBytes);
  return `the memory budget makes for volumes of ${sizeText(targetBytes)}, some ${volumes} of them; --memory ${neededMemory(better)}M would have room for ${sizeText(better)}`;
}

function sizeText(bytes: number): string {
  return bytes < MIB ? `${bytes / 1024} KiB` : `${bytes / MIB} MiB`;
}

/** About how many volumes. */
function volumesOf(tarBytes: number, targetBytes: number): number {
  return tarBytes / (MEAN * targetBytes);
}

function liked(tarBytes: number): number {
  let target = SMALLEST_TARGET_BYTES;
  while (volumesOf(tarBytes, target) > LIKED_VOLUMES) target *= 2;
  return target;
}

function powerOfTwoBelow(bytes: number): number {
  return 2 ** Math.floor(Math.log2(bytes));
}
