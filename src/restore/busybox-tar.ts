/** busybox's tar (Alpine, rescue systems). Of pax headers it knows names alone: what else they say, it gets wrong without a word. */
import { execFile } from 'node:child_process';
import { Failure } from '../errors.js';
import { printable } from '../printable.js';
import { TarReader } from '../tar/reader.js';
import type { Sink } from './sink.js';
import { plainEnvironment } from './stock-program.js';

/** Whether `tar` is busybox's. False where it does not run, too. */
export function hasBusyboxTar(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('tar', ['--version'], { env: plainEnvironment() }, (_failure, stdout, stderr) => {
      resolve(/busybox/i.test(stdout + stderr));
    });
  });
}

/**
 * The same sink; it refuses the first member that busybox's tar would unpack wrongly, before tar sees it.
 *
 * @param owners whether owners are restored
 */
export function withinBusybox<S extends Sink>(sink: S, owners: boolean): S {
  const reader = new TarReader();
  return {
    ...sink,
    async write(bytes) {
      for (const { path, onlyPaxTells } of reader.push(bytes)) {
        const what = onlyPaxTells.size ? 'size' : owners && onlyPaxTells.owner ? 'owner' : undefined;
        if (what === undefined) continue;
        const name = printable(Buffer.from(path).toString('utf8'));
        throw new Failure('local', `tar is busybox's, which does not understand the ${what} of ${name}`, {
          hint: 'install GNU tar (Alpine: apk add tar), or write the tar to a file with -o FILE',
        });
      }
      await sink.write(bytes);
    },
  };
}
