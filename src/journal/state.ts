/** Folds the journal's records into the state of the archive. Pure. */
import { scanLines } from './lines.js';
import { PartTable, type RecordedParts } from './part-table.js';
import { decodeRecord, type ArchiveRecord, type JournalRecord, type PartRecord } from './records.js';

/** One start of a volume. */
export interface VolumeState {
  readonly volume: number;
  readonly name: string;
  /** Of the large file, or of the finished plain file; null for a plain file that is not known to be stored. */
  readonly fileId: string | null;
  readonly plain: boolean;
  /** null: the secrets are not kept. */
  readonly keyId: string | null;
  readonly finished: boolean;
  /** When its bytes were sent, ms since 1970 by B2's clock, if recorded. */
  readonly sentAt: number | undefined;
  /** By index: every part that may have been sent, sealed with this start's secrets. */
  readonly parts: RecordedParts;
}

export interface JournalState {
  readonly archive: ArchiveRecord;
  /** Volumes that were started and not abandoned. */
  readonly volumes: ReadonlyMap<number, VolumeState>;
  /** fileId of the manifest, once stored. */
  readonly manifest: string | undefined;
  /** Whether the store may hold anything of this archive or of an earlier run that has to be removed. */
  readonly leftTraces: boolean;
}

/** A record that contradicts earlier ones: the journal cannot be trusted. */
export class JournalContradiction extends Error {
  override readonly name = 'JournalContradiction';
}

interface MutableVolume extends VolumeState {
  fileId: string | null;
  finished: boolean;
  sentAt: number | undefined;
  readonly parts: PartTable;
}

/** The state, updated record by record: by a running journal and when one is read back. */
export class JournalFold implements JournalState {
  readonly archive: ArchiveRecord;
  readonly #volumes = new Map<number, MutableVolume>();
  #manifest: string | undefined;
  #leftTraces: boolean;

  constructor(archive: ArchiveRecord) {
    this.archive = archive;
    this.#leftTraces = archive.supersedes.length > 0;
  }

  get leftTraces(): boolean {
    return this.#leftTraces;
  }

  get volumes(): ReadonlyMap<number, VolumeState> {
    return this.#volumes;
  }

  get manifest(): string | undefined {
    return this.#manifest;
  }

  /** @throws JournalContradiction, and then nothing has changed */
  add(record: JournalRecord): void {
    switch (record.type) {
      case 'archive':
        throw new JournalContradiction('a second archive record');
      case 'manifest':
        this.#manifest = record.fileId;
        return;
      case 'volume': {
        if (this.#volumes.has(record.volume))
          throw new JournalContradiction(`volume ${record.volume} begins twice`);
        const { volume, name, fileId, keyId } = record;
        this.#leftTraces = true;
        const plain = fileId === null;
        this.#volumes.set(volume, {
          volume,
          name,
          fileId,
          plain,
          keyId,
          finished: false,
          sentAt: record.sentAt,
          parts: new PartTable(volume),
        });
        return;
      }
      case 'abandoned':
        this.#volume(record.volume);
        this.#volumes.delete(record.volume);
        return;
      case 'part':
        this.#addPart(record);
        return;
      case 'sent': {
        const volume = this.#running(record.volume);
        if (!volume.parts.has(record.part))
          throw new JournalContradiction(
            `part ${record.part} of volume ${record.volume} sent without a record`,
          );
        return;
      }
      case 'finished': {
        const volume = this.#running(record.volume);
        if (!hasAllParts(volume))
          throw new JournalContradiction(`volume ${record.volume} finished with parts missing`);
        if (!volume.plain && volume.fileId !== record.fileId)
          throw new JournalContradiction(`volume ${record.volume} finished under another fileId`);
        volume.fileId = record.fileId;
        volume.finished = true;
        volume.sentAt = record.sentAt ?? volume.sentAt;
        return;
      }
    }
  }

  #addPart(record: PartRecord): void {
    const volume = this.#running(record.volume);
    const before = volume.parts.get(record.part);
    if (
      before !== undefined &&
      (before.sha1 !== record.sha1 || before.bytes !== record.bytes || before.last !== record.last)
    ) {
      throw new JournalContradiction(
        `part ${record.part} of volume ${record.volume} recorded with two contents`,
      );
    }
    if (!volume.parts.set(record))
      throw new JournalContradiction(`part ${record.part} of volume ${record.volume} is impossible`);
  }

  #volume(index: number): MutableVolume {
    const volume = this.#volumes.get(index);
    if (volume === undefined) throw new JournalContradiction(`volume ${index} was never begun`);
    return volume;
  }

  #running(index: number): MutableVolume {
    const volume = this.#volume(index);
    if (volume.finished) throw new JournalContradiction(`volume ${index} goes on after its end`);
    return volume;
  }
}

/** Whether every part from 0 to the last is recorded, and none after it. */
export function hasAllParts({ parts }: Pick<VolumeState, 'parts'>): boolean {
  return parts.last !== undefined && parts.highest === parts.last && parts.size === parts.last + 1;
}

/** Totals of a volume whose parts are all recorded, for the manifest. */
export function volumeTotals(volume: Pick<VolumeState, 'parts'>): { bytes: number; dataBytes: number } {
  let bytes = 0;
  let dataBytes = 0;
  for (const part of volume.parts.values()) {
    bytes += part.bytes;
    dataBytes += part.dataBytes;
  }
  return { bytes, dataBytes };
}

export type ReadJournal =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'good';
      readonly state: JournalFold;
      readonly goodBytes: number;
      readonly records: number;
    }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Reads a journal. A torn last record is dropped; a journal without a complete first record is empty. */
export function readJournal(file: Buffer): ReadJournal {
  const { payloads, goodBytes, damage } = scanLines(file);
  if (damage !== undefined) return { kind: 'damaged', reason: damage };
  let state: JournalFold | undefined;
  for (const [index, payload] of payloads.entries()) {
    const record = decodeRecord(payload);
    if (record === undefined)
      return { kind: 'damaged', reason: `record ${index + 1} is not of this program's version` };
    try {
      if (state !== undefined) state.add(record);
      else if (record.type === 'archive') state = new JournalFold(record);
      else return { kind: 'damaged', reason: 'it does not begin with an archive record' };
    } catch (thrown) {
      if (thrown instanceof JournalContradiction)
        return { kind: 'damaged', reason: `record ${index + 1}: ${thrown.message}` };
      throw thrown;
    }
  }
  return state === undefined
    ? { kind: 'empty' }
    : { kind: 'good', state, goodBytes, records: payloads.length };
}
