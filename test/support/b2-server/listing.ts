import { bucketOf } from './buckets.js';
import { B2Error } from './errors.js';
import { requirePrefix } from './keys.js';
import { compareNames, firstAtOrAfter } from './names.js';
import type { Params } from './params.js';
import { presentFile, presentFolder } from './presentation.js';
import type { Call, Operations, Service } from './service.js';
import { visibleVersion, type Bucket, type FileVersion } from './state.js';

/** A row: a version, or a folder that stands for all names that begin with it. */
type Row = { readonly folder: string } | { readonly file: FileVersion };

/** B2 API: listing names, versions and unfinished files. */
export const listingOperations: Operations = {
  b2_list_file_names: {
    capability: 'listFiles',
    run: (service, call) => {
      const { bucket, prefix, delimiter, count } = readListing(service, call);
      const start = call.params.optionalString('startFileName') ?? '';
      const rows = foldNames(namesFrom(service, bucket, prefix, start), prefix, delimiter, (name) => {
        const file = visibleVersion(bucket.versions.get(name));
        return file === undefined ? [] : [file];
      });
      const page = take(rows, count);
      return {
        files: present(service, call, bucket, page.rows),
        nextFileName: page.next === undefined ? null : nameOf(page.next),
      };
    },
  },

  b2_list_file_versions: {
    capability: 'listFiles',
    run: (service, call) => {
      const { bucket, prefix, delimiter, count } = readListing(service, call);
      const startName = call.params.optionalString('startFileName');
      const startId = call.params.optionalString('startFileId');
      if (startId !== undefined && startName === undefined)
        throw new B2Error(400, 'bad_request', 'startFileId needs startFileName');
      const rows = foldNames(
        namesFrom(service, bucket, prefix, startName ?? ''),
        prefix,
        delimiter,
        (name) => {
          const versions = bucket.versions.get(name) ?? [];
          return name === startName && startId !== undefined
            ? versionsFrom(service, versions, startId)
            : versions;
        },
      );
      const page = take(rows, count);
      return {
        files: present(service, call, bucket, page.rows),
        nextFileName: page.next === undefined ? null : nameOf(page.next),
        nextFileId: page.next === undefined || 'folder' in page.next ? null : page.next.file.fileId,
      };
    },
  },

  b2_list_unfinished_large_files: {
    capability: 'listFiles',
    run: (service, call) => {
      const bucket = bucketOf(service, call);
      const prefix = call.params.optionalString('namePrefix') ?? '';
      requirePrefix(call.key, prefix);
      const count = readCount(call.params, 'maxFileCount', { max: 100, pageRows: service.limits.pageRows });
      const startId = call.params.optionalString('startFileId');
      const all = service.account
        .names(bucket)
        .filter((name) => name.startsWith(prefix))
        .flatMap((name) => bucket.versions.get(name) ?? [])
        .filter((file) => file.action === 'start');
      const from = startId === undefined ? 0 : all.findIndex((file) => file.fileId === startId);
      if (from === -1) throw new B2Error(400, 'invalid_file_id', `Invalid fileId: ${startId ?? ''}`);
      const page = take(
        all.slice(from).map((file) => ({ file })),
        count,
      );
      return {
        files: present(service, call, bucket, page.rows),
        nextFileId: page.next === undefined || 'folder' in page.next ? null : page.next.file.fileId,
      };
    },
  },
};

/** Rows of one page: `byDefault`, or what is asked for; 0 means the default. @throws out_of_range */
export function readCount(
  params: Params,
  name: string,
  { byDefault = 100, max, pageRows }: { byDefault?: number; max: number; pageRows: number },
): number {
  const count = params.optionalInteger(name) ?? 0;
  if (count < 0 || count > max) throw new B2Error(400, 'out_of_range', `${name} out of range: ${count}`);
  return Math.min(count === 0 ? byDefault : count, pageRows);
}

function readListing(
  service: Service,
  call: Call,
): { bucket: Bucket; prefix: string; delimiter: string | undefined; count: number } {
  const bucket = bucketOf(service, call);
  const prefix = call.params.optionalString('prefix') ?? '';
  requirePrefix(call.key, prefix);
  const delimiter = call.params.optionalString('delimiter');
  return {
    bucket,
    prefix,
    delimiter: delimiter === '' ? undefined : delimiter,
    count: readCount(call.params, 'maxFileCount', { max: 10_000, pageRows: service.limits.pageRows }),
  };
}

/** Names with this prefix, from `start` on (inclusive). */
function* namesFrom({ account }: Service, bucket: Bucket, prefix: string, start: string): Iterable<string> {
  const names = account.names(bucket);
  for (
    let index = firstAtOrAfter(names, compareNames(start, prefix) > 0 ? start : prefix);
    index < names.length;
    index++
  ) {
    const name = names[index] ?? '';
    if (!name.startsWith(prefix)) return;
    yield name;
  }
}

/** Rows of these names; what follows the delimiter after the prefix is folded into one row per folder. */
function* foldNames(
  names: Iterable<string>,
  prefix: string,
  delimiter: string | undefined,
  versionsOf: (name: string) => readonly FileVersion[],
): Iterable<Row> {
  let folder: string | undefined;
  for (const name of names) {
    if (folder !== undefined && name.startsWith(folder)) continue;
    const versions = versionsOf(name);
    if (versions.length === 0) continue;
    const end = delimiter === undefined ? -1 : name.indexOf(delimiter, prefix.length);
    if (delimiter !== undefined && end !== -1) {
      folder = name.slice(0, end + delimiter.length);
      yield { folder };
    } else {
      for (const file of versions) yield { file };
    }
  }
}

/** Versions from that id on; where it is gone meanwhile, those that are older than it was. */
function versionsFrom(
  { account }: Service,
  versions: readonly FileVersion[],
  startId: string,
): readonly FileVersion[] {
  const index = versions.findIndex((file) => file.fileId === startId);
  if (index !== -1) return versions.slice(index);
  const uploaded = Number(/_u0?(\d+)$/.exec(startId)?.[1]);
  if (!account.files.has(startId) && Number.isNaN(uploaded))
    throw new B2Error(400, 'invalid_file_id', `Invalid fileId: ${startId}`);
  return versions.filter((file) => file.uploadTimestamp <= uploaded);
}

function take(rows: Iterable<Row>, count: number): { rows: Row[]; next: Row | undefined } {
  const taken: Row[] = [];
  for (const row of rows) {
    if (taken.length === count) return { rows: taken, next: row };
    taken.push(row);
  }
  return { rows: taken, next: undefined };
}

function nameOf(row: Row): string {
  return 'folder' in row ? row.folder : row.file.fileName;
}

function present(
  { account }: Service,
  { key, apiVersion }: Call,
  bucket: Bucket,
  rows: readonly Row[],
): Record<string, unknown>[] {
  return rows.map((row) =>
    'folder' in row
      ? presentFolder(account.accountId, bucket.bucketId, row.folder, apiVersion)
      : presentFile(account.accountId, row.file, key, apiVersion),
  );
}
