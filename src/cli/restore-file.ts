/** A restore into a file: beside it first, and so that a rerun can go on. */
import { rename, rm, stat } from 'node:fs/promises';
import type { Archive, Volume } from '../catalog/archive.js';
import { replaceFile } from '../replace-file.js';
import { cannotWrite, Failure } from '../errors.js';
import { readOwnFile } from '../own-files.js';
import type { Losses } from '../restore/restore.js';
import { deviceSink, fileSink, type Sink } from '../restore/sink.js';
import type { Packing } from './decompress.js';
import { counted, formatBytes } from './format.js';

export interface OpenTarget {
  readonly sink: Sink;
  readonly asStored: boolean;
  /** Volumes that an earlier run has written already. */
  readonly skip: number;
  /** Data bytes of the next one that it has written, too. */
  readonly within: number;
  readonly volumeDone: (volume: Volume, dataBytes: number) => Promise<void>;
  readonly done: (losses: Losses) => Promise<void>;
  /** After a failure: what there is to go on from. */
  readonly left: () => string | undefined;
}

export const nothing = (): Promise<void> => Promise.resolve();

/** Between two notes of how far a volume is. */
const NOTE_BYTES = 32 * 1024 * 1024;

export interface FileTarget {
  readonly path: string;
  readonly packing: Packing;
  readonly mayResume: boolean;
  /**
   * Data bytes of each volume, where what comes out of a volume has been authenticated before it comes (AEAD, with a manifest), so that a
   * rerun may go on inside of it; undefined: only behind whole volumes.
   */
  readonly dataBytes: readonly number[] | undefined;
}

/**
 * A file is written as `FILE.part` and renamed at the end. Where it holds what the volumes hold (a tar that is not compressed, or one
 * kept compressed), `FILE.part.state` tells how far it is, and a rerun goes on from there. A tar that has to be decompressed begins anew:
 * the decompressor's state cannot be kept.
 */
export async function openFile(archive: Archive, target: FileTarget): Promise<OpenTarget> {
  const { path, packing, mayResume, dataBytes } = target;
  const asStored =
    packing.kind !== 'packed' || (archive.extension !== '' && path.endsWith(archive.extension));
  const plainly = {
    ...{ asStored, skip: 0, within: 0 },
    ...{ volumeDone: nothing, done: nothing, left: () => undefined },
  };
  if (await isDevice(path)) return { ...plainly, sink: await deviceSink(path) };
  const part = `${path}.part`;
  const done = async (): Promise<void> => {
    await rename(part, path).catch((cause: unknown) => {
      throw cannotWrite(path, cause);
    });
    await rm(`${part}.state`, { force: true });
  };
  if (!asStored || !mayResume) {
    const sink = await fileSink(part, 0);
    const abort = async (): Promise<void> => {
      await sink.abort();
      // Nothing can go on from it.
      await rm(part, { force: true });
    };
    return { ...plainly, sink: { ...sink, abort }, done };
  }
  const state = await readState(part, archive, dataBytes);
  const sink = await fileSink(part, state.bytes);
  const at = { ...state, noted: state.bytes };
  const note = async (): Promise<void> => {
    await sink.sync();
    const fileIds = archive.volumes.slice(0, at.volumes).map(({ fileId }) => fileId);
    const { bytes, within } = at;
    await replaceFile(`${part}.state`, JSON.stringify({ fileIds, bytes, within }), { mode: 0o600 }).catch(
      (cause: unknown) => {
        throw cannotWrite(`${part}.state`, cause);
      },
    );
    at.noted = bytes;
  };
  return {
    sink: {
      ...sink,
      async write(bytes) {
        await sink.write(bytes);
        at.bytes += bytes.length;
        at.within += bytes.length;
        if (dataBytes !== undefined && at.bytes - at.noted >= NOTE_BYTES) await note();
      },
      async abort() {
        if (dataBytes !== undefined && at.bytes > at.noted) await note().catch(() => undefined);
        await sink.abort();
        if (at.noted > 0) return;
        await rm(part, { force: true });
        await rm(`${part}.state`, { force: true });
      },
    },
    asStored,
    skip: state.volumes,
    within: state.within,
    left() {
      if (at.noted === 0) return undefined;
      const more = at.noted === at.bytes && at.within > 0 ? ` and ${formatBytes(at.within)} of the next` : '';
      return `${part} holds ${counted(at.volumes, 'volume')}${more}: the same command goes on from there`;
    },
    async volumeDone() {
      at.volumes += 1;
      at.within = 0;
      await note();
    },
    done,
  };
}

/** A pipe or a tape, which is written to; nothing stands beside it. @throws Failure `usage` where anything else has this name */
export async function isDevice(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (found.isFIFO() || found.isCharacterDevice()) return true;
  throw new Failure('usage', `${path} exists already`);
}

interface Reached {
  readonly volumes: number;
  /** In the file. */
  readonly bytes: number;
  /** Of these, of the volume that is not whole yet. */
  readonly within: number;
}

/** What an earlier run left, if it was of these very volumes; else nothing. */
async function readState(
  part: string,
  { volumes }: Archive,
  dataBytes: FileTarget['dataBytes'],
): Promise<Reached> {
  const nothingYet = { volumes: 0, bytes: 0, within: 0 };
  let json: unknown;
  try {
    const contents = await readOwnFile(`${part}.state`);
    json = JSON.parse(contents?.toString('utf8') ?? '');
  } catch {
    return nothingYet;
  }
  if (typeof json !== 'object' || json === null || !('fileIds' in json) || !('bytes' in json))
    return nothingYet;
  const { fileIds, bytes } = json;
  const within = 'within' in json ? json.within : 0;
  if (!Array.isArray(fileIds) || typeof bytes !== 'number' || typeof within !== 'number') return nothingYet;
  const same = fileIds.length <= volumes.length && fileIds.every((id, i) => id === volumes[i]?.fileId);
  const size = await stat(part).then(
    (its) => its.size,
    () => 0,
  );
  if (!same || size < bytes || within > bytes) return nothingYet;
  const whole = { volumes: fileIds.length, bytes: bytes - within, within: 0 };
  const next = dataBytes?.[fileIds.length];
  return next !== undefined && within < next ? { ...whole, bytes, within } : whole;
}
