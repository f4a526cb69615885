import { PassThrough, type Writable } from 'node:stream';
import { openForAppend } from '../../own-files.js';

/** A log beside the journal, in a directory that others may write to. Write errors are ignored: a log must not stop an archive. */
export function openRunLog(path: string): Writable {
  const lines = new PassThrough();
  openForAppend(path, 'create').then(
    (file) => {
      const log = file.createWriteStream();
      log.on('error', () => lines.resume());
      lines.pipe(log);
    },
    () => lines.resume(),
  );
  return lines;
}
