import type { BufferPool } from './buffer-pool.js';
import { roomInPart, type VolumePlan } from './volume-plan.js';

/** A part's worth of data, not sealed yet. Its buffer belongs to whoever receives it. */
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
  readonly plan: VolumePlan;
  readonly buffers: BufferPool;
  /** Where in a buffer the data begins. */
  readonly dataOffset: number;
}

/**
 * Cuts a byte stream into volumes and parts, copying each slice once, into the buffer it will be sealed and sent in.
 *
 * - Pulled: the source is asked for more only while a buffer is at hand.
 * - A full part is held back until it is known whether it is the volume's last, because the last part is framed differently.
 * - Only an empty stream makes an empty volume: one, so that even an empty archive restores.
 *
 * The source's slices are borrowed: they are used before the next one is asked for.
 */
export async function* packParts(
  source: AsyncIterable<Uint8Array>,
  options: PackerOptions,
): AsyncGenerator<FilledPart, void, undefined> {
  const { plan, buffers, dataOffset } = options;
  let volume = 0;
  let part = 0;
  let beforeInVolume = 0;
  let room = roomInPart(plan, 0, 0);
  let buffer: ArrayBuffer | undefined;
  let target: Uint8Array = new Uint8Array(0);
  let filled = 0;

  const cut = (last: boolean): FilledPart => {
    if (buffer === undefined) throw new Error('a part was cut without a buffer');
    const done: FilledPart = { volume, part, last, buffer, dataBytes: filled };
    buffer = undefined;
    if (last) {
      volume += 1;
      part = 0;
      beforeInVolume = 0;
    } else {
      part += 1;
      beforeInVolume += filled;
    }
    room = roomInPart(plan, part, beforeInVolume);
    filled = 0;
    return done;
  };

  try {
    for await (const slice of source) {
      let from = 0;
      while (from < slice.length) {
        if (buffer !== undefined && filled === room.bytes) yield cut(room.endsVolume);
        if (buffer === undefined) {
          buffer = await buffers.take();
          target = new Uint8Array(buffer, dataOffset);
        }
        const count = Math.min(slice.length - from, room.bytes - filled);
        target.set(from === 0 && count === slice.length ? slice : slice.subarray(from, from + count), filled);
        filled += count;
        from += count;
      }
      // A volume that is full needs no look at the next byte.
      if (buffer !== undefined && filled === room.bytes && room.endsVolume) yield cut(true);
    }
    if (buffer === undefined && volume === 0 && part === 0) buffer = await buffers.take();
    if (buffer !== undefined) yield cut(true);
  } finally {
    if (buffer !== undefined) buffers.give(buffer);
  }
}
