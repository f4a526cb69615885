/** The table of codecs: for a new one, add a file beside this and a row here. */
import { bzip2 } from './bzip2.js';
import type { CodecRow } from './codec.js';
import type { CodecName } from './codec-name.js';
import { gzip } from './gzip.js';
import { lz4 } from './lz4.js';
import { none } from './none.js';
import { xz } from './xz.js';
import { zstd } from './zstd.js';

/** By name. */
export const CODECS: Readonly<Record<CodecName, CodecRow>> = { none, gzip, zstd, bzip2, xz, lz4 };

export const CODEC_ROWS: readonly CodecRow[] = Object.values(CODECS);

/** @returns undefined for a name that is not in the table, such as that of an external program */
export function codecNamed(name: string): CodecRow | undefined {
  return CODEC_ROWS.find((row) => row.name === name);
}
