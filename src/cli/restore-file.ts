/** A restore into a file: beside it first, and so that a rerun can go on. */
import { rename, rm, stat } from 'node:fs/promises';
import type { Archive, Volume } from '../catalog/archive.js';
import { replaceFile } from '../replace-file.js';
import { cannotWrite, Failure } from '../errors.js';
import { readOwnFile } from '../own-files.js';
import type { Losses } from '../restore/restore.js';
import { deviceSink, fileSink, type Sink } from '../restore/sink.js';
import type { Packing } from './decompress.js';
import { counted } from './format.js';

export interface OpenTarget {
  readonly sink: Sink;
  readonly asStored: boolean;
  /** Volumes that an earlier run has written already. */
  readonly skip: number;
  readonly volumeDone: (volume: Volume, dataBytes: number) => Promise<void>;
  readonly done: (losses: Losses) => Promise<void>;
  /** After a failure: what there is to go on from. */
  readonly left: () => string | undefined;
}

export const nothing = (): Promise<void> => Promise.resolve();

/**
 * A file is written as `FILE.part` and renamed at the end. Where it holds what the volumes hold (a tar that is not compressed, or one
 * kept compressed), `FILE.part.state` tells after each volume how far it is, and a rerun goes on from there. A tar that has to be
 * decompressed begins anew: the decompressor's state cannot be kept.
 */
export async function openFile(
  path: string,
  archive: Archive,
  packing: Packing,
  mayResume: boolean,
): Promise<OpenTarget> {
  const asStored =
    packing.kind !== 'packed' || (archive.extension !== '' && path.endsWith(archive.extension));
  const plainly = { asStored, skip: 0, volumeDone: nothing, done: nothing, left: () => undefined };
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) {
    // A pipe or a tape is written to; nothing stands beside it.
    if (found.isFIFO() || found.isCharacterDevice()) return { ...plainly, sink: await deviceSink(path) };
    throw new Failure('usage', `${path} exists already`);
  }
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
  const state = await readState(part, archive);
  const sink = await fileSink(part, state.bytes);
  let { volumes, bytes } = state;
  const abort = async (): Promise<void> => {
    await sink.abort();
    if (volumes === 0) await rm(part, { force: true });
  };
  return {
    sink: { ...sink, abort },
    asStored,
    skip: volumes,
    left: () =>
      volumes === 0
        ? undefined
        : `${part} holds ${counted(volumes, 'volume')}: the same command goes on from there`,
    async volumeDone(_volume, dataBytes) {
      volumes += 1;
      bytes += dataBytes;
      await sink.sync();
      const fileIds = archive.volumes.slice(0, volumes).map(({ fileId }) => fileId);
      await replaceFile(`${part}.state`, JSON.stringify({ fileIds, bytes }), { mode: 0o600 }).catch(
        (cause: unknown) => {
          throw cannotWrite(`${part}.state`, cause);
        },
      );
    },
    done,
  };
}

/** What an earlier run left, if it was of these very volumes; else nothing. */
async function readState(part: string, archive: Archive): Promise<{ volumes: number; bytes: number }> {
  const nothingYet = { volumes: 0, bytes: 0 };
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
  if (!Array.isArray(fileIds) || typeof bytes !== 'number') return nothingYet;
  const same =
    fileIds.length <= archive.volumes.length && fileIds.every((id, i) => id === archive.volumes[i]?.fileId);
  const size = await stat(part).then(
    (its) => its.size,
    () => 0,
  );
  return same && size >= bytes ? { volumes: fileIds.length, bytes } : nothingYet;
}
