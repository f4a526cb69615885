/** `backuppc-b2 list`: what is in B2, and how old it is. */
import { byHostAndAge, datedAt, type Archive, type ListedArchive } from '../catalog/archive.js';
import { EXIT_STATUS } from '../errors.js';
import type { CatalogContext, ExitStatus, OpenBucket } from './context.js';
import { formatAge, formatBytes, counted, formatTime, printable, printableJson, table } from './format.js';
import { archivesOf, callsOf, listedOf, whileListing } from './archives.js';
import { NotOurs } from './not-ours.js';
import { storeNow } from './store-clock.js';

export interface ListOptions {
  /** Only these hosts; empty: all. */
  readonly hosts: readonly string[];
  readonly json: boolean;
  /** Also goes through volumes cut by content, one by one. */
  readonly verbose: boolean;
  /** Take whole names for archives of the older scripts. */
  readonly legacy?: boolean | undefined;
}

/** One archive without its volumes: ten thousand rows take a few MB. */
export interface ListRow {
  readonly bucket: string;
  readonly host: string;
  readonly number: number;
  readonly state: Archive['state'];
  readonly problems: readonly string[];
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  readonly lastActivityAt: number;
  readonly bytes: number;
  /** Of these, those that B2 copied from an earlier archive; undefined where its volumes are not cut by content. */
  readonly copiedBytes: number | undefined;
  readonly volumes: number;
  readonly codec: string | undefined;
  readonly profile: string | undefined;
  readonly proof: Archive['proof'];
  readonly rerunning: boolean;
  /** Unfinished large files of its run. */
  readonly unfinished: number;
  readonly leftovers: number;
  readonly leftoverBytes: number;
}

function rowOf(bucket: string, archive: ListedArchive): ListRow {
  const {
    host,
    number,
    state,
    problems,
    startedAt,
    finishedAt,
    lastActivityAt,
    bytes,
    copiedBytes,
    volumes,
    codec,
    profile,
    proof,
    rerunning,
  } = archive;
  return {
    bucket,
    host,
    number,
    state,
    problems,
    startedAt,
    finishedAt,
    lastActivityAt,
    bytes,
    copiedBytes,
    volumes,
    codec,
    profile,
    proof,
    rerunning,
    unfinished: archive.unfinished.length,
    leftovers: archive.leftovers.length,
    leftoverBytes: archive.leftovers.reduce((sum, leftover) => sum + leftover.bytes, 0),
  };
}

export async function list(context: CatalogContext, options: ListOptions): Promise<ExitStatus> {
  const rows: ListRow[] = [];
  const notOurs = new NotOurs();
  const hosts: readonly (string | undefined)[] =
    options.hosts.length === 0 ? [undefined] : [...new Set(options.hosts)];
  await whileListing(context, async (seen) => {
    const take = (bucket: OpenBucket, archive: ListedArchive): void => {
      rows.push(rowOf(bucket.name, archive));
      seen();
    };
    for (const host of hosts) {
      const scope = { host, legacy: options.legacy, foreign: notOurs.add };
      if (options.verbose) {
        for await (const { bucket, archive } of archivesOf(context, scope))
          take(bucket, { ...archive, volumes: archive.volumes.length });
      } else for await (const { bucket, archive } of listedOf(context, scope)) take(bucket, archive);
    }
  });
  rows.sort(byHostAndAge);
  const absent = options.hosts.filter((host) => !rows.some((row) => row.host === host));
  const status = absent.length > 0 ? EXIT_STATUS.notFound : EXIT_STATUS.ok;
  const buckets = await context.openBuckets();
  const calls = callsOf(buckets);
  const now = storeNow(context, buckets);
  if (options.json) {
    context.out.write(
      `${printableJson({ archives: rows.map((row) => jsonRow(row, now)), notOurs: notOurs.named, calls }, 2)}\n`,
    );
    return status;
  }
  if (rows.length > 0) context.out.write(listTable(rows, now));
  else if (absent.length === 0) context.out.write('No archives.\n');
  context.out.write(notOurs.describe());
  if (options.verbose) {
    for (const row of rows) context.out.write(details(row));
    const { objects, bytes } = notOurs.other;
    if (objects > 0)
      context.out.write(
        `${counted(objects, 'object')} of other programs or prefixes (${formatBytes(bytes)}), left alone\n`,
      );
    context.out.write(`B2 calls: ${calls.classC} of class C, ${calls.classB} of class B\n`);
  }
  if (absent.length > 0) context.out.note(`no archive of ${absent.map(printable).join(', ')} in B2`);
  return status;
}

/** Sent and copied bytes apart, where any archive has copied ones. */
function listTable(rows: readonly ListRow[], now: number): string {
  const copies = rows.some(({ copiedBytes = 0 }) => copiedBytes > 0);
  const sentOf = (row: ListRow): string => formatBytes(row.bytes - (row.copiedBytes ?? 0));
  const copiedOf = ({ copiedBytes }: ListRow): string => (copiedBytes ? formatBytes(copiedBytes) : '-');
  const body = rows.map((row) => [
    printable(row.host),
    String(row.number),
    row.state + (row.rerunning ? ' (rerunning)' : ''),
    formatAge(now - datedAt(row)),
    formatBytes(row.bytes),
    ...(copies ? [sentOf(row), copiedOf(row)] : []),
    String(row.volumes),
    formatTime(row.lastActivityAt),
  ]);
  const total = rows.reduce((sum, row) => sum + row.bytes, 0);
  const finished = rows.filter((row) => row.state === 'finished').length;
  const text = table(
    [
      ['HOST', 'left'],
      ['#', 'right'],
      ['STATE', 'left'],
      ['AGE', 'right'],
      ['SIZE', 'right'],
      ...(copies
        ? ([
            ['SENT', 'right'],
            ['COPIED', 'right'],
          ] as const)
        : []),
      ['VOLUMES', 'right'],
      ['LAST ACTIVITY', 'left'],
    ],
    body,
  );
  const hosts = new Set(rows.map((row) => row.host)).size;
  return `${text}${counted(rows.length, 'archive')} of ${counted(hosts, 'host')}, ${finished} finished, ${formatBytes(total)}\n`;
}

function details(row: ListRow): string {
  const lines = row.problems.map(printable);
  if (row.unfinished > 0) lines.push(`${counted(row.unfinished, 'unfinished large file')} of its run`);
  if (row.leftovers > 0)
    lines.push(
      `${counted(row.leftovers, 'leftover')} of other runs (${formatBytes(row.leftoverBytes)}): see 'cleanup'`,
    );
  return lines.map((line) => `${printable(row.host)} #${row.number}: ${line}\n`).join('');
}

function jsonRow(row: ListRow, now: number): Record<string, unknown> {
  const iso = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString();
  return {
    ...row,
    legacy: row.proof === 'name',
    startedAt: iso(row.startedAt),
    finishedAt: iso(row.finishedAt),
    lastActivityAt: iso(row.lastActivityAt),
    ageSeconds: Math.floor((now - datedAt(row)) / 1000),
    codec: row.codec ?? null,
    profile: row.profile ?? null,
    sentBytes: row.bytes - (row.copiedBytes ?? 0),
    copiedBytes: row.copiedBytes ?? 0,
  };
}
