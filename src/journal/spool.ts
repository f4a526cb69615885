/**
 * `--spool DIR:SIZE`: sealed parts wait on disk instead of in memory, so that tarCreate, and with it BackupPC's lock on the host, ends long
 * before a slow upload does. They are ciphertext, exactly what is sent.
 *
 * Nothing here is synced: after a crash the rerun seals the parts again from the source. So only the run that wrote a part reads it, and
 * checks its SHA-1.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rmdir, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Failure } from '../errors.js';
import type { Emit } from '../events.js';
import { localFailure } from '../own-files.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** A sealed part, as the journal knows it. */
export interface SpooledPart {
  readonly volume: number;
  readonly part: number;
  readonly bytes: number;
  readonly sha1: string;
}

/** How much of the allowed space is used. Pure. */
export class SpoolRoom {
  readonly maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @returns whether there was room; then it is taken. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    if (bytes > this.#usedBytes) throw new RangeError(`${bytes} bytes leave a spool of ${this.#usedBytes}`);
    this.#usedBytes -= bytes;
  }
}

export interface SpoolOptions {
  readonly directory: string;
  readonly maxBytes: number;
  /** Names this archive: `HOST.N.BUCKET`. */
  readonly archive: string;
  readonly emit: Emit;
}

export class Spool {
  readonly #directory: string;
  readonly #room: SpoolRoom;
  readonly #emit: Emit;
  readonly #parts = new Map<string, SpooledPart>();
  #saidFull = false;

  private constructor(directory: string, room: SpoolRoom, emit: Emit) {
    this.#directory = directory;
    this.#room = room;
    this.#emit = emit;
  }

  /** The caller holds the archive's lock. Removes what a dead run left. @throws Failure `local` */
  static async open({ directory, maxBytes, archive, emit }: SpoolOptions): Promise<Spool> {
    const own = join(directory, `${archive}.spool`);
    try {
      await mkdir(own, { recursive: true, mode: 0o700 });
      const stat = await lstat(own);
      if (!stat.isDirectory() || (process.getuid !== undefined && stat.uid !== process.getuid())) {
        throw new Failure('local', `${own} is not a directory of the user this runs as`, {
          hint: 'remove it, or give another --spool',
        });
      }
      for (const name of await readdir(own)) if (name.endsWith('.part')) await unlink(join(own, name));
    } catch (thrown) {
      throw localFailure('use the spool', own, thrown);
    }
    return new Spool(own, new SpoolRoom(maxBytes), emit);
  }

  get usedBytes(): number {
    return this.#room.usedBytes;
  }

  has(part: Pick<SpooledPart, 'volume' | 'part'>): boolean {
    return this.#parts.has(this.#path(part));
  }

  /**
   * Stores a copy of `sealed`, which must already be recorded in the journal. The caller's buffer is free when this resolves.
   * @returns 'full' when it has to wait in memory after all: the allowed space or the disk is used up
   */
  async put(part: SpooledPart, sealed: Uint8Array): Promise<'stored' | 'full'> {
    if (!this.#room.take(part.bytes)) return 'full';
    const path = this.#path(part);
    let file: FileHandle | undefined;
    try {
      file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      await file.writeFile(sealed);
      await file.close();
    } catch (thrown) {
      this.#room.give(part.bytes);
      await file?.close().catch(() => undefined);
      await unlink(path).catch(() => undefined);
      this.#sayFull(thrown);
      return 'full';
    }
    this.#parts.set(path, part);
    return 'stored';
  }

  /** @param into at least `bytes` long. @throws Failure `local` if the part is not as it was stored */
  async read(part: SpooledPart, into: Uint8Array): Promise<Uint8Array> {
    const path = this.#path(part);
    let file: FileHandle | undefined;
    try {
      file = await open(path, O_RDONLY | O_NOFOLLOW);
      let at = 0;
      while (at < part.bytes) {
        const { bytesRead } = await file.read(into, at, part.bytes - at, at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      const sealed = into.subarray(0, at);
      if (at === part.bytes && createHash('sha1').update(sealed).digest('hex') === part.sha1) return sealed;
    } catch (thrown) {
      throw localFailure('read', path, thrown);
    } finally {
      await file?.close();
    }
    throw new Failure('local', `${path} did not come back as it was written`, {
      hint: 'check that disk; then run the archive again',
    });
  }

  /** B2 has it, or it is no longer needed. Unknown parts are ignored. */
  async drop(part: Pick<SpooledPart, 'volume' | 'part'>): Promise<void> {
    const path = this.#path(part);
    const spooled = this.#parts.get(path);
    if (spooled === undefined) return;
    this.#parts.delete(path);
    try {
      await unlink(path);
      this.#room.give(spooled.bytes);
    } catch (thrown) {
      if (errorCode(thrown) === 'ENOENT') this.#room.give(spooled.bytes);
      else this.#emit({ type: 'warning', message: localFailure('remove', path, thrown).message });
    }
  }

  async dropVolume(volume: number): Promise<void> {
    for (const part of [...this.#parts.values()]) if (part.volume === volume) await this.drop(part);
  }

  /** Removes everything. */
  async close(): Promise<void> {
    for (const part of [...this.#parts.values()]) await this.drop(part);
    await rmdir(this.#directory).catch(() => undefined);
  }

  #path({ volume, part }: Pick<SpooledPart, 'volume' | 'part'>): string {
    return join(this.#directory, `${volume}.${part}.part`);
  }

  #sayFull(thrown: unknown): void {
    if (this.#saidFull) return;
    this.#saidFull = true;
    const { message } = localFailure('write to the spool', this.#directory, thrown);
    this.#emit({ type: 'warning', message: `${message}; parts wait in memory instead` });
  }
}
