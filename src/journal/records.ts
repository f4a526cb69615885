/**
 * The journal's records, as plain data. `decodeRecord` is the inverse of `JSON.stringify`. Pure.
 *
 * Order of writing, each durable before the next step:
 * `archive`, then per volume: `volume` → (`part` → its bytes leave)… → B2's finish → `finished`; at the end `manifest`.
 * A volume that is a whole object by itself (the layout whose volumes are cut by content): `volume` and `part` → its bytes leave, or B2 is asked
 * to copy them → `finished`, which need not be durable until the manifest is stored, since B2's list says the same.
 */

import * as v from 'valibot';
import { count, hex, hexOf, shapingOptions, text } from './fields.js';

export const JOURNAL_FORMAT = 'backuppc-b2-journal/1';

/** Options that shape the stored bytes or their names, in an operator's words. */
export type ShapingOptions = Readonly<Record<string, string | number | boolean>>;

/** The shaping option that names the compressing program; missing if this program compresses, or the codec leaves no choice. */
export const COMPRESSED_BY = 'compression program';

/** Begins a journal. */
export interface ArchiveRecord {
  readonly type: 'archive';
  readonly format: typeof JOURNAL_FORMAT;
  /** ID of the run and of those that resume it; also in the file info of every object. */
  readonly run: string;
  readonly host: string;
  readonly number: number;
  readonly bucket: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly options: ShapingOptions;
  /** Fingerprint of the passphrases and recipients (`keyFingerprint`). */
  readonly keys: string;
  /** Key of the plaintext digests, and salt of `keys`; 32 octets in hex. */
  readonly digestKey: string;
  /** Runs that this one replaces: their volumes are obsolete once this one's manifest is stored. */
  readonly supersedes: readonly string[];
}

/** A volume begins, with fresh secrets. */
export interface VolumeRecord {
  readonly type: 'volume';
  /** 0-based. */
  readonly volume: number;
  readonly name: string;
  /** Of the unfinished large file; null for a volume that is uploaded as a plain file. */
  readonly fileId: string | null;
  /** ID of its secrets in the key file; null if they are not kept: then the volume is stored at once or starts over. */
  readonly keyId: string | null;
  /** Of a copy inside B2: when the bytes of its source were sent, ms since 1970 by B2's clock. */
  readonly sentAt?: number;
}

/** Written before the first byte of this part leaves. */
export interface PartRecord {
  readonly type: 'part';
  readonly volume: number;
  /** 0-based. */
  readonly part: number;
  /** Sealed bytes, and their SHA-1 in hex. */
  readonly bytes: number;
  readonly sha1: string;
  /** Bytes of the (compressed) tar inside, and their keyed digest in hex. */
  readonly dataBytes: number;
  readonly digest: string;
  /** The volume ends with this part. */
  readonly last: boolean;
}

/** B2 confirmed the part. Version 1.0 wrote this; nobody needs it, since B2 lists its parts. */
export interface SentRecord {
  readonly type: 'sent';
  readonly volume: number;
  readonly part: number;
}

/** The volume is a finished object; its parts are those recorded before. */
export interface FinishedRecord {
  readonly type: 'finished';
  readonly volume: number;
  readonly fileId: string;
  /** When its bytes were sent, ms since 1970 by B2's clock; only for volumes that later archives may copy. */
  readonly sentAt?: number;
}

/** This start of the volume was given up; its secrets are never used again. */
export interface AbandonedRecord {
  readonly type: 'abandoned';
  readonly volume: number;
  readonly reason: string;
}

export interface ManifestRecord {
  readonly type: 'manifest';
  readonly fileId: string;
}

export type JournalRecord =
  ArchiveRecord | VolumeRecord | PartRecord | SentRecord | FinishedRecord | AbandonedRecord | ManifestRecord;

const record: v.GenericSchema<unknown, JournalRecord> = v.variant('type', [
  v.object({
    type: v.literal('archive'),
    format: v.literal(JOURNAL_FORMAT),
    run: text,
    host: text,
    number: count,
    bucket: text,
    startedAt: text,
    options: shapingOptions,
    keys: text,
    digestKey: hexOf(64),
    supersedes: v.array(text),
  }),
  v.object({
    type: v.literal('volume'),
    volume: count,
    name: text,
    fileId: v.nullable(text),
    keyId: v.nullable(hex),
    sentAt: v.exactOptional(count),
  }),
  v.object({
    type: v.literal('part'),
    volume: count,
    part: count,
    bytes: count,
    sha1: hexOf(40),
    dataBytes: count,
    digest: hex,
    last: v.boolean(),
  }),
  v.object({ type: v.literal('sent'), volume: count, part: count }),
  v.object({ type: v.literal('finished'), volume: count, fileId: text, sentAt: v.exactOptional(count) }),
  v.object({ type: v.literal('abandoned'), volume: count, reason: text }),
  v.object({ type: v.literal('manifest'), fileId: text }),
]);

/** @returns undefined for anything this version did not write. */
export function decodeRecord(payload: string): JournalRecord | undefined {
  const parsed = v.safeParse(record, jsonOf(payload), { abortEarly: true });
  return parsed.success ? parsed.output : undefined;
}

/** @returns undefined where it is not JSON, which no record is */
function jsonOf(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}
