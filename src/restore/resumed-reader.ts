/** Reads on in the middle of a volume: what an earlier run has written of it is not fetched again. */
import type { DataReader } from './data-reader.js';
import type { ArchiveReader } from './reader.js';

export interface Resumption {
  /** Of the archive's data: all of its volumes decrypted and joined. */
  readonly from: number;
  /** The end of the volume that `from` lies in. */
  readonly to: number;
}

/** The first volume that is read begins at `from`; those behind it come from `reader`. */
export function resumedReader(reader: ArchiveReader, data: DataReader, rest: Resumption): ArchiveReader {
  let begun = false;
  return {
    async *read(volumes, options) {
      const [first, ...others] = volumes;
      if (begun || first === undefined) {
        yield* reader.read(volumes, options);
        return;
      }
      begun = true;
      for await (const { bytes, end } of data.read([rest], options.signal))
        yield { volume: first, bytes, end };
      if (others.length > 0) yield* reader.read(others, options);
    },
  };
}
