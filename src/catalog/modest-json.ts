/**
 * JSON of strangers, before it is parsed. A few megabytes of brackets become gigabytes of objects, and depth without end ends every recursion
 * over them. Pure.
 */

/** A manifest nests five deep. */
const MOST_DEEP = 32;
/** A manifest's shortest list, the bytes and SHA-1 of a part, has three of them in 50 octets. */
const LEAST_OCTETS_EACH = 10;
const FREE_OF_COUNT = 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @returns what is wrong with it, as in `COMPLETE: PROBLEM`; undefined where it costs no more to parse than a manifest of its length */
export function immodest(json: string): string | undefined {
  const most = FREE_OF_COUNT + json.length / LEAST_OCTETS_EACH;
  let depth = 0;
  let values = 0;
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (inText) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) inText = false;
      continue;
    }
    switch (code) {
      case QUOTE:
        inText = true;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        values += 1;
        if (depth > MOST_DEEP) return 'is nested too deep';
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x2c: // ,
        values += 1;
        break;
      default:
    }
    if (values > most) return 'has too many values for its length';
  }
  return undefined;
}
