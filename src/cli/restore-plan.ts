/** `restore --dry-run`: what a restore would fetch, and where it would go. */
import { datedAt, type Archive } from '../catalog/archive.js';
import type { Manifest } from '../catalog/manifest.js';
import { checkTargetDirectory } from '../restore/target-directory.js';
import type { DataRange } from '../restore/data-reader.js';
import { counted, formatBytes, formatTime, printable, titleOf } from './format.js';
import { isDevice } from './restore-file.js';
import type { RestoreTarget } from './restore-target.js';

/** One line about all of an archive. */
export function planOfAll(archive: Archive, manifest: Manifest | undefined, target: RestoreTarget): string {
  const tar = manifest === undefined ? '' : `, a tar of ${formatBytes(manifest.tar.bytes)}`;
  const what = `${counted(archive.volumes.length, 'volume')}, ${formatBytes(archive.bytes)} to fetch${tar}`;
  return `would restore ${headOf(archive)}${placeOf(target)}: ${what}`;
}

/** One line about some members. @param stretches of the archive's data that hold them */
export function planOfMembers(
  archive: Archive,
  manifest: Manifest,
  members: { readonly count: number; readonly bytes: number },
  stretches: readonly DataRange[],
): string {
  const { volumes, bytes, exact } = toFetch(manifest, stretches);
  const fetched = `${exact ? '' : 'about '}${formatBytes(bytes)} of ${formatBytes(archive.bytes)} to fetch`;
  const from = `from ${volumes} of ${counted(manifest.volumes.length, 'volume')}`;
  return `would restore ${counted(members.count, 'member')} of ${headOf(archive)}: ${formatBytes(members.bytes)}, ${fetched}, ${from}`;
}

/** The volumes that hold the stretches, and of those in parts the share that does: how much a part holds, only its key tells. Pure. */
export function toFetch(
  { volumes }: Pick<Manifest, 'volumes'>,
  stretches: readonly DataRange[],
): { volumes: number; bytes: number; exact: boolean } {
  const found = { volumes: 0, bytes: 0, exact: true };
  let start = 0;
  for (const { bytes, dataBytes, parts } of volumes) {
    const end = start + dataBytes;
    const wanted = new Set<number>();
    for (const { from, to } of stretches) {
      if (to <= start || from >= end) continue;
      const [first, last] = [Math.max(from, start) - start, Math.min(to, end) - start - 1];
      let at = 0;
      for (const [index, [length]] of parts.entries()) {
        const next = at + (length / Math.max(1, bytes)) * dataBytes;
        if (next > first && at <= last) wanted.add(index);
        at = next;
      }
    }
    if (wanted.size > 0) found.volumes += 1;
    if (parts.length > 1 && wanted.size > 0) found.exact = false;
    for (const index of wanted) found.bytes += parts[index]?.[0] ?? 0;
    start = end;
  }
  return found;
}

/** @throws Failure `usage` where the restore would refuse it */
export async function checkTarget(target: RestoreTarget): Promise<void> {
  if (target.kind === 'file') await isDevice(target.path);
  else if (target.kind === 'directory') await checkTargetDirectory(target.path);
}

function headOf(archive: Archive): string {
  return `${titleOf(archive)}, stored ${formatTime(datedAt(archive))}`;
}

function placeOf(target: RestoreTarget): string {
  switch (target.kind) {
    case 'directory':
      return `, into ${printable(target.path)}`;
    case 'file':
      return `, to ${printable(target.path)}`;
    case 'stdout':
    case 'contents':
      return ', to standard output';
  }
}
