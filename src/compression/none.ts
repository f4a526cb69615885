import type { CodecRow } from './codec.js';

/** The tar as it is. `.raw` is what BackupPC's page calls no compression; its own archive has no extension then. */
export const none: CodecRow = {
  name: 'none',
  extensions: [''],
  programs: ['', 'cat'],
  levels: undefined,
  decompress: undefined,
  method: { kind: 'identity' },
};
