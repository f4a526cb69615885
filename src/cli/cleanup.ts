/** `backuppc-b2 cleanup`: shows what interrupted runs left, and with --yes removes it. */
import { isHiddenWhole, type Archive } from '../catalog/archive.js';
import { signatureName } from '../catalog/names.js';
import { stepsOf } from '../catalog/removal.js';
import { straysOf, type Stray } from '../catalog/strays.js';
import { EXIT_STATUS } from '../errors.js';
import { newWork } from '../reporting/work.js';
import type { CatalogContext, ExitStatus, Located, OpenBucket } from './context.js';
import { counted, formatAge, formatBytes, printable, printableJson, table, titleOf } from './format.js';
import { remove } from './remove.js';
import { archivesOf, judged, noArchive, whileListing } from './archives.js';
import { NotOurs } from './not-ours.js';
import { refuseWrongClock, storeNow } from './store-clock.js';

export interface CleanupOptions {
  readonly olderThanMs: number;
  readonly host: string | undefined;
  /** Also remove archives that are entirely hidden. Anybody who may write to the bucket may hide, so this takes the owner's consent. */
  readonly hidden: boolean;
  /** false: only show. */
  readonly yes: boolean;
  readonly json: boolean;
}

export async function cleanup(context: CatalogContext, options: CleanupOptions): Promise<ExitStatus> {
  const now = storeNow(context, await context.openBuckets(options.host));
  if (options.yes) refuseWrongClock(context, now);
  const found: { bucket: OpenBucket; stray: Stray }[] = [];
  const notOurs = new NotOurs();
  const left: { name: string; reason: string }[] = [];
  const hidden: Archive[] = [];
  const archives = { seen: 0 };
  await whileListing(context, async (seen) => {
    for await (const located of archivesOf(context, { host: options.host, foreign: notOurs.add })) {
      archives.seen += 1;
      seen();
      if (isHiddenWhole(located.archive) && !options.hidden) hidden.push(located.archive);
      else
        for (const stray of await provenStrays(
          context,
          located,
          { olderThanMs: options.olderThanMs, now },
          left,
        ))
          found.push({ bucket: located.bucket, stray });
    }
  });
  if (archives.seen === 0 && options.host !== undefined) throw noArchive(options.host);
  let deleted = 0;
  let bytes = 0;
  if (options.yes) {
    const total = found.reduce((sum, { stray }) => sum + stray.objects.length, 0);
    const work = newWork({ title: '', unit: 'objects', total });
    await context.out.follow(options.json || total === 0 ? undefined : work, async () => {
      for (const { bucket, stray } of found) {
        work.title = titleOf(stray);
        const result = await remove(bucket.store, stepsOf(stray.objects), () => {
          work.done += 1;
        });
        deleted += result.deleted;
        bytes += result.bytes;
        for (const { object, reason } of result.left) left.push({ name: object.name, reason });
      }
    });
  }
  const strays = found.map(({ stray }) => stray);
  if (options.json) {
    context.out.write(
      `${printableJson({ dryRun: !options.yes, strays: strays.map(jsonStray), deleted, left, hidden: hidden.map(({ host, number }) => ({ host, number })), notOurs: notOurs.named }, 2)}\n`,
    );
  } else {
    context.out.write(strayTable(strays, now));
    if (strays.length > 0) {
      context.out.write(
        options.yes
          ? `Removed ${counted(deleted, 'object')}, ${formatBytes(bytes)}.\n`
          : 'Nothing was removed: --yes removes it.\n',
      );
    }
    for (const { host, number } of hidden) {
      context.out.write(
        `${printable(host)} #${number} is hidden from end to end and stays: unhide it, or --hidden removes it.\n`,
      );
    }
    context.out.write(notOurs.leftAlone());
  }
  for (const { name, reason } of left) context.out.note(`left ${printable(name)}: ${reason}`);
  return left.length > 0 ? EXIT_STATUS.left : EXIT_STATUS.ok;
}

/**
 * Versions below a manifest are stray only if something vouches for that manifest. Otherwise anybody who can write to the bucket could
 * upload a newer manifest or volume over a good archive, and have us remove the archive.
 */
async function provenStrays(
  context: CatalogContext,
  found: Located,
  { olderThanMs, now }: { olderThanMs: number; now: number },
  left: { name: string; reason: string }[],
): Promise<Stray[]> {
  const strays = straysOf(found.archive, now, olderThanMs);
  const { manifest } = found.archive;
  if (
    manifest === undefined ||
    isHiddenWhole(found.archive) ||
    !strays.some(({ objects }) => objects.some(isUpload))
  )
    return strays;
  const { located, unproven } = await judged(context, found);
  const judgement = unproven === undefined ? await context.judge.authenticate(located) : undefined;
  if (judgement?.kind === 'proven') {
    const { manifest, restsOn } = judgement;
    const named = new Set([...manifest.volumes.map(({ fileId }) => fileId), ...restsOn]);
    if (manifest.index !== undefined) named.add(manifest.index.fileId);
    const signature = signatureName(located.archive);
    return straysOf(located.archive, now, olderThanMs)
      .map((stray) => without(stray, ({ name, fileId }) => named.has(fileId) || name === signature))
      .filter(({ objects }) => objects.length > 0);
  }
  for (const { name } of strays.flatMap(({ objects }) => objects.filter(isUpload)))
    left.push({
      name,
      reason: `the manifest of ${found.archive.host} #${found.archive.number} is unproven: ${unproven?.reason ?? 'damaged'}`,
    });
  return strays.filter(({ objects }) => !objects.some(isUpload));
}

function isUpload({ kind }: Stray['objects'][number]): boolean {
  return kind === 'upload';
}

function without(stray: Stray, isNamed: (object: Stray['objects'][number]) => boolean): Stray {
  const objects = stray.objects.filter((object) => !isNamed(object));
  return { ...stray, objects, bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function strayTable(strays: readonly Stray[], now: number): string {
  if (strays.length === 0) return 'Nothing to clean up.\n';
  return table(
    [
      ['HOST', 'left'],
      ['#', 'right'],
      ['OBJECTS', 'right'],
      ['SIZE', 'right'],
      ['IDLE', 'right'],
      ['WHY', 'left'],
    ],
    strays.map(({ host, number, objects, bytes, lastActivityAt, reason }) => [
      printable(host),
      String(number),
      String(objects.length),
      formatBytes(bytes),
      formatAge(now - lastActivityAt),
      reason,
    ]),
  );
}

function jsonStray({
  host,
  number,
  run,
  reason,
  objects,
  bytes,
  lastActivityAt,
}: Stray): Record<string, unknown> {
  return {
    host,
    number,
    run,
    reason,
    bytes,
    lastActivityAt: new Date(lastActivityAt).toISOString(),
    objects: objects.map(({ name, fileId, kind }) => ({ name, fileId, kind })),
  };
}
