/** `backuppc-b2 restore`: brings an archive back, natively. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { Archive, Volume } from '../catalog/archive.js';
import type { Manifest } from '../catalog/manifest.js';
import { readManifest } from '../catalog/read.js';
import { Failure } from '../errors.js';
import type { HistoryRecord } from '../reporting/history.js';
import type { ArchiveReader } from '../restore/reader.js';
import { restoreVolumes } from '../restore/restore.js';
import { decompressToFile, fileSink, stdoutSink, tarSink, type Command, type Sink } from '../restore/sink.js';
import type { CatalogContext, ExitStatus } from './context.js';
import { decompressCommand } from './decompress.js';
import { counted, formatBytes, printable } from './format.js';
import { locate, type Located } from './archives.js';

export type RestoreTarget =
  | {
      readonly kind: 'directory';
      readonly path: string;
      /** Members to pick; empty: all. */ readonly paths: readonly string[];
    }
  /** As the tar; or compressed as it is stored, when the name ends with the archive's own extension. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' };

export interface RestoreOptions {
  readonly host: string;
  readonly number: number | undefined;
  readonly unfinalized: boolean;
  /** Names alone will do: an archive of the older scripts. */
  readonly legacy?: boolean | undefined;
  readonly target: RestoreTarget;
  readonly quiet: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreContext extends CatalogContext {
  /** Keeps what was verified, for the report; best effort. */
  remember?(record: HistoryRecord): Promise<void>;
  /** What reads this archive's volumes: in the worker pool where the manifest tells their parts, else as streams. */
  archiveReader(located: Located, manifest: Manifest | undefined): Promise<ArchiveReader>;
}

export async function restore(context: RestoreContext, options: RestoreOptions): Promise<ExitStatus> {
  const { archive, bucket } = await locate(context, options);
  const title = `${printable(archive.host)} #${archive.number}`;
  if (archive.volumes.length === 0)
    throw new Failure('notFound', `${title} has no volume that is complete: nothing to restore`);
  if (archive.state !== 'finished')
    context.out.note(`warning: ${title} is ${archive.state}: ${archive.problems.join('; ')}`);
  const decompress = decompressCommand(archive);
  const manifest =
    archive.state === 'finished' ? await readManifest(bucket.store, archive, options.signal) : undefined;
  const reader = await context.archiveReader({ bucket, archive }, manifest);
  const { sink, skip, done, volumeDone } = await openTarget(options.target, archive, decompress);
  const volumes = archive.volumes.slice(skip);
  if (skip > 0) context.out.note(`going on after ${counted(skip, 'volume')} of an earlier run`);
  const say = (line: string): void => {
    if (!options.quiet) context.out.note(line);
  };
  let number = skip;
  try {
    await restoreVolumes(reader, volumes, sink, {
      signal: options.signal,
      onVolume: async (volume, dataBytes) => {
        number += 1;
        say(
          `volume ${number} of ${archive.volumes.length}: ${printable(volume.name)}, ${formatBytes(volume.bytes)}`,
        );
        await volumeDone(volume, dataBytes);
      },
    });
    await sink.finish();
  } catch (error) {
    sink.abort();
    throw error;
  }
  await done();
  say(`restored ${title}: ${counted(archive.volumes.length, 'volume')}, ${formatBytes(archive.bytes)}`);
  return 0;
}

interface OpenTarget {
  readonly sink: Sink;
  /** Volumes that an earlier run has written already. */
  readonly skip: number;
  readonly volumeDone: (volume: Volume, dataBytes: number) => Promise<void>;
  readonly done: () => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

async function openTarget(
  target: RestoreTarget,
  archive: Archive,
  decompress: Command | undefined,
): Promise<OpenTarget> {
  switch (target.kind) {
    case 'directory':
      await emptyDirectory(target.path);
      return {
        sink: tarSink(target.path, target.paths, decompress),
        skip: 0,
        volumeDone: nothing,
        done: nothing,
      };
    case 'stdout':
      return { sink: stdoutSink(decompress), skip: 0, volumeDone: nothing, done: nothing };
    case 'file':
      return openFile(target.path, archive, decompress);
  }
}

/** Makes it where it is missing. @throws Failure `usage` when something is in it (a `lost+found` is not) */
async function emptyDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    const entries = (await readdir(path)).filter((name) => name !== 'lost+found');
    if (entries.length === 0) return;
  } catch (cause) {
    throw new Failure('local', `cannot use the directory ${path}`, { cause });
  }
  throw new Failure('usage', `${path} is not empty`, {
    hint: 'restore into a new directory, then move what you need',
  });
}

/**
 * A file is written as `FILE.part` and renamed at the end. Where it holds what the volumes hold (a tar that is not compressed, or one
 * kept compressed), `FILE.part.state` tells after each volume how far it is, and a rerun goes on from there. A tar that has to be
 * decompressed begins anew: the decompressor's state cannot be kept.
 */
async function openFile(
  path: string,
  archive: Archive,
  decompress: Command | undefined,
): Promise<OpenTarget> {
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    throw new Failure('usage', `${path} exists already`);
  const part = `${path}.part`;
  const asStored = decompress === undefined || (archive.extension !== '' && path.endsWith(archive.extension));
  const rest = async (): Promise<void> => {
    await rename(part, path);
    await rm(`${part}.state`, { force: true });
  };
  if (!asStored)
    return { sink: await decompressToFile(part, decompress), skip: 0, volumeDone: nothing, done: rest };
  const state = await readState(part, archive);
  const sink = await fileSink(part, state.bytes);
  let { volumes, bytes } = state;
  return {
    sink,
    skip: volumes,
    async volumeDone(_volume, dataBytes) {
      volumes += 1;
      bytes += dataBytes;
      await sink.sync();
      const text = JSON.stringify({
        fileIds: archive.volumes.slice(0, volumes).map(({ fileId }) => fileId),
        bytes,
      });
      await writeFile(`${part}.state.new`, text, { mode: 0o600, flush: true });
      await rename(`${part}.state.new`, `${part}.state`);
    },
    done: rest,
  };
}

/** What an earlier run left, if it was of these very volumes; else nothing. */
async function readState(part: string, archive: Archive): Promise<{ volumes: number; bytes: number }> {
  const nothingYet = { volumes: 0, bytes: 0 };
  let json: unknown;
  try {
    json = JSON.parse(await readFile(`${part}.state`, 'utf8'));
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
