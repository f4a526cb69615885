/** Where the stream ends one volume, or one part of it, and begins the next. */
export interface Cut {
  /** Offset in the stream: of the first octet behind the cut. */
  readonly at: number;
  readonly ends: 'part' | 'volume';
}

export interface CutPlan {
  /**
   * Shown each slice of the stream once, in order, before it is packed.
   * @returns the cuts that are decided now, in order. A cut may lie before the slice: it may be decided only later.
   */
  cuts(slice: Uint8Array): readonly Cut[];
}
