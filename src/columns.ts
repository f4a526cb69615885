/** How wide text is on a terminal: a CJK character takes two columns, a combining mark none. The only door to `string-width`. Pure. */
import stringWidth from 'string-width';

export function columnsOf(text: string): number {
  return stringWidth(text);
}

/** As `padEnd` and `padStart`, in columns. */
export function padded(text: string, columns: number, side: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, columns - columnsOf(text)));
  return side === 'right' ? blanks + text : text + blanks;
}
