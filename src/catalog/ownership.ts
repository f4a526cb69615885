/**
 * Who owns a version. Pure.
 *
 * File info proves that a version is this program's own, if the object has the name that the file info says. A name alone proves nothing:
 * `photos.2023.tar` and `mysql.7.tar.gz` look like an archive's name, too.
 */
import type { FileVersion } from '../store.js';
import { archiveStem, INFO } from './names.js';

export interface Owner {
  readonly host: string;
  readonly number: number;
}

/** A version that is not provably ours. It is always left alone. */
export interface Foreign {
  readonly version: FileVersion;
  /** The archive that its name would make it part of. */
  readonly named: Owner | undefined;
}

/** The archive that a version is provably part of; undefined for everybody else's, and for hide markers, which carry no file info. */
export function ownerOf(
  version: Pick<FileVersion, 'fileName' | 'fileInfo'>,
  prefix: string,
): (Owner & { run: string }) | undefined {
  const { fileName, fileInfo } = version;
  const host = fileInfo[INFO.host];
  const run = fileInfo[INFO.run];
  const digits = fileInfo[INFO.number];
  if (fileInfo[INFO.format] === undefined || !host || !run || !/^\d+$/.test(digits ?? '')) return undefined;
  const number = Number(digits);
  const stem = archiveStem({ prefix, host, number });
  const rest = fileName.startsWith(stem) ? fileName[stem.length] : undefined;
  return Number.isSafeInteger(number) && (rest === '.' || rest === '/') ? { host, number, run } : undefined;
}

/** Whether it is this program's own under another prefix: another server's in the same bucket, named by nobody but its file info. */
export function isOfAnotherPrefix({ fileName, fileInfo }: FileVersion, prefix: string): boolean {
  const host = fileInfo[INFO.host];
  const digits = fileInfo[INFO.number];
  if (fileInfo[INFO.format] === undefined || !host || !/^\d+$/.test(digits ?? '')) return false;
  const stem = archiveStem({ prefix: '', host, number: Number(digits) });
  const at = fileName.lastIndexOf(stem);
  return at > 0 && fileName.slice(0, at) !== prefix && /^[./]/.test(fileName.slice(at + stem.length));
}

/** The archive that a name would belong to by its shape, `PREFIX HOST.N.tar…`. */
export function namedOwner(fileName: string, prefix: string): Owner | undefined {
  if (!fileName.startsWith(prefix)) return undefined;
  const match = /^(.+)\.(\d+)\.tar(?=[./]|$)/s.exec(fileName.slice(prefix.length));
  const [, host = '', digits = ''] = match ?? [];
  const number = Number(digits);
  return match !== null && Number.isSafeInteger(number) ? { host, number } : undefined;
}
