/** How a tar came to its end, as the judgement of the source needs it. */
import type { TarReader } from '../tar/reader.js';

export interface TarEnd {
  readonly bytes: number;
  /** No member, but the end mark or nothing at all. */
  readonly empty: boolean;
  /** Members that are another name of an earlier one; tarCreate counts them nowhere. */
  readonly hardLinks?: number;
  /** Why it is no whole tar: one line; undefined when it is. */
  readonly problem: string | undefined;
}

/** @param reader all of the tar has passed it */
export function tarEnd({ bytes, state, outcome, hardLinks }: TarReader): TarEnd {
  return {
    bytes,
    hardLinks,
    empty: bytes === 0 || (state.kind === 'ended' && state.at === 0),
    problem: outcome.kind === 'whole' ? undefined : outcome.reason,
  };
}
