/** Pages of B2's listings. Pure. */
import { Failure } from '../errors.js';
import type { FileVersion, PartInfo } from '../store.js';
import { field, readFileVersion, readPart } from './reply.js';

type Fields = Readonly<Record<string, unknown>>;

export interface FilesPage {
  readonly files: readonly FileVersion[];
  /** Where the next page begins; undefined behind the last one. */
  readonly nextFileName: string | undefined;
  readonly nextFileId: string | undefined;
}

/** Of versions, or of unfinished large files. @throws UnreadableReply */
export function readFiles(reply: Fields): FilesPage {
  return {
    files: field.records(reply, 'files').map(readFileVersion),
    nextFileName: field.optionalString(reply, 'nextFileName'),
    nextFileId: field.optionalString(reply, 'nextFileId'),
  };
}

/** Where the pages of one listing begin: each once. */
export class PageStarts {
  readonly #seen = new Set<string>();

  /** @returns where the next page begins. @throws Failure `unavailable` where a page begins there that was seen before */
  next<T extends string | number | undefined>(start: T, more: string | undefined = ''): T {
    const key = `${String(start)}\0${more}`;
    if (start !== undefined && this.#seen.has(key))
      throw new Failure('unavailable', 'B2 gives the same page of a listing again and again', {
        hint: 'try again later; if it stays so, something stands between this machine and B2',
      });
    this.#seen.add(key);
    return start;
  }
}

export interface PartsPage {
  readonly parts: readonly PartInfo[];
  /** The next page's first part number; undefined behind the last one. */
  readonly next: number | undefined;
}

/** @throws UnreadableReply */
export function readParts(reply: Fields): PartsPage {
  const next = reply['nextPartNumber'];
  return {
    parts: field.records(reply, 'parts').map(readPart),
    next: typeof next === 'number' ? next : undefined,
  };
}

/** @throws UnreadableReply */
export function readFileId(reply: Fields): string {
  return field.string(reply, 'fileId');
}
