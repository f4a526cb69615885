/**
 * Walks a tar stream: every header's checksum, every member's length, the end mark. Keeps nothing but counts.
 * POSIX.1-1988 headers with GNU and pax extensions, as BackupPC_tarCreate writes them.
 */
const BLOCK = 512;
/** A pax header record longer than this is not of a tar we made. */
const MAX_PAX_BYTES = 1024 * 1024;

export interface TarCounts {
  /** Regular files and hard links. */
  files: number;
  directories: number;
  /** Symbolic links, devices, pipes. */
  specials: number;
  /** Bytes of the stream. */
  bytes: number;
}

export class TarError extends Error {
  override readonly name = 'TarError';
}

export class TarWalk {
  readonly counts: TarCounts = { files: 0, directories: 0, specials: 0, bytes: 0 };
  readonly #block = Buffer.alloc(BLOCK);
  #filled = 0;
  /** Bytes of the present member, padding included, still to pass. */
  #skip = 0;
  /** Pax header being collected. */
  #pax: { text: Buffer; at: number; bytes: number } | undefined;
  #paxSize: number | undefined;
  #zeroBlocks = 0;

  /** @throws TarError */
  push(chunk: Uint8Array): void {
    this.counts.bytes += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, chunk.length - at);
        this.#collect(chunk.subarray(at, at + taken));
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0) this.#endMember();
        continue;
      }
      const taken = Math.min(BLOCK - this.#filled, chunk.length - at);
      this.#block.set(chunk.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === BLOCK) {
        this.#filled = 0;
        this.#header();
      }
    }
  }

  /** @throws TarError when the stream stopped before the tar's end mark */
  end(): void {
    if (this.#skip > 0 || this.#filled > 0)
      throw new TarError(`the tar ends in the middle of a member, after ${this.counts.bytes} bytes`);
    if (this.#zeroBlocks < 2) throw new TarError(`the tar has no end mark after ${this.counts.bytes} bytes`);
  }

  #header(): void {
    const block = this.#block;
    if (block.every((byte) => byte === 0)) {
      this.#zeroBlocks += 1;
      return;
    }
    if (this.#zeroBlocks > 0)
      throw new TarError(`data after the tar's end mark, at ${this.counts.bytes} bytes`);
    let sum = 8 * 32;
    for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
    if (parseOctal(block.subarray(148, 156)) !== sum)
      throw new TarError(`bad header checksum before byte ${this.counts.bytes}`);
    const type = String.fromCharCode(block[156] ?? 0);
    const declared = parseNumber(block.subarray(124, 136));
    const isExtension = type === 'x' || type === 'g' || type === 'L' || type === 'K';
    const bytes = isExtension ? declared : (this.#paxSize ?? declared);
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw new TarError(`bad size in a header before byte ${this.counts.bytes}`);
    if (type === 'x') {
      if (bytes > MAX_PAX_BYTES) throw new TarError(`pax header of ${bytes} bytes`);
      this.#pax = { text: Buffer.alloc(bytes), at: 0, bytes };
    } else if (!isExtension) {
      this.#paxSize = undefined;
      if (type === '5') this.counts.directories += 1;
      else if (type === '0' || type === '\0' || type === '7' || type === '1') this.counts.files += 1;
      else this.counts.specials += 1;
    }
    // Links and directories carry no data, whatever size they declare (BackupPC writes 0 anyway).
    const hasData = isExtension || type === '0' || type === '\0' || type === '7';
    this.#skip = hasData ? Math.ceil(bytes / BLOCK) * BLOCK : 0;
    if (this.#skip === 0) this.#endMember();
  }

  #collect(bytes: Uint8Array): void {
    const pax = this.#pax;
    if (pax === undefined || pax.at >= pax.bytes) return;
    const taken = bytes.subarray(0, pax.bytes - pax.at);
    pax.text.set(taken, pax.at);
    pax.at += taken.length;
  }

  #endMember(): void {
    if (this.#pax === undefined) return;
    this.#paxSize = paxSize(this.#pax.text);
    this.#pax = undefined;
  }
}

/** The `size` record of a pax header: `LENGTH size=N\n`, LENGTH counting the whole record. */
function paxSize(text: Buffer): number | undefined {
  for (let at = 0; at < text.length;) {
    const blank = text.indexOf(0x20, at);
    const length = Number(text.toString('latin1', at, Math.max(at, blank)));
    if (blank === -1 || !Number.isSafeInteger(length) || length <= blank - at)
      throw new TarError('bad pax header');
    const record = text.toString('latin1', blank + 1, at + length - 1);
    if (record.startsWith('size=')) return Number(record.slice(5));
    at += length;
  }
  return undefined;
}

function parseOctal(field: Uint8Array): number {
  const text = Buffer.from(field).toString('latin1').replace(/\0.*$/s, '').trim();
  return /^[0-7]*$/.test(text) ? parseInt(text === '' ? '0' : text, 8) : NaN;
}

/** Octal, or GNU's base-256 with the top bit set. */
function parseNumber(field: Uint8Array): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) return parseOctal(field);
  let value = first & 0x7f;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  return value;
}
