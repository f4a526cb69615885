/**
 * What a file, a command or a variable gives as a secret: its first line, as octets. Pure. The restore script has the same rule.
 *
 * - The line ends at the first LF; a CR at its end is left out (files of Windows), and so is a UTF-8 byte-order mark in front.
 * - Everything else counts, octet by octet, whether it is UTF-8 or not: gpg takes passphrases so.
 */
import { isUtf8 } from 'node:buffer';

const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

/** @returns empty where there is no secret */
export function secretLine(contents: Uint8Array): Uint8Array {
  const end = contents.indexOf(LF);
  const line = end === -1 ? contents : contents.subarray(0, end);
  const from = Buffer.compare(line.subarray(0, 3), BYTE_ORDER_MARK) === 0 ? 3 : 0;
  return line.subarray(from, line.at(-1) === CR ? -1 : undefined);
}

/**
 * What version 1.0 made of the same contents: it read them as UTF-8, with U+FFFD for what is none, and kept a byte-order mark. What it
 * sealed opens with this.
 */
export function secretLineOfVersion1(contents: Uint8Array, source: 'text' | 'lines'): Uint8Array {
  const text = Buffer.from(contents).toString('utf8');
  return Buffer.from(source === 'text' ? text : (text.split(/\r?\n/, 1)[0] ?? ''));
}

/** Why these octets are no good as a passphrase to seal with; undefined where they are. One line, without the octets. */
export function unfitForSealing(contents: Uint8Array): string | undefined {
  const line = secretLine(contents);
  if (line.length === 0) return 'gave an empty first line';
  if (line.includes(0)) return 'has a NUL octet, which neither gpg nor a shell takes in a passphrase';
  const rest = contents.subarray(contents.indexOf(LF) + 1);
  if (contents.includes(LF) && rest.length > 0 && !isUtf8(contents))
    return `holds binary data with a newline among them: only the ${line.length} octets before it would count`;
  return undefined;
}
