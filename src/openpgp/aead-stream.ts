/** Opens the body of an AEAD data packet as a stream: no byte of a chunk is passed on before the chunk's tag is checked. */
import { Failure } from '../errors.js';
import { type AeadContext, aeadContext, type ChunkDecipher } from './aead.js';
import { type ByteReader, truncated } from './byte-reader.js';
import { discard } from '../discard.js';
import type { AeadHead } from './message-head.js';
import { TAG_BYTES } from './profile.js';
import type { SessionKey } from './skesk.js';

const SLICE_BYTES = 128 << 10;

/** Collects ciphertext until it is clear which octets are a chunk, its tag or the final tag. */
class Window {
  #bytes = new Uint8Array(64 << 10);
  filled = 0;

  async fill(body: ByteReader, upTo: number): Promise<void> {
    while (this.filled < upTo) {
      const some = await body.some(upTo - this.filled);
      if (some === undefined) return;
      if (this.filled + some.length > this.#bytes.length) this.#grow(upTo, this.filled + some.length);
      this.#bytes.set(some, this.filled);
      this.filled += some.length;
    }
  }

  /** Doubles: a short message does not cost a whole chunk's memory. */
  #grow(limit: number, needed: number): void {
    const larger = new Uint8Array(Math.max(needed, Math.min(limit, this.#bytes.length * 2)));
    larger.set(this.#bytes.subarray(0, this.filled));
    this.#bytes = larger;
  }

  front(bytes: number): Uint8Array {
    return this.#bytes.subarray(0, bytes);
  }

  drop(bytes: number): void {
    this.#bytes.copyWithin(0, bytes, this.filled);
    this.filled -= bytes;
  }
}

/**
 * @param candidates The first chunk tells which is right.
 * @returns undefined where none of the candidates opens the first chunk.
 */
export async function openAeadStream<Key extends SessionKey>(
  head: AeadHead,
  body: ByteReader,
  candidates: AsyncIterable<Key>,
): Promise<{ readonly key: Key; readonly plaintext: AsyncGenerator<Uint8Array, void, void> } | undefined> {
  const window = new Window();
  const wholeChunk = 2 ** (head.chunkOctet + 6) + TAG_BYTES;
  await window.fill(body, wholeChunk + TAG_BYTES);
  if (window.filled < TAG_BYTES) throw truncated();
  for await (const key of candidates) {
    const context = aeadContext({ ...head, sessionKey: key.key });
    const first = openNext(context, 0, 0, window, wholeChunk);
    if (first !== undefined) return { key, plaintext: chunks(context, body, window, wholeChunk, first) };
  }
  return undefined;
}

async function* chunks(
  context: AeadContext,
  body: ByteReader,
  window: Window,
  wholeChunk: number,
  first: Opened,
): AsyncGenerator<Uint8Array, void, void> {
  let opened: Opened | undefined = first;
  let index = 0;
  let total = 0;
  for (;;) {
    if (opened === undefined) {
      throw new Failure('damaged', `the data are damaged: AEAD chunk ${index} does not carry the right tag`);
    }
    if (opened.plaintext !== undefined) {
      index += 1;
      total += opened.plaintext.length;
      yield opened.plaintext;
    }
    if (opened.final) return;
    await window.fill(body, wholeChunk + TAG_BYTES);
    if (window.filled < TAG_BYTES) throw truncated();
    opened = openNext(context, index, total, window, wholeChunk);
  }
}

interface Opened {
  /** undefined if only the final tag was left. */
  readonly plaintext: Uint8Array | undefined;
  /** The final tag has also been checked. */
  readonly final: boolean;
}

/** @returns undefined where a tag is wrong. */
function openNext(
  context: AeadContext,
  index: number,
  total: number,
  window: Window,
  wholeChunk: number,
): Opened | undefined {
  const whole = window.filled === wholeChunk + TAG_BYTES;
  const sealed = window.filled - TAG_BYTES;
  let plaintext: Uint8Array | undefined;
  if (sealed > 0) {
    if (sealed <= TAG_BYTES) return undefined;
    plaintext = openChunk(context.decryptChunk(index), window.front(sealed));
    if (plaintext === undefined) return undefined;
    window.drop(sealed);
    if (whole) return { plaintext, final: false };
  }
  const chunksSoFar = index + (plaintext === undefined ? 0 : 1);
  const final = context.decryptFinal(chunksSoFar, total + (plaintext?.length ?? 0));
  if (openChunk(final, window.front(TAG_BYTES)) === undefined) {
    if (index === 0 && plaintext === undefined) return undefined;
    throw new Failure('damaged', 'the OpenPGP message is truncated or damaged: its final tag is wrong');
  }
  return { plaintext, final: true };
}

/** @param sealed Ciphertext and tag. @returns undefined where the tag is wrong. */
function openChunk(decipher: ChunkDecipher, sealed: Uint8Array): Uint8Array | undefined {
  const bytes = sealed.length - TAG_BYTES;
  const plaintext = new Uint8Array(bytes);
  return openChunkInto(decipher, sealed, plaintext) ? plaintext : undefined;
}

/**
 * Decrypts into `target`, which may overlap the ciphertext but not begin after it.
 * @returns whether the tag is right; if not, what is in `target` must not be used.
 */
export function openChunkInto(decipher: ChunkDecipher, sealed: Uint8Array, target: Uint8Array): boolean {
  const bytes = sealed.length - TAG_BYTES;
  decipher.setAuthTag(Uint8Array.from(sealed.subarray(bytes)));
  let written = 0;
  const put = (plaintext: Uint8Array<ArrayBuffer>) => {
    target.set(plaintext, written);
    written += plaintext.length;
    discard(plaintext);
  };
  for (let from = 0; from < bytes; from += SLICE_BYTES) {
    put(decipher.update(sealed.subarray(from, Math.min(bytes, from + SLICE_BYTES))));
  }
  try {
    put(decipher.final());
    return true;
  } catch {
    return false;
  }
}
