/**
 * Where in the stream of (compressed) tar bytes each volume and each part begins. Pure: the cut depends on byte counts only,
 * so a rerun over the same bytes cuts at the same places.
 */
export interface VolumePlan {
  /** Bytes per volume; 0 = one volume, which rolls into the next before the store's parts are used up. */
  readonly splitSize: number;
  /** Most parts in one volume. */
  readonly maxParts: number;
  /** Data bytes that fill part `index` (0-based) of a volume when it is not cut short. */
  dataBytes(index: number): number;
}

/** Room for data in part `part` of a volume that holds `before` bytes so far, and whether the volume is full behind it. */
export function roomInPart(
  plan: VolumePlan,
  part: number,
  before: number,
): { bytes: number; endsVolume: boolean } {
  const full = plan.dataBytes(part);
  if (plan.splitSize > 0 && plan.splitSize - before <= full) {
    return { bytes: plan.splitSize - before, endsVolume: true };
  }
  return { bytes: full, endsVolume: part + 1 >= plan.maxParts };
}

/** Bytes that one volume holds at most. */
export function volumeCapacity(plan: VolumePlan): number {
  const rest = plan.maxParts > 1 ? plan.dataBytes(1) * (plan.maxParts - 1) : 0;
  const byParts = plan.dataBytes(0) + rest;
  return plan.splitSize > 0 ? Math.min(plan.splitSize, byParts) : byParts;
}
