/** The storage port in memory, for tests of what the commands decide. It passes the port's contract: see contract/memory.test.ts. */
import { createHash } from 'node:crypto';
import { INFO, manifestName, volumeName } from '../../src/catalog/names.js';
import { MANIFEST_FORMAT, type Manifest } from '../../src/catalog/manifest.js';
import { fileNameProblem } from '../../src/b2/names.js';
import { Failure } from '../../src/errors.js';
import { VolumeLost, type FileVersion, type ObjectStore, type StoreCounters } from '../../src/store.js';

export function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

export interface MemoryStore extends ObjectStore {
  readonly versions: FileVersion[];
  /** Names as they were deleted. */
  readonly deleted: string[];
  readonly contents: Map<string, Uint8Array>;
  readonly locked: Set<string>;
  add(version: Partial<FileVersion> & { fileName: string }, content?: Uint8Array): FileVersion;
  /** Rejects the n-th deletion from now on (0-based) with this error. */
  failDeletion: { after: number; error: Error } | undefined;
}

export function memoryStore(): MemoryStore {
  const versions: FileVersion[] = [];
  const contents = new Map<string, Uint8Array>();
  const deleted: string[] = [];
  const locked = new Set<string>();
  const counters: StoreCounters = {
    classA: 0,
    classB: 0,
    classC: 0,
    retries: 0,
    bytesSent: 0,
    bytesConfirmed: 0,
    bytesReceived: 0,
    connectionsBusy: 0,
    connectionsAllowed: 1,
  };
  let nextId = 1;
  const sorted = (): FileVersion[] =>
    versions.toSorted((a, b) =>
      a.fileName === b.fileName
        ? b.uploadTimestamp - a.uploadTimestamp || b.fileId.localeCompare(a.fileId)
        : a.fileName < b.fileName
          ? -1
          : 1,
    );
  /** Parts of unfinished large files, by file ID and part number. */
  const unfinished = new Map<string, Map<number, Uint8Array>>();
  const partsOf = (fileId: string): Map<number, Uint8Array> => {
    const parts = unfinished.get(fileId);
    if (parts === undefined) throw new VolumeLost(fileId, 'no such unfinished file');
    return parts;
  };
  const receive = async (bytes: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> => {
    await Promise.resolve();
    signal?.throwIfAborted();
    counters.classA += 1;
    counters.bytesSent += bytes.length;
    counters.bytesConfirmed += bytes.length;
    return Uint8Array.from(bytes);
  };
  const checkName = (fileName: string): void => {
    const problem = fileNameProblem(fileName);
    if (problem !== undefined) throw new Failure('config', `${fileName}: ${problem}`);
  };
  const store: MemoryStore = {
    versions,
    contents,
    deleted,
    locked,
    failDeletion: undefined,
    limits: {
      minPartBytes: 5_000_000,
      maxPartBytes: 5_000_000_000,
      maxParts: 10_000,
      maxFileBytes: 10_000_000_000_000,
    },
    counters,
    add(version, content) {
      const fileId = version.fileId ?? `id-${String(nextId++).padStart(6, '0')}`;
      const whole: FileVersion = {
        action: 'upload',
        contentLength: content?.length ?? 0,
        contentSha1: content && sha1(content),
        contentType: 'application/octet-stream',
        fileInfo: {},
        uploadTimestamp: 0,
        lockedUntil: undefined,
        legalHold: false,
        ...version,
        fileId,
      };
      versions.push(whole);
      if (content) contents.set(fileId, content);
      return whole;
    },
    async put(meta, body, signal) {
      checkName(meta.fileName);
      const bytes = await receive(body.bytes, signal);
      return store.add({ ...meta, uploadTimestamp: nextId }, bytes);
    },
    copyFile(sourceFileId, meta) {
      const source = versions.find((version) => version.fileId === sourceFileId);
      if (source?.action !== 'upload')
        return Promise.resolve({ outcome: 'source-missing', reason: `no ${sourceFileId}` });
      const { contentLength, contentSha1 } = source;
      const copy = { ...meta, contentLength, contentSha1, uploadTimestamp: nextId };
      return Promise.resolve({ outcome: 'copied', version: store.add(copy, contents.get(sourceFileId)) });
    },
    async startLarge(meta) {
      await Promise.resolve();
      checkName(meta.fileName);
      const { fileId } = store.add({ ...meta, action: 'start' });
      unfinished.set(fileId, new Map());
      return fileId;
    },
    async uploadPart(fileId, partNumber, body, signal) {
      const bytes = await receive(body.bytes, signal);
      partsOf(fileId).set(partNumber, bytes);
    },
    async finishLarge(fileId, partSha1s) {
      await Promise.resolve();
      const at = versions.findIndex((version) => version.fileId === fileId);
      const started = versions[at];
      if (started?.action === 'upload') return started;
      const parts = partsOf(fileId);
      if (started === undefined) throw new VolumeLost(fileId, 'no such unfinished file');
      const pieces = partSha1s.map((expected, index) => {
        const bytes = parts.get(index + 1);
        if (bytes === undefined || sha1(bytes) !== expected)
          throw new Error(`part ${index + 1} does not match`);
        return bytes;
      });
      const content = Uint8Array.from(Buffer.concat(pieces));
      const finished = { ...started, action: 'upload' as const, contentLength: content.length };
      versions[at] = finished;
      contents.set(fileId, content);
      unfinished.delete(fileId);
      return finished;
    },
    cancelLarge(fileId) {
      unfinished.delete(fileId);
      remove(fileId);
      return Promise.resolve();
    },
    async *listParts(fileId) {
      const parts = await Promise.resolve(partsOf(fileId));
      const numbers = [...parts.keys()].sort((a, b) => a - b);
      for (const partNumber of numbers) {
        const bytes = parts.get(partNumber) ?? new Uint8Array(0);
        yield { partNumber, contentLength: bytes.length, contentSha1: sha1(bytes) };
      }
    },
    async *listUnfinished(prefix) {
      counters.classC += 1;
      yield* await Promise.resolve(
        sorted().filter((v) => v.action === 'start' && v.fileName.startsWith(prefix)),
      );
    },
    async *listVersions(prefix, { delimiter } = {}) {
      const found = folded(
        sorted().filter((version) => version.fileName.startsWith(prefix)),
        prefix,
        delimiter,
      );
      counters.classC += Math.max(1, Math.ceil(found.length / 1000));
      yield* await Promise.resolve(found);
    },
    fileInfo: (fileId) => Promise.resolve(versions.find((version) => version.fileId === fileId)),
    deleteVersion(_name, fileId) {
      if (store.failDeletion !== undefined && store.failDeletion.after-- === 0)
        return Promise.reject(store.failDeletion.error);
      if (locked.has(fileId)) return Promise.resolve('locked');
      return Promise.resolve(remove(fileId) ? 'deleted' : 'absent');
    },
    async *download(fileId, { from, to }, _signal, { into } = {}) {
      counters.classB += 1;
      const content = await Promise.resolve(contents.get(fileId));
      if (content === undefined) throw new Error(`no ${fileId}`);
      into?.set(content.subarray(from, to));
      for (let at = from; at < to; at += 65_536) {
        const end = Math.min(to, at + 65_536);
        yield into?.subarray(at - from, end - from) ?? Uint8Array.from(content.subarray(at, end));
      }
    },
    downloadAuthorization: (prefix) =>
      Promise.resolve({
        token: `token-for-${encodeURIComponent(prefix)}`,
        baseUrl: 'http://127.0.0.1:1/file/bucket/',
      }),
    serverNow: () => NOW,
    close: () => Promise.resolve(),
  };
  function remove(fileId: string): boolean {
    const at = versions.findIndex((version) => version.fileId === fileId);
    if (at === -1) return false;
    const [version] = versions.splice(at, 1);
    if (version) deleted.push(version.fileName);
    return true;
  }
  return store;
}

/** Names that have the delimiter behind the prefix, as one `folder` row each. */
function folded(
  versions: readonly FileVersion[],
  prefix: string,
  delimiter: string | undefined,
): readonly FileVersion[] {
  if (delimiter === undefined) return versions;
  const rows: FileVersion[] = [];
  for (const version of versions) {
    const end = version.fileName.indexOf(delimiter, prefix.length);
    const fileName = version.fileName.slice(0, end + 1);
    if (end === -1) rows.push(version);
    else if (rows.at(-1)?.fileName !== fileName) rows.push(folder(fileName));
  }
  return rows;
}

function folder(fileName: string): FileVersion {
  return {
    fileName,
    fileId: '',
    action: 'folder',
    contentLength: 0,
    contentSha1: undefined,
    contentType: '',
    fileInfo: {},
    uploadTimestamp: 0,
    lockedUntil: undefined,
    legalHold: false,
  };
}

export const DAY_MS = 86_400_000;
/** Noon, 2026-06-15 UTC. */
export const NOW = Date.UTC(2026, 5, 15, 12);

export interface FakeArchive {
  readonly host: string;
  readonly number: number;
  readonly ageDays: number;
  readonly state?: 'finished' | 'partial' | 'none';
  readonly volumes?: readonly Uint8Array[];
  readonly run?: string;
  readonly codec?: string;
  readonly extension?: string;
  readonly prefix?: string;
  readonly reasons?: readonly string[];
}

/** Puts an archive of this program into the store; `state: 'none'` leaves the manifest out. */
export function addArchive(store: MemoryStore, archive: FakeArchive): Manifest {
  const { host, number, prefix = '', extension = '', run = `run-${number}`, state = 'finished' } = archive;
  const uploadTimestamp = NOW - archive.ageDays * DAY_MS;
  const contents = archive.volumes ?? [Buffer.from('volume one'), Buffer.from('volume two')];
  const info = {
    [INFO.format]: MANIFEST_FORMAT,
    [INFO.host]: host,
    [INFO.number]: String(number),
    [INFO.run]: run,
    [INFO.codec]: archive.codec ?? 'none',
    [INFO.profile]: 'rfc4880',
  };
  const volumes = contents.map((content, index) => {
    const fileName = volumeName({ prefix, host, number, extension }, index, true);
    const fileInfo = { ...info, [INFO.volume]: String(index) };
    const { fileId } = store.add({ fileName, fileInfo, uploadTimestamp }, content);
    return {
      name: fileName,
      fileId,
      bytes: content.length,
      dataBytes: content.length,
      parts: [[content.length, sha1(content)]] as const,
    };
  });
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    program: 'backuppc-b2 test',
    run,
    host,
    number,
    share: '*',
    state: state === 'none' ? 'finished' : state,
    reasons: archive.reasons ?? [],
    startedAt: new Date(uploadTimestamp).toISOString(),
    finishedAt: new Date(uploadTimestamp).toISOString(),
    codec: { name: archive.codec ?? 'none', level: null },
    extension,
    profile: 'rfc4880',
    splitSize: 1,
    tar: { bytes: 1, files: 1, directories: 1, errors: 0 },
    volumes,
  };
  if (state !== 'none') {
    store.add(
      {
        fileName: manifestName({ prefix, host, number }),
        fileInfo: {
          ...info,
          [INFO.state]: state,
          [INFO.volumes]: String(volumes.length),
          [INFO.bytes]: String(volumes.reduce((sum, volume) => sum + volume.bytes, 0)),
        },
        uploadTimestamp,
      },
      Buffer.from(JSON.stringify(manifest)),
    );
  }
  return manifest;
}

/** As the older Python scripts left them: names only. */
export function addLegacyArchive(
  store: MemoryStore,
  host: string,
  number: number,
  ageDays: number,
  suffixes: readonly string[],
  complete = true,
): void {
  const uploadTimestamp = NOW - ageDays * DAY_MS;
  for (const suffix of suffixes) {
    store.add(
      { fileName: `${host}.${number}.tar${suffix}`, uploadTimestamp },
      Buffer.from(`legacy ${suffix}`),
    );
  }
  if (complete)
    store.add(
      { fileName: `${host}.${number}.tar.COMPLETE`, uploadTimestamp },
      Buffer.from('1 2 "Writing archive"'),
    );
}
