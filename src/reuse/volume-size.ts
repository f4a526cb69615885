/** How large volumes that are cut by content should be. Small ones send less when little changes, but each costs a call. Pure. */
import { Failure } from '../errors.js';
import type { PieceSizes } from './content-cutter.js';

const MIB = 1024 * 1024;

/**
 * Roughly the most volumes an archive should have. Targets double, so it has between half as many and this many. Copying costs a call for
 * each, 0.0004 cents; restoring by hand costs an S2K for each.
 */
const LIKED_VOLUMES = 30_000;
/** Up to this many are still better than changing the target, which sends everything once. */
const MOST_VOLUMES = 60_000;
/** Average length of a volume, as a multiple of the target: those of small files are short (/usr, `bench -- volumes`). */
const MEAN = 0.65;

/** For archives up to 10 GB. Smaller volumes would save little: a change costs its own volume, that of a directory, and the member index. */
const SMALLEST_TARGET_BYTES = MIB / 2;
/**
 * Longest and shortest piece of what is cut by content, as multiples of the target. Pieces twice as long would send a third more when little
 * changes (bench/README.md), and need twice the memory.
 */
const LONGEST = 2;
const SHORTEST = 1 / 4;
/** If the last target is more than this many times what the archive would get today, a new one is chosen. */
const FAR_TOO_LARGE = 4;

export function pieceSizes(targetBytes: number): PieceSizes {
  return { min: targetBytes * SHORTEST, target: targetBytes, max: targetBytes * LONGEST };
}

export interface TargetFacts {
  /** The setting. */
  readonly asked: number | undefined;
  /** Of the host's last archive. What was cut with another target is not recognized. */
  readonly last: { readonly targetBytes: number; readonly tarBytes: number } | undefined;
  /** BackupPC's record of the backup. */
  readonly expectedBytes: number | undefined;
  /** The largest target that fits into the memory budget. */
  readonly mostBytes: number;
  /** The memory budget needed for volumes of this target, MiB. */
  readonly neededMemory: (targetBytes: number) => number;
}

/** @returns a power of two. @throws Failure `config` if there is too little memory for the target that was asked for */
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
  // If nothing tells how large the archive will be, it may well be small.
  return Math.min(most, liked(tarBytes ?? 0));
}

/** A warning if the memory budget leads to too many volumes; otherwise undefined. */
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

/** The approximate number of volumes. */
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
