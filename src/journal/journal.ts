/** The journal as a file. Records are appended; once `append` resolves, the record survives a crash of the machine. */
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../errors.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import { localFailure, openForAppend, removeFile, replaceOwnFile, syncDirectory } from '../own-files.js';
import { encodeKeys, keyIdOf } from './keys.js';
import { encodeLine } from './lines.js';
import type { JournalPaths, LoadedJournal } from './load.js';
import type { ArchiveRecord, JournalRecord, PartRecord } from './records.js';
import { JournalFold, type JournalState, type VolumeState } from './state.js';

interface Waiting {
  readonly line: Buffer;
  readonly resolve: () => void;
  readonly reject: (failure: Failure) => void;
}

export interface JournalOptions {
  /** Called after each fsync with the number of records written by this process. For tests. */
  readonly onDurable?: ((records: number) => void) | undefined;
}

/** A part's record without the fields that the journal adds. */
export type PartAboutToLeave = Omit<PartRecord, 'type'>;

export class Journal {
  readonly #paths: JournalPaths;
  readonly #file: FileHandle;
  readonly #state: JournalFold;
  readonly #keys: Map<string, VolumeSecrets>;
  readonly #onDurable: ((records: number) => void) | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #keysWritten: Promise<void> = Promise.resolve();
  #broken: Failure | undefined;
  #records = 0;
  #mayHaveTraces = false;

  private constructor(
    paths: JournalPaths,
    file: FileHandle,
    state: JournalFold,
    keys: Map<string, VolumeSecrets>,
    options: JournalOptions,
  ) {
    this.#paths = paths;
    this.#file = file;
    this.#state = state;
    this.#keys = keys;
    this.#onDurable = options.onDurable;
  }

  /** Creates a journal, replacing an existing one. The caller holds the lock. @throws Failure `local` */
  static async begin(
    paths: JournalPaths,
    archive: ArchiveRecord,
    options: JournalOptions = {},
  ): Promise<Journal> {
    await removeFile(paths.keys);
    await replaceOwnFile(paths.journal, encodeLine(JSON.stringify(archive)));
    options.onDurable?.(0);
    return new Journal(
      paths,
      await openForAppend(paths.journal),
      new JournalFold(archive),
      new Map(),
      options,
    );
  }

  /** Continues a journal that `loadJournal` found, without a torn last record. @throws Failure `local` */
  static async resume(
    paths: JournalPaths,
    loaded: LoadedJournal,
    options: JournalOptions = {},
  ): Promise<Journal> {
    const file = await openForAppend(paths.journal);
    try {
      await file.truncate(loaded.goodBytes);
      await file.sync();
    } catch (thrown) {
      await file.close();
      throw localFailure('write', paths.journal, thrown);
    }
    return new Journal(paths, file, loaded.state, new Map(loaded.keys), options);
  }

  get state(): JournalState {
    return this.#state;
  }

