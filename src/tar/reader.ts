/**
 * Finds the members of a tar that passes by, in slices of any size. Keeps the headers of one member, nothing of its data.
 * Understands POSIX.1-1988 headers with GNU's and pax's extensions: what GNU tar and BackupPC_tarCreate write.
 */
import { BLOCK_BYTES, isZero, readHeader, sparseMapGoesOn, untilNul, type HeaderBlock } from './header.js';
import type { TarMember } from './member.js';
import { paxNumber, paxRecords, paxValue, type PaxRecords } from './pax.js';

/** Limit for the extended headers of one member together. Real tars stay below: Linux allows 64 KiB of attribute names per file. */
const MAX_EXTENSION_BYTES = 8 * 1024 * 1024;

const SLASH = 0x2f;

/** Types without data, whatever their size field says: links, devices, directories, FIFOs, volume labels. */
const WITHOUT_DATA = new Set(['1', '2', '3', '4', '5', '6', 'V']);
/** Headers for the member that follows: pax (`x`; `X` of Solaris), pax for all members (`g`), GNU's long name and long link. */
const EXTENSIONS = new Set(['x', 'X', 'g', 'L', 'K']);

export type TarState =
  | { readonly kind: 'reading' }
  /** The end mark's first block of zeros lies at `at`. */
  | { readonly kind: 'ended'; readonly at: number }
  /** No valid header at `at`, so no further members are found. At 0: this is not a tar. */
  | TarDamage;

export interface TarDamage {
  readonly kind: 'damaged';
  readonly at: number;
  /** One line that includes the offset. */
  readonly reason: string;
}

/** The verdict after the tar's last byte. */
export type TarOutcome =
  { readonly kind: 'whole' } | { readonly kind: 'cut'; readonly reason: string } | TarDamage;

type Expected =
  | { readonly what: 'header' }
  /** `left`: data and padding of a member or of an extension header still to pass. */
  | { readonly what: 'data'; left: number; readonly extension: Extension | undefined }
  | { readonly what: 'sparse-map'; readonly header: HeaderBlock };

interface Extension {
  readonly type: string;
  readonly bytes: number;
  readonly pieces: Uint8Array[];
  kept: number;
}

/** What extension headers say about the member that follows. */
interface Extensions {
  bytes: number;
  pax: PaxRecords | undefined;
  longName: Uint8Array | undefined;
  longLink: Uint8Array | undefined;
}

const NO_EXTENSIONS = (): Extensions => ({
  bytes: 0,
  pax: undefined,
  longName: undefined,
  longLink: undefined,
});

export class TarReader {
  #bytes = 0;
  #state: TarState = { kind: 'reading' };
  #expected: Expected = { what: 'header' };
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  /** Where the member whose headers are being read begins. */
  #memberOffset = 0;
  #extensions = NO_EXTENSIONS();
  #global: PaxRecords = new Map();
  #zeroBlocks = 0;
  #hardLinks = 0;
  #found: TarMember[] = [];

  /** Of the tar, so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Members so far that are another name of an earlier one (hard links). */
  get hardLinks(): number {
    return this.#hardLinks;
  }

  get state(): TarState {
    return this.#state;
  }

