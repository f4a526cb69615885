/** Tars that a tree gives once it has changed: made out of another tar, each of them whole. */
import { BLOCK_BYTES, isZero, readHeader } from '../../src/tar/header.js';

const END = Buffer.alloc(2 * BLOCK_BYTES);
const SIZE = { at: 124, octets: 12 } as const;
const CHECKSUM = { at: 148, octets: 8 } as const;

interface Member {
  /** Where its header begins. */
  readonly at: number;
  /** Of its contents, without what fills the last block. */
  readonly size: number;
}

/** One bit of the contents at `at` differs. */
export function flipped(tar: Buffer, at: number): Buffer {
  tar[at] = (tar[at] ?? 0) ^ 1;
  return tar;
}

/** The file at `at` has grown by a block in its middle: whatever lies behind has shifted. */
export function grown(tar: Buffer, at: number): Buffer {
  const { at: header, size } = memberAt(tar, at);
  const whole = Buffer.concat([tar.subarray(0, at), Buffer.alloc(BLOCK_BYTES, 'x'), tar.subarray(at)]);
  setSize(whole.subarray(header), size + BLOCK_BYTES);
  return whole;
}

/** The file at its new end is shorter, and nothing comes behind: `bytes` are all that there is, whole blocks of them. */
export function shortened(tar: Buffer, bytes: number): Buffer {
  const end = bytes - (bytes % BLOCK_BYTES) - END.length;
  const { at } = memberAt(tar, end);
  const whole = Buffer.concat([tar.subarray(0, end), END]);
  setSize(whole.subarray(at), end - at - BLOCK_BYTES);
  return whole;
}

/** There is one more file, with the first `bytes` of the tar as its contents. */
export function lengthened(tar: Buffer, bytes: number): Buffer {
  const end = [...members(tar)].reduce((last, member) => Math.max(last, endOf(member)), 0);
  const header = Buffer.from(tar.subarray(memberAt(tar, bytes).at).subarray(0, BLOCK_BYTES));
  header.write('more', 0, 100, 'latin1');
  header.fill(0, 4, 100);
  const contents = tar.subarray(0, bytes - (bytes % BLOCK_BYTES));
  setSize(header, contents.length);
  return Buffer.concat([tar.subarray(0, end), header, contents, END]);
}

function* members(tar: Buffer): Generator<Member> {
  for (let at = 0; at < tar.length;) {
    const block = tar.subarray(at, at + BLOCK_BYTES);
    if (isZero(block)) return;
    const size = readHeader(block)?.size;
    if (size === undefined) throw new Error(`no header at byte ${at}`);
    const member = { at, size };
    yield member;
    at = endOf(member);
  }
}

function endOf({ at, size }: Member): number {
  return at + BLOCK_BYTES * (1 + Math.ceil(size / BLOCK_BYTES));
}

/** Whose contents the byte at `at` belongs to. */
function memberAt(tar: Buffer, at: number): Member {
  for (const member of members(tar)) if (at >= member.at + BLOCK_BYTES && at < endOf(member)) return member;
  throw new Error(`byte ${at} is no content of a file`);
}

function setSize(header: Buffer, size: number): void {
  header.write(`${size.toString(8).padStart(SIZE.octets - 1, '0')}\0`, SIZE.at, 'latin1');
  header.fill(' ', CHECKSUM.at, CHECKSUM.at + CHECKSUM.octets);
  const sum = header.subarray(0, BLOCK_BYTES).reduce((total, octet) => total + octet, 0);
  header.write(`${sum.toString(8).padStart(CHECKSUM.octets - 2, '0')}\0 `, CHECKSUM.at, 'latin1');
}
