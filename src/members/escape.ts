/**
 * Names as one line of text, from octets and back. Printable UTF-8 is kept; backslashes, control characters and invalid UTF-8 are written like
 * GNU tar's `--quoting-style=escape`. So no name breaks a line or controls a terminal.
 */
import { isUtf8 } from 'node:buffer';

/** C0, DEL, C1, line separators, and marks that change the writing direction. */
const UNPRINTABLE = /[\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const LETTERS: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };

const MOST_UTF8_OCTETS = 4;

export function escapeOctets(octets: Uint8Array): string {
  if (isUtf8(octets)) return escapeText(Buffer.from(octets).toString('utf8'));
  let text = '';
  for (let at = 0; at < octets.length;) {
    const length = characterAt(octets, at);
    text +=
      length === 0
        ? octal(octets[at] ?? 0)
        : escapeText(Buffer.from(octets.subarray(at, at + length)).toString('utf8'));
    at += Math.max(1, length);
  }
  return text;
}

/** The inverse of `escapeOctets`. Also takes other characters behind a backslash, as themselves. */
export function unescapeOctets(text: string): Uint8Array {
  if (!text.includes('\\')) return Buffer.from(text);
  const pieces = [...text.matchAll(/\\([0-7]{3})|\\(.)|[^\\]+|\\/gsu)].map(([whole, digits, letter]) => {
    if (digits !== undefined) return Uint8Array.of(parseInt(digits, 8) & 0xff);
    if (letter === undefined) return Buffer.from(whole);
    return Buffer.from({ n: '\n', t: '\t', r: '\r' }[letter] ?? letter);
  });
  return Buffer.concat(pieces);
}

function escapeText(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => LETTERS[character] ?? Array.from(Buffer.from(character), octal).join(''),
  );
}

function octal(octet: number): string {
  return `\\${octet.toString(8).padStart(3, '0')}`;
}

/** Octets of the UTF-8 character that begins at `at`; 0 where none does. */
function characterAt(octets: Uint8Array, at: number): number {
  for (let length = 1; length <= MOST_UTF8_OCTETS && at + length <= octets.length; length++)
    if (isUtf8(octets.subarray(at, at + length))) return length;
  return 0;
}
