/** How a tar ended, for judging the source. */
import type { TarReader } from '../tar/reader.js';

export interface TarEnd {
  readonly bytes: number;
  /** No member: nothing but the end mark, if that. */
  readonly empty: boolean;
  /** Members that are another name of an earlier one; tarCreate does not count them. */
  readonly hardLinks?: number;
  /** Why it is not a complete tar, one line; undefined if it is. */
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
