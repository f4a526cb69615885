import type { BufferPool } from './buffer-pool.js';
import type { CutPlan } from './cut-plan.js';

/** A part's worth of data, not sealed yet. The receiver owns its buffer. */
export interface FilledPart {
  /** 0-based. */
  readonly volume: number;
  /** 0-based, within the volume. */
  readonly part: number;
  /** Whether the volume ends with this part. */
  readonly last: boolean;
  readonly buffer: ArrayBuffer;
  readonly dataBytes: number;
}

export interface PackerOptions {
  readonly plan: CutPlan;
  readonly buffers: BufferPool;
  /** Where in a buffer the data begins. */
  readonly dataOffset: number;
}

/**
 * Cuts a byte stream into volumes and parts, copying each slice once, into a part's buffer.
 *
 * - Pulled: the source is asked for more only while a buffer is at hand.
 * - A full part is held back until it is known whether it is the volume's last, because the last part is framed differently.
 * - Only an empty stream makes an empty volume: one, so that even an empty archive restores.
 *
 * The source's slices are borrowed: they are used before the next one is asked for.
 */
export async function* packParts(
  source: AsyncIterable<Uint8Array>,
  { plan, buffers, dataOffset }: PackerOptions,
): AsyncGenerator<FilledPart, void, undefined> {
  let volume = 0;
  let part = 0;
  let buffer: ArrayBuffer | undefined;
  let data: Uint8Array = new Uint8Array(0);
  let filled = 0;
  /** Of the stream: what has been packed. */
  let packed = 0;
  /** The part is full, and may be the volume's last. */
  let heldBack = false;

  const open = async (): Promise<void> => {
    buffer = await buffers.take();
    data = new Uint8Array(buffer, dataOffset);
    filled = 0;
  };
  const cut = (last: boolean): FilledPart => {
    if (buffer === undefined) throw new Error('a part was cut without a buffer');
    const done: FilledPart = { volume, part, last, buffer, dataBytes: filled };
    buffer = undefined;
    heldBack = false;
    volume += last ? 1 : 0;
    part = last ? 0 : part + 1;
    return done;
  };
  async function* fill(bytes: Uint8Array): AsyncGenerator<FilledPart, void, undefined> {
    if (bytes.length === 0) return;
    if (heldBack) yield cut(false);
    if (buffer === undefined) await open();
    data.set(bytes, filled);
    filled += bytes.length;
    packed += bytes.length;
  }

  try {
    for await (const slice of source) {
      let from = 0;
      for (const { at, ends } of plan.cuts(slice)) {
        const count = at - packed;
        if (count >= 0) {
          yield* fill(slice.subarray(from, from + count));
          from += count;
          if (ends === 'part') heldBack = true;
          else yield cut(true);
        } else {
          // The cut lies in the past: what was packed since then begins the next volume.
          const tail = data.slice(filled + count, filled);
          filled += count;
          packed += count;
          yield cut(true);
          yield* fill(tail);
        }
      }
      yield* fill(slice.subarray(from));
    }
    if (buffer === undefined && volume === 0 && part === 0) await open();
    if (buffer !== undefined) yield cut(true);
  } finally {
    if (buffer !== undefined) buffers.give(buffer);
  }
}
