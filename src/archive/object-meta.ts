/** Name, content type and file info of every object of an archive. Pure. */
import { contentVolumeName, INFO, volumeName, type ArchiveName } from '../catalog/names.js';
import type { ObjectMeta } from '../store.js';
import type { ArchiveFacts } from './manifest-of.js';

export interface ObjectMetas {
  of(this: void, fileName: string, contentType: string, info?: Readonly<Record<string, string>>): ObjectMeta;
  /** Volume `index` (0-based). */
  volume(this: void, index: number): ObjectMeta;
}

export function objectMetas(facts: ArchiveFacts, name: ArchiveName, run: string): ObjectMetas {
  const fileInfo = {
    [INFO.format]: '1',
    [INFO.host]: facts.host,
    [INFO.number]: String(facts.number),
    [INFO.run]: run,
    [INFO.maker]: facts.maker,
    [INFO.codec]: facts.codec.name,
    [INFO.profile]: facts.profile,
  };
  const of: ObjectMetas['of'] = (fileName, contentType, info = {}) => ({
    fileName,
    contentType,
    fileInfo: { ...fileInfo, ...info },
  });
  const nameOf = (index: number): string =>
    facts.layout === 'content'
      ? contentVolumeName(name, index)
      : volumeName(name, index, facts.splitSize > 0);
  return {
    of,
    volume: (index) => of(nameOf(index), 'application/pgp-encrypted', { [INFO.volume]: String(index) }),
  };
}
