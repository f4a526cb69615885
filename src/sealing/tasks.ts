/**
 * What crosses between the main thread and the workers. Plain data: class instances would lose their code on the way, so a
 * failure travels as a value.
 */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { CompressedChunk, CompressRequest } from '../compression/chunk.js';
import type { CompressedWhole, WholeToCompress } from '../compression/volume-compressor.js';
import { asFailure, Failure, type FailureKind } from '../errors.js';
import type { OpenPgpProfile } from '../openpgp/profile.js';
import type { SessionKey } from '../openpgp/skesk.js';
import type { OpenedPart, OpenRequest } from './ports.js';
import type { PartToSeal, SealedFacts } from './seal-part.js';

export interface SealTask extends PartToSeal {
  readonly kind: 'seal';
  readonly volume: number;
}

/** SHA-1 of the first `bytes` of the buffer. */
export interface HashTask {
  readonly kind: 'hash';
  readonly buffer: ArrayBuffer;
  readonly bytes: number;
}

/** HMAC-SHA-256 of the buffer from `offset` on. */
export interface FingerprintTask {
  readonly kind: 'fingerprint';
  readonly key: Uint8Array;
  readonly buffer: ArrayBuffer;
  readonly offset: number;
}

export interface CompressWholeTask extends WholeToCompress {
  readonly kind: 'compressWhole';
}

export interface OpenTask extends OpenRequest {
  readonly kind: 'open';
}

export interface CompressTask extends CompressRequest {
  readonly kind: 'compress';
}

/** Key packets for passwords: slow by design, so not for the main thread. */
export interface PasswordPacketsTask {
  readonly kind: 'passwordPackets';
  readonly profile: OpenPgpProfile;
  readonly sessionKey: Uint8Array;
  readonly passwords: readonly Uint8Array[];
  readonly s2kCountOctet: number;
}

/** The body of a key packet, and a passphrase that may open it. */
export interface OpenSkeskTask {
  readonly kind: 'openSkesk';
  readonly body: Uint8Array;
  readonly passphrase: Uint8Array;
}

export type Task =
  | SealTask
  | HashTask
  | FingerprintTask
  | OpenTask
  | CompressTask
  | CompressWholeTask
  | PasswordPacketsTask
  | OpenSkeskTask;

interface Results {
  readonly seal: SealedFacts & { readonly buffer: ArrayBuffer };
  readonly hash: { readonly buffer: ArrayBuffer; readonly sha1: string };
  readonly fingerprint: { readonly buffer: ArrayBuffer; readonly digest: string };
  readonly open: OpenedPart;
  readonly compress: CompressedChunk;
  readonly compressWhole: CompressedWhole;
  readonly passwordPackets: { readonly packets: readonly Uint8Array[] };
  readonly openSkesk: { readonly opened: SessionKey | undefined };
}

export type TaskOf<K extends keyof Results> = Extract<Task, { readonly kind: K }>;
export type ResultOf<K extends keyof Results> = Results[K];
export type TaskKind = keyof Results;

export interface FailureRecord {
  readonly kind: FailureKind;
  readonly message: string;
  readonly hint: string | undefined;
}

export type TaskOutcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: FailureRecord };

/** In the worker: `buffers` travel back by transfer. */
export function moved<T>(value: T, buffers: readonly ArrayBuffer[]): TaskOutcome<T> {
  const outcome: TaskOutcome<T> = { ok: true, value };
  return move({ [transferableSymbol]: buffers, [valueSymbol]: outcome }) as unknown as TaskOutcome<T>;
}

export function failed(thrown: unknown): TaskOutcome<never> {
  const { kind, message, hint } = asFailure(thrown);
  return { ok: false, failure: { kind, message, hint } };
}

export function revive({ kind, message, hint }: FailureRecord): Failure {
  return new Failure(kind, message, hint === undefined ? {} : { hint });
}
