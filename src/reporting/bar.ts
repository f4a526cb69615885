/** The bar in front of a progress line. Pure. */
import { fittingLine } from './progress.js';

/** What a terminal can show. */
export interface Look {
  /** Block characters. */
  readonly blocks: boolean;
  readonly colour: boolean;
}

/** Narrower terminals have more use for the words. */
const LEAST_COLUMNS = 60;
const BAR_COLUMNS = 16;
const CYAN = '\u001b[36m';
const DIM = '\u001b[2m';
const PLAIN = '\u001b[0m';

/** @param share from 0 to 1; full only at 1 */
export function bar(share: number, columns: number, { blocks, colour }: Look): string {
  const filled = Math.max(0, Math.min(columns, Math.floor(share * columns)));
  const [full, empty] = blocks ? ['█', '░'] : ['#', '.'];
  const [done, left] = [full.repeat(filled), empty.repeat(columns - filled)];
  return colour ? `${CYAN}${done}${PLAIN}${DIM}${left}${PLAIN}` : done + left;
}

/** The bar, where the share is known and the terminal wide enough, and as many fields as fit. */
export function barLine(
  share: number | undefined,
  fields: readonly string[],
  columns: number,
  look: Look,
): string {
  if (share === undefined || columns < LEAST_COLUMNS) return fittingLine(fields, columns);
  return `${bar(share, BAR_COLUMNS, look)} ${fittingLine(fields, columns - BAR_COLUMNS - 1)}`;
}
