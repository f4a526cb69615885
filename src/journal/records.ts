/**
 * What the journal says, record by record. Plain data; `decodeRecord` is the inverse of `JSON.stringify`. Pure.
 *
 * Order of writing, each durable before the next step:
 * `archive`, then per volume: `volume` → (`part` → its bytes leave → `sent`)… → B2's finish → `finished`; at the end `manifest`.
 * A volume that is a whole object by itself (the layout whose volumes are cut by content): `volume` and `part` → its bytes leave, or B2 is asked
 * to copy them → `finished`, which need not be durable until the manifest is stored, since B2's list says the same.
 */

export const JOURNAL_FORMAT = 'backuppc-b2-journal/1';

/** Options that shape the stored bytes or their names, by the word an operator knows them by. */
export type ShapingOptions = Readonly<Record<string, string | number | boolean>>;

/** The shaping option that names the program which compresses; missing where this program does, or the codec leaves no choice. */
export const COMPRESSED_BY = 'compressed by';

/** Begins a journal. */
export interface ArchiveRecord {
  readonly type: 'archive';
  readonly format: typeof JOURNAL_FORMAT;
  /** Identifies the run and those that resume it; also in the file info of every object. */
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
  /** Runs that this one replaces: their volumes are of no use once this one's manifest is up. */
  readonly supersedes: readonly string[];
}

/** A volume begins, with fresh secrets. */
export interface VolumeRecord {
  readonly type: 'volume';
  /** 0-based. */
  readonly volume: number;
  readonly name: string;
  /** Of the unfinished large file; null for a volume that goes up as a plain file. */
  readonly fileId: string | null;
  /** Under which the key file has its secrets; null where they are kept nowhere: then it is stored as it is, or begins anew. */
  readonly keyId: string | null;
  /** Of a copy inside B2: when the bytes of its source left this machine, ms since 1970 by B2's clock. */
  readonly sentAt?: number;
}

/** The same volume, the same secrets, another large file: B2 lost or cannot fill the first, and every part of it is still at hand. */
export interface MovedRecord {
  readonly type: 'moved';
  readonly volume: number;
  readonly fileId: string;
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

/** B2 confirmed the part. */
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
  /** When its bytes left this machine, ms since 1970 by B2's clock; only of volumes that later archives may copy. */
  readonly sentAt?: number;
}

/** This start of the volume is given up; its secrets are never used again. */
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
  | ArchiveRecord
  | VolumeRecord
  | MovedRecord
  | PartRecord
  | SentRecord
  | FinishedRecord
  | AbandonedRecord
  | ManifestRecord;

class Unreadable extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function text(fields: Fields, name: string, pattern?: RegExp): string {
  const value = fields[name];
  if (typeof value !== 'string' || pattern?.test(value) === false) throw new Unreadable(name);
  return value;
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Unreadable(name);
  return value;
}

function sentAt(fields: Fields): { sentAt?: number } {
  return fields['sentAt'] === undefined ? {} : { sentAt: count(fields, 'sentAt') };
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw new Unreadable(name);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function options(fields: Fields): ShapingOptions {
  const value = fields['options'];
  if (!isFields(value)) throw new Unreadable('options');
  const entries = Object.entries(value).map(([name, option]): [string, string | number | boolean] => {
    if (typeof option !== 'string' && typeof option !== 'number' && typeof option !== 'boolean')
      throw new Unreadable(name);
    return [name, option];
  });
  return Object.fromEntries(entries);
}

function texts(fields: Fields, name: string): string[] {
  const value = fields[name];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw new Unreadable(name);
  return value;
}

const HEX = /^[0-9a-f]*$/;
const SHA1 = /^[0-9a-f]{40}$/;

function recordOf(fields: Fields): JournalRecord {
  const type = text(fields, 'type');
  switch (type) {
    case 'archive':
      if (fields['format'] !== JOURNAL_FORMAT) throw new Unreadable('format');
      return {
        type,
        format: JOURNAL_FORMAT,
        run: text(fields, 'run'),
        host: text(fields, 'host'),
        number: count(fields, 'number'),
        bucket: text(fields, 'bucket'),
        startedAt: text(fields, 'startedAt'),
        options: options(fields),
        keys: text(fields, 'keys'),
        digestKey: text(fields, 'digestKey', /^[0-9a-f]{64}$/),
        supersedes: texts(fields, 'supersedes'),
      };
    case 'volume':
      return {
        type,
        volume: count(fields, 'volume'),
        name: text(fields, 'name'),
        fileId: fields['fileId'] === null ? null : text(fields, 'fileId'),
        keyId: fields['keyId'] === null ? null : text(fields, 'keyId', HEX),
        ...sentAt(fields),
      };
    case 'moved':
      return { type, volume: count(fields, 'volume'), fileId: text(fields, 'fileId') };
    case 'finished':
      return { type, volume: count(fields, 'volume'), fileId: text(fields, 'fileId'), ...sentAt(fields) };
    case 'part':
      return {
        type,
        volume: count(fields, 'volume'),
        part: count(fields, 'part'),
        bytes: count(fields, 'bytes'),
        sha1: text(fields, 'sha1', SHA1),
        dataBytes: count(fields, 'dataBytes'),
        digest: text(fields, 'digest', HEX),
        last: flag(fields, 'last'),
      };
    case 'sent':
      return { type, volume: count(fields, 'volume'), part: count(fields, 'part') };
    case 'abandoned':
      return { type, volume: count(fields, 'volume'), reason: text(fields, 'reason') };
    case 'manifest':
      return { type, fileId: text(fields, 'fileId') };
    default:
      throw new Unreadable(`type ${type}`);
  }
}

/** @returns undefined for anything this version did not write. */
export function decodeRecord(payload: string): JournalRecord | undefined {
  try {
    const fields: unknown = JSON.parse(payload);
    return isFields(fields) ? recordOf(fields) : undefined;
  } catch (thrown) {
    if (thrown instanceof Unreadable || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
