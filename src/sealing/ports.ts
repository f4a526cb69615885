/**
 * What a sealer and an opener promise. Buffers travel by transfer: a buffer given to a method is detached from the caller at once and
 * comes back in the result, possibly as another ArrayBuffer of the same size.
 */
import type { WholeCompressor } from '../compression/volume-compressor.js';
import type { VolumeLayout } from '../openpgp/layout.js';
import type { VolumeKey } from '../openpgp/reader.js';
import type { SessionKey } from '../openpgp/skesk.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';

export interface SealRequest {
  readonly secrets: VolumeSecrets;
  /** Identifies the volume within this run (for the chained profile). */
  readonly volume: number;
  /** 0-based. Parts of `rfc4880` must be asked for in order; the others in any order. */
  readonly part: number;
  /** Whether the volume ends with this part. */
  readonly last: boolean;
  /** Moved. The data lies at `VolumeLayout.dataOffset`; `VolumeLayout.bufferBytes` long, or just as long as the data of a last part. */
  readonly buffer: ArrayBuffer;
  /** Exactly `VolumeLayout.dataBytes(part)` unless `last`. 0 is allowed for the only part of an empty volume. */
  readonly dataBytes: number;
  /** Key of the plaintext digest, 32 octets; undefined where none is wanted. */
  readonly digestKey: Uint8Array | undefined;
}

/** One part of ciphertext, in the buffer its plaintext came in. */
export interface SealedPart {
  readonly buffer: ArrayBuffer;
  /** Where the sealed bytes lie in `buffer`. */
  readonly offset: number;
  readonly bytes: number;
  /** Hex SHA-1 of the sealed bytes. */
  readonly sha1: string;
  /** Hex keyed digest of this part's plaintext data, empty without `digestKey`: equal data under an equal key, equal digest; independent of the secrets. */
  readonly digest: string;
}

export interface SealedMessage {
  readonly bytes: Uint8Array;
  /** Hex SHA-1 of `bytes`. */
  readonly sha1: string;
}

/** One part of a volume of our own layout, to be opened without the parts before it. AEAD profiles only. */
export interface OpenRequest {
  /** From `openSessionKey`. */
  readonly key: VolumeKey;
  /** 0-based. */
  readonly part: number;
  readonly last: boolean;
  /** Plaintext of each part before this one, bytes: `VolumeShape.partBytes` of the volume. See `partBytesOf` of openpgp/layout.ts. */
  readonly partBytes: number;
  /** Moved. */
  readonly buffer: ArrayBuffer;
  /** Where the sealed part lies in `buffer`. */
  readonly offset: number;
  readonly bytes: number;
}

/** The data of one part, in the buffer it came in. */
export interface OpenedPart {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Work that needs no keys. At most `workers` tasks run at once. */
export interface Workers extends WholeCompressor {
  /** HMAC-SHA-256, in hex, of what `buffer` (moved) holds from `offset` on. A volume is recognised by it. */
  fingerprint(
    key: Uint8Array,
    buffer: ArrayBuffer,
    offset: number,
  ): Promise<{ readonly buffer: ArrayBuffer; readonly digest: string }>;
}

/** Seals volumes under fresh secrets. */
export interface Sealer {
  /** The threads that it seals in. */
  readonly pool: Workers;
  /** Of every volume that this sealer makes: what `SealRequest.buffer` must look like. */
  readonly layout: VolumeLayout;
  /**
   * Fresh secrets for one volume, with key packets for every password and recipient of the configuration. The session key is also fresh,
   * unless there is a password: then all volumes of this sealer share it.
   */
  newVolume(): Promise<VolumeSecrets>;
  seal(request: SealRequest): Promise<SealedPart>;
  /** One whole message with its own secrets around UTF-8 text, marked as text: the manifest. No volume can pass for it. */
  sealMessage(data: Uint8Array): Promise<SealedMessage>;
  /** Waits for running tasks, refuses new ones. */
  close(): Promise<void>;
}

/** Opens what a sealer made. */
export interface Opener {
  /** @throws Failure `damaged`, and then nothing of the part is handed out */
  open(request: OpenRequest): Promise<OpenedPart>;
  /** Hex SHA-1 of the first `bytes` of `buffer` (moved). */
  sha1(buffer: ArrayBuffer, bytes: number): Promise<{ readonly buffer: ArrayBuffer; readonly sha1: string }>;
  /** `openSkesk` of openpgp/skesk.ts in a worker: it is slow by design. */
  openSkesk(body: Uint8Array, passphrase: Uint8Array): Promise<SessionKey | undefined>;
  /** Waits for running tasks, refuses new ones. */
  close(): Promise<void>;
}
