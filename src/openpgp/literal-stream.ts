/** The data inside a decrypted message: literal data, compressed or not (RFC 9580 §5.6, §5.9). Signatures are skipped. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflate, createInflateRaw } from 'node:zlib';
import { Failure } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { readPacket } from './packet-reader.js';
import { PACKET } from './packets.js';

/** Nested compression is legal, and a way to make a decompression bomb. */
const MAX_NESTING = 4;

/** What the data call themselves. */
export type LiteralFormat = 'binary' | 'text';

/**
 * Reads `plaintext` to its end, so that checks at the end are made.
 * @param onFormat called before the data
 * @throws Failure `damaged`
 */
export async function* literalData(
  plaintext: AsyncIterable<Uint8Array>,
  onFormat: (format: LiteralFormat) => void = () => undefined,
  depth = 0,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new ByteReader(plaintext);
  let found = false;
  try {
    for (;;) {
      const packet = await readPacket(reader);
      if (packet === undefined) break;
      const { type, body } = packet;
      if (type === PACKET.literal && !found) {
        found = true;
        yield* withoutHeader(body, onFormat);
      } else if (type === PACKET.compressed && !found && depth < MAX_NESTING) {
        found = true;
        yield* decompressed(body, onFormat, depth);
      } else if (PASSED_OVER.has(type)) {
        await drain(body);
      } else {
        throw new Failure('damaged', `a packet of type ${type} does not belong here: the data are damaged`);
      }
    }
  } finally {
    await reader.close();
  }
  if (!found) throw new Failure('damaged', 'there is no data in the OpenPGP message');
}

const PASSED_OVER: ReadonlySet<number> = new Set([
  PACKET.signature,
  PACKET.onePassSignature,
  PACKET.marker,
  PACKET.padding,
]);

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  const reader = new ByteReader(body);
  let some: Uint8Array | undefined;
  do some = await reader.some(Infinity);
  while (some !== undefined);
}

/** 'u' (RFC 9580 §5.9). */
const UTF8_TEXT = 0x75;

/** Drops format, file name and date, which precede the data. */
async function* withoutHeader(
  body: AsyncIterable<Uint8Array>,
  onFormat: (format: LiteralFormat) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new ByteReader(body);
  onFormat((await reader.octet()) === UTF8_TEXT ? 'text' : 'binary');
  await reader.exactly(await reader.octet());
  await reader.exactly(4);
  for (let some = await reader.some(Infinity); some !== undefined; some = await reader.some(Infinity))
    yield some;
}

async function* decompressed(
  body: AsyncIterable<Uint8Array>,
  onFormat: (format: LiteralFormat) => void,
  depth: number,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new ByteReader(body);
  const algorithm = await reader.octet();
  const rest = remaining(reader);
  if (algorithm === 0) {
    yield* literalData(rest, onFormat, depth + 1);
    return;
  }
  if (algorithm !== 1 && algorithm !== 2) {
    const name = algorithm === 3 ? 'bzip2' : `algorithm ${algorithm}`;
    throw new Failure(
      'damaged',
      `the OpenPGP message is compressed inside with ${name}, which is not read here`,
      {
        hint: 'decrypt it with: gpg -d',
      },
    );
  }
  const inflate = algorithm === 1 ? createInflateRaw() : createInflate();
  // Errors arrive through the iteration of `inflate`, which the pipeline destroys.
  const fed = pipeline(Readable.from(rest, { objectMode: true }), inflate);
  fed.catch(() => undefined);
  try {
    yield* literalData(inflate as AsyncIterable<Uint8Array>, onFormat, depth + 1);
    await fed;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('damaged', 'the compressed data inside the OpenPGP message are damaged', { cause });
  }
}

async function* remaining(reader: ByteReader): AsyncGenerator<Uint8Array, void, void> {
  for (let some = await reader.some(Infinity); some !== undefined; some = await reader.some(Infinity))
    yield some;
}
