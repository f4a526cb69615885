/** Chooses an installed program that compresses with less CPU time than this program itself. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type CodecChoice, quickerPrograms } from './codec-choice.js';
import type { CodecName } from './codec-name.js';
import { CODECS } from './codecs.js';

/** The codec with the best program that `isInstalled`, or unchanged. */
export function withQuickest(codec: CodecChoice, isInstalled: (program: string) => boolean): CodecChoice {
  return codec.kind === 'listed'
    ? { ...codec, program: quickerPrograms(codec).find((one) => isInstalled(one)) }
    : codec;
}

/**
 * The codec with the program of an earlier run, so that the bytes are the same. If that program is gone, the codec is left unchanged: then it
 * differs from the journal, and the archive starts over.
 * @param recorded what that run's journal says; undefined: no program
 */
export function asBefore(
  codec: CodecChoice,
  recorded: string | undefined,
  isInstalled: (program: string) => boolean,
): CodecChoice {
  return withQuickest(codec, (program) => program === recorded && isInstalled(program));
}

/** Whether what compresses by this codec is here: Node itself, or a program. */
export function canCompress(name: CodecName, isInstalled: (program: string) => boolean): boolean {
  const { method } = CODECS[name];
  return method.kind === 'stream' || method.kind === 'program' ? isInstalled(method.program) : true;
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
