/**
 * Opens OpenPGP messages: those of this program in all three profiles, and what gpg, OpenPGP.js, Sequoia and RNP write with AES.
 */
import { Failure } from '../errors.js';
import { openAeadStream } from './aead-stream.js';
import { ByteReader } from './byte-reader.js';
import { openCfbStream } from './cfb-stream.js';
import { literalData, type LiteralFormat } from './literal-stream.js';
import { type MessageHead, readMessageHead } from './message-head.js';
import type { OpenPgpProfile } from './profile.js';
import { type CandidateKey, notOpened, type OpeningKeys, sessionKeys } from './session-keys.js';

export type { OpeningKeys } from './session-keys.js';

/**
 * The data of one whole message, as a stream. For AEAD messages nothing is yielded before its tag is checked. For `rfc4880` the check comes at
 * the end: until the iteration ends without an error, the data are provisional.
 * @throws Failure `damaged`: truncated, altered, trailing octets, or no key opens it.
 */
export async function* openMessage(
  source: AsyncIterable<Uint8Array>,
  keys: OpeningKeys,
  onKey: (key: CandidateKey) => void = () => undefined,
  onFormat?: (format: LiteralFormat) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new ByteReader(source);
  try {
    const head = await readMessageHead(reader);
    const { key, plaintext } = await openData(head, keys);
    onKey(key);
    yield* literalData(plaintext, onFormat);
    // The literal data and the encrypted packet have ended; nothing may follow.
    if (!(await head.body.atEnd()) || !(await reader.atEnd())) {
      throw new Failure('damaged', 'there are octets behind the end of the OpenPGP message');
    }
  } finally {
    await reader.close();
  }
}

export interface OpenedMessage {
  readonly data: Buffer;
  /** What opened it. */
  readonly by: CandidateKey['by'];
  readonly format: LiteralFormat;
}

/**
 * A message that fits into memory.
 * @throws Failure `damaged` as `openMessage`, and when there are more than `maxBytes` of data in it
 */
export async function openWholeMessage(
  sealed: Uint8Array,
  keys: OpeningKeys,
  maxBytes: number,
): Promise<OpenedMessage> {
  let by: CandidateKey['by'] | undefined;
  let format: LiteralFormat = 'binary';
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const noted = (key: CandidateKey): void => {
    by = key.by;
  };
  const formatNoted = (its: LiteralFormat): void => {
    format = its;
  };
  for await (const piece of openMessage(once(sealed), keys, noted, formatNoted)) {
    bytes += piece.length;
    if (bytes > maxBytes)
      throw new Failure('damaged', `there are more than ${maxBytes} bytes in the message`);
    // Copied, because the stream reuses its buffer.
    pieces.push(Uint8Array.from(piece));
  }
  if (by === undefined) throw new Error('a message was opened without a key');
  return { data: Buffer.concat(pieces), by, format };
}

async function openData(
  head: MessageHead,
  keys: OpeningKeys,
): Promise<{ readonly key: CandidateKey; readonly plaintext: AsyncGenerator<Uint8Array, void, void> }> {
  const candidates = sessionKeys(head, keys);
  const opened =
    head.data.profile === 'rfc4880'
      ? await openCfbStream(head.body, candidates)
      : await openAeadStream(head.data, head.body, candidates);
  if (opened === undefined) throw notOpened(head);
  return opened;
}

/** What opens the parts of one of our own volumes, without reading it from the start. */
export interface VolumeKey {
  readonly profile: OpenPgpProfile;
  readonly aead: 'ocb' | 'gcm';
  readonly sessionKey: Uint8Array;
  /** IV or salt; empty for `rfc4880`, whose parts are a chain and opened by `openMessage`. */
  readonly salt: Uint8Array;
  /** 0 for `rfc4880`. */
  readonly aeadChunkBytes: number;
}

/**
 * Opens the session key of a volume from its beginning.
 * @param beginning The first part, or less: the key packets and the first whole aeadChunk at least.
 * @throws Failure `damaged` as `openMessage`, also where no key opens it.
 */
export async function openSessionKey(beginning: Uint8Array, keys: OpeningKeys): Promise<VolumeKey> {
  const head = await readMessageHead(new ByteReader(once(beginning)));
  const { key } = await openData(head, keys);
  return volumeKey(head, key);
}

/**
 * The session keys that the key packets of a damaged first part may hold. Which one is right, only the data can tell.
 * @throws Failure `damaged` where the key packets or the data packet's header cannot be read
 */
export async function possibleSessionKeys(beginning: Uint8Array, keys: OpeningKeys): Promise<VolumeKey[]> {
  const head = await readMessageHead(new ByteReader(once(beginning)));
  const possible: VolumeKey[] = [];
  for await (const key of sessionKeys(head, keys)) possible.push(volumeKey(head, key));
  if (possible.length === 0) throw notOpened(head);
  return possible;
}

function volumeKey({ data }: MessageHead, key: CandidateKey): VolumeKey {
  if (data.profile === 'rfc4880') {
    return {
      profile: 'rfc4880',
      aead: 'ocb',
      sessionKey: key.key,
      salt: new Uint8Array(0),
      aeadChunkBytes: 0,
    };
  }
  const { profile, aead, salt, chunkOctet } = data;
  return { profile, aead, salt, sessionKey: key.key, aeadChunkBytes: 2 ** (chunkOctet + 6) };
}

// eslint-disable-next-line @typescript-eslint/require-await -- callers need an async iterable
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
