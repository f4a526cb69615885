/** Which program compresses, of those that do it for less CPU time than this program itself. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type CodecChoice, quickerPrograms } from './codec-choice.js';

/** With the best program that `isInstalled`, or as it is. */
export function withQuickest(codec: CodecChoice, isInstalled: (program: string) => boolean): CodecChoice {
  return codec.kind === 'listed'
    ? { ...codec, program: quickerPrograms(codec).find((one) => isInstalled(one)) }
    : codec;
}

/**
 * As an earlier run compressed, so that the bytes are the same. Where its program has gone, the codec is left as it is: then what the
 * journal says of it differs, and the archive begins anew.
 * @param recorded what that run's journal says; undefined: no program
 */
export function asBefore(
  codec: CodecChoice,
  recorded: string | undefined,
  isInstalled: (program: string) => boolean,
): CodecChoice {
  return withQuickest(codec, (program) => program === recorded && isInstalled(program));
}

/** Whether a program of this name would be found. */
export function installed(program: string, path = process.env['PATH'] ?? ''): boolean {
  return path.split(delimiter).some((directory) => {
    const file = join(directory, program);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}
