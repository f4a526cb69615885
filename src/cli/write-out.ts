/** A file that a command was told to write, whatever stands under that name. */
import { stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { cannotWrite } from '../errors.js';
import { replaceFile } from '../replace-file.js';

/** `/dev/stdout` leads to whatever standard output is, a regular file perhaps: it is never the link that is meant. */
const SYSTEM = /^\/(dev|proc)\/(?!shm\/)/;

/**
 * A file gets `mode` and is replaced whole; an older one stays until then. A terminal, a pipe or a device is written to.
 *
 * @throws Failure `local`
 */
export async function writeOut(path: string, text: string, mode: number): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined);
    if (SYSTEM.test(resolve(path)) || (found !== undefined && !found.isFile())) await writeFile(path, text);
    else await replaceFile(path, text, { mode });
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}
