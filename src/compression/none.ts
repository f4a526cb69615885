import type { CodecRow } from './codec.js';

/** The tar as it is. `.raw` is BackupPC's extension for no compression; its own archive then has none. */
export const none: CodecRow = {
  name: 'none',
  extensions: [''],
  programs: ['', 'cat'],
  levels: undefined,
  decompress: undefined,
  method: { kind: 'identity' },
};