  /**
   * Every member that begins before this offset has been returned by `push`, so a stream that is cut at members may release what lies before it.
   * At most the headers being read lie between this and `bytes`.
   */
  get settled(): number {
    const inHeaders =
      this.#state.kind === 'reading' &&
      (this.#expected.what !== 'data' || this.#expected.extension !== undefined);
    return inHeaders ? this.#memberOffset : this.#bytes;
  }

  /**
   * Takes the next bytes of the stream. Keeps nothing of `slice`.
   * @returns the members whose last header block lies in `slice`, in order; their data may still be to come. None behind an end mark or damage.
   */
  push(slice: Uint8Array): readonly TarMember[] {
    this.#found = [];
    for (let at = 0; at < slice.length;) {
      if (this.#state.kind === 'damaged') {
        this.#bytes += slice.length - at;
        break;
      }
      const expected = this.#expected;
      const wanted = expected.what === 'data' ? expected.left : BLOCK_BYTES - this.#filled;
      const taken = slice.subarray(at, at + wanted);
      at += taken.length;
      this.#bytes += taken.length;
      if (expected.what === 'data') {
        this.#data(expected, taken);
        continue;
      }
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      if (this.#filled < BLOCK_BYTES) continue;
      this.#filled = 0;
      if (expected.what === 'header') this.#header();
      else if (!sparseMapGoesOn(this.#block)) this.#member(expected.header);
    }
    return this.#found;
  }

  /** The verdict if the stream ends here. */
  get outcome(): TarOutcome {
    const { kind } = this.#state;
    if (kind === 'damaged') return this.#state;
    const { what } = this.#expected;
    if (this.#filled > 0 || what !== 'header')
      return { kind: 'cut', reason: `the tar ends in the middle of a member, after ${this.#bytes} bytes` };
    if (this.#zeroBlocks < 2)
      return { kind: 'cut', reason: `the tar ends without end-of-archive blocks after ${this.#bytes} bytes` };
    return { kind: 'whole' };
  }

  #header(): void {
    const at = this.#bytes - BLOCK_BYTES;
    if (isZero(this.#block)) {
      if (this.#zeroBlocks === 0) this.#state = { kind: 'ended', at };
      this.#zeroBlocks += 1;
      return;
    }
    if (this.#zeroBlocks > 0) {
      this.#damaged(at, "data after the tar's end mark");
      return;
    }
    const header = readHeader(this.#block);
    if (header === undefined) this.#damaged(at, 'no header where one should be');
    else if (EXTENSIONS.has(header.type)) this.#extension(at, header);
    else if (header.sparse?.extended === true) this.#expected = { what: 'sparse-map', header };
    else this.#member(header);
  }

  #extension(at: number, { type, size }: HeaderBlock): void {
    this.#extensions.bytes += size ?? Infinity;
    if (size === undefined || size < 0 || this.#extensions.bytes > MAX_EXTENSION_BYTES) {
      this.#damaged(at, `an extended header of ${size ?? 'unknown'} octets`);
      return;
    }
    const extension: Extension = { type, bytes: size, pieces: [], kept: 0 };
    if (size === 0) this.#endExtension(extension);
    else this.#expected = { what: 'data', left: padded(size), extension };
  }

  #data(expected: Expected & { what: 'data' }, taken: Uint8Array): void {
    const { extension } = expected;
    if (extension !== undefined) {
      const kept = Uint8Array.from(taken.subarray(0, extension.bytes - extension.kept));
      extension.pieces.push(kept);
      extension.kept += kept.length;
    }
    expected.left -= taken.length;
    if (expected.left > 0) return;
    if (extension === undefined) this.#nextMember();
    else this.#endExtension(extension);
  }

  #endExtension({ type, pieces }: Extension): void {
    this.#expected = { what: 'header' };
    const content = Buffer.concat(pieces);
    if (type === 'L') this.#extensions.longName = untilNul(content);
    else if (type === 'K') this.#extensions.longLink = untilNul(content);
    else {
      const records = paxRecords(content);
      if (records === undefined) this.#damaged(this.#bytes, 'an invalid pax header');
      else if (type === 'g') this.#global = new Map([...this.#global, ...records]);
      else this.#extensions.pax = records;
    }
  }

  #member(header: HeaderBlock): void {
    const { longName, longLink, pax } = this.#extensions;
    const records = pax === undefined ? [this.#global] : [pax, this.#global];
    const path = paxValue(records, 'GNU.sparse.name') ?? paxValue(records, 'path') ?? longName ?? header.name;
    const stored = paxNumber(records, 'size') ?? header.size ?? NaN;
    if (!Number.isSafeInteger(stored) || stored < 0) {
      this.#damaged(this.#memberOffset, 'an invalid size');
      return;
    }
    const type = header.type === '0' && path.at(-1) === SLASH ? '5' : header.type;
    const dataBytes = WITHOUT_DATA.has(header.type) ? 0 : stored;
    const offset = this.#memberOffset;
    const headerBytes = this.#bytes - offset;
    const realSize = paxNumber(records, 'GNU.sparse.realsize') ?? paxNumber(records, 'GNU.sparse.size');
    const uid = paxNumber(records, 'uid') ?? header.uid ?? 0;
    const gid = paxNumber(records, 'gid') ?? header.gid ?? 0;
    const isLink = type === '1' || type === '2';
    const isDevice = type === '3' || type === '4';
    if (type === '1') this.#hardLinks += 1;
    this.#found.push({
      offset,
      headerBytes,
      dataBytes,
      end: offset + headerBytes + padded(dataBytes),
      path,
      type,
      size: header.sparse?.size ?? realSize ?? dataBytes,
      mtime: paxNumber(records, 'mtime') ?? header.mtime ?? 0,
      mode: (header.mode ?? 0) & 0o7777,
      uid,
      gid,
      userName: paxValue(records, 'uname') ?? header.userName,
      groupName: paxValue(records, 'gname') ?? header.groupName,
      linkTarget: isLink ? (paxValue(records, 'linkpath') ?? longLink ?? header.linkName) : new Uint8Array(0),
      device: isDevice ? [header.major ?? 0, header.minor ?? 0] : undefined,
      onlyPaxTells: {
        size: stored !== header.size || realSize !== undefined,
        owner: uid !== header.uid || gid !== header.gid,
      },
    });
    this.#extensions = NO_EXTENSIONS();
    if (dataBytes === 0) this.#nextMember();
    else this.#expected = { what: 'data', left: padded(dataBytes), extension: undefined };
  }

  #nextMember(): void {
    this.#expected = { what: 'header' };
    this.#memberOffset = this.#bytes;
  }

  #damaged(at: number, what: string): void {
    this.#state = {
      kind: 'damaged',
      at,
      reason: at === 0 ? `this is not a tar: ${what}` : `the tar is damaged at byte ${at}: ${what}`,
    };
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Whether what has been read is no tar from its first block on, as opposed to one that is damaged. */
export function isOther({ state, bytes }: TarReader): boolean {
  return bytes < BLOCK_BYTES || (state.kind === 'damaged' && state.at === 0);
}
