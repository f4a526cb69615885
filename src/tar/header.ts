/**
 * The 512 octets of a header block, as POSIX.1 (pax, "ustar Interchange Format") and GNU tar lay them out ("Basic Tar Format"). Pure.
 */
export const BLOCK_BYTES = 512;

/** One header block; `undefined` numbers are fields without a valid number. */
export interface HeaderBlock {
  readonly name: Uint8Array;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly size: number | undefined;
  readonly mtime: number | undefined;
  readonly type: string;
  readonly linkName: Uint8Array;
  readonly userName: Uint8Array;
  readonly groupName: Uint8Array;
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Of an old GNU sparse file (`S`): its size once restored, and whether blocks with more of its map follow. */
  readonly sparse: { readonly size: number | undefined; readonly extended: boolean } | undefined;
}

const CHECKSUM = { from: 148, to: 156 } as const;
const SLASH = 0x2f;
const ZERO = 0x30;
const POSIX_MAGIC = Buffer.from('ustar\0');
/** Most fields of most headers: nothing is to be allocated for them. */
const EMPTY = new Uint8Array(0);

export function isZero(block: Uint8Array): boolean {
  return block.every((octet) => octet === 0);
}

/** @returns undefined if the checksum is wrong: it is not a header */
export function readHeader(block: Uint8Array): HeaderBlock | undefined {
  if (!hasItsChecksum(block)) return undefined;
  const type = String.fromCharCode(block[156] ?? 0);
  const name = text(block, 0, 100);
  return {
    name: isPosix(block) ? joined(text(block, 345, 500), name) : name,
    mode: number(block, 100, 108),
    uid: number(block, 108, 116),
    gid: number(block, 116, 124),
    size: number(block, 124, 136),
    mtime: number(block, 136, 148),
    type: type === '\0' ? '0' : type,
    linkName: text(block, 157, 257),
    userName: text(block, 265, 297),
    groupName: text(block, 297, 329),
    major: number(block, 329, 337),
    minor: number(block, 337, 345),
    sparse: type === 'S' ? { size: number(block, 483, 495), extended: block[482] !== 0 } : undefined,
  };
}

/** Whether a further block of a sparse file's map follows this one. */
export function sparseMapGoesOn(block: Uint8Array): boolean {
  return block[504] !== 0;
}

/** Old tars summed signed octets; both sums are accepted, as by GNU tar. */
function hasItsChecksum(block: Uint8Array): boolean {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    if (i >= CHECKSUM.from && i < CHECKSUM.to) continue;
    const octet = block[i] ?? 0;
    unsigned += octet;
    signed += octet < 0x80 ? octet : octet - 0x100;
  }
  const recorded = number(block, CHECKSUM.from, CHECKSUM.to);
  return recorded === unsigned || recorded === signed;
}

/** With GNU's magic, `ustar  `, other fields replace POSIX's prefix of the name. */
function isPosix(block: Uint8Array): boolean {
  return POSIX_MAGIC.every((octet, index) => block[257 + index] === octet);
}

function joined(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  return prefix.length === 0 ? name : Buffer.concat([prefix, Uint8Array.of(SLASH), name]);
}

/** A copy of what precedes the first NUL. */
export function untilNul(field: Uint8Array): Uint8Array {
  return text(field, 0, field.length);
}

function text(block: Uint8Array, from: number, to: number): Uint8Array {
  let end = from;
  while (end < to && block[end] !== 0) end++;
  return end === from ? EMPTY : Uint8Array.from(block.subarray(from, end));
}

/**
 * Octal digits with blanks around them, or GNU's base-256: the top bit set, the rest a big-endian number in two's complement.
 * A tar has ten of them per member, so nothing is allocated.
 */
function number(block: Uint8Array, from: number, to: number): number | undefined {
  const first = block[from] ?? 0;
  if ((first & 0x80) === 0) return octal(block, from, to);
  let value = (first & 0x40) === 0 ? first & 0x3f : (first & 0x3f) - 0x40;
  for (let i = from + 1; i < to; i++) value = value * 256 + (block[i] ?? 0);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Up to the first NUL. */
function octal(block: Uint8Array, from: number, to: number): number | undefined {
  let at = from;
  while (at < to && isBlank(block[at])) at++;
  let value = 0;
  for (; at < to; at++) {
    const digit = (block[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  while (at < to && isBlank(block[at])) at++;
  return at === to || block[at] === 0 ? value : undefined;
}

/** As C's `isspace`. */
function isBlank(octet: number | undefined): boolean {
  return octet === 0x20 || (octet !== undefined && octet >= 0x09 && octet <= 0x0d);
}
