/**
 * The secret in a file, a command's output or a variable: the first line, as octets. Pure. The restore script has the same rule.
 *
 * - The line ends at the first LF. A CR at its end (Windows) and a UTF-8 byte-order mark at its start are dropped.
 * - All other octets count, UTF-8 or not, as in gpg.
 */
import { isUtf8 } from 'node:buffer';

const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

/** @returns empty if there is no secret */
export function secretLine(contents: Uint8Array): Uint8Array {
  const end = contents.indexOf(LF);
  const line = end === -1 ? contents : contents.subarray(0, end);
  const from = Buffer.compare(line.subarray(0, 3), BYTE_ORDER_MARK) === 0 ? 3 : 0;
  return line.subarray(from, line.at(-1) === CR ? -1 : undefined);
}

/**
 * How version 1.0 read the same contents: as UTF-8, with U+FFFD for invalid octets, and with a byte-order mark. Needed to open what it
 * sealed.
 */
export function secretLineOfVersion1(contents: Uint8Array, source: 'text' | 'lines'): Uint8Array {
  const text = Buffer.from(contents).toString('utf8');
  return Buffer.from(source === 'text' ? text : (text.split(/\r?\n/, 1)[0] ?? ''));
}

/** Why these octets cannot be used as a passphrase to seal with; undefined if they can. One line, without the octets. */
export function unfitForSealing(contents: Uint8Array): string | undefined {
  const line = secretLine(contents);
  if (line.length === 0) return 'gave an empty first line';
  if (line.includes(0)) return 'has a NUL octet, which neither gpg nor a shell takes in a passphrase';
  const rest = contents.subarray(contents.indexOf(LF) + 1);
  if (contents.includes(LF) && rest.length > 0 && !isUtf8(contents))
    return `holds binary data with a newline among them: only the ${line.length} octets before it would count`;
  return undefined;
}
