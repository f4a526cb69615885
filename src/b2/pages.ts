/** Pages of B2's listings. Pure. */
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