  /** A volume begins with fresh secrets, which are durable before the record that refers to them. `fileId` null: a plain file. */
  async startVolume(
    volume: number,
    name: string,
    fileId: string | null,
    secrets: VolumeSecrets,
  ): Promise<void> {
    const keyId = keyIdOf(secrets);
    if (this.#keys.has(keyId))
      throw new Failure('internal', `volume ${volume} would be sealed with the secrets of another`);
    this.#keys.set(keyId, secrets);
    await this.#writeKeys();
    await this.#append({ type: 'volume', volume, name, fileId, keyId });
  }

  /**
   * A volume that is one object of one part. Its secrets are not kept: if it is not stored, it starts over. Resolves when it may leave this
   * machine, or may be copied. @param sentAt of a copy: when the bytes of its source were sent
   */
  async startWholeVolume(
    name: string,
    part: Omit<PartAboutToLeave, 'part' | 'last'>,
    sentAt?: number,
  ): Promise<void> {
    const { volume } = part;
    const begins = { type: 'volume', volume, name, fileId: null, keyId: null } as const;
    // One fsync for both: the first record without the second means that nothing was sent.
    const begun = this.#queue(sentAt === undefined ? begins : { ...begins, sentAt });
    await Promise.all([begun, this.#append({ type: 'part', ...part, part: 0, last: true })]);
  }

  /** The volume is stored. Written with the next durable record, because a rerun relies on B2's list. */
  finishWholeVolume(volume: number, fileId: string, sentAt: number): void {
    this.#queue({ type: 'finished', volume, fileId, sentAt }).catch(() => undefined);
  }

  /** Resolves when the part may leave this machine. */
  async partLeaves(part: PartAboutToLeave): Promise<void> {
    await this.#append({ type: 'part', ...part });
  }

  async finishVolume(volume: number, fileId: string): Promise<VolumeState> {
    await this.#append({ type: 'finished', volume, fileId });
    const state = this.#state.volumes.get(volume);
    if (state === undefined) throw new Failure('internal', `volume ${volume} is not in the journal`);
    if (state.keyId !== null && this.#keys.delete(state.keyId)) await this.#writeKeys();
    return state;
  }

  /** Gives up this start of the volume and removes its secrets. */
  async abandonVolume(volume: number, reason: string): Promise<void> {
    const keyId = this.#state.volumes.get(volume)?.keyId;
    await this.#append({ type: 'abandoned', volume, reason });
    if (keyId !== undefined && keyId !== null && this.#keys.delete(keyId)) await this.#writeKeys();
  }

  /** Makes everything recorded so far durable. Call it before storing a manifest: a rerun compares the two. @throws Failure `local` */
  async flush(): Promise<void> {
    this.#start();
    await this.#writing;
    if (this.#broken !== undefined) throw this.#broken;
  }

  async manifestUp(fileId: string): Promise<void> {
    await this.#append({ type: 'manifest', fileId });
  }

  /** The archive is done: removes its journal and keys. */
  async remove(): Promise<void> {
    await this.close();
    await removeFile(this.#paths.keys);
    await removeFile(this.#paths.journal);
    await syncDirectory(dirname(this.#paths.journal));
  }

  /** From now on the store may hold objects of this run, even without a record. */
  expectTraces(): void {
    this.#mayHaveTraces = true;
  }

  /** The run ends, done or not. A journal from which nothing can be resumed is removed. */
  async leave(): Promise<void> {
    if (this.#mayHaveTraces || this.#state.leftTraces) await this.close();
    else await this.remove();
  }

  /** Writes pending records and closes. Does not throw for a broken journal: that was reported when it broke. */
  async close(): Promise<void> {
    this.#start();
    await this.#writing;
    await this.#keysWritten.catch(() => undefined);
    this.#broken ??= new Failure('internal', 'the journal is closed');
    await this.#file.close();
  }

  async #append(record: JournalRecord): Promise<void> {
    const durable = this.#queue(record);
    this.#start();
    await durable;
  }

  #queue(record: JournalRecord): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    // A contradicting record is a defect of the caller, detected before it is written.
    this.#state.add(record);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: encodeLine(JSON.stringify(record)), resolve, reject });
    });
  }

  #start(): void {
    if (this.#waiting.length > 0) this.#writing ??= this.#write();
  }

  /** Group commit: records queued during one fsync share the next. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#broken !== undefined) throw this.#broken;
        await this.#file.appendFile(Buffer.concat(batch.map(({ line }) => line)));
        await this.#file.datasync();
      } catch (thrown) {
        // After a failed write the file may be torn, after a failed fsync its state on disk is unknown: write no more.
        this.#broken ??= localFailure('write the journal', this.#paths.journal, thrown);
        for (const { reject } of batch) reject(this.#broken);
        continue;
      }
      this.#records += batch.length;
      this.#onDurable?.(this.#records);
      for (const { resolve } of batch) resolve();
    }
    // In the same turn as the last check of the queue: whatever is queued later starts a new round.
    this.#writing = undefined;
  }

  #writeKeys(): Promise<void> {
    const write = (): Promise<void> => {
      const bytes = encodeKeys(this.#keys);
      return bytes.length === 0 ? removeFile(this.#paths.keys) : replaceOwnFile(this.#paths.keys, bytes);
    };
    this.#keysWritten = this.#keysWritten.then(write, write);
    return this.#keysWritten;
  }
}
